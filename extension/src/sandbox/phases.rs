//! What lies around the function's own code: inits, restores, and what extensions took.
//!
//! A process has at most one init of each kind, told by its start, its report, and the report of the first invocation, any of
//! which may be missing or come twice, at a time when a copied clock is not set yet. What extensions took of an invocation is told
//! by its report, which mostly comes when the invocation is counted and its tally has gone. So both wait for the next tally that
//! goes anyway, of whatever block: they are worth no write, and where nobody calls, nobody waits.

use std::time::Duration;

use overtime_wire::{InitSpan, Phase, Spans};

use super::{Sandbox, invocation::Invocation};
use crate::telemetry::{record::Report, status::Status};

/// What is known of this life's inits, and so has been tallied.
#[derive(Debug, Default)]
pub(super) struct Told {
    init: Known,
    restore: Known,
    suppressed: Known,
}

#[derive(Debug, Default)]
struct Known {
    has_begun: bool,
    took: Option<Duration>,
}

impl Told {
    fn of(&self, phase: Phase) -> &Known {
        match phase {
            Phase::Init => &self.init,
            Phase::Restore => &self.restore,
            Phase::Suppressed => &self.suppressed,
        }
    }

    fn of_mut(&mut self, phase: Phase) -> &mut Known {
        match phase {
            Phase::Init => &mut self.init,
            Phase::Restore => &mut self.restore,
            Phase::Suppressed => &mut self.suppressed,
        }
    }

    /// The init that an invocation waited for, or that ran inside it.
    pub(super) fn span_of(&self, it: &Invocation) -> Option<InitSpan> {
        let phase = match it.held_init {
            true => Phase::Suppressed,
            false if !it.is_cold => return None,
            false => [Phase::Restore, Phase::Init].into_iter().find(|it| self.of(*it).has_begun)?,
        };
        Some(InitSpan { phase, took: self.of(phase).took })
    }

    /// All parts of an invocation that are known.
    pub(super) fn spans_of(&self, it: &Invocation) -> Spans {
        let reported = it.report.as_ref().map(|it| it.spans).unwrap_or_default();
        Spans { init: self.span_of(it), ..it.spans.or(reported) }
    }
}

impl Sandbox {
    /// Tallies an init that was seen to begin, once.
    pub(super) fn phase_begun(&mut self, phase: Phase) {
        if !std::mem::replace(&mut self.told.of_mut(phase).has_begun, true) {
            self.tallies.waiting().of_mut(phase).count += 1;
        }
    }

    /// Tallies how long an init took that ended well, once.
    pub(super) fn phase_took(&mut self, phase: Phase, took: Duration) {
        self.phase_begun(phase);
        let known = &mut self.told.of_mut(phase).took;
        if known.is_none() {
            *known = Some(took);
            self.tallies.waiting().of_mut(phase).durations.record(took);
        }
    }

    /// Takes from a report what extensions took of an invocation, once, and what came before the first one. What has a verdict
    /// is in no tally.
    pub(super) fn weigh(&mut self, report: &Report) {
        let is_abnormal = matches!(report.status, Some(Status::Timeout | Status::OutOfMemory));
        let Some(it) = self.window.latest(&report.request) else { return };
        let is_first = it.is_cold && !it.held_init;
        let is_weighed = std::mem::replace(&mut it.is_weighed, true);
        if !is_weighed && !is_abnormal && it.verdict.is_none() {
            let overhead = report.spans.extension_overhead.zip(report.duration);
            if let Some((overhead, of)) = overhead {
                self.tallies.waiting().extensions.record(overhead, of);
            }
        }
        let init = report.spans.init.filter(|_| is_first);
        if let Some((phase, took)) = init.and_then(|it| Some((it.phase, it.took?))) {
            self.phase_took(phase, took);
        }
    }
}

#[cfg(test)]
mod tests;
