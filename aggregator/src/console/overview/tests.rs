//! The overview as it is sent: honest about what was not seen.

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use expect_test::{Expect, expect};
use overtime_wire::{EpochMillis, Profile};
use tower::ServiceExt as _;

use crate::{
    api::{self, Reader},
    console::{Console, beside},
    domain::{
        hour::{Hour, HourView, StandingHour},
        summary::Summary,
        timeout::Timeout,
        view::Basis,
    },
    store::laboratory::{Laboratory, at, function, incarnation, verdict},
};

/// A function's row by its timeouts and invocations so many hours ago, of which the slowest took so long of three seconds.
fn row(name: &str, did: &[(u32, u64, u64)], slowest_ms: u64) -> Summary {
    let newest = Hour::of(at(0));
    let hours: Vec<_> = did
        .iter()
        .map(|(ago, timeouts, invocations)| {
            let mut view = HourView::default();
            view.counts.0.timeouts = *timeouts;
            view.counts.0.invocations = *invocations;
            let mut durations = overtime_wire::Durations::default();
            durations.record(std::time::Duration::from_millis(slowest_ms));
            view.durations.add(&durations);
            view.causes = BTreeMap::from([("handler".to_owned(), *timeouts)]);
            view.last_seen_ms = Some(at(0).0);
            view.last_timeout_ms = (*timeouts > 0).then(|| newest.minus(*ago).start().0);
            view.profile = Profile {
                memory_mb: 512,
                timeout: std::time::Duration::from_secs(3),
                runtime: "python:3.13.v40".to_owned(),
                ..Profile::default()
            };
            StandingHour { hour: newest.minus(*ago), basis: Basis::of(*invocations), view }
        })
        .collect();
    Summary::of(&function(name), &hours).unwrap()
}

async fn fleet() -> Laboratory {
    let lab = Laboratory::open().await;
    for row in [
        row("calm", &[(0, 0, 40)], 100),
        row("hanging", &[(0, 3, 7), (5, 4, 4)], 2_900),
        row("slow", &[(1, 2, 90)], 1_000),
    ] {
        assert!(lab.store.put_summary(&row).await.unwrap());
    }
    let timeout = Timeout {
        function: function("hanging"),
        incarnation: incarnation(1),
        verdict: overtime_wire::Verdict {
            log_tail: "<script>alert('log')</script>".to_owned(),
            last_log: None,
            spans: overtime_wire::Spans::default(),
            ..verdict(1, 1_000)
        },
        detected_at: at(4_100),
    };
    lab.store.put_timeout(&timeout, 1).await.unwrap();
    lab
}

async fn page(lab: &Laboratory, path: &str, clock: fn() -> EpochMillis) -> String {
    let reader = Reader::new(lab.store.clone(), clock);
    let router = beside(api::read(reader.clone()), Console::new(reader));
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let bytes = to_bytes(response.into_body(), 1_000_000).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn minute() -> EpochMillis {
    at(60_000)
}

/// What a reader reads between two words: without tags, a bar for each piece.
#[track_caller]
fn check(html: &str, (from, to): (&str, &str), expected: Expect) {
    let body = html.split_once("<main").map_or(html, |(_, it)| it);
    let pieces = body.split('<').filter_map(|it| it.split_once('>').map(|(_, text)| text.trim()));
    let text = pieces.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" | ");
    let start = text.find(from).unwrap();
    let end = start + text[start..].find(to).unwrap();
    expected.assert_eq(&text[start..end]);
}

#[tokio::test]
async fn the_page_says_what_is_wrong_where_and_since_when() {
    let lab = fleet().await;
    let html = page(&lab, "/", minute).await;
    check(
        &html,
        ("Last heard", "Who timed out when"),
        expect![
            "Last heard | 00:01:00 UTC | 3 of 3 functions reported in the last hour | Timeouts | 9 | of 141 invocations | Timeout rate | 6.4 % | of all invocations | Functions timing out | 2 | of 3 in the last day | Firing alerts | 0 | 0 pending, 0 silenced | Close to timeout | 1 | functions whose p99 is at 80 % or more | New offenders | 1 | first timeout in a day in the last 3 h | GB-seconds lost | 13.5 | in timeouts, in the last day | "
        ],
    );
    check(
        &html,
        ("What timed out most", "Timeouts of the fleet"),
        expect![
            "What timed out most, in the last day | All functions | CSV | JSON | Function | Timeouts | Rate | By hour | Cause | Last, UTC | hanging | 012345678901 · eu-west-1 | 7 | 64 % | handler | 00:00:00 | slow | 012345678901 · eu-west-1 | 2 | 2.2 % | handler | 31 Oct, 23:00:00 | "
        ],
    );
    check(
        &html,
        ("Closest to", "What timed out most"),
        expect![
            "Closest to their timeout | All functions | hanging | 97 % | p99 2.9 s of 3 s | slow | 32 % | p99 956 ms of 3 s | calm | 3.3 % | p99 100 ms of 3 s | "
        ],
    );
    check(
        &html,
        ("Latest timeouts", "All times"),
        expect![
            "Latest timeouts | CSV | JSON | Deadline, UTC | Function | Why, and how we know | Request | 00:00:04 | hanging | 012345678901 · eu-west-1 · version 1 | The function&#39;s own code was still running | after 3 s | confirmed | Lambda said so when the runtime was done | id not known | All timeouts | "
        ],
    );
    assert!(html.contains("hanging, "), "cells name their function");
    assert!(!html.contains("<script>alert"), "what functions say is escaped");
    assert!(html.len() < 40_000, "{}", html.len());
}

#[tokio::test]
async fn old_data_is_called_old_before_anything_else() {
    let lab = fleet().await;
    let html = page(&lab, "/", || at(3_600_000)).await;
    check(
        &html,
        ("24 hours", "Timeouts"),
        expect![
            "24 hours | 7 days | 30 days | Data may be incomplete. | Nothing has been heard for 59 min, since | 00:01:00 UTC | . | 3 of 3 functions reported in the last hour | "
        ],
    );
}

#[tokio::test]
async fn an_empty_store_teaches() {
    let lab = Laboratory::open().await;
    let html = page(&lab, "/", minute).await;
    assert!(html.contains("cargo demo") && html.contains("OVERTIME_URL"), "{html}");
    assert!(!html.contains("<table"), "nothing is shown as zero: {html}");
}

#[tokio::test]
async fn another_time_another_zone_and_shares() {
    let lab = fleet().await;
    let html = page(&lab, "/?from=now-7d&tz=Asia/Kolkata&heat=rate", minute).await;
    assert!(html.contains("All times are Asia/Kolkata"));
    assert!(
        html.contains(r#"href="/?heat=rate&#38;tz=Asia%2FKolkata""#) || html.contains("now-7d")
    );
    assert!(html.contains("/api/v1/overview/series.csv?from=now-7d\""), "{html}");
    assert!(html.contains(">100%</a>"), "shares instead of counts");
}
