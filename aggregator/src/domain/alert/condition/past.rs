//! What is known of a function besides the claims in hand.
//!
//! Views say it, and hours: they keep no claims, but numbers by the minute. Timeouts stand in the minute of their deadline, as claims
//! do; everything else in the minute in which it was first seen, which is when a tally counts it. Of blocks that were not read whole
//! a suspicion is not told from a timeout.
//!
//! **Invariant.** What was not read is not taken for nothing: whoever adds up minutes asks first whether they were read
//! ([`Past::covers`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::{Block, Cause, EpochMillis};

use super::{Mark, Rule};
use crate::domain::{
    durations::Sketch,
    hour::StandingHour,
    view::{BlockView, TallyPart},
};

pub(in crate::domain::alert) const MINUTE: Duration = Duration::from_mins(1);

/// What views say of a function: of blocks that were not read whole, and of hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// Timeouts of blocks that were not read whole, by the minute of their deadline.
    pub(super) timeouts: BTreeMap<EpochMillis, BTreeMap<Cause, u64>>,
    /// Invocations that did not time out, of all blocks, by the minute in which they were first seen.
    pub(super) rest: BTreeMap<EpochMillis, Rest>,
    pub(super) quarters: Vec<Quarter>,
    /// The last timeout of each block or hour that lies before what was read whole, and which causes there were.
    pub(super) last: Vec<(EpochMillis, BTreeSet<Cause>)>,
    /// From when until when views were read.
    pub(super) read: Option<(EpochMillis, EpochMillis)>,
    heard: Option<EpochMillis>,
}

/// Invocations of a minute that did not time out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rest {
    pub(super) invocations: u64,
    pub(super) successes: u64,
}

/// What is known of a block by the quarter of an hour alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quarter {
    pub(super) block: Block,
    pub(super) incarnations: u64,
    /// Of invocations that never had a verdict.
    pub(super) durations: Sketch,
    /// As configured; zero while unknown.
    pub(super) timeout: Duration,
    /// Requests that came close to it.
    pub(super) near: Vec<String>,
}

impl Past {
    /// What block views and hours say besides `whole`, the blocks that were read whole.
    pub fn of(views: &[BlockView], hours: &[StandingHour], whole: &[Block]) -> Self {
        let mut past = Self::default();
        for view in views {
            past.add(view);
            if let Some(part) = view.verdict.as_ref().filter(|_| !whole.contains(&view.block)) {
                for (cause, minutes) in &part.deadlines {
                    let cause = cause_of(cause);
                    for (minute, count) in minutes {
                        let minute = MINUTE.saturating_mul((*minute).into());
                        let at = past.timeouts.entry(view.block.start().plus(minute)).or_default();
                        *at.entry(cause).or_default() += count;
                    }
                }
                past.last.extend(last(part.last_timeout_ms, &part.causes));
            }
        }
        // An hour's last timeout may be one that was read whole: only what lies before the earliest of them is the past.
        let first = whole.iter().min().map(|it| it.start());
        let hours = hours.iter().filter(|it| first.is_none_or(|first| it.hour.end() <= first));
        past.last.extend(hours.filter_map(|it| last(it.view.last_timeout_ms, &it.view.causes)));
        past
    }

    /// The same, where the views are all that there are of these blocks, both inclusive.
    #[must_use]
    pub fn between(self, first: Block, last: Block) -> Self {
        Self { read: Some((first.start(), last.end())), ..self }
    }

    /// The same, when something came in from the function just now.
    #[must_use]
    pub fn heard(self, now: EpochMillis) -> Self {
        Self { heard: Some(now), ..self }
    }

    /// When something came in from the function, if that is why we look.
    pub(in crate::domain::alert) fn heard_at(&self) -> Option<EpochMillis> {
        self.heard
    }

    /// Whether all of this time was read.
    pub(in crate::domain::alert) fn covers(&self, from: EpochMillis, to: EpochMillis) -> bool {
        self.read.is_some_and(|(first, last)| first <= from && to <= last)
    }

    /// Until when views were read.
    pub(in crate::domain::alert) fn ends(&self) -> Option<EpochMillis> {
        self.read.map(|(_, last)| last)
    }

    /// Timeouts that the rule asks for, by minute: of blocks that were not read whole.
    pub(in crate::domain::alert) fn asked<'a>(
        &'a self,
        rule: &'a Rule,
        covered: Option<&'a Mark>,
    ) -> impl Iterator<Item = (EpochMillis, u64)> + 'a {
        let asked = |cause| rule.causes.is_empty() || rule.causes.contains(cause);
        // A minute that the last episode reaches into is left out whole, rather than told of twice.
        let news = self.timeouts.iter().filter(move |(it, _)| covered.is_none_or(|c| **it > c.at));
        news.map(move |(minute, causes)| {
            let counts = causes.iter().filter(|(cause, _)| asked(cause)).map(|(_, count)| count);
            (*minute, counts.sum())
        })
    }

    /// Timeouts of blocks that were not read whole, whatever their cause, by minute.
    pub(in crate::domain::alert) fn timeouts(
        &self,
    ) -> impl Iterator<Item = (EpochMillis, u64)> + '_ {
        self.timeouts.iter().map(|(minute, causes)| (*minute, causes.values().sum()))
    }

    /// Whether an invocation succeeded in the minute that begins so.
    pub(in crate::domain::alert) fn succeeded_in(&self, minute: EpochMillis) -> bool {
        self.rest.get(&minute).is_some_and(|it| it.successes > 0)
    }

    /// Invocations in `from..to` that did not time out.
    pub(super) fn rest_between(&self, from: EpochMillis, to: EpochMillis) -> u64 {
        self.rest.range(from..to).map(|(_, it)| it.invocations).sum()
    }

    /// The blocks that some of `from..to` lies in.
    pub(super) fn quarters_between(
        &self,
        from: EpochMillis,
        to: EpochMillis,
    ) -> impl Iterator<Item = &Quarter> {
        self.quarters.iter().filter(move |it| it.block.start() < to && from < it.block.end())
    }

    fn add(&mut self, view: &BlockView) {
        for (minute, counts) in view.minutes() {
            let minute = MINUTE.saturating_mul(minute.into());
            let rest = self.rest.entry(view.block.start().plus(minute)).or_default();
            let others = counts.invocations.saturating_sub(counts.timeouts);
            rest.invocations += others;
            rest.successes += others.saturating_sub(counts.errors + counts.out_of_memory);
        }
        if let Some(tally) = &view.tally {
            self.quarters.push(Quarter::of(view.block, tally));
        }
    }
}

impl Quarter {
    fn of(block: Block, tally: &TallyPart) -> Self {
        Self {
            block,
            incarnations: tally.incarnations,
            durations: tally.durations.clone(),
            timeout: tally.profile.timeout,
            near: tally.samples.get("near_timeout").cloned().unwrap_or_default(),
        }
    }
}

fn last(at: Option<i64>, causes: &BTreeMap<String, u64>) -> Option<(EpochMillis, BTreeSet<Cause>)> {
    at.map(|it| (EpochMillis(it), causes.keys().map(|it| cause_of(it)).collect()))
}

/// The cause that a view calls by this word.
fn cause_of(word: &str) -> Cause {
    Cause::ALL.iter().copied().find(|it| it.as_str() == word).unwrap_or(Cause::Unknown)
}

/// The minute that an instant lies in, by its beginning.
pub(in crate::domain::alert) fn minute_of(at: EpochMillis) -> EpochMillis {
    EpochMillis(at.0.saturating_sub(at.0.rem_euclid(60_000)))
}
