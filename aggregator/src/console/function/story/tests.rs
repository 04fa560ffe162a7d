//! The story of a line of steps.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use overtime_wire::FunctionKey;

use super::*;
use crate::{
    api::{
        function::Version,
        shapes::{Counted, Lost, Quantiles, Shares, parts},
        words::Text,
    },
    console::chart::fixture::{axis, points, step},
};

/// A function whose versions had so many `VERSION:TIMEOUTS/INVOCATIONS`, and whose timeouts such `CAUSE:COUNT`.
fn function(versions: &str, causes: &str) -> Function {
    let nothing = Quantiles { p50: None, p95: None, p99: None, max: None };
    let key = FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders".parse().unwrap(),
    };
    let (account, region, name) = parts(&key);
    let version = |text: &str| {
        let (version, counts) = text.split_once(':').unwrap();
        let (timeouts, invocations) = counts.split_once('/').unwrap();
        let (timeouts, invocations) = (timeouts.parse().unwrap(), invocations.parse().unwrap());
        let counts = Counted { invocations, timeouts, ..Counted::default() };
        Version { version: Some(version.to_owned()), counts }
    };
    let cause = |text: &str| {
        let (cause, count) = text.split_once(':').unwrap();
        (cause.to_owned(), count.parse().unwrap())
    };
    let causes: BTreeMap<String, u64> = causes.split_whitespace().map(cause).collect();
    Function {
        account,
        region,
        name,
        from: Text(step(0)),
        to: Text(step(9)),
        profile: crate::api::shapes::Described::of(&overtime_wire::Profile::default()),
        counts: Counted::default(),
        heard: true,
        duration_ms: nothing,
        duration_of_timeout: Shares::of(nothing, Duration::ZERO),
        causes,
        versions: versions.split_whitespace().map(version).collect(),
        phases: crate::api::function::phases::Phases::default(),
        losses: Lost::of(overtime_wire::Losses::default()),
        last_timeout_at: None,
        last_seen_at: None,
        history: None,
    }
}

#[track_caller]
fn check(steps: &str, (versions, causes): (&str, &str), expected: Expect) {
    let points = points(steps);
    let changes = [
        Change { at: step(4), what: "version 43".to_owned() },
        Change { at: step(40), what: "memory 1 GB".to_owned() },
    ];
    let told = tell(&function(versions, causes), (&axis(&points), &points), (&changes, None));
    let told: Vec<_> = told.iter().map(|it| format!("{}: {}", it.question, it.text)).collect();
    expected.assert_eq(&told.join("\n"));
}

#[test]
fn what_began_with_a_deployment_is_told_with_it() {
    check(
        "0/9 0/9 0/9 0/9 1/9 3/9",
        ("42:0/36 43:4/18", "handler:3 extension:1"),
        expect![[r"
            Since when: 4 timeouts since 1 Nov, 01:00, after 1 h with invocations and without any. The latest in the 15 min from 1 Nov, 01:15.
            At which version: All 4 in version 43 (22 % of its invocations). Of 36 invocations of version 42, none timed out.
            Why: In 3 of 4, the function's own code was still running; in 1 of 4, the function had answered, but an extension held the invocation.
            What changed then: Version 43 first seen in the hour from 1 Nov, 01:00."]],
    );
}

#[test]
fn what_is_over_is_said_to_be_over() {
    check(
        "0/9 0/9 . 0/9 2/2 0/9 0/9 0/9",
        ("43:2/40", "out_of_memory:2"),
        expect![[r"
        Since when: 2 timeouts, all in the 15 min from 1 Nov, 01:00, after 45 min with invocations and without any. None of the 27 invocations since then timed out.
        At which version: All 2 in version 43 (5.0 % of its invocations).
        Why: In all 2, the function had run out of memory.
        What changed then: Version 43 first seen in the hour from 1 Nov, 01:00."]],
    );
}

#[test]
fn what_may_be_older_is_said_to_be() {
    check(
        ". . 1/1",
        ("$LATEST:1/1", "handler:1"),
        expect![[r"
        Since when: 1 timeout, in the 15 min from 1 Nov, 00:30; nothing is known of the time before.
        At which version: The one in version $LATEST (100 % of its invocations).
        Why: The function's own code was still running."]],
    );
    check(
        "1/9 0/9 0/9 0/9 0/9 1/9 0/9 1/9",
        ("1:3/60 2:1/60", "weather:3"),
        expect![[r"
        Since when: 2 timeouts since 1 Nov, 01:15, after 1 h with invocations and without any. The latest in the 15 min from 1 Nov, 01:45.
        At which version: 3 of 4 in version 1 (5.0 % of its invocations). Of 60 invocations of version 2, 1 (1.7 %) timed out.
        Why: In all 3, weather.
        What changed then: Version 43 first seen in the hour from 1 Nov, 01:00."]],
    );
}

#[test]
fn without_timeouts_there_is_nothing_to_tell() {
    check("0/9 . 0/0", ("43:0/9", ""), expect![""]);
}
