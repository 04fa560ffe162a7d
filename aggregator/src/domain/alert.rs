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
//! There is one rule, any timeout. What happened is judged by the function's clock, deadlines run on ours: a claim opens
//! nothing when it came in more than 15 minutes after it happened, and a quiet period begins when the last one came in.
//! Silence is not recovery, because a function that nobody calls has not got better.
//!
//! **Invariant.** Nothing here reads a clock, a table or a socket. The same state and observation always give the same answer,
//! and giving them twice changes nothing: a claim is taken up only when it lies after everything the last episode covered.

mod episode;
mod mark;
#[cfg(test)]
pub(in crate::domain) mod tests;

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Block, EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};

pub use self::{
    episode::{Episode, EpisodeId, Sample, fingerprint},
    mark::{Credence, Mark, Unreadable},
};
use self::{
    episode::{counts, episode_id},
    mark::millis,
};
use crate::domain::timeout::Timeout;

/// What opens an alert and what ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: &'static str,
    pub name: &'static str,
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
        id: "any-timeout",
        name: "Any timeout",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has been quiet, and an invocation succeeded.
    Recovered,
    /// Every timeout in it was taken back.
    Retracted,
    /// A day without a timeout, and without a success either.
    Expired,
}

impl Ending {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Retracted => "retracted",
            Self::Expired => "expired",
        }
    }
}

impl State {
    /// When to look again though nothing new came in.
    pub fn due(&self, rule: &Rule, now: EpochMillis) -> Option<EpochMillis> {
        match &self.phase {
            Phase::Inactive => None,
            Phase::Pending(suspects) => suspects.iter().map(|it| it.due).min(),
            Phase::Firing(episode) => {
                let quiet = quiet_since(episode).plus(rule.quiet);
                Some(if now < quiet { quiet } else { now.plus(rule.look_again) })
            }
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
        let (ripe, mut waiting): (Vec<_>, Vec<_>) = news
            .filter_map(|claim| suspicion(rule, *block, claim))
            .partition(|it| it.due <= seen.at);
        grounds.extend(ripe.into_iter().map(|it| it.mark));
        // A handful per block will do: a retraction brings the block back, and the rest of them with it.
        waiting.sort_by_key(|it| (it.due, it.mark));
        waiting.truncate(Episode::SAMPLES_MAX);
        suspects.extend(waiting);
    }
    // Whatever waits in a block that was not read stays a suspicion, however old: it may have been taken back there.
    match grounds.into_iter().min() {
        Some(first) => open(rule, past, first, seen),
        None if suspects.is_empty() => (past, None),
        None => (State { phase: Phase::Pending(suspects), ..past }, None),
    }
}

/// When a claim that stands opens an alert: at once if the platform said so, else when nobody has taken it back.
fn suspicion(rule: &Rule, block: Block, claim: &Timeout) -> Option<Suspect> {
    let due = match Credence::of(claim) {
        Credence::Void => return None,
        Credence::Confirmed => EpochMillis(i64::MIN),
        Credence::Suspected => claim.detected_at.plus(rule.doubt),
    };
    Some(Suspect { block: block.number(), mark: Mark::of(claim), due })
}

fn open(
    rule: &Rule,
    past: State,
    first: Mark,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    let episodes = past.episodes.saturating_add(1);
    let id = episode_id(&fingerprint(rule, seen.function), episodes, &first);
    let mut episode = Episode::open(id, first.at, past.covered);
    episode.opened = seen.at;
    for (block, claims) in &seen.blocks {
        episode.admit(rule, *block, claims);
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
    if let Some(ending) = ending(rule, &episode, seen) {
        // What was taken back may still turn out to be true, so only what stood is covered.
        let covered = episode.last().map(|it| it.mark).max(episode.after);
        let state = State { covered, ..past };
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
