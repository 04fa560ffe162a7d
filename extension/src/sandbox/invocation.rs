//! All that is known about one invocation.

use std::time::Duration;

use overtime_wire::{EpochMillis, Ordinal, RequestId, Spans, TraceId, Verdict};

use crate::telemetry::{record::Report, status::Status};

/// One invocation, from first sight.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else")]
pub(super) struct Invocation {
    pub(super) ordinal: Ordinal,
    /// First sight; fixes block and minute.
    pub(super) seen: EpochMillis,
    /// `None` while unknown: an init inside an invocation does not say whose it is.
    pub(super) request: Option<RequestId>,
    pub(super) invoked: Option<Invoked>,
    pub(super) started: Option<Started>,
    /// The init ran inside this invocation, and used up some of its time.
    pub(super) held_init: bool,
    pub(super) is_cold: bool,
    pub(super) version: String,
    pub(super) alias: String,
    pub(super) trace: Option<TraceId>,
    /// `runtimeDone(success)`: the function has answered.
    pub(super) answered: Option<End>,
    /// Any other `runtimeDone`. Both may come: an extension can hold an answered invocation until it times out.
    pub(super) ended: Option<End>,
    pub(super) report: Option<Report>,
    /// As `runtimeDone` told them.
    pub(super) spans: Spans,
    pub(super) fate: Fate,
    pub(super) overrun: Overrun,
    /// The last verdict about it. Once there was one, it never enters a tally. Few have one, so it does not widen the others.
    pub(super) verdict: Option<Box<Verdict>>,
    pub(super) is_counted: bool,
    /// A report has told what extensions took of it.
    pub(super) is_weighed: bool,
}

/// INVOKE was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Invoked {
    pub(super) at: EpochMillis,
    pub(super) deadline: Option<EpochMillis>,
}

/// `platform.start` was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) at: Option<EpochMillis>,
}

/// A `platform.runtimeDone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: Status,
    pub(super) at: Option<EpochMillis>,
    pub(super) duration: Option<Duration>,
}

/// Whether we ran on past its deadline, and nothing said that it was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Overrun {
    Unseen,
    Witnessed,
    /// For long enough to claim that it timed out.
    Claimed,
}

/// What events other than its own records say about an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    /// Something followed that could not have, had it timed out.
    Completed,
    /// SHUTDOWN with reason timeout found it open.
    ShutDownByTimeout,
    /// SHUTDOWN with reason failure found it open.
    ShutDownByFailure,
}

impl Invocation {
    pub(super) fn new(ordinal: Ordinal, seen: EpochMillis) -> Self {
        Self {
            ordinal,
            seen,
            request: None,
            invoked: None,
            started: None,
            held_init: false,
            is_cold: false,
            version: String::new(),
            alias: String::new(),
            trace: None,
            answered: None,
            ended: None,
            report: None,
            spans: Spans::default(),
            fate: Fate::Open,
            overrun: Overrun::Unseen,
            verdict: None,
            is_counted: false,
            is_weighed: false,
        }
    }

    /// Whether nothing says yet that it is over. An answered one still is open: an extension may hold it.
    pub(super) fn is_open(&self) -> bool {
        self.fate == Fate::Open && self.report.is_none() && !self.is_counted
    }

    /// Whether what follows can prove that it completed: an open one, or one that we claim to have overrun.
    pub(super) fn may_complete(&self) -> bool {
        self.is_open() || (self.overrun == Overrun::Claimed && self.fate == Fate::Open)
    }

    /// Whether it timed out, and telemetry may tell more about why: that it had answered, or was out of memory.
    pub(super) fn lacks_cause(&self, has_spare_memory: bool) -> bool {
        self.fate == Fate::ShutDownByTimeout
            && self.report.is_none()
            // An answer is the whole cause.
            && self.answered.is_none()
            && (self.ended.is_none() || !has_spare_memory)
    }

    /// Whether it has become a fact.
    pub(super) fn is_settled(&self) -> bool {
        self.is_counted || self.verdict.is_some()
    }

    /// Whether the function's own code was reached: INVOKE and `start` come only after the init.
    pub(super) fn reached_handler(&self) -> bool {
        self.invoked.is_some() || self.started.is_some()
    }

    pub(super) fn start_time(&self) -> Option<EpochMillis> {
        self.started.and_then(|it| it.at).or(self.invoked.map(|it| it.at))
    }

    pub(super) fn deadline(&self) -> Option<EpochMillis> {
        self.invoked.and_then(|it| it.deadline)
    }

    /// From start to deadline: nearly the configured timeout, unless an init took its share.
    pub(super) fn allowance(&self) -> Option<Duration> {
        let (start, deadline) = (self.start_time()?, self.deadline()?);
        (!self.held_init && deadline > start).then(|| deadline.since(start))
    }

    /// The latest moment at which the platform says it was over.
    pub(super) fn end_time(&self) -> Option<EpochMillis> {
        let ends = [self.answered, self.ended].into_iter().flatten().filter_map(|it| it.at);
        ends.chain(self.report.as_ref().and_then(|it| it.at)).max()
    }

    /// How long the function ran. The report's duration includes the time that extensions took.
    pub(super) fn duration(&self) -> Option<Duration> {
        let of = |end: Option<End>| end.and_then(|it| it.duration);
        of(self.answered)
            .or_else(|| of(self.ended))
            .or_else(|| self.report.as_ref().and_then(|it| it.duration))
    }
}
