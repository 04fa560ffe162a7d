//! When a function's timeouts become somebody's problem, and when they stop being one.
//!
//! ```text
//!              suspected                10 s without a retraction
//!   Inactive ─────────────▶ Pending ────────────────────────────────┐
//!    ▲  ▲ │                    │ all taken back                     ▼
//!    │  └─│────────────────────┘                       ┌────────▶ Firing ──▶ corrected: an update
//!    │    └────────────────────────────────────────────┘            │
//!    │                       confirmed                              │
//!    └──────────────────────────────────────────────────────────────┘
//!       recovered: quiet for 10 min and a success since · retracted: nothing stands · expired: quiet for 24 h
//! ```
//!
//! A [`Rule`] says what opens it ([`condition`]). This is the state machine of what claims open; what holds or does not hold by the
//! minute has its own ([`level`]), and so has silence ([`silence`]). A [`book::Book`] holds a function's states, one for each subscription. What happened is judged by the function's clock, deadlines run on ours: a claim opens
//! nothing when it came in more than 15 minutes after it happened, and a quiet period begins when the last one came in.
//! Silence is not recovery, because a function that nobody calls has not got better.
//!
//! **Invariant.** Nothing here reads a clock, a table or a socket. The same state and observation always give the same answer,
//! and giving them twice changes nothing: a claim is taken up only when it lies after everything the last episode covered.

pub mod asked;
pub mod book;
pub mod condition;
mod episode;
pub mod group;
pub mod level;
mod mark;
mod measure;
mod news;
mod remembered;
pub mod silence;
#[cfg(test)]
pub(in crate::domain) mod tests;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::{Block, Cause, EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};

use self::{
    condition::Ground,
    episode::{counts, episode_id},
    mark::millis,
};
pub use self::{
    condition::{Opens, Past},
    episode::{Episode, EpisodeId, Sample, fingerprint},
    mark::{Credence, Mark, Unreadable},
    measure::{Breach, Measure, percent},
    remembered::{Over, Remembered},
};
use crate::domain::timeout::Timeout;

/// What opens an alert and what ends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The subscription's.
    pub id: Cow<'static, str>,
    /// Which of a function's timeouts, or what else, opens it.
    pub opens: Opens,
    /// Only timeouts with these causes; all where there are none.
    pub causes: BTreeSet<Cause>,
    /// How long a suspicion waits to be taken back.
    pub doubt: Duration,
    /// How long after the event a fact still wakes somebody.
    pub late_after: Duration,
    pub quiet: Duration,
    pub expire_after: Duration,
    /// How often a firing alert that has been quiet is looked at again.
    pub look_again: Duration,
}

impl Rule {
    pub const ANY_TIMEOUT: Self = Self {
        id: Cow::Borrowed("any-timeout"),
        opens: Opens::AnyTimeout,
        causes: BTreeSet::new(),
        doubt: Duration::from_secs(10),
        late_after: Duration::from_mins(15),
        quiet: Duration::from_mins(10),
        expire_after: Duration::from_hours(24),
        look_again: Duration::from_mins(1),
    };
}

/// What is seen of a function at one moment.
#[derive(Debug)]
pub struct Observation<'a> {
    pub function: &'a FunctionKey,
    /// Every claim of each block that was read, whole. Blocks that were not read are absent, which says nothing about them.
    pub blocks: BTreeMap<Block, Vec<Timeout>>,
    /// The beginning of the latest minute in which an invocation succeeded, if one is known.
    pub last_success: Option<EpochMillis>,
    /// What is known of blocks that were not read whole.
    pub past: Past,
    pub at: EpochMillis,
}

/// What is remembered of a function between two observations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    pub phase: Phase,
    /// How many episodes there have been.
    episodes: u32,
    /// The last claim of the last episode: nothing up to here is news.
    covered: Option<Mark>,
    /// When something last came in, in milliseconds since 1970; only where silence is what opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Inactive,
    Pending(Vec<Suspect>),
    Firing(Episode),
}

