//! `GET /api/v1/timeouts`: what timed out, newest deadline first.

use std::time::Duration;

use axum::{Json, extract::State};
use overtime_wire::{Cause, EpochMillis, Evidence, RequestId, Verdict};
use serde::Serialize;

use crate::{
    api::{Reader, parameters::Parameters, problem::Problem},
    domain::{
        instant::rfc3339,
        timeout::{Filter, Timeout},
    },
    store::{schema::TIMEOUTS_LIVE, timeouts::Cursor},
};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Deadlines may lie a little ahead: clocks differ, and so do ours.
const AHEAD: Duration = Duration::from_hours(1);
/// Longest time from a deadline to its acceptance, and more: what was detected after an instant was due after this before it.
const DETECTION_MAX: Duration = Duration::from_hours(26);

#[derive(Debug, Serialize)]
pub(super) struct Page {
    items: Vec<Item>,
    next: Option<String>,
}

/// One timeout. What is not known is null.
#[derive(Debug, Serialize)]
struct Item {
    id: String,
    account: String,
    region: String,
    function: String,
    version: Option<String>,
    alias: Option<String>,
    subject: &'static str,
    request_id: Option<String>,
    sandbox: Option<String>,
    started_at: Option<String>,
    deadline: String,
    /// When it was first accepted. Does not move.
    detected_at: String,
    timeout_ms: Option<u64>,
    duration_ms: Option<u64>,
    cause: &'static str,
    evidence: &'static str,
    inferred: bool,
    cold_start: bool,
    memory_bytes: Option<u64>,
    max_memory_used_bytes: Option<u64>,
    trace_id: Option<String>,
    log_tail: Option<String>,
    /// From the function's last line of log to its deadline. Only known where its log is asked for.
    silent_ms: Option<u64>,
}

pub(super) async fn list(
    State(reader): State<Reader>,
    parameters: Parameters,
) -> Result<Json<Page>, Problem> {
    let filter = filter(&parameters, (reader.clock)())?;
    let cursor: Option<Cursor> = parameters.parsed("cursor")?;
    let limit = parameters.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let mut page = reader.store.timeouts(&filter, cursor.as_ref(), limit).await?;
    reader.store.join_log_tails(&mut page).await?;
    let next = page.next.map(|it| it.to_string());
    Ok(Json(Page { items: page.items.iter().map(Item::of).collect(), next }))
}

fn filter(parameters: &Parameters, now: EpochMillis) -> Result<Filter, Problem> {
    let detected_after = parameters.instant("detected_after", now)?;
    let (oldest, newest) = (now.minus(TIMEOUTS_LIVE), now.plus(AHEAD));
    let from = parameters.instant("from", now)?.unwrap_or(oldest).max(oldest);
    let detectable = detected_after.map_or(from, |it| it.minus(DETECTION_MAX));
    Ok(Filter {
        account: parameters.parsed("account")?,
        region: parameters.parsed("region")?,
        function: parameters.parsed("function")?,
        cause: parameters.word("cause", Cause::parse)?,
        evidence: parameters.word("evidence", Evidence::parse)?,
        from: from.max(detectable),
        to: parameters.instant("to", now)?.unwrap_or(newest).min(newest),
        detected_after,
    })
}

impl Item {
    fn of(timeout: &Timeout) -> Self {
        let Timeout { function, verdict, .. } = timeout;
        Self {
            id: timeout.id(),
            account: function.account.to_string(),
            region: function.region.to_string(),
            function: function.name.to_string(),
            version: known(&verdict.version),
            alias: known(&verdict.alias),
            subject: verdict.subject.as_str(),
            request_id: verdict.request.as_ref().map(RequestId::to_string),
            sandbox: known(&verdict.environment),
            started_at: verdict.started.map(rfc3339),
            deadline: rfc3339(timeout.deadline()),
            detected_at: rfc3339(timeout.detected_at),
            timeout_ms: Some(verdict.timeout).filter(|it| !it.is_zero()).map(millis),
            duration_ms: verdict.duration.map(millis),
            cause: verdict.cause.as_str(),
            evidence: verdict.evidence.as_str(),
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

fn trace(verdict: &Verdict) -> Option<String> {
    verdict.trace.map(|it| it.to_string())
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// MiB as bytes; `None` where zero says unknown.
pub(super) fn bytes(mib: u32) -> Option<u64> {
    (mib > 0).then(|| u64::from(mib) * 1024 * 1024)
}

#[cfg(test)]
mod tests;
