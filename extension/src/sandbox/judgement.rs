//! How an invocation ended, as a function of everything that is known about it.
//!
//! Better evidence decides: a report over `runtimeDone` over SHUTDOWN over a deadline that we saw pass. A following INVOKE
//! proves that an invocation completed, because a timeout resets the environment, and takes a claim of ours back. The cause
//! is never guessed beyond what was seen.

use std::time::Duration;

use overtime_wire::{Cause, Evidence, Outcome};

use super::invocation::{Fate, Invocation, Overrun};
use crate::telemetry::status::{Failure, Status};

/// What an invocation is, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It may still become anything.
    Undecided,
    /// A verdict is due.
    Abnormal { evidence: Evidence, outcome: Outcome, cause: Cause },
    /// It belongs into the tally.
    Ended { failure: Option<Failure>, duration: Option<Duration> },
}

/// Whether more telemetry can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// The platform posts telemetry to us.
    Telemetry,
    /// Only events tell us anything.
    EventsOnly,
    /// Whatever is still unknown will not become known.
    NoMore,
}

pub(super) fn judge(it: &Invocation, hearing: Hearing) -> Judgement {
    if let Some((evidence, outcome)) = claim(it) {
        return Judgement::Abnormal { evidence, outcome, cause: cause(it, outcome, hearing) };
    }
    let is_known = it.answered.is_some() || it.ended.is_some();
    let is_over = match it.fate {
        Fate::Open => false,
        Fate::Completed | Fate::ShutDownByTimeout | Fate::ShutDownByFailure => true,
    };
    let is_decided = match hearing {
        Hearing::Telemetry => is_over && is_known,
        Hearing::EventsOnly => is_over,
        Hearing::NoMore => true,
    };
    if it.report.is_some() || is_decided {
        Judgement::Ended { failure: failure(it), duration: it.duration() }
    } else {
        Judgement::Undecided
    }
}

fn claim(it: &Invocation) -> Option<(Evidence, Outcome)> {
    let reported = it.report.as_ref().and_then(|it| it.status);
    let ended = it.ended.map(|it| it.status);
    match (reported, ended) {
        (Some(Status::Timeout), _) => Some((Evidence::Report, Outcome::Timeout)),
        (Some(Status::OutOfMemory), _) => Some((Evidence::Report, Outcome::OutOfMemory)),
        // Only a claim that was made can be taken back.
        (Some(Status::Success), _) => {
            it.verdict.is_some().then_some((Evidence::Report, Outcome::Success))
        }
        (_, Some(Status::Timeout)) => Some((Evidence::RuntimeDone, Outcome::Timeout)),
        (_, Some(Status::OutOfMemory)) => Some((Evidence::RuntimeDone, Outcome::OutOfMemory)),
        _ if it.fate == Fate::ShutDownByTimeout => Some((Evidence::Shutdown, Outcome::Timeout)),
        _ if it.overrun == Overrun::Claimed => Some((Evidence::Deadline, outcome_of_overrun(it))),
        _ => None,
    }
}

/// A deadline that was seen to pass is no timeout after all, once the platform says how else it ended.
fn outcome_of_overrun(it: &Invocation) -> Outcome {
    let has_failed = it.ended.is_some_and(|it| matches!(it.status, Status::Failed(_)))
        || it.report.as_ref().is_some_and(|it| matches!(it.status, Some(Status::Failed(_))));
    match it.fate {
        Fate::Completed | Fate::ShutDownByFailure => Outcome::Success,
        Fate::Open | Fate::ShutDownByTimeout if it.answered.is_some() || has_failed => {
            Outcome::Success
        }
        Fate::Open | Fate::ShutDownByTimeout => Outcome::Timeout,
    }
}

fn cause(it: &Invocation, outcome: Outcome, hearing: Hearing) -> Cause {
    match outcome {
        Outcome::Timeout => {}
        Outcome::OutOfMemory => return Cause::OutOfMemory,
        Outcome::Success => return it.verdict.as_ref().map_or(Cause::Unknown, |it| it.cause),
    }
    let memory_full = it
        .report
        .as_ref()
        .is_some_and(|it| it.memory_mb > 0 && it.max_memory_used_mb >= it.memory_mb);
    if memory_full {
        Cause::OutOfMemory
    } else if it.answered.is_some() || held_by_extensions(it) {
        Cause::Extension
    } else if it.reached_handler() {
        // Without telemetry we would not know of an answer.
        if hearing == Hearing::EventsOnly { Cause::Unknown } else { Cause::Handler }
    } else if it.held_init || it.ended.is_some_and(|it| it.duration == Some(Duration::ZERO)) {
        Cause::Init
    } else if it.ended.is_some() {
        // The runtime's time ran, so the handler was running.
        Cause::Handler
    } else {
        Cause::Unknown
    }
}

/// Whether extensions used more than half of the time.
fn held_by_extensions(it: &Invocation) -> bool {
    let Some(report) = &it.report else { return false };
    let overhead = report.spans.extension_overhead.unwrap_or_default();
    report.duration.is_some_and(|it| overhead > it / 2)
}

fn failure(it: &Invocation) -> Option<Failure> {
    let of = |status: Option<Status>| match status {
        Some(Status::Failed(failure)) => Some(failure),
        Some(Status::Success | Status::Timeout | Status::OutOfMemory | Status::Unknown) | None => {
            None
        }
    };
    let reported = it.report.as_ref().and_then(|it| it.status);
    let shut_down = it.fate == Fate::ShutDownByFailure
        && it.answered.is_none()
        && it.ended.is_none()
        && reported.is_none();
    of(reported)
        .or_else(|| of(it.ended.map(|it| it.status)))
        .or(shut_down.then_some(Failure::Other))
}
