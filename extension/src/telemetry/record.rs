//! One record of telemetry: only what changes a fact.
//!
//! Every field is optional to the reader, because every field has been seen absent. Which are there when is listed in AWS's
//! schema reference; `functionArn` in `platform.start` is newer than the schema version we ask for.

use std::time::Duration;

use overtime_wire::{Arn, EpochMillis, InitSpan, Phase, RequestId, Spans, TraceId};

use super::{instant, status::Status};
use crate::{
    fault::{self, Place},
    json::{self, Fields},
    log::{self, Line, Lines, Part},
};

/// Something the platform says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// `platform.initStart`, and `platform.restoreStart` of a snapshot.
    InitStart(InitStart),
    /// `platform.initRuntimeDone`, `platform.initReport`, and the same of a restore.
    InitEnd(InitEnd),
    /// `platform.start`.
    Start(Start),
    /// `platform.runtimeDone`.
    RuntimeDone(RuntimeDone),
    /// `platform.report`.
    Report(Report),
    /// `platform.telemetrySubscription` of a process that follows another in the same environment.
    Resubscribed,
    /// `platform.logsDropped`.
    Dropped(u32),
    /// `function`: something the function wrote to its log. Only read where logs are asked for.
    Log(Line),
    /// Asks for a panic in our own tests.
    Fault(Place),
}

