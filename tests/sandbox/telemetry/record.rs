//! The platform's records: what happened, in the platform's words.
//!
//! Field names and their presence follow the developer guide's "Telemetry API Event schema
//! reference" and RAPID's `telemetry` package; fields seen only in live captures of 2026
//! (`functionArn`, `instanceMaxMemory` in bytes) are there as well. All constructors are pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::milliseconds;
use crate::spec::Spec;
use crate::state::Agent;

/// One event, as it goes into the array of a POST.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub time: Timestamp,
    pub kind: Kind,
    pub body: Value,
}

impl Record {
    pub fn to_json(&self) -> Value {
        json!({ "time": stamp(self.time), "type": self.kind.as_str(), "record": self.body })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    InitStart,
    InitRuntimeDone,
    InitReport,
    RestoreStart,
    RestoreRuntimeDone,
    RestoreReport,
    Start,
    RuntimeDone,
    Report,
    Extension,
    TelemetrySubscription,
    LogsDropped,
    Function,
    ExtensionLog,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InitStart => "platform.initStart",
            Self::InitRuntimeDone => "platform.initRuntimeDone",
            Self::InitReport => "platform.initReport",
            Self::RestoreStart => "platform.restoreStart",
            Self::RestoreRuntimeDone => "platform.restoreRuntimeDone",
            Self::RestoreReport => "platform.restoreReport",
            Self::Start => "platform.start",
            Self::RuntimeDone => "platform.runtimeDone",
            Self::Report => "platform.report",
            Self::Extension => "platform.extension",
            Self::TelemetrySubscription => "platform.telemetrySubscription",
            Self::LogsDropped => "platform.logsDropped",
            Self::Function => "function",
            Self::ExtensionLog => "extension",
        }
    }

    pub fn category(self) -> Category {
        match self {
            Self::Function => Category::Function,
            Self::ExtensionLog => Category::Extension,
            Self::InitStart
            | Self::InitRuntimeDone
            | Self::InitReport
            | Self::RestoreStart
            | Self::RestoreRuntimeDone
            | Self::RestoreReport
            | Self::Start
            | Self::RuntimeDone
            | Self::Report
            | Self::Extension
            | Self::TelemetrySubscription
            | Self::LogsDropped => Category::Platform,
        }
    }
}

/// What one can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }
}

/// When an init happens: on its own, or inside an invocation because the one before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Init,
    Invoke,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

/// How something ended, in the platform's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    Timeout,
    /// `error`, or `failure` when the error type says that it was the platform's fault.
    Error(String),
}

impl Status {
    /// A `timeout` carries no error type.
    fn write_into(&self, body: &mut Value) {
        let (status, error_type) = match self {
            Self::Success => ("success", None),
            Self::Timeout => ("timeout", None),
            Self::Error(error_type) if error_type.starts_with("Sandbox.") => {
                ("failure", Some(error_type))
            }
            Self::Error(error_type) => ("error", Some(error_type)),
        };
        body["status"] = json!(status);
        if let Some(error_type) = error_type {
            body["errorType"] = json!(error_type);
        }
    }
}

pub(crate) fn init_start(spec: &Spec, phase: Phase, instance: &str) -> Value {
    json!({
        "initializationType": spec.initialization.as_str(),
        "phase": phase.as_str(),
        "runtimeVersion": "provided:al2023.v100",
        "runtimeVersionArn": format!("arn:aws:lambda:{}::runtime:{:064x}", spec.function.region, 1),
        "functionName": spec.function.name,
        "functionVersion": spec.function.version,
        "functionArn": spec.function.arn(),
        "instanceId": instance,
        "instanceMaxMemory": u64::from(spec.function.memory_mb) << 20,
    })
}

pub(crate) fn init_runtime_done(spec: &Spec, phase: Phase, status: &Status) -> Value {
    let mut body = json!({
        "initializationType": spec.initialization.as_str(),
        "phase": phase.as_str(),
    });
    status.write_into(&mut body);
    body
}

pub(crate) fn init_report(spec: &Spec, phase: Phase, (status, took): (&Status, Duration)) -> Value {
    let mut body = init_runtime_done(spec, phase, status);
    body["metrics"] = json!({ "durationMs": milliseconds(took) });
    body
}

/// How long a restore is said to take: nothing is restored here.
pub(crate) const RESTORE: Duration = Duration::from_millis(1);

/// A snapshot that wakes up as another environment: what was told before was told to the original.
pub(crate) fn restore(spec: &Spec, instance: &str) -> [(Kind, Value); 3] {
    let start = json!({
        "functionName": spec.function.name,
        "functionVersion": spec.function.version,
        "instanceId": instance,
        "runtimeVersion": "provided:al2023.v100",
    });
    let done = json!({ "status": "success" });
    let report = json!({ "status": "success", "metrics": { "durationMs": milliseconds(RESTORE) } });
    [(Kind::RestoreStart, start), (Kind::RestoreRuntimeDone, done), (Kind::RestoreReport, report)]
}

pub(crate) fn extension(agent: &Agent) -> Value {
    let mut body = json!({ "name": agent.name, "state": agent.state(), "events": agent.events() });
    if let Some(error_type) = &agent.failed {
        body["errorType"] = json!(error_type);
    }
    body
}

