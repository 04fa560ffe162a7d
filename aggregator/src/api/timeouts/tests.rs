//! What may be asked, and the shape of what is answered.

use std::time::Duration;

use expect_test::expect;
use overtime_wire::{
    Block, Cause, Evidence, IncarnationId, InitSpan, Ordinal, Outcome, Phase, RequestId, Spans,
    Subject, TraceId, Verdict,
};

use super::*;

use crate::{
    api::{
        answer::table::{Tabular as _, write},
        parameters::read,
    },
    domain::timeout::Timeout,
};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const KEPT: Duration = Duration::from_hours(90 * 24);

fn asked(query: &str) -> Result<Filter, Problem> {
    read::<Asked>(query)?.filter(NOW, KEPT)
}

#[test]
fn a_range_that_ends_before_it_begins_is_a_mistake_and_not_an_empty_list() {
    let problem = asked("from=now-1h&to=now-2h").unwrap_err();
    assert_eq!(problem.to_string(), "to lies before from");
    let problem = asked("to=1970-01-01T00:00:00Z").unwrap_err();
    assert_eq!(problem.to_string(), "to lies before everything that is still kept");
    let problem = asked("from=9000-01-01T00:00:00Z").unwrap_err();
    assert_eq!(problem.to_string(), "from lies in the future");
    for later in
        ["detected_after=9000-01-01T00:00:00Z", "from=9000-01-01T00:00:00Z&to=9001-01-01T00:00:00Z"]
    {
        let filter = asked(later).unwrap();
        assert!(filter.from <= filter.to, "{later}");
    }
    let everything = Filter::between(NOW.minus(KEPT), NOW.plus(Duration::from_hours(1)));
    assert_eq!(asked("").unwrap(), everything);
}

#[test]
fn times_may_be_relative_and_detection_bounds_how_far_back_is_read() {
    let filter = asked("from=now-24h&to=now&detected_after=now-1h").unwrap();
    assert_eq!((filter.from, filter.to), (NOW.minus(Duration::from_hours(24)), NOW));
    assert_eq!(filter.detected_after, Some(NOW.minus(Duration::from_hours(1))));

    let filter = asked("detected_after=now-1h").unwrap();
    assert_eq!(filter.from, NOW.minus(Duration::from_hours(27)));
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
        spans: Spans::default(),
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
    let item = serde_json::to_string_pretty(&Item::of(&timeout(), LogTails::Shown)).unwrap();
    expect![[r#"
        {
          "id": "01010101010101010101010101010101-7",
          "block": 1992768,
          "url": "/api/v1/functions/123456789012/eu-west-1/orders/timeouts/1992768/01010101010101010101010101010101-7",
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
          "silent_ms": null,
          "init_phase": null,
          "init_ms": null,
          "response_latency_ms": null,
          "response_duration_ms": null,
          "runtime_overhead_ms": null,
          "extension_overhead_ms": null
        }"#]]
    .assert_eq(&item);

    let mut known = timeout();
    known.verdict.memory_mb = 128;
    known.verdict.request = RequestId::parse("3da1f2dc-0a1b-4c2d-8e3f-00112233aabb");
    known.verdict.trace = Some(TraceId([2; 16]));
    known.verdict.timeout = Duration::from_secs(3);
    known.verdict.duration = Some(Duration::from_micros(3_000_400));
    known.verdict.last_log = Some(NOW.plus(Duration::from_millis(400)));
    let item = serde_json::to_value(Item::of(&known, LogTails::Shown)).unwrap();
    assert_eq!(item["memory_bytes"], 134_217_728);
    assert_eq!(item["request_id"], "3da1f2dc-0a1b-4c2d-8e3f-00112233aabb");
    assert_eq!(item["trace_id"], "1-02020202-020202020202020202020202");
    assert_eq!((&item["timeout_ms"], &item["duration_ms"]), (&3_000.into(), &3_000.into()));
    assert_eq!(item["silent_ms"], 2_600);

    let init = InitSpan { phase: Phase::Suppressed, took: Some(Duration::from_micros(1_900_400)) };
    let runtime_overhead = Some(Duration::from_micros(900));
    known.verdict.spans = Spans { init: Some(init), runtime_overhead, ..Spans::default() };
    let item = serde_json::to_value(Item::of(&known, LogTails::Shown)).unwrap();
    assert_eq!(
        (&item["init_phase"], &item["init_ms"]),
        (&"suppressed_init".into(), &1_900.4.into())
    );
    assert_eq!(item["runtime_overhead_ms"], 0.9);
}

#[test]
fn a_row_has_a_cell_for_each_column_and_runs_nothing() {
    let mut strange = timeout();
    strange.verdict.version = "=HYPERLINK(\"http://evil.example\")".to_owned();
    let item = Item::of(&strange, LogTails::Shown);
    assert_eq!(item.cells().len(), Item::COLUMNS.concat().len());
    let table = String::from_utf8(write(&[item]).unwrap()).unwrap();
    assert!(table.contains(",\"'=HYPERLINK("), "{table}");
}
