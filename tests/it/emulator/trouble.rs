//! Where something goes wrong while invoking: deadlines, crashes, memory; and the reset after it.

use expect_test::expect;
use jiff::Timestamp;
use sandbox::{Invocation, Kind, Outcome, Reason};
use serde_json::json;

use super::stage::{events, hang, last, lines, quick, spec, start, told, unhurried};

fn ms(from: Timestamp, to: Timestamp) -> i64 {
    to.as_millisecond() - from.as_millisecond()
}

/// The words since the last init.
fn after_init(told: &str) -> &str {
    told.rsplit_once("initReport(success) ").map_or(told, |(_, rest)| rest)
}

#[tokio::test]
async fn a_timeout_ends_in_shutdown_and_a_reset_and_its_report_comes_last() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(hang()).await.unwrap();
    let teardown = ended.teardown.unwrap();

    assert_eq!(ended.outcome, Outcome::Timeout);
    assert!(ended.answer.is_none());
    expect!["start runtimeDone(timeout) report(timeout)"].assert_eq(after_init(&told(&observer)));
    expect!["INVOKE SHUTDOWN(timeout)"].assert_eq(&events(&observer));
    assert_eq!((teardown.reason, teardown.killed), (Reason::Timeout, vec![]));
    let order = [
        ended.deadline,
        ended.runtime_done,
        teardown.began,
        teardown.runtime_gone,
        teardown.shutdown_sent.unwrap(),
        teardown.released,
        ended.ended,
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(ms(ended.deadline, ended.runtime_done) < 200, "{order:?}");
    assert!(ms(ended.deadline, teardown.released) < 600, "nobody lingered: {order:?}");
}

#[tokio::test]
async fn a_timeout_is_billed_to_exactly_the_timeout_and_runtime_done_to_what_it_took() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    environment.invoke(hang()).await.unwrap();
    let report = last(&observer, Kind::Report).body;
    assert_eq!(report["metrics"]["durationMs"], json!(500.0));
    assert!(report["metrics"]["billedDurationMs"].as_u64().unwrap() >= 500, "{report}");
    let done = last(&observer, Kind::RuntimeDone).body;
    assert!(done["metrics"]["durationMs"].as_f64().unwrap() >= 490.0, "{done}");
    assert_eq!(done["metrics"]["producedBytes"], json!(0));
    assert!(done.get("errorType").is_none() && done.get("spans").is_none(), "{done}");
}

