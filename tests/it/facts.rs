//! Facts as an extension would tell them, for tests that need no extension.

use std::time::Duration;

use overtime_wire::{
    Block, Cause, EpochMillis, Evidence, Ordinal, Outcome, Spans, Subject, Verdict,
};

/// An invocation first seen at `at` that ran into its timeout of three seconds, with nothing else known of it.
pub(crate) fn verdict(ordinal: u32, at: EpochMillis) -> Verdict {
    let timeout = Duration::from_secs(3);
    Verdict {
        block: Block::of(at),
        ordinal: Ordinal(ordinal),
        revision: 0,
        evidence: Evidence::RuntimeDone,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen: at,
        started: Some(at),
        deadline: Some(at.plus(timeout)),
        detected: at.plus(timeout),
        timeout,
        duration: None,
        request: None,
        version: "1".to_owned(),
        alias: String::new(),
        cold_start: false,
        memory_mb: 128,
        max_memory_used_mb: 0,
        trace: None,
        environment: "sandbox".to_owned(),
        log_tail: String::new(),
        last_log: None,
        spans: Spans::default(),
    }
}
