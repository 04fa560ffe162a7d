//! What a subscription would have told of time that is past: its own state machine, over the timeouts that are known today.
//!
//! Each timeout comes in when it was first accepted, and between them the clock stands where the alert wants to be looked at. So what is
//! played is what evaluations and sweeps did, but for what nobody has kept: timeouts that were taken back since, and how a cause was
//! named before it was corrected. Where functions are put together, each plays for itself, and [`crowd`] their groups.
//!
//! **Invariant.** Pure. An alert at rest costs a step for each moment at which timeouts came in, and no more.

pub mod crowd;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use overtime_wire::{Block, EpochMillis, FunctionKey, MinuteIndex};

use super::{
    alert::{
        Ending, Episode, Observation, Opens, Past, Phase, Rule, State, Transition, asked::Looking,
        evaluate,
    },
    durations::Sketch,
    timeout::Timeout,
    view::{BlockView, TallyPart, VerdictPart},
};

/// How far back is looked at least, and how much further than conditions ask.
const BEFORE: Duration = Duration::from_mins(75);
/// How long after a quarter of an hour has ended its tallies are in.
const TALLIED_AFTER: Duration = Duration::from_mins(2);
const MINUTE: Duration = Duration::from_mins(1);
/// How often a function in a storm is evaluated at most.
const PACE: Duration = Duration::from_secs(10);
/// More steps of one function than this are not taken: an alert that goes on for ten days is looked at once a minute.
const STEPS_MAX: usize = 30_000;

/// What is known of one function.
#[derive(Debug)]
pub struct Known {
    pub function: FunctionKey,
    /// Its timeouts, in any order.
    pub timeouts: Vec<Timeout>,
    /// What ordinary invocations of its blocks added up to, oldest first.
    pub tallies: Vec<(Block, TallyPart)>,
    /// Its last timeout before all of these.
    pub earlier: Option<EpochMillis>,
    /// Whether it is looked at whenever its tallies are in, and not only when timeouts come in.
    pub by_tallies: bool,
}

/// How far back a condition asks, of a function of these timeouts.
pub fn looks_back(rule: &Rule, timeouts: &[Timeout]) -> Duration {
    let of = |looking| {
        let asked = rule.opens.asks(looking);
        asked.views.max(asked.claims)
    };
    let silence = rule.opens.waits().map_or(Duration::ZERO, |after| after + after / 4);
    BEFORE + of(Looking::Timeouts(longest(timeouts))).max(of(Looking::Tallies)).max(silence)
}

fn longest(timeouts: &[Timeout]) -> Duration {
    timeouts.iter().map(|it| it.verdict.timeout).max().unwrap_or_default()
}

/// An alert that would have opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// When the first of its timeouts happened, by the function's clock.
    pub first: EpochMillis,
    /// When it would have opened.
    pub opened: EpochMillis,
    /// When it would have been over, and why; nothing if it would still go on.
    pub over: Option<(EpochMillis, Ending)>,
    pub timeouts: u64,
}

/// What one function's alert would have done until `to`, and whether that is all of it.
pub fn rehearse(rule: &Rule, known: Known, to: EpochMillis) -> (Vec<Opening>, bool) {
    let mut player = Player::new(rule, known);
    let mut openings = Vec::<Opening>::new();
    for _ in 0..STEPS_MAX {
        let Some(now) = player.next().filter(|it| *it <= to) else {
            return (openings, true);
        };
        match player.step(now) {
            Some(Transition::Opened(episode)) => openings.push(Opening::of(&episode)),
            Some(Transition::Resolved(episode, ending)) => {
                if let Some(last) = openings.last_mut() {
                    *last = Opening { over: Some((now, ending)), ..Opening::of(&episode) };
                }
            }
            Some(Transition::Corrected(_)) | None => {}
        }
        if let (Some(episode), Some(last)) = (player.episode(), openings.last_mut()) {
            last.timeouts = episode.timeouts();
        }
    }
    (openings, false)
}

impl Opening {
    fn of(episode: &Episode) -> Self {
        let (first, opened) = (episode.first, episode.opened);
        Self { first, opened, over: None, timeouts: episode.timeouts() }
    }
}

