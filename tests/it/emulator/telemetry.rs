//! How records reach a subscriber: buffers, freezes, refusals.

use std::time::Duration;

use expect_test::expect;
use sandbox::spec::{Flushing, Freezing};
use sandbox::{Invocation, Kind, Spec};
use serde_json::json;

use super::stage::{Entry, diary, entry, eventually, hang, last, posted, quick, spec, start, told};

fn thawed(spec: Spec) -> Spec {
    Spec { freezing: Freezing::Manual, ..spec }
}

/// Four times what a buffer waits: whoever has not been told by then will not be.
async fn outwait_the_buffer() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn what_happened_before_the_subscription_is_told_afterwards() {
    let environment = start(thawed(spec())).await;
    let observer = environment.observer();
    eventually("init is posted", || posted(&observer).contains("initReport")).await;
    assert!(posted(&observer).starts_with("initStart(init) "), "{}", posted(&observer));
}

#[tokio::test]
async fn a_frozen_environment_learns_of_its_last_invocation_when_it_thaws() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    environment.invoke(quick()).await.unwrap();
    outwait_the_buffer().await;
    assert!(!posted(&observer).contains("runtimeDone"), "{}", posted(&observer));
    let second = environment.invoke(Invocation::of(json!({ "sleep_ms": 100 }))).await.unwrap();
    let late = entry(&observer, "runtimeDone");
    assert!(late.at_ms >= second.started.as_millisecond(), "{late:?} {second:?}");
    assert!(late.words().contains("runtimeDone(success) report(success) start"), "{late:?}");
}

#[tokio::test]
async fn without_a_freeze_it_is_told_when_the_buffer_has_waited() {
    let mut environment = start(thawed(spec())).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    eventually("runtimeDone is posted", || posted(&observer).contains("runtimeDone")).await;
    let waited = entry(&observer, "runtimeDone").at_ms - ended.runtime_done.as_millisecond();
    assert!((0..500).contains(&waited), "{waited} ms");
}

#[tokio::test]
async fn nothing_is_told_during_a_freeze() {
    let environment = start(thawed(spec())).await;
    let observer = environment.observer();
    environment.freeze();
    let before = posted(&observer);
    outwait_the_buffer().await;
    assert_eq!(posted(&observer), before);
    environment.thaw();
    eventually("init is posted", || posted(&observer).contains("initReport")).await;
}

#[tokio::test]
async fn shutdown_and_runtime_done_come_in_either_order() {
    let buffered = spec().variable("PROBE_LINGERS_MS", "300");
    let flushed = Spec { flushing: Flushing::BeforeShutdown, ..spec() };
    for (spec, done_first) in [(buffered, false), (flushed, true)] {
        let mut environment = start(spec).await;
        environment.invoke(hang()).await.unwrap();
        let entries = diary(&environment.observer());
        let words: Vec<String> = entries.iter().map(Entry::words).collect();
        let place = |word: &str| words.iter().position(|it| it.contains(word)).unwrap();
        let (done, shutdown) = (place("runtimeDone(timeout)"), place("SHUTDOWN(timeout)"));
        assert_eq!(done < shutdown, done_first, "{words:?}");
    }
}

#[tokio::test]
async fn the_report_of_a_timeout_is_lost_on_whoever_is_dead() {
    let mut environment = start(spec().variable("PROBE_LINGERS_MS", "100")).await;
    let observer = environment.observer();
    environment.invoke(hang()).await.unwrap();
    environment.invoke(quick()).await.unwrap();
    environment.spin_down().await;
    assert!(told(&observer).contains("report(timeout)"));
    assert!(posted(&observer).contains("report(success)"));
    assert!(!posted(&observer).contains("report(timeout)"), "{}", posted(&observer));
}

#[tokio::test]
async fn a_refused_post_is_sent_again_unchanged_after_longer_and_longer_pauses() {
    let environment = start(thawed(spec().variable("PROBE_REFUSES", "3"))).await;
    let observer = environment.observer();
    eventually("init is taken", || posted(&observer).contains("initStart")).await;
    let mut tries = diary(&observer);
    tries.retain(|entry| ["refused", "post"].contains(&entry.what.as_str()));
    let kinds: Vec<&str> = tries.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(&kinds[..4], ["refused", "refused", "refused", "post"]);
    assert_eq!(tries[0].seen, tries[3].seen);
    let pauses: Vec<i64> = tries.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect();
    assert!(pauses[0] >= 50 && pauses[1] >= 100 && pauses[2] >= 200, "{pauses:?}");
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped_and_confessed() {
    let environment = start(thawed(spec().variable("PROBE_REFUSES", "5"))).await;
    let observer = environment.observer();
    eventually("the loss is posted", || posted(&observer).contains("logsDropped")).await;
    let lost = last(&observer, Kind::LogsDropped).body;
    assert!(lost["droppedRecords"].as_u64().unwrap() >= 1, "{lost}");
    assert!(lost["droppedBytes"].as_u64().unwrap() > 100, "{lost}");
    assert!(!posted(&observer).contains("initStart"));
}

/// A buffer that only its size can empty.
fn patient(spec: Spec) -> Spec {
    let buffering = json!({ "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 30_000 });
    let spec = spec.variable("PROBE_TYPES", "function");
    thawed(spec.variable("PROBE_BUFFERING", buffering.to_string()))
}

#[tokio::test]
async fn a_buffer_goes_out_when_it_holds_enough_items() {
    let mut environment = start(patient(spec())).await;
    let observer = environment.observer();
    environment.invoke(Invocation::of(json!({ "lines": 999 }))).await.unwrap();
    outwait_the_buffer().await;
    expect![""].assert_eq(&posted(&observer));
    environment.invoke(Invocation::of(json!({ "lines": 1 }))).await.unwrap();
    eventually("a thousand lines are posted", || !posted(&observer).is_empty()).await;
    assert_eq!(entry(&observer, "function").seen.as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn a_buffer_goes_out_when_it_holds_enough_bytes() {
    let mut environment = start(patient(spec())).await;
    let observer = environment.observer();
    environment.invoke(Invocation::of(json!({ "log": "x".repeat(1_000) }))).await.unwrap();
    outwait_the_buffer().await;
    expect![""].assert_eq(&posted(&observer));
    environment.invoke(Invocation::of(json!({ "log": "y".repeat(263_000) }))).await.unwrap();
    eventually("both lines are posted", || !posted(&observer).is_empty()).await;
    expect!["function function"].assert_eq(&posted(&observer));
}

#[tokio::test]
async fn a_subscriber_gets_only_the_types_it_asked_for() {
    let mut environment = start(thawed(spec())).await;
    let observer = environment.observer();
    environment.invoke(Invocation::of(json!({ "log": "hello" }))).await.unwrap();
    eventually("the line is told", || told(&observer).contains("function")).await;
    environment.invoke(quick()).await.unwrap();
    let both_are_posted = || posted(&observer).matches("report(success)").count() == 2;
    eventually("both reports are posted", both_are_posted).await;
    assert!(!posted(&observer).contains("function"));
}
