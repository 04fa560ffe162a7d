//! What may be asked, and the shape of what is answered.

use std::collections::HashMap;

use axum::{body::to_bytes, response::IntoResponse};
use expect_test::{Expect, expect};
use overtime_wire::{Block, IncarnationId, Ordinal, Outcome, Subject, TraceId};

use super::*;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

fn parameters(query: &[(&str, &str)]) -> Parameters {
    let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Parameters(pairs.collect::<HashMap<_, _>>())
}

/// Tells what a faulty query hears.
async fn check(query: &[(&str, &str)], expected: Expect) {
    let given = parameters(query);
    let problem = filter(&given, NOW)
        .map(drop)
        .and_then(|()| given.limit(LIMIT_DEFAULT, LIMIT_MAX).map(drop));
    let response = problem.unwrap_err().into_response();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    expected.assert_eq(std::str::from_utf8(&body).unwrap());
}

#[tokio::test]
async fn a_faulty_parameter_is_named() {
    check(&[("account", "12")], expect![[r#"{"detail":"account is not valid: account is not twelve digits","field":"account","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&[("from", "yesterday")], expect![[r#"{"detail":"from is neither RFC 3339 nor of the form now-24h","field":"from","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&[("cause", "weather")], expect![[r#"{"detail":"cause is none of the words it may be","field":"cause","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&[("limit", "1001")], expect![[r#"{"detail":"limit is not a number from 1 to 1000","field":"limit","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&[("limit", "0")], expect![[r#"{"detail":"limit is not a number from 1 to 1000","field":"limit","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
}

#[test]
fn unknown_and_empty_parameters_are_ignored() {
    let filter = filter(&parameters(&[("color", "red"), ("account", "")]), NOW).unwrap();
    assert_eq!(filter, Filter::between(NOW.minus(TIMEOUTS_LIVE), NOW.plus(AHEAD)));
}

#[test]
fn times_may_be_relative_and_detection_bounds_how_far_back_is_read() {
    let given = parameters(&[("from", "now-24h"), ("to", "now"), ("detected_after", "now-1h")]);
    let asked = filter(&given, NOW).unwrap();
    assert_eq!((asked.from, asked.to), (NOW.minus(Duration::from_hours(24)), NOW));
    assert_eq!(asked.detected_after, Some(NOW.minus(Duration::from_hours(1))));

    let asked = filter(&parameters(&[("detected_after", "now-1h")]), NOW).unwrap();
    assert_eq!(asked.from, NOW.minus(Duration::from_hours(27)));
}

fn timeout() -> Timeout {
    let verdict = Verdict {
        block: Block::of(NOW),
        ordinal: Ordinal(7),
        revision: 1,
        evidence: Evidence::Deadline,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Unknown,
        seen: NOW,
        started: None,
        deadline: Some(NOW.plus(Duration::from_secs(3))),
        detected: NOW,
        timeout: Duration::ZERO,
        duration: None,
        request: None,
        version: String::new(),
        alias: String::new(),
        cold_start: true,
        memory_mb: 0,
        max_memory_used_mb: 0,
        trace: None,
        environment: "sandbox-1".to_owned(),
        log_tail: String::new(),
        last_log: None,
    };
    Timeout {
        function: overtime_wire::FunctionKey {
            account: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        },
        incarnation: IncarnationId([1; 16]),
        verdict,
        detected_at: NOW.plus(Duration::from_secs(4)),
    }
}

#[test]
fn an_item_has_every_field_and_null_where_nothing_is_known() {
    let item = serde_json::to_string_pretty(&Item::of(&timeout())).unwrap();
    expect![[r#"
        {
          "id": "01010101010101010101010101010101-7",
          "account": "123456789012",
          "region": "eu-west-1",
          "function": "orders",
          "version": null,
          "alias": null,
          "subject": "invocation",
          "request_id": null,
          "sandbox": "sandbox-1",
          "started_at": null,
          "deadline": "2026-11-01T00:00:03.000Z",
          "detected_at": "2026-11-01T00:00:04.000Z",
          "timeout_ms": null,
          "duration_ms": null,
          "cause": "unknown",
          "evidence": "deadline",
          "inferred": true,
          "cold_start": true,
          "memory_bytes": null,
          "max_memory_used_bytes": null,
          "trace_id": null,
          "log_tail": null,
          "silent_ms": null
        }"#]]
    .assert_eq(&item);

    let mut known = timeout();
    known.verdict.memory_mb = 128;
    known.verdict.request = RequestId::parse("3da1f2dc-0a1b-4c2d-8e3f-00112233aabb");
    known.verdict.trace = Some(TraceId([2; 16]));
    known.verdict.timeout = Duration::from_secs(3);
    known.verdict.duration = Some(Duration::from_micros(3_000_400));
    known.verdict.last_log = Some(NOW.plus(Duration::from_millis(400)));
    let item = serde_json::to_value(Item::of(&known)).unwrap();
    assert_eq!(item["memory_bytes"], 134_217_728);
    assert_eq!(item["request_id"], "3da1f2dc-0a1b-4c2d-8e3f-00112233aabb");
    assert_eq!(item["trace_id"], "1-02020202-020202020202020202020202");
    assert_eq!((&item["timeout_ms"], &item["duration_ms"]), (&3_000.into(), &3_000.into()));
    assert_eq!(item["silent_ms"], 2_600);
}