/// One function's alert, stepped when something comes in or its clock asks for it.
struct Player<'a> {
    rule: &'a Rule,
    stage: Stage,
    alert: State,
    due: Option<EpochMillis>,
    /// Before this, what comes in waits.
    free: EpochMillis,
}

impl<'a> Player<'a> {
    fn new(rule: &'a Rule, known: Known) -> Self {
        let stage = Stage::new(rule, known);
        Self { rule, stage, alert: State::default(), due: None, free: EpochMillis(i64::MIN) }
    }

    /// When its next step is.
    fn next(&self) -> Option<EpochMillis> {
        self.stage.next().map(|it| it.max(self.free)).into_iter().chain(self.due).min()
    }

    fn step(&mut self, now: EpochMillis) -> Option<Transition> {
        let seen = self.stage.look(&self.alert, now);
        let (after, transition) = evaluate(self.rule, mem::take(&mut self.alert), &seen);
        self.alert = after;
        self.due = self.due_after(now);
        self.free = now.plus(PACE);
        transition
    }

    fn episode(&self) -> Option<&Episode> {
        match &self.alert.phase {
            Phase::Firing(episode) => Some(episode),
            Phase::Inactive | Phase::Pending(_) => None,
        }
    }

    /// When it is looked at though nothing comes in. An alert that waits for a success is looked at every minute, in vain until there is
    /// one or it expires.
    fn due_after(&self, now: EpochMillis) -> Option<EpochMillis> {
        // What is due now was just looked at.
        let due = self.alert.due(self.rule, now)?.max(EpochMillis(now.0 + 1));
        let waits = !matches!(self.rule.opens, Opens::Level(_) | Opens::Silence { .. })
            && due == now.plus(self.rule.look_again);
        let Some(episode) = self.episode().filter(|_| waits) else { return Some(due) };
        let quiet = episode.last_accepted().max(episode.opened);
        let expires = quiet.plus(self.rule.expire_after);
        let success = self.stage.success_after(now).unwrap_or(expires);
        Some(success.min(expires).max(due))
    }
}

/// One function, and how much of it has come in.
struct Stage {
    function: FunctionKey,
    /// How far back is looked, and how far for claims.
    back: Duration,
    claims: Duration,
    /// When tallies are in, or signs of life, the next one last.
    looks: Vec<EpochMillis>,
    /// By when they came in.
    timeouts: Vec<Timeout>,
    /// How many of them have.
    came_in: usize,
    tallies: Vec<(Block, TallyPart)>,
    /// The beginnings of minutes in which an invocation succeeded.
    successes: Vec<EpochMillis>,
    /// What a view would say of the time before.
    earlier: Option<BlockView>,
}

impl Stage {
    fn new(rule: &Rule, known: Known) -> Self {
        let Known { function, mut timeouts, tallies, earlier, by_tallies } = known;
        let back = looks_back(rule, &timeouts);
        let claims = rule.opens.asks(Looking::Timeouts(longest(&timeouts))).claims;
        let looks = match rule.opens.waits() {
            Some(after) => signs_of_life(after, &tallies),
            None if by_tallies => {
                tallies.iter().rev().map(|(block, _)| block.end().plus(TALLIED_AFTER)).collect()
            }
            None => Vec::new(),
        };
        timeouts.sort_by_key(|it| (it.detected_at, it.order()));
        let successes = tallies.iter().flat_map(|(block, part)| successes(*block, part)).collect();
        let earlier = earlier.map(|at| {
            let verdict = VerdictPart { last_timeout_ms: Some(at.0), ..VerdictPart::default() };
            BlockView { verdict: Some(verdict), ..BlockView::empty(Block::of(at)) }
        });
        Self { function, back, claims, looks, timeouts, came_in: 0, tallies, successes, earlier }
    }

    /// The last success that is known.
    fn last_success(&self, now: EpochMillis) -> Option<EpochMillis> {
        let known = self.successes.partition_point(|it| *it <= now);
        known.checked_sub(1).map(|at| self.successes[at])
    }

    fn success_after(&self, now: EpochMillis) -> Option<EpochMillis> {
        self.successes.get(self.successes.partition_point(|it| *it <= now)).copied()
    }

    /// When something comes in next.
    fn next(&self) -> Option<EpochMillis> {
        let timeout = self.timeouts.get(self.came_in).map(|it| it.detected_at);
        timeout.into_iter().chain(self.looks.last().copied()).min()
    }

