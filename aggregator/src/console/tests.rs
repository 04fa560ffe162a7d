//! The page as it is sent: honest about what was not seen, and clean under its own policy.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use expect_test::{Expect, expect};
use overtime_wire::{Block, Counts, FunctionKey, Profile};

use super::*;
use crate::{
    domain::{
        alert::{self, Observation, Rule, State, Transition, evaluate},
        hour::Hour,
        ring::{Hourly, Ring},
        summary::{Basis, Digest, Summary},
        timeout::Timeout,
    },
    store::laboratory::{at, block, incarnation, verdict},
};

fn function(name: &str) -> FunctionKey {
    crate::store::laboratory::function(name)
}

/// A function that timed out so often of so many, in the hour of the laboratory's block.
fn summary(name: &str, timeouts: u64, invocations: u64) -> Summary {
    let counts = Counts { timeouts, invocations, ..Counts::default() };
    let profile = Profile {
        memory_mb: 128,
        timeout: Duration::from_secs(3),
        runtime: "python:3.13.v40".to_owned(),
        ..Profile::default()
    };
    let digest = Digest {
        hours: Ring(BTreeMap::from([(
            Hour::of_block(block()),
            Hourly { seen: 1, counts, ..Hourly::default() },
        )])),
        profile,
        p99_us: (invocations > timeouts).then_some(2_700_000),
        last_seen_ms: Some(at(0).0),
        ..Digest::default()
    };
    Summary {
        function: function(name),
        basis: Basis { generation: 1, newest: Hour::of_block(block()), writes: 1 },
        digest: digest.into(),
    }
}

fn timeout() -> Timeout {
    Timeout {
        function: function("hanging"),
        incarnation: incarnation(1),
        verdict: overtime_wire::Verdict {
            log_tail: "<script>alert('log')</script>".to_owned(),
            last_log: None,
            ..verdict(1, 1_000)
        },
        detected_at: at(4_100),
    }
}

fn firing() -> Episode {
    let timeout = timeout();
    let seen = Observation {
        function: &timeout.function.clone(),
        blocks: BTreeMap::from([(block(), vec![timeout])]),
        last_success: None,
        past: alert::Past::default(),
        at: at(4_200),
    };
    let (_, told) = evaluate(&Rule::ANY_TIMEOUT, State::default(), &seen);
    let Some(Transition::Opened(episode)) = told else { panic!() };
    episode
}

fn full(now: EpochMillis) -> String {
    let fleet = [summary("calm", 0, 40), summary("hanging", 7, 7), summary("slow", 2, 90)];
    let (timeouts, alerts) = ([timeout()], [firing()]);
    let overview = Overview::of(&Seen { fleet: &fleet, timeouts: &timeouts, alerts: &alerts, now });
    Page { overview: &overview, assets: &assets::ASSETS, reloading: true }.render().unwrap()
}

/// What a reader reads: without tags, a line for each piece.
fn text(html: &str) -> String {
    let body = html.split_once("<main").map_or(html, |(_, it)| it);
    let pieces = body.split('<').filter_map(|it| it.split_once('>').map(|(_, text)| text.trim()));
    pieces.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn check(now: EpochMillis, from: &str, to: &str, expected: Expect) {
    let text = text(&full(now));
    let start = text.find(from).unwrap();
    let end = start + text[start..].find(to).unwrap();
    expected.assert_eq(&text[start..end]);
}

#[test]
fn the_worst_functions_stand_first() {
    check(
        at(60_000),
        "Functions | 3",
        "Latest timeouts",
        expect![
            "Functions | 3 | Function | Timeouts | By hour | Invocations | Errors | p99 of timeout | Last timeout | hanging | 012345678901 · eu-west-1 · python 3.13 · 128 MB | 7 | 100 % | 7 | 0 | no data · 3 s | – | none | slow | 012345678901 · eu-west-1 · python 3.13 · 128 MB | 2 | 2.2 % | 90 | 0 | 2.7 s | of 3 s | near | – | none | calm | 012345678901 · eu-west-1 · python 3.13 · 128 MB | 0 | 40 | 0 | 2.7 s | of 3 s | near | – | none | "
        ],
    );
}

#[test]
fn a_timeout_is_told_with_its_cause_and_evidence() {
    check(
        at(60_000),
        "Latest timeouts",
        "Counts cover",
        expect![
            "Latest timeouts | Deadline | Function | Why, and how we know | Ran for | Memory used | Request | 00:00:04 UTC | hanging | 012345678901 · eu-west-1 | The function&#39;s own code was still running | confirmed | Lambda said so when the runtime was done | not known | of 3 s | not known | of 128 MB | id not known | Version | 1 | Sandbox | sandbox | Detected | 00:00:04 UTC | Log | &#60;script&#62;alert(&#39;log&#39;)&#60;/script&#62; | "
        ],
    );
}

#[test]
fn old_data_is_called_old_before_anything_else() {
    check(
        at(60_000),
        "The fleet",
        "Last 24",
        expect!["The fleet's timeouts | Last data | 00:01:00 UTC | 1 alert is firing | "],
    );
    check(
        at(3_600_000),
        "The fleet",
        "Last 24",
        expect![
            "The fleet's timeouts | Data may be incomplete. | Nothing has been received for 59 min, since | 00:01:00 UTC | . | 1 alert is firing | "
        ],
    );
}

#[test]
fn an_empty_store_teaches() {
    let overview = Overview::of(&Seen { fleet: &[], timeouts: &[], alerts: &[], now: at(0) });
    let html = Fragment { overview: &overview }.render().unwrap();
    assert!(overview.is_empty());
    assert!(html.contains("cargo demo") && html.contains("OVERTIME_URL"), "{html}");
    assert!(!html.contains("<table"), "nothing is shown as zero: {html}");
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let html = full(at(60_000));
    for forbidden in
        ["style=", "<style", " onclick", "javascript:", "http://", "https://", "<script>"]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("alert(&#39;log&#39;)"), "what functions say is escaped");
    for asset in [include_str!("../../console/style.css"), include_str!("../../console/refresh.js")]
    {
        assert!(!asset.contains("http"), "assets load nothing");
    }
    let assets = include_str!("../../console/style.css").len()
        + include_str!("../../console/refresh.js").len();
    assert!(assets < 60_000, "{assets}");
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let first = html(Ok("<p>page</p>".to_owned()), &HeaderMap::new());
    let etag = first.headers()[ETAG].clone();
    assert_eq!(first.status(), StatusCode::OK);

    let known = HeaderMap::from_iter([(IF_NONE_MATCH, etag)]);
    let second = html(Ok("<p>page</p>".to_owned()), &known);
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert!(to_bytes(second.into_body(), 10).await.unwrap().is_empty());
    assert_eq!(html(Ok("<p>other</p>".to_owned()), &known).status(), StatusCode::OK);
}

#[test]
fn the_day_ends_with_the_current_hour() {
    let hours = chart::hours(&[summary("slow", 2, 90)], at(0));
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[23].number, block().number() / 4);
    assert_eq!(hours[23].counts.map(|it| it.timeouts), Some(2));
    assert_eq!(hours[22].counts, None, "not seen is not zero");
    assert_eq!(Block::of(at(0)), block());
}
