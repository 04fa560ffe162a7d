//! What a timeout says as spans.

use std::time::Duration;

use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use overtime_wire::{TraceId, Verdict};

use super::*;
use crate::domain::otlp::fixture::{at, timeout};

fn spans(timeout: &Timeout) -> Vec<Span> {
    let mut request = request(timeout);
    request.resource_spans.remove(0).scope_spans.remove(0).spans
}

/// Spans as lines: name, and when they began and ended in milliseconds after the hour.
#[track_caller]
fn check(of: impl FnOnce(Verdict) -> Verdict, expected: Expect) {
    let timeout = Timeout { verdict: of(timeout().verdict), ..timeout() };
    let spans = spans(&timeout);
    let millis = |it: u64| (it - nanos(at(0))) / 1_000_000;
    let line = |it: &Span| {
        let (began, ended) = (millis(it.start_time_unix_nano), millis(it.end_time_unix_nano));
        format!("{} {began}-{ended}", it.name)
    };
    expected.assert_eq(&spans.iter().map(line).collect::<Vec<_>>().join(", "));
    for (at, span) in spans.iter().enumerate() {
        let parent = if at == 0 { Vec::new() } else { spans[0].span_id.clone() };
        assert_eq!((&span.parent_span_id, &span.trace_id), (&parent, &spans[0].trace_id));
        assert!(spans[at + 1..].iter().all(|it| it.span_id != span.span_id));
    }
}

#[test]
fn a_phase_is_a_span_where_both_its_ends_are_known() {
    check(|it| it, expect!["orders 1000-4000, handler 1000-1500, silence 1500-4000"]);
    check(|it| Verdict { last_log: None, ..it }, expect!["orders 1000-4000, handler 1000-4000"]);
    check(
        |it| Verdict { last_log: Some(at(9_000)), ..it },
        expect!["orders 1000-4000, handler 1000-4000"],
    );
    let answered = Some(Duration::from_millis(40));
    check(
        |it| Verdict { cause: Cause::Extension, duration: answered, ..it },
        expect!["orders 1000-4000, handler 1000-1040, extension 1040-4000"],
    );
    check(|it| Verdict { cause: Cause::Init, ..it }, expect!["orders 1000-4000, init 1000-4000"]);
    check(|it| Verdict { cause: Cause::Unknown, ..it }, expect!["orders 1000-4000"]);
    check(
        |it| Verdict { started: None, deadline: None, last_log: None, ..it },
        expect!["orders 1000-4000, handler 1000-4000"],
    );
}

#[test]
fn the_trace_is_the_functions_own_where_that_is_known() {
    let known = timeout();
    assert_eq!(spans(&known)[0].trace_id, b"0123456789abcdef");
    for trace in [None, Some(TraceId([0; 16]))] {
        let verdict = Verdict { trace, ..timeout().verdict };
        let unknown = spans(&Timeout { verdict: verdict.clone(), ..timeout() });
        assert_eq!(unknown[0].trace_id.len(), 16);
        assert_ne!(unknown[0].trace_id, [0; 16]);
        let better = Verdict { revision: 2, ..verdict };
        assert_eq!(
            spans(&Timeout { verdict: better, ..timeout() })[0].trace_id,
            unknown[0].trace_id
        );
    }
}

#[test]
fn a_timeout_is_the_same_spans_however_often_it_is_told_and_another_is_others() {
    assert_eq!(written(&timeout()), written(&timeout()));
    let other = Verdict { ordinal: overtime_wire::Ordinal(4), ..timeout().verdict };
    let other = spans(&Timeout { verdict: other, ..timeout() });
    assert!(
        spans(&timeout()).iter().all(|it| other.iter().all(|other| it.span_id != other.span_id))
    );
}

#[test]
fn the_root_says_what_is_known_and_nothing_of_the_log() {
    let span = &spans(&timeout())[0];
    let said = |it: &KeyValue| {
        let value = match it.value.clone().unwrap().value.unwrap() {
            Value::StringValue(it) => it,
            Value::IntValue(it) => it.to_string(),
            Value::BoolValue(it) => it.to_string(),
            Value::DoubleValue(_)
            | Value::ArrayValue(_)
            | Value::KvlistValue(_)
            | Value::BytesValue(_)
            | Value::StringValueStrindex(_) => panic!("{it:?}"),
        };
        format!("{}={value}", it.key)
    };
    let lines: Vec<_> = span.attributes.iter().map(said).collect();
    expect![[r"
        faas.coldstart=true
        error.type=timeout
        aws.lambda.invoked_arn=arn:aws:lambda:eu-west-1:012345678901:function:orders:live
        faas.version=7
        faas.instance=sandbox
        faas.max_memory=134217728
        overtime.outcome=timeout
        overtime.cause=handler
        overtime.evidence=report
        overtime.deadline=2026-11-01T00:00:04.000Z
        overtime.timeout_ms=3000
        overtime.duration_ms=3000
        overtime.max_memory_used=67108864"]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(
        (span.events[0].name.as_str(), span.events[0].time_unix_nano),
        ("overtime.verdict", nanos(at(4_020)))
    );
    assert!(!written(&timeout()).windows(8).any(|it| it == b"a secret"));
}