    /// What an evaluation or a sweep at `now` would have seen: whole are the blocks in which something came in, those in doubt, and as far
    /// back as a condition asks for claims.
    fn look(&mut self, state: &State, now: EpochMillis) -> Observation<'_> {
        let before = self.came_in;
        self.came_in = self.timeouts.partition_point(|it| it.detected_at <= now);
        let looks = self.looks.len();
        self.looks.truncate(self.looks.partition_point(|it| *it > now));
        let is_heard = before < self.came_in || self.looks.len() < looks;
        let (first, last) = (Block::of(now.minus(self.back)), Block::of(now));
        let news = self.timeouts[before..self.came_in].iter().map(Timeout::block);
        let close: BTreeSet<Block> = news.chain(state.blocks_in_doubt()).collect();
        let asked = (!self.claims.is_zero()).then(|| Block::of(now.minus(self.claims)));
        let mut blocks = BTreeMap::<Block, Vec<Timeout>>::new();
        let mut others = BTreeMap::<Block, Vec<Timeout>>::new();
        blocks.extend(close.iter().map(|it| (*it, Vec::new())));
        for timeout in &self.timeouts[..self.came_in] {
            let block = timeout.block();
            let is_whole = close.contains(&block) || asked.is_some_and(|it| block >= it);
            let there = if is_whole { &mut blocks } else { &mut others };
            there.entry(block).or_default().push(timeout.clone());
        }
        let whole: Vec<Block> = blocks.keys().copied().collect();
        let views = self.views(&others, &blocks, (first, now));
        let past = Past::of(&views, &[], &whole).between(first, last);
        Observation {
            function: &self.function,
            blocks,
            last_success: self.last_success(now),
            past: if is_heard { past.heard(now) } else { past },
            at: now,
        }
    }

    /// Block views as they stood at `now`.
    fn views(
        &self,
        others: &BTreeMap<Block, Vec<Timeout>>,
        whole: &BTreeMap<Block, Vec<Timeout>>,
        (first, now): (Block, EpochMillis),
    ) -> Vec<BlockView> {
        let earlier = self.earlier.iter().map(|it| (it.block, it.clone()));
        let mut views: BTreeMap<Block, BlockView> = earlier.collect();
        for (block, timeouts) in others.iter().chain(whole) {
            let view = views.entry(*block).or_insert_with(|| BlockView::empty(*block));
            view.verdict = Some(VerdictPart::of(timeouts));
        }
        let tallies = self.tallies.iter().filter(|(it, _)| *it >= first && it.start() <= now);
        for (block, part) in tallies {
            let view = views.entry(*block).or_insert_with(|| BlockView::empty(*block));
            let mut part = part.clone();
            part.minutes.retain(|minute, _| start(*block, *minute).is_some_and(|it| it <= now));
            if block.end() > now {
                // How long invocations took is known by the quarter, and of this one only what is still to come.
                part.durations = Sketch::default();
            }
            view.tally = Some(part);
        }
        views.into_values().collect()
    }
}

fn start(block: Block, minute: u8) -> Option<EpochMillis> {
    MinuteIndex::new(minute.into()).map(|it| it.start(block))
}

/// When something came in, as far as it matters to who waits so long: what comes within a quarter of that is not written down.
fn signs_of_life(after: Duration, tallies: &[(Block, TallyPart)]) -> Vec<EpochMillis> {
    let mut signs = Vec::<EpochMillis>::new();
    for (block, part) in tallies {
        let active = part.minutes.iter().filter(|(_, it)| it.0.invocations > 0);
        for at in active.filter_map(|(minute, _)| start(*block, *minute)) {
            let at = at.plus(MINUTE);
            if signs.last().is_none_or(|it| at.since(*it) >= after / 4) {
                signs.push(at);
            }
        }
    }
    signs.reverse();
    signs
}

fn successes(block: Block, part: &TallyPart) -> Vec<EpochMillis> {
    let succeeded = part.minutes.iter().filter(|(_, it)| it.0.invocations > it.0.errors);
    succeeded.filter_map(|(minute, _)| start(block, *minute)).collect()
}

#[cfg(test)]
mod tests;