pub(crate) fn start(spec: &Spec, request_id: &str, trace: &str) -> Value {
    json!({
        "requestId": request_id,
        "version": spec.function.version,
        "functionArn": spec.function.arn(),
        "tracing": tracing(trace),
    })
}

/// What is known when the runtime is done, or is given up on.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) trace: &'a str,
    pub(crate) status: &'a Status,
    pub(crate) took: Duration,
    pub(crate) produced_bytes: usize,
    /// When the invocation was released, when it was answered, when the runtime came back.
    pub(crate) answered: Option<(Timestamp, Timestamp, Timestamp)>,
}

pub(crate) fn runtime_done(done: &Done<'_>) -> Value {
    let mut body = json!({
        "requestId": done.request_id,
        "metrics": { "durationMs": milliseconds(done.took), "producedBytes": done.produced_bytes },
        "tracing": tracing(done.trace),
    });
    done.status.write_into(&mut body);
    if let Some((released, answered, back)) = done.answered {
        body["spans"] = json!([
            span("responseLatency", released, answered),
            span("responseDuration", answered, answered),
            span("runtimeOverhead", answered, back),
        ]);
    }
    body
}

/// The closing account of an invocation.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) trace: &'a str,
    pub(crate) status: &'a Status,
    pub(crate) took: Duration,
    /// The init phase that preceded it, told once.
    pub(crate) init: Option<Duration>,
    /// Whether a snapshot was restored for it.
    pub(crate) is_restored: bool,
    pub(crate) max_memory_mb: u64,
    /// From the runtime's being done to the last extension's asking for `next`.
    pub(crate) overhead: Option<(Timestamp, Timestamp)>,
}

pub(crate) fn report(spec: &Spec, account: &Account<'_>) -> Value {
    let billed = account.took + account.init.unwrap_or_default();
    let mut body = json!({
        "requestId": account.request_id,
        "metrics": {
            "durationMs": milliseconds(account.took),
            "billedDurationMs": u64::try_from(billed.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX),
            "memorySizeMB": spec.function.memory_mb,
            "maxMemoryUsedMB": account.max_memory_mb,
        },
        "tracing": tracing(account.trace),
    });
    account.status.write_into(&mut body);
    if let Some(init) = account.init {
        body["metrics"]["initDurationMs"] = json!(milliseconds(init));
    }
    if account.is_restored {
        body["metrics"]["restoreDurationMs"] = json!(milliseconds(RESTORE));
        body["metrics"]["billedRestoreDurationMs"] = json!(RESTORE.subsec_millis());
    }
    if let Some((begun, ended)) = account.overhead {
        body["spans"] = json!([span("extensionOverhead", begun, ended)]);
    }
    body
}

/// The only word about the end of a request to a managed instance: nothing is billed by duration there, and memory is
/// shared. Unlike elsewhere, a timeout carries an error type (RAPID's `invoke/metrics.go`).
pub(crate) fn managed_report(
    (request_id, trace): (&str, &str),
    status: &Status,
    (took, answered): (Duration, Option<(Timestamp, Timestamp)>),
) -> Value {
    let mut body = json!({
        "requestId": request_id,
        "metrics": { "durationMs": milliseconds(took) },
        "tracing": tracing(trace),
        "spans": [],
    });
    status.write_into(&mut body);
    match status {
        Status::Timeout => body["errorType"] = json!("Sandbox.Timedout"),
        Status::Error(error_type) if error_type.starts_with("Client.") => {
            body["status"] = json!("failure");
        }
        Status::Success | Status::Error(_) => {}
    }
    if let Some((handed_out, answered)) = answered {
        body["spans"] = json!([
            span("responseLatency", handed_out, answered),
            span("responseDuration", answered, answered),
        ]);
    }
    body
}

pub(crate) fn logs_dropped(records: usize, bytes: usize, reason: &str) -> Value {
    json!({ "droppedRecords": records, "droppedBytes": bytes, "reason": reason })
}

fn span(name: &str, begun: Timestamp, ended: Timestamp) -> Value {
    let took = milliseconds(crate::clock::between(begun, ended));
    json!({ "name": name, "start": stamp(begun), "durationMs": took })
}

fn tracing(trace: &str) -> Value {
    json!({ "type": "X-Amzn-Trace-Id", "value": trace })
}

/// RFC 3339 with milliseconds, as the platform writes it.
pub(crate) fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: Status) -> String {
        let mut body = json!({});
        status.write_into(&mut body);
        body.to_string()
    }

    #[test]
    fn a_timeout_carries_no_error_type() {
        assert_eq!(written(Status::Timeout), r#"{"status":"timeout"}"#);
    }

    #[test]
    fn what_the_sandbox_did_is_a_failure_and_what_the_customer_did_an_error() {
        let of = |error_type: &str| written(Status::Error(error_type.to_owned()));
        assert_eq!(of("Sandbox.Failure"), r#"{"errorType":"Sandbox.Failure","status":"failure"}"#);
        assert_eq!(
            of("Runtime.ExitError"),
            r#"{"errorType":"Runtime.ExitError","status":"error"}"#
        );
    }

    #[test]
    fn a_stamp_has_three_decimals() {
        let at = Timestamp::from_millisecond(1_793_491_200_007).unwrap();
        assert_eq!(stamp(at), "2026-11-01T00:00:00.007Z");
    }
}