/// A suspected timeout that may yet be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    block: u32,
    mark: Mark,
    #[serde(with = "millis")]
    due: EpochMillis,
}

/// What the rest of the world must hear about. At most one per observation, hence `Option`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    Opened(Episode),
    Corrected(Episode),
    Resolved(Episode, Ending),
}

/// Why an episode is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has been quiet, and an invocation succeeded.
    Recovered,
    /// Every timeout in it was taken back.
    Retracted,
    /// A day without a timeout, and without a success either.
    Expired,
    /// Nobody asks for it any more: its subscription is gone, disabled, or covers the function no longer.
    Unsubscribed,
}

impl Ending {
    /// The one that has this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Recovered, Self::Retracted, Self::Expired, Self::Unsubscribed];
        all.into_iter().find(|it| it.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Retracted => "retracted",
            Self::Expired => "expired",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

impl State {
    /// When to look again though nothing new came in.
    pub fn due(&self, rule: &Rule, now: EpochMillis) -> Option<EpochMillis> {
        match (&self.phase, &rule.opens) {
            (_, Opens::Silence { after }) => silence::due(rule, *after, self),
            (Phase::Inactive, _) => None,
            (Phase::Pending(suspects), _) => suspects.iter().map(|it| it.due).min(),
            (Phase::Firing(episode), Opens::Level(level)) => {
                Some(level::due(rule, level, episode, now))
            }
            (Phase::Firing(episode), _) => {
                let quiet = quiet_since(episode).plus(rule.quiet);
                Some(if now < quiet { quiet } else { now.plus(rule.look_again) })
            }
        }
    }

    /// The state when nobody asks any more, and the episode that went on.
    pub fn end(self) -> (Self, Option<Episode>) {
        let past = Self { phase: Phase::Inactive, heard_ms: None, ..self };
        match self.phase {
            Phase::Firing(episode) => (Self { covered: episode.covers(), ..past }, Some(episode)),
            Phase::Inactive | Phase::Pending(_) => (past, None),
        }
    }

    /// Which blocks a look without news should read again: those of suspects, which may have been taken back.
    pub fn blocks_in_doubt(&self) -> Vec<Block> {
        let Phase::Pending(suspects) = &self.phase else { return Vec::new() };
        let mut blocks: Vec<_> = suspects.iter().map(|it| Block::from_number(it.block)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }
}

/// The state after an observation, and what must be told.
pub fn evaluate(rule: &Rule, state: State, seen: &Observation<'_>) -> (State, Option<Transition>) {
    match &rule.opens {
        Opens::Level(level) => return level::evaluate((rule, level), state, seen),
        Opens::Silence { after } => return silence::evaluate(rule, *after, state, seen),
        Opens::AnyTimeout
        | Opens::TimeoutCount { .. }
        | Opens::NewOffender { .. }
        | Opens::InARow { .. } => {}
    }
    let past = State { phase: Phase::Inactive, ..state };
    match state.phase {
        Phase::Firing(episode) => go_on(rule, past, episode, seen),
        Phase::Pending(suspects) => wait_or_open(rule, past, suspects, seen),
        Phase::Inactive => wait_or_open(rule, past, Vec::new(), seen),
    }
}

fn wait_or_open(
    rule: &Rule,
    past: State,
    mut suspects: Vec<Suspect>,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    suspects.retain(|it| !seen.blocks.contains_key(&Block::from_number(it.block)));
    let mut grounds = Vec::new();
    for (block, claims) in &seen.blocks {
        let news = claims.iter().filter(|it| counts(rule, past.covered.as_ref(), it));
        let news = news.filter_map(|claim| ripens(rule, claim).map(|due| (claim, due)));
        let (ripe, waiting): (Vec<_>, Vec<_>) = news.partition(|(_, due)| *due <= seen.at);
        grounds.extend(ripe.into_iter().map(|(claim, _)| claim));
        let number = block.number();
        let suspect = |(claim, due)| Suspect { block: number, mark: Mark::of(claim), due };
        let mut waiting: Vec<_> = waiting.into_iter().map(suspect).collect();
        // A handful per block will do: a retraction brings the block back, and the rest of them with it.
        waiting.sort_by_key(|it| (it.due, it.mark));
        waiting.truncate(Episode::SAMPLES_MAX);
        suspects.extend(waiting);
    }
    // Whatever waits in a block that was not read stays a suspicion, however old: it may have been taken back there.
    match condition::first_ground(rule, past.covered.as_ref(), grounds, seen) {
        Some(ground) => open(rule, past, ground.into(), seen),
        None if suspects.is_empty() => (past, None),
        None => (State { phase: Phase::Pending(suspects), ..past }, None),
    }
}

/// From when on a claim that stands is believed: at once if the platform said so, else when nobody has taken it back.
fn ripens(rule: &Rule, claim: &Timeout) -> Option<EpochMillis> {
    match Credence::of(claim) {
        Credence::Void => None,
        Credence::Confirmed => Some(EpochMillis(i64::MIN)),
        Credence::Suspected => Some(claim.detected_at.plus(rule.doubt)),
    }
}

fn is_ripe(rule: &Rule, claim: &Timeout, now: EpochMillis) -> bool {
    ripens(rule, claim).is_some_and(|it| it <= now)
}

/// How an episode begins.
struct Opening {
    /// What names it, the same for everybody who opens it.
    seed: String,
    /// When the first breach happened, by the function's clock.
    first: EpochMillis,
    breach: Option<Breach>,
}

impl From<Ground> for Opening {
    fn from(Ground { first, breach }: Ground) -> Self {
        Self { seed: first.key.to_string(), first: first.at, breach }
    }
}

fn open(
    rule: &Rule,
    past: State,
    opening: Opening,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    let Opening { seed, first, breach } = opening;
    let episodes = past.episodes.saturating_add(1);
    let id = episode_id(&fingerprint(rule, seen.function), episodes, &seed);
    let mut episode = Episode::open(id, (first, seen.at), past.covered);
    episode.breach = breach.map(Box::new);
    if !matches!(rule.opens, Opens::Silence { .. }) {
        for (block, claims) in &seen.blocks {
            episode.admit(rule, *block, claims);
        }
    }
    episode.tell();
    let state = State { phase: Phase::Firing(episode.clone()), episodes, ..past };
    (state, Some(Transition::Opened(episode)))
}

fn go_on(
    rule: &Rule,
    past: State,
    mut episode: Episode,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    for (block, claims) in &seen.blocks {
        episode.admit(rule, *block, claims);
    }
    let ending = ending(rule, &episode, seen);
    conclude(past, episode, ending)
}

/// What becomes of an episode that has taken in what was seen.
fn conclude(
    past: State,
    mut episode: Episode,
    ending: Option<Ending>,
) -> (State, Option<Transition>) {
    if let Some(ending) = ending {
        let state = State { covered: episode.covers(), ..past };
        return (state, Some(Transition::Resolved(episode, ending)));
    }
    if episode.corrected() {
        episode.corrections = episode.corrections.saturating_add(1);
        episode.tell();
        let told = Some(Transition::Corrected(episode.clone()));
        return (State { phase: Phase::Firing(episode), ..past }, told);
    }
    (State { phase: Phase::Firing(episode), ..past }, None)
}

fn ending(rule: &Rule, episode: &Episode, seen: &Observation<'_>) -> Option<Ending> {
    let Some(last) = episode.last() else { return Some(Ending::Retracted) };
    let quiet_for = seen.at.since(quiet_since(episode));
    let succeeded = seen.last_success.is_some_and(|it| it > last.mark.at);
    if quiet_for >= rule.quiet && succeeded {
        Some(Ending::Recovered)
    } else if quiet_for >= rule.expire_after {
        Some(Ending::Expired)
    } else {
        None
    }
}

/// Since when nothing has happened, by our clock. Never before the opening, or a late opening would resolve at once.
fn quiet_since(episode: &Episode) -> EpochMillis {
    episode.last().map_or(episode.opened, |it| it.accepted.max(episode.opened))
}
