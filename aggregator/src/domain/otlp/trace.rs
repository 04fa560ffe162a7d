//! A timeout as a trace: the invocation, and in it the phases that anybody knows of.
//!
//! The function's own X-Ray trace goes on where its id is known: it is the same sixteen bytes. Where not, an id is made of what the timeout
//! is called. So are the ids of spans: whoever is told twice is told the same spans.
//!
//! ```text
//!   orders ├────────────────────────────────────────┤ status: error
//!            handler ├───────────┤                      until it last logged, or answered
//!                        silence ├──────────────────┤   or: extension
//!                                                   ◆ overtime.verdict, when it was known
//! ```
//!
//! What the end of the log says is for operators, and is not sent.
//!
//! **Invariant.** A function of one timeout. A phase whose beginning or end nobody told is no span.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::KeyValue,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};
use overtime_wire::{Cause, EpochMillis, FunctionKey};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::attributes::{SCHEMA_URL, arn, nanos, resource, scope, text, truth, whole};
use crate::domain::{instant::rfc3339, timeout::Timeout};

const MEBIBYTE: u64 = 1_048_576;
const MICROSECONDS_A_MILLISECOND: u128 = 1_000;

/// The trace of a timeout.
pub fn request(timeout: &Timeout) -> ExportTraceServiceRequest {
    let root = root(timeout);
    let spans = phases(timeout).into_iter().map(|it| it.span(timeout, &root));
    let spans: Vec<Span> = std::iter::once(root.clone()).chain(spans).collect();
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource(&timeout.function)),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope()),
            spans,
            schema_url: SCHEMA_URL.to_owned(),
        }],
        schema_url: SCHEMA_URL.to_owned(),
    }];
    ExportTraceServiceRequest { resource_spans }
}

/// The same, as it is sent.
pub fn written(timeout: &Timeout) -> Vec<u8> {
    request(timeout).encode_to_vec()
}

fn root(timeout: &Timeout) -> Span {
    let verdict = &timeout.verdict;
    let (began, ended) = bounds(timeout);
    let mut attributes = invocation(timeout);
    attributes.extend(findings(timeout));
    let verdict_event = Event {
        time_unix_nano: nanos(verdict.detected),
        name: "overtime.verdict".to_owned(),
        attributes: findings(timeout),
        ..Event::default()
    };
    Span {
        trace_id: trace_id(timeout),
        span_id: span_id(timeout, "invocation"),
        name: timeout.function.name.to_string(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(began),
        end_time_unix_nano: nanos(ended),
        attributes,
        events: vec![verdict_event],
        status: Some(Status {
            message: format!("timed out: {}", verdict.cause.as_str()),
            code: StatusCode::Error.into(),
        }),
        ..Span::default()
    }
}

/// What the conventions know of an invocation.
fn invocation(timeout: &Timeout) -> Vec<KeyValue> {
    let verdict = &timeout.verdict;
    let mut attributes = vec![
        truth("faas.coldstart", verdict.cold_start),
        text("error.type", "timeout"),
        text("aws.lambda.invoked_arn", invoked_arn(&timeout.function, verdict)),
    ];
    if let Some(request) = &verdict.request {
        attributes.push(text("faas.invocation_id", request.to_string()));
    }
    if !verdict.version.is_empty() {
        attributes.push(text("faas.version", verdict.version.as_str()));
    }
    if !verdict.environment.is_empty() {
        attributes.push(text("faas.instance", verdict.environment.as_str()));
    }
    if verdict.memory_mb > 0 {
        attributes.push(whole("faas.max_memory", u64::from(verdict.memory_mb) * MEBIBYTE));
    }
    attributes
}

/// The qualifier that was asked for, where it is known; a version that was not asked for by name is none.
fn invoked_arn(function: &FunctionKey, verdict: &overtime_wire::Verdict) -> String {
    let arn = arn(function);
    if verdict.alias.is_empty() { arn } else { format!("{arn}:{}", verdict.alias) }
}

/// What is known of the timeout.
fn findings(timeout: &Timeout) -> Vec<KeyValue> {
    let verdict = &timeout.verdict;
    let mut findings = vec![
        text("overtime.outcome", verdict.outcome.as_str()),
        text("overtime.cause", verdict.cause.as_str()),
        text("overtime.evidence", verdict.evidence.as_str()),
        text("overtime.deadline", rfc3339(timeout.deadline())),
    ];
    let mut told = |key, number: u128| {
        if number > 0 {
            findings.push(whole(key, number));
        }
    };
    told("overtime.timeout_ms", verdict.timeout.as_millis());
    let duration = verdict.duration.map_or(0, |it| it.as_micros() / MICROSECONDS_A_MILLISECOND);
    told("overtime.duration_ms", duration);
    let used = u64::from(verdict.max_memory_used_mb) * MEBIBYTE;
    told("overtime.max_memory_used", used.into());
    findings
}

fn bounds(timeout: &Timeout) -> (EpochMillis, EpochMillis) {
    let began = timeout.started_at();
    (began, timeout.deadline().max(began))
}

/// A part of an invocation whose beginning and end are known.
struct Phase {
    name: &'static str,
    began: EpochMillis,
    ended: EpochMillis,
}

impl Phase {
    fn span(&self, timeout: &Timeout, root: &Span) -> Span {
        Span {
            trace_id: root.trace_id.clone(),
            span_id: span_id(timeout, self.name),
            parent_span_id: root.span_id.clone(),
            name: self.name.to_owned(),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanos(self.began),
            end_time_unix_nano: nanos(self.ended),
            ..Span::default()
        }
    }
}

fn phases(timeout: &Timeout) -> Vec<Phase> {
    let verdict = &timeout.verdict;
    let (began, ended) = bounds(timeout);
    let whole = |name| vec![Phase { name, began, ended }];
    let parted = |at: Option<EpochMillis>, rest: &'static str| {
        let Some(at) = at.filter(|it| (began..ended).contains(it)) else {
            return whole("handler");
        };
        let handler = Phase { name: "handler", began, ended: at };
        vec![handler, Phase { name: rest, began: at, ended }]
    };
    match verdict.cause {
        Cause::Init => whole("init"),
        Cause::Extension => parted(verdict.duration.map(|it| began.plus(it)), "extension"),
        Cause::Handler => parted(verdict.last_log, "silence"),
        // Whose time it was nobody knows.
        Cause::OutOfMemory | Cause::Unknown => Vec::new(),
    }
}

/// X-Ray's id without its dashes is OpenTelemetry's. One of zeros is none there.
fn trace_id(timeout: &Timeout) -> Vec<u8> {
    let known = timeout.verdict.trace.filter(|it| it.0 != [0; 16]);
    known.map_or_else(|| named(timeout, "trace", 16), |it| it.0.to_vec())
}

fn span_id(timeout: &Timeout, name: &str) -> Vec<u8> {
    named(timeout, name, 8)
}

/// An id made of what the timeout is called, and what in it is meant.
fn named(timeout: &Timeout, what: &str, length: usize) -> Vec<u8> {
    let FunctionKey { account, region, name } = &timeout.function;
    let block = timeout.block().number();
    let name = format!("overtime/{account}/{region}/{name}/{block}/{}/{what}", timeout.id());
    Sha256::digest(name)[..length].to_vec()
}

#[cfg(test)]
mod tests;
