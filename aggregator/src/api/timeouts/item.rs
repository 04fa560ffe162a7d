//! One timeout, as the list and its own page show it.

use overtime_wire::{RequestId, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        shapes::{bytes, known, millis, parts, set},
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
pub(in crate::api) struct Item {
    /// The same through every correction.
    pub(in crate::api) id: String,
    /// The quarter of an hour, counted since 1970, in which the invocation was first seen.
    block: u32,
    /// Where this timeout is shown with what surrounds it.
    pub(in crate::api) url: String,
    account: AccountText,
    region: RegionText,
    function: NameText,
    version: Option<String>,
    alias: Option<String>,
    subject: SubjectText,
    request_id: Option<String>,
    /// The execution environment.
    sandbox: Option<String>,
    started_at: Option<Moment>,
    deadline: Moment,
    /// When it was first accepted. Does not move.
    detected_at: Moment,
    /// As it was configured then.
    timeout_ms: Option<u64>,
    duration_ms: Option<u64>,
    cause: CauseText,
    evidence: EvidenceText,
    /// Concluded, rather than said by the platform.
    inferred: bool,
    cold_start: bool,
    memory_bytes: Option<u64>,
    max_memory_used_bytes: Option<u64>,
    trace_id: Option<String>,
    /// The end of the function's log, where it is asked for.
    pub(in crate::api) log_tail: Option<String>,
    /// From the function's last line of log to its deadline. Only known where its log is asked for.
    silent_ms: Option<u64>,
}

impl Item {
    pub(in crate::api) fn of(timeout: &Timeout) -> Self {
        let Timeout { function, verdict, .. } = timeout;
        let (account, region, name) = parts(function);
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
            log_tail: known(&verdict.log_tail),
            silent_ms: verdict.last_log.map(|it| millis(timeout.deadline().since(it))),
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
        ]
    }
}
