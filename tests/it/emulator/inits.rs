//! Inits that fail or overrun, and are repeated where the customer pays for them.

use std::time::Duration;

use expect_test::expect;
use sandbox::{Kind, Outcome, Spec};
use serde_json::json;

use super::stage::{Entry, diary, events, last, lines, quick, start, told, unhurried};

/// A function whose first `times` starts go wrong in a way, with little patience for any.
fn bad(how: (&str, &str), times: &str) -> Spec {
    let spec = unhurried().variable(how.0, how.1).variable("FUNCTION_BAD_INITS", times);
    Spec { init_timeout: Duration::from_secs(1), ..spec }
}

const SLOW: (&str, &str) = ("FUNCTION_INIT_MS", "60000");

#[tokio::test]
async fn one_that_fails_is_repeated_inside_the_first_invocation() {
    let mut environment = start(bad(("FUNCTION_INIT_FAILS", "error"), "1")).await;
    let observer = environment.observer();
    expect![[r"
        initStart(init) telemetrySubscription(Subscribed)
        initRuntimeDone(Runtime.ImportModuleError) extension(Ready) initReport(Runtime.ImportModuleError)"]]
    .assert_eq(&lines(&told(&observer)));
    expect!["SHUTDOWN(failure)"].assert_eq(&events(&observer));
    let ended = environment.invoke(quick()).await.unwrap();
    assert_eq!((ended.outcome, ended.suppressed_init), (Outcome::Success, true));
    expect!["SHUTDOWN(failure) INVOKE"].assert_eq(&events(&observer));
}

#[tokio::test]
async fn one_that_fails_again_fails_the_invocation() {
    let mut environment = start(bad(("FUNCTION_INIT_FAILS", "exit"), "2")).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Error("Runtime.ExitError".to_owned()));
    let told = told(&observer);
    let (_, again) = told.split_once("initStart(invoke) ").unwrap();
    expect![[r"
        telemetrySubscription(Already subscribed)
        initRuntimeDone(Runtime.ExitError) extension(Ready) initReport(Runtime.ExitError)
        start runtimeDone(Runtime.ExitError) report(Runtime.ExitError)"]]
    .assert_eq(&lines(again));
    assert!(!events(&observer).contains("INVOKE"));
}

#[tokio::test]
async fn one_that_overruns_is_cut_off_and_repeated() {
    let mut environment = start(bad(SLOW, "1")).await;
    let observer = environment.observer();
    expect![[r"
        initStart(init) telemetrySubscription(Subscribed)
        initRuntimeDone(timeout) extension(Ready) initReport(timeout)"]]
    .assert_eq(&lines(&told(&observer)));
    let report = last(&observer, Kind::InitReport).body;
    assert!(report["metrics"]["durationMs"].as_f64().unwrap() >= 1_000.0, "{report}");
    let seen: Vec<String> = diary(&observer).iter().map(Entry::words).collect();
    assert!(seen.iter().any(|words| words.contains("initReport(timeout)")), "{seen:?}");
    expect![""].assert_eq(&events(&observer));
    let ended = environment.invoke(quick()).await.unwrap();
    assert_eq!((ended.outcome, ended.suppressed_init), (Outcome::Success, true));
}

#[tokio::test]
async fn one_that_overruns_inside_an_invocation_leaves_hardly_a_trace() {
    let mut environment = start(bad(SLOW, "2")).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    let told = told(&observer);
    let (_, again) = told.split_once("initStart(invoke) ").unwrap();
    expect!["telemetrySubscription(Already subscribed) runtimeDone(timeout) report(timeout)"]
        .assert_eq(again);
    let done = last(&observer, Kind::RuntimeDone).body;
    assert_eq!(done["metrics"], json!({ "durationMs": 0.0, "producedBytes": 0 }));
    expect!["SHUTDOWN(timeout)"].assert_eq(&events(&observer));
    assert_eq!(environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
}
