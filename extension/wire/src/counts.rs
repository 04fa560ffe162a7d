//! What facts add up to: one source for one number.
//!
//! Timeouts, init timeouts and out-of-memory are counted from verdicts alone, everything else from tallies alone, and
//! invocations are the sum of both. The three abnormal ends and `errors` are disjoint, and an init is no invocation.

use std::ops::AddAssign;

use crate::{
    invocation::{Outcome, Subject},
    tally::MinuteCounts,
    verdict::Verdict,
};

/// The numbers of a function over some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub invocations: u64,
    pub timeouts: u64,
    /// Failed invocations that neither timed out nor ran out of memory.
    pub errors: u64,
    pub out_of_memory: u64,
    /// Successes whose duration came close to the timeout.
    pub near_timeouts: u64,
    pub cold_starts: u64,
    pub init_timeouts: u64,
    pub init_failures: u64,
}

impl Counts {
    /// What a tally's minute adds.
    pub fn of_minute(minute: &MinuteCounts) -> Self {
        let failures = [
            minute.exits,
            minute.extension_failures,
            minute.platform_failures,
            minute.other_failures,
        ];
        Self {
            invocations: minute.invocations.into(),
            errors: failures.into_iter().map(u64::from).sum(),
            near_timeouts: minute.near_timeouts.into(),
            cold_starts: minute.cold_starts.into(),
            init_failures: minute.init_failures.into(),
            ..Self::default()
        }
    }

    /// What a verdict adds: one invocation whatever its outcome, unless it is about an init.
    pub fn of_verdict(verdict: &Verdict) -> Self {
        let mut counts = Self::default();
        match verdict.subject {
            Subject::Invocation => counts.invocations = 1,
            Subject::Init => {}
        }
        match (verdict.outcome, verdict.subject) {
            (Outcome::Timeout, Subject::Invocation) => counts.timeouts = 1,
            (Outcome::Timeout, Subject::Init) => counts.init_timeouts = 1,
            (Outcome::OutOfMemory, _) => counts.out_of_memory = 1,
            (Outcome::Success, _) => {}
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.invocations, other.invocations),
            (&mut self.timeouts, other.timeouts),
            (&mut self.errors, other.errors),
            (&mut self.out_of_memory, other.out_of_memory),
            (&mut self.near_timeouts, other.near_timeouts),
            (&mut self.cold_starts, other.cold_starts),
            (&mut self.init_timeouts, other.init_timeouts),
            (&mut self.init_failures, other.init_failures),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
    }
}
