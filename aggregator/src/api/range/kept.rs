//! Ranges of lists, which hold single moments, and as many as are kept.

use std::time::Duration;

use overtime_wire::EpochMillis;

use super::{AHEAD, GONE, Range, backwards};
use crate::api::{problem::Problem, words::WhenText};

impl Range {
    /// What is asked for of a list that is kept for `kept`: all of it where nothing is said.
    pub(in crate::api) fn listed(
        (from, to): (Option<&WhenText>, Option<&WhenText>),
        now: EpochMillis,
        kept: Duration,
    ) -> Result<Self, Problem> {
        let at = |when: Option<&WhenText>| when.map(|it| it.0.resolve(now));
        let (oldest, newest) = (now.minus(kept), now.plus(AHEAD));
        let (from, ends) = (at(from), to.is_some());
        let to = at(to).unwrap_or(newest);
        if from.is_some_and(|it| to < it) {
            return Err(backwards(ends));
        }
        if to < oldest {
            return Err(Problem::invalid("to", GONE));
        }
        let to = to.min(newest);
        Ok(Self { from: from.unwrap_or(oldest).max(oldest).min(to), to })
    }
}