#[tokio::test]
async fn after_a_timeout_the_next_invocation_initialises_in_the_same_tmp() {
    let mut environment = start(unhurried()).await;
    let observer = environment.observer();
    environment.invoke(hang()).await.unwrap();
    let ended = environment.invoke(quick()).await.unwrap();

    assert_eq!((ended.outcome, ended.suppressed_init), (Outcome::Success, true));
    let told = told(&observer);
    let (_, second_life) = told.split_once("report(timeout) ").unwrap();
    expect![[r"
        initStart(invoke) telemetrySubscription(Already subscribed)
        initRuntimeDone(success) extension(Ready) initReport(success)
        start runtimeDone(success) report(success)"]]
    .assert_eq(&lines(second_life));
    // The diary lies in the temporary directory, so that it goes on is the proof.
    expect!["INVOKE SHUTDOWN(timeout) INVOKE"].assert_eq(&events(&observer));
    assert_eq!(last(&observer, Kind::InitStart).body["instanceId"], json!(observer.instance()));
    let lives = observer.lives();
    assert_eq!(lives.len(), 2);
    assert_ne!(lives[0].pid, lives[1].pid);
}

#[tokio::test]
async fn a_runtime_deaf_to_sigterm_is_killed_when_its_share_is_used_up() {
    let mut environment = start(spec().variable("FUNCTION_IGNORES_SIGTERM", "1")).await;
    let teardown = environment.invoke(hang()).await.unwrap().teardown.unwrap();
    let took = ms(teardown.began, teardown.runtime_gone);
    assert!((595..1_000).contains(&took), "{took} ms");
    assert!(teardown.shutdown_sent.unwrap() >= teardown.runtime_gone);
}

#[tokio::test]
async fn an_extension_that_lingers_is_killed_after_two_seconds() {
    let mut environment = start(spec().variable("PROBE_LINGERS_MS", "60000")).await;
    let teardown = environment.invoke(hang()).await.unwrap().teardown.unwrap();
    assert_eq!(teardown.killed, ["probe"]);
    let took = ms(teardown.began, teardown.released);
    assert!((1_990..2_600).contains(&took), "{took} ms");
}

#[tokio::test]
async fn an_extension_that_did_not_ask_for_shutdown_gets_no_time() {
    let mut environment = start(spec().variable("PROBE_EVENTS", "INVOKE")).await;
    let observer = environment.observer();
    let teardown = environment.invoke(hang()).await.unwrap().teardown.unwrap();
    assert_eq!((teardown.shutdown_sent, teardown.killed), (None, vec!["probe".to_owned()]));
    assert!(ms(teardown.began, teardown.released) < 600);
    expect!["INVOKE"].assert_eq(&events(&observer));
}

#[tokio::test]
async fn an_extension_that_does_not_ask_for_the_next_costs_the_function_a_timeout() {
    let mut environment = start(spec().variable("PROBE_DEAF", "1")).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    assert_eq!(ended.answer.unwrap().body, r#"{"ok":true}"#, "the caller was answered");
    expect!["start runtimeDone(success) runtimeDone(timeout) report(timeout)"]
        .assert_eq(after_init(&told(&observer)));
    expect!["INVOKE"].assert_eq(&events(&observer));
    let report = last(&observer, Kind::Report).body;
    assert_eq!(report["spans"][0]["name"], "extensionOverhead");
    assert!(report["spans"][0]["durationMs"].as_f64().unwrap() > 200.0, "{report}");
    assert_eq!(ended.teardown.unwrap().killed, ["probe"]);
}

#[tokio::test]
async fn an_extension_that_ends_by_itself_damages_the_function() {
    let mut environment = start(spec().variable("PROBE_CRASHES", "1")).await;
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "sleep_ms": 300 }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Error("Extension.Crash".to_owned()));
    expect!["start runtimeDone(Extension.Crash) report(Extension.Crash)"]
        .assert_eq(after_init(&told(&observer)));
}

#[tokio::test]
async fn a_runtime_that_exits_is_an_error_and_a_reset() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "exit": 1 }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Error("Runtime.ExitError".to_owned()));
    expect!["start runtimeDone(Runtime.ExitError) report(Runtime.ExitError)"]
        .assert_eq(after_init(&told(&observer)));
    expect!["INVOKE SHUTDOWN(failure)"].assert_eq(&events(&observer));
    assert_eq!(last(&observer, Kind::RuntimeDone).body["status"], "error");
    assert!(environment.invoke(quick()).await.unwrap().suppressed_init);
}

#[tokio::test]
async fn a_kill_for_memory_is_told_from_other_kills() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "oom": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Error("Runtime.OutOfMemory".to_owned()));
    let report = last(&observer, Kind::Report).body;
    assert_eq!(report["metrics"]["maxMemoryUsedMB"], report["metrics"]["memorySizeMB"]);
    expect!["INVOKE SHUTDOWN(failure)"].assert_eq(&events(&observer));
    environment.invoke(quick()).await.unwrap();
    let report = last(&observer, Kind::Report).body;
    assert_ne!(report["metrics"]["maxMemoryUsedMB"], report["metrics"]["memorySizeMB"]);
}

#[tokio::test]
async fn exhausted_memory_may_show_as_a_timeout() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "oom": "hang" }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    let report = last(&observer, Kind::Report).body;
    assert_eq!(report["status"], "timeout");
    assert_eq!(report["metrics"]["maxMemoryUsedMB"], report["metrics"]["memorySizeMB"]);
}

#[tokio::test]
async fn the_memory_in_use_is_measured() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let used = || last(&observer, Kind::Report).body["metrics"]["maxMemoryUsedMB"].as_u64();
    environment.invoke(quick()).await.unwrap();
    let idle = used().unwrap();
    environment.invoke(Invocation::of(json!({ "allocate_mb": 64 }))).await.unwrap();
    let full = used().unwrap();
    assert!(full >= idle + 60, "{idle} {full}");
}
