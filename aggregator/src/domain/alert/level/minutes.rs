//! Timeouts of a function, minute by minute.

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;

use crate::domain::alert::{
    Mark, Measure, Observation, Past, Rule,
    condition::past::{MINUTE, minute_of},
    episode::counts,
    is_ripe,
};

/// Timeouts of a function by minute: those in hand, and those that views know of.
#[derive(Debug)]
pub(in crate::domain::alert) struct Minutes<'a> {
    asked: BTreeMap<EpochMillis, u64>,
    timeouts: BTreeMap<EpochMillis, u64>,
    pub(in crate::domain::alert) past: &'a Past,
}

impl<'a> Minutes<'a> {
    pub(super) fn of(rule: &Rule, covered: Option<&Mark>, seen: &'a Observation<'_>) -> Self {
        let past = &seen.past;
        let mut asked: BTreeMap<_, u64> = past.asked(rule, covered).collect();
        let mut timeouts: BTreeMap<_, u64> = past.timeouts().collect();
        for claim in seen.blocks.values().flatten().filter(|it| is_ripe(rule, it, seen.at)) {
            let minute = minute_of(claim.deadline());
            *timeouts.entry(minute).or_default() += 1;
            if counts(rule, covered, claim) {
                *asked.entry(minute).or_default() += 1;
            }
        }
        Self { asked, timeouts, past }
    }

    /// Timeouts in `from..to` that are asked for.
    pub(in crate::domain::alert) fn asked_between(
        &self,
        from: EpochMillis,
        to: EpochMillis,
    ) -> u64 {
        self.asked.range(from..to).map(|(_, it)| it).sum()
    }

    /// Timeouts in `from..to`.
    pub(in crate::domain::alert) fn timeouts_between(
        &self,
        from: EpochMillis,
        to: EpochMillis,
    ) -> u64 {
        self.timeouts.range(from..to).map(|(_, it)| it).sum()
    }

    /// Timeouts in minutes without a success that end with one in the minute before `end`, and where they begin. What happened within
    /// a minute has no order, so a minute with a success has no part in a row.
    pub(super) fn row(&self, count: u64, end: EpochMillis) -> Option<(EpochMillis, Measure)> {
        if self.asked_between(end.minus(MINUTE), end) == 0 {
            return None;
        }
        let mut timeouts = 0;
        let mut begins = end;
        for minute in std::iter::successors(Some(end.minus(MINUTE)), |it| Some(it.minus(MINUTE))) {
            if self.past.succeeded_in(minute) || !self.past.covers(minute, end) {
                break;
            }
            let here = self.asked.get(&minute).copied().unwrap_or(0);
            timeouts += here;
            begins = if here > 0 { minute } else { begins };
        }
        (timeouts >= count).then_some((begins, Measure::Row { timeouts, of_one: false }))
    }
}
