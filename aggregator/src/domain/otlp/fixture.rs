//! A function, its hours and a timeout, for the tests beside it.

use std::time::Duration;

use overtime_wire::{
    Block, Cause, Durations, EpochMillis, Evidence, FunctionKey, IncarnationId, Ordinal, Outcome,
    Spans, Subject, TraceId, Verdict,
};

use crate::domain::{
    hour::{Hour, HourView, StandingHour},
    timeout::Timeout,
    view::Basis,
};

const HOUR: u32 = 498_192;

pub(super) fn at(offset_ms: i64) -> EpochMillis {
    EpochMillis(Hour::from_number(HOUR).start().0 + offset_ms)
}

pub(super) fn function(name: &str) -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

/// An hour, so many after the first, in which so many invocations took a millisecond each, and so many timed out besides.
pub(super) fn hour(after: u32, (invocations, timeouts): (u64, u64), writes: u64) -> StandingHour {
    let mut view = HourView::default();
    view.counts.0.invocations = invocations + timeouts;
    view.counts.0.timeouts = timeouts;
    let mut durations = Durations::default();
    (0..invocations).for_each(|_| durations.record(Duration::from_millis(1)));
    view.durations.add(&durations);
    StandingHour { hour: Hour::from_number(HOUR + after), basis: Basis::of(writes), view }
}

pub(super) fn timeout() -> Timeout {
    let verdict = Verdict {
        block: Block::of(at(0)),
        ordinal: Ordinal(3),
        revision: 1,
        evidence: Evidence::Report,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen: at(1_000),
        started: Some(at(1_000)),
        deadline: Some(at(4_000)),
        detected: at(4_020),
        timeout: Duration::from_secs(3),
        duration: Some(Duration::from_secs(3)),
        request: None,
        version: "7".to_owned(),
        alias: "live".to_owned(),
        cold_start: true,
        memory_mb: 128,
        max_memory_used_mb: 64,
        trace: Some(TraceId(*b"0123456789abcdef")),
        environment: "sandbox".to_owned(),
        log_tail: "a secret".to_owned(),
        last_log: Some(at(1_500)),
        spans: Spans::default(),
    };
    let incarnation = IncarnationId([7; 16]);
    Timeout { function: function("orders"), incarnation, verdict, detected_at: at(4_025) }
}