#[derive(Debug, Clone, PartialEq)]
pub struct InitStart {
    pub phase: Phase,
    /// Texts are empty when unsaid.
    pub initialization_type: String,
    pub runtime: String,
    pub version: String,
    /// `instanceId`: the platform's name for the environment.
    pub environment: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InitEnd {
    /// AWS's own example of `initRuntimeDone` leaves it out.
    pub phase: Option<Phase>,
    pub status: Status,
    /// Whether this is the report rather than the runtime's end.
    pub is_report: bool,
    pub duration: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub at: Option<EpochMillis>,
    pub request: RequestId,
    pub version: String,
    pub arn: Option<Arn>,
    pub trace: Option<TraceId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeDone {
    pub at: Option<EpochMillis>,
    /// The open source supervisor fills it from the current request, and may have none.
    pub request: Option<RequestId>,
    pub status: Status,
    pub duration: Option<Duration>,
    /// How long it took to answer, and what the runtime did after.
    pub spans: Spans,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub at: Option<EpochMillis>,
    pub request: RequestId,
    /// Older captures have none.
    pub status: Option<Status>,
    pub duration: Option<Duration>,
    /// Zero when unsaid.
    pub memory_mb: u32,
    pub max_memory_used_mb: u32,
    /// How long extensions held the invocation after the function had answered, and, of the first one in an environment, the
    /// init or restore before it.
    pub spans: Spans,
}

/// The type of what the function logs.
pub(super) const LOG: &str = "function";
/// The types of all that is logged.
pub(super) const LOGS: [&str; 2] = [LOG, "extension"];

/// Where the platform says how long something took.
const DURATION: &str = "durationMs";

/// Nothing can be made of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Reads one record of a body; `None` when it is of no concern to us.
pub fn read(envelope: &Fields<'_>, logs: Lines) -> Result<Option<Record>, Unreadable> {
    let kind = envelope.text("type").ok_or(Unreadable)?;
    let at = envelope.text("time").and_then(|it| instant::parse(&it));
    if kind == LOG && logs.are_wanted() {
        let (text, request) = log::read::whole(envelope.raw("record").unwrap_or_default());
        return Ok(Some(Record::Log(Line { at, request, text, part: Part::Whole })));
    }
    // Logs that nobody asked for, and records that we know nothing about, are not looked into.
    if !kind.starts_with("platform.") && kind != fault::RECORD {
        return Ok(None);
    }
    let body = || envelope.object("record").ok_or(Unreadable);
    match &*kind {
        "platform.initStart" => Ok(Some(init_start(&body()?, None))),
        "platform.restoreStart" => Ok(Some(init_start(&body()?, Some(Phase::Restore)))),
        "platform.initRuntimeDone" => init_end(&body()?, None, false).map(Some),
        "platform.initReport" => init_end(&body()?, None, true).map(Some),
        "platform.restoreRuntimeDone" => init_end(&body()?, Some(Phase::Restore), false).map(Some),
        "platform.restoreReport" => init_end(&body()?, Some(Phase::Restore), true).map(Some),
        "platform.start" => start(&body()?, at).map(Some),
        "platform.runtimeDone" => runtime_done(&body()?, at).map(Some),
        "platform.report" => report(&body()?, at).map(Some),
        "platform.telemetrySubscription" => Ok(resubscribed(&body()?)),
        "platform.logsDropped" => Ok(Some(Record::Dropped(whole(&body()?, "droppedRecords")))),
        fault::RECORD => Ok(fault(&body()?)),
        _ => Ok(None),
    }
}

fn init_start(body: &Fields<'_>, phase: Option<Phase>) -> Record {
    let text = |name: &str| body.text(name).unwrap_or_default().into_owned();
    Record::InitStart(InitStart {
        phase: phase.or_else(|| phase_of(body)).unwrap_or(Phase::Init),
        initialization_type: text("initializationType"),
        runtime: text("runtimeVersion"),
        version: text("functionVersion"),
        environment: text("instanceId"),
    })
}

/// A snapshot's own init, `snap-start`, is an init like any other.
fn phase_of(body: &Fields<'_>) -> Option<Phase> {
    body.text("phase").map(|it| if it == "invoke" { Phase::Suppressed } else { Phase::Init })
}

fn init_end(
    body: &Fields<'_>,
    phase: Option<Phase>,
    is_report: bool,
) -> Result<Record, Unreadable> {
    // Reports of older platforms have no status; they tell of nothing that the runtime's end did not.
    let status = status_of(body).or(is_report.then_some(Status::Unknown)).ok_or(Unreadable)?;
    Ok(Record::InitEnd(InitEnd {
        phase: phase.or_else(|| phase_of(body)),
        status,
        is_report,
        duration: duration(body),
    }))
}

fn start(body: &Fields<'_>, at: Option<EpochMillis>) -> Result<Record, Unreadable> {
    let tracing = body.object("tracing").and_then(|it| it.text("value"));
    Ok(Record::Start(Start {
        at,
        request: request(body).ok_or(Unreadable)?,
        version: body.text("version").unwrap_or_default().into_owned(),
        arn: body.text("functionArn").and_then(|it| it.parse().ok()),
        trace: tracing.and_then(|it| TraceId::from_header(&it)),
    }))
}

fn runtime_done(body: &Fields<'_>, at: Option<EpochMillis>) -> Result<Record, Unreadable> {
    Ok(Record::RuntimeDone(RuntimeDone {
        at,
        request: request(body),
        status: status_of(body).ok_or(Unreadable)?,
        duration: duration(body),
        spans: spans(body),
    }))
}

fn report(body: &Fields<'_>, at: Option<EpochMillis>) -> Result<Record, Unreadable> {
    let metrics = body.object("metrics");
    let of_metrics = |name: &str| metrics.as_ref().map_or(0, |it| whole(it, name));
    let took = |name: &str| metrics.as_ref().and_then(|it| milliseconds(it, name));
    let init = [(Phase::Init, "initDurationMs"), (Phase::Restore, "restoreDurationMs")]
        .into_iter()
        .find_map(|(phase, name)| Some(InitSpan { phase, took: Some(took(name)?) }));
    Ok(Record::Report(Report {
        at,
        request: request(body).ok_or(Unreadable)?,
        status: status_of(body),
        duration: took(DURATION),
        memory_mb: of_metrics("memorySizeMB"),
        max_memory_used_mb: of_metrics("maxMemoryUsedMB"),
        spans: Spans { init, ..spans(body) },
    }))
}

fn resubscribed(body: &Fields<'_>) -> Option<Record> {
    let again = body.text("state").is_some_and(|it| it.eq_ignore_ascii_case("already subscribed"));
    again.then_some(Record::Resubscribed)
}

fn fault(body: &Fields<'_>) -> Option<Record> {
    let place = body.text("place").and_then(|it| Place::named(&it));
    fault::strike(place, Place::Decoding);
    place.map(Record::Fault)
}

fn request(body: &Fields<'_>) -> Option<RequestId> {
    RequestId::parse(&body.text("requestId")?)
}

fn status_of(body: &Fields<'_>) -> Option<Status> {
    Status::read(body.text("status").as_deref(), body.text("errorType").as_deref())
}

fn duration(body: &Fields<'_>) -> Option<Duration> {
    milliseconds(&body.object("metrics")?, DURATION)
}

/// Those that we know. In one pass, because every invocation has some.
fn spans(body: &Fields<'_>) -> Spans {
    let mut spans = Spans::default();
    let read = |span: Fields<'_>| {
        let place = match span.text("name").as_deref() {
            Some("responseLatency") => &mut spans.response_latency,
            Some("responseDuration") => &mut spans.response_duration,
            Some("runtimeOverhead") => &mut spans.runtime_overhead,
            Some("extensionOverhead") => &mut spans.extension_overhead,
            Some(_) | None => return,
        };
        *place = place.or_else(|| milliseconds(&span, DURATION));
    };
    // What is no list of spans tells of none.
    let _ = json::each_object(body.raw("spans").unwrap_or_default(), read);
    spans
}

/// So many milliseconds, unless nothing could take so long: then something is wrong with it, and it is unknown.
fn milliseconds(fields: &Fields<'_>, name: &str) -> Option<Duration> {
    let milliseconds = fields.number(name).filter(|it| (0.0..=86_400_000.0).contains(it))?;
    Some(Duration::from_secs_f64(milliseconds / 1000.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts from floats saturate, and negative numbers mean nothing here"
)]
fn whole(fields: &Fields<'_>, name: &str) -> u32 {
    fields.number(name).unwrap_or(0.0) as u32
}
