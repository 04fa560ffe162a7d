//! One timeout, as the list and its own page show it.

use overtime_wire::{RequestId, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        shapes::{bytes, fine_millis, known, millis, parts, set},
        viewer::LogTails,
        words::{
            AccountText, CauseText, EvidenceText, Moment, NameText, RegionText, SubjectText, Text,
            Word as _,
        },
    },
    domain::timeout::Timeout,
};

/// One timeout. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeout)]
pub(crate) struct Item {
    /// The same through every correction.
    pub(crate) id: String,
    /// The quarter of an hour, counted since 1970, in which the invocation was first seen.
    pub(crate) block: u32,
    /// Where this timeout is shown with what surrounds it.
    pub(crate) url: String,
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) function: NameText,
    pub(crate) version: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) subject: SubjectText,
    pub(crate) request_id: Option<String>,
    /// The execution environment.
    pub(crate) sandbox: Option<String>,
    pub(crate) started_at: Option<Moment>,
    pub(crate) deadline: Moment,
    /// When it was first accepted. Does not move.
    pub(crate) detected_at: Moment,
    /// As it was configured then.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) cause: CauseText,
    pub(crate) evidence: EvidenceText,
    /// Concluded, rather than said by the platform.
    pub(crate) inferred: bool,
    pub(crate) cold_start: bool,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) max_memory_used_bytes: Option<u64>,
    pub(crate) trace_id: Option<String>,
    /// The end of the function's log, where it is asked for: for operators and admins, null for others.
    pub(crate) log_tail: Option<String>,
    /// From the function's last line of log to its deadline. Only known where its log is asked for.
    pub(crate) silent_ms: Option<u64>,
    /// The init that it waited for, or that ran inside it.
    #[schema(pattern = "^(init|restore|suppressed_init)$")]
    pub(crate) init_phase: Option<&'static str>,
    /// How long that took; null also where it was not over.
    pub(crate) init_ms: Option<f64>,
    /// From the invocation to the beginning of its answer, as the platform told; the three below likewise.
    pub(crate) response_latency_ms: Option<f64>,
    pub(crate) response_duration_ms: Option<f64>,
    pub(crate) runtime_overhead_ms: Option<f64>,
    pub(crate) extension_overhead_ms: Option<f64>,
}

impl Item {
    pub(crate) fn of(timeout: &Timeout, log_tails: LogTails) -> Self {
        let Timeout { function, verdict, .. } = timeout;
        let (account, region, name) = parts(function);
        let spans = verdict.spans;
        Self {
            id: timeout.id(),
            block: timeout.block().number(),
            url: url(timeout),
            account,
            region,
            function: name,
            version: known(&verdict.version),
            alias: known(&verdict.alias),
            subject: Text(verdict.subject),
            request_id: verdict.request.as_ref().map(RequestId::to_string),
            sandbox: known(&verdict.environment),
            started_at: verdict.started.map(Text),
            deadline: Text(timeout.deadline()),
            detected_at: Text(timeout.detected_at),
            timeout_ms: set(verdict.timeout),
            duration_ms: verdict.duration.map(millis),
            cause: Text(verdict.cause),
            evidence: Text(verdict.evidence),
            inferred: verdict.evidence.is_inferred(),
            cold_start: verdict.cold_start,
            memory_bytes: bytes(verdict.memory_mb),
            max_memory_used_bytes: bytes(verdict.max_memory_used_mb),
            trace_id: trace(verdict),
            log_tail: known(&verdict.log_tail).filter(|_| log_tails == LogTails::Shown),
            silent_ms: verdict.last_log.map(|it| millis(timeout.deadline().since(it))),
            init_phase: spans.init.map(|it| it.phase.as_str()),
            init_ms: spans.init.and_then(|it| it.took).map(fine_millis),
            response_latency_ms: spans.response_latency.map(fine_millis),
            response_duration_ms: spans.response_duration.map(fine_millis),
            runtime_overhead_ms: spans.runtime_overhead.map(fine_millis),
            extension_overhead_ms: spans.extension_overhead.map(fine_millis),
        }
    }
}

/// Where a timeout is shown: by all that its key in the table is made of, so that it is found without looking for it.
fn url(timeout: &Timeout) -> String {
    let (account, region, name) = parts(&timeout.function);
    let function = [account.0.write(), region.0.write(), name.0.write()].join("/");
    format!("/api/v1/functions/{function}/timeouts/{}/{}", timeout.block().number(), timeout.id())
}

fn trace(verdict: &Verdict) -> Option<String> {
    verdict.trace.map(|it| it.to_string())
}

impl Tabular for Item {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "id",
        "account",
        "region",
        "function",
        "version",
        "alias",
        "subject",
        "request_id",
        "sandbox",
        "started_at",
        "deadline",
        "detected_at",
        "timeout_ms",
        "duration_ms",
        "cause",
        "evidence",
        "inferred",
        "cold_start",
        "memory_bytes",
        "max_memory_used_bytes",
        "trace_id",
        "log_tail",
        "silent_ms",
        "init_phase",
        "init_ms",
        "response_latency_ms",
        "response_duration_ms",
        "runtime_overhead_ms",
        "extension_overhead_ms",
    ]];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(&self.id),
            Cell::plain(self.account.0),
            Cell::text(self.region.0.write()),
            Cell::text(self.function.0.write()),
            self.version.as_ref().into(),
            self.alias.as_ref().into(),
            Cell::plain(self.subject.0),
            self.request_id.as_ref().into(),
            self.sandbox.as_ref().into(),
            self.started_at.as_ref().into(),
            Cell::from(&self.deadline),
            Cell::from(&self.detected_at),
            self.timeout_ms.into(),
            self.duration_ms.into(),
            Cell::plain(self.cause.0),
            Cell::plain(self.evidence.0),
            Cell::plain(self.inferred),
            Cell::plain(self.cold_start),
            self.memory_bytes.into(),
            self.max_memory_used_bytes.into(),
            self.trace_id.as_ref().into(),
            self.log_tail.as_ref().into(),
            self.silent_ms.into(),
            self.init_phase.map_or_else(Cell::empty, Cell::plain),
            self.init_ms.into(),
            self.response_latency_ms.into(),
            self.response_duration_ms.into(),
            self.runtime_overhead_ms.into(),
            self.extension_overhead_ms.into(),
        ]
    }
}
