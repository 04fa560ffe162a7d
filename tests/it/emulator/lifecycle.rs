//! Where nothing goes wrong: cold, warm, spindown; and what an invocation waits for.

use std::time::Duration;

use expect_test::expect;
use sandbox::{Fault, How, Invocation, Kind, Outcome, Reason, binaries};
use serde_json::json;

use super::stage::{entry, events, last, lines, posted, quick, spec, start, told, unhurried};

#[tokio::test]
async fn a_cold_start_and_a_warm_invocation_are_told_in_order() {
    let mut environment = start(unhurried()).await;
    let observer = environment.observer();
    let first = environment.invoke(quick()).await.unwrap();
    let second = environment.invoke(quick()).await.unwrap();

    assert_eq!((&first.outcome, &second.outcome), (&Outcome::Success, &Outcome::Success));
    assert_ne!(first.request_id, second.request_id);
    expect![[r"
        initStart(init) telemetrySubscription(Subscribed)
        initRuntimeDone(success) extension(Ready) initReport(success)
        start runtimeDone(success) report(success)
        start runtimeDone(success) report(success)"]]
    .assert_eq(&lines(&told(&observer)));
    expect!["INVOKE INVOKE"].assert_eq(&events(&observer));
}

#[tokio::test]
async fn the_init_duration_is_reported_once() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    environment.invoke(quick()).await.unwrap();
    let cold = last(&observer, Kind::Report).body;
    environment.invoke(quick()).await.unwrap();
    let warm = last(&observer, Kind::Report).body;
    assert!(cold["metrics"]["initDurationMs"].as_f64().unwrap() > 0.0, "{cold}");
    assert!(warm["metrics"].get("initDurationMs").is_none(), "{warm}");
}

#[tokio::test]
async fn an_invocation_tells_the_extension_what_the_runtime_is_told() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    let event = entry(&observer, "INVOKE").seen;
    assert_eq!(event["requestId"], json!(ended.request_id));
    assert_eq!(event["deadlineMs"], json!(ended.deadline.as_millisecond()));
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
    assert_eq!(event["invokedFunctionArn"], json!(arn));
    let length = ended.deadline.as_millisecond() - ended.started.as_millisecond();
    assert_eq!(length, 500);
    assert_eq!(ended.answer.unwrap().body, r#"{"ok":true}"#);
}

#[tokio::test]
async fn a_retry_may_come_with_the_same_request_id() {
    let mut environment = start(spec()).await;
    let invocation = Invocation { request_id: Some("again".to_owned()), ..quick() };
    for _ in 0..2 {
        assert_eq!(environment.invoke(invocation.clone()).await.unwrap().request_id, "again");
    }
}

#[tokio::test]
async fn an_error_of_the_handler_is_a_success_to_the_platform() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "throw": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Success);
    assert_eq!(ended.answer.unwrap().error_type.unwrap(), "Function.Thrown");
    assert!(told(&observer).ends_with("start runtimeDone(success) report(success)"));
}

#[tokio::test]
async fn an_invocation_ends_when_the_last_extension_has_asked_for_the_next() {
    let mut environment = start(spec().variable("PROBE_HOLDS_MS", "200")).await;
    let observer = environment.observer();
    let ended = environment.invoke(quick()).await.unwrap();
    // It holds from INVOKE on, and the function is done a few milliseconds after that.
    let overhead = ended.extension_overhead.unwrap();
    assert!(overhead > Duration::from_millis(100), "{overhead:?}");
    let report = last(&observer, Kind::Report).body;
    assert_eq!(report["spans"][0]["name"], "extensionOverhead");
    assert!(report["spans"][0]["durationMs"].as_f64().unwrap() > 100.0, "{report}");
    let done = last(&observer, Kind::RuntimeDone).body;
    let (done, all) = (&done["metrics"]["durationMs"], &report["metrics"]["durationMs"]);
    assert!(done.as_f64().unwrap() + 100.0 < all.as_f64().unwrap(), "{done} {all}");
}

#[tokio::test]
async fn who_did_not_register_for_invoke_is_not_waited_for() {
    let mut environment = start(spec().variable("PROBE_EVENTS", "SHUTDOWN")).await;
    let observer = environment.observer();
    assert_eq!(environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
    environment.spin_down().await;
    expect!["SHUTDOWN(spindown)"].assert_eq(&events(&observer));
    assert_eq!(observer.lives()[0].asked.len(), 1);
}

#[tokio::test]
async fn the_last_report_is_delivered_when_the_environment_spins_down() {
    let mut environment = start(spec().variable("PROBE_LINGERS_MS", "300")).await;
    let observer = environment.observer();
    environment.invoke(quick()).await.unwrap();
    let teardown = environment.spin_down().await;

    assert_eq!((teardown.reason, teardown.killed), (Reason::Spindown, vec![]));
    expect!["INVOKE SHUTDOWN(spindown)"].assert_eq(&events(&observer));
    let late = entry(&observer, "report(success)");
    assert!(late.at_ms >= teardown.began.as_millisecond(), "{late:?}");
    assert!(posted(&observer).ends_with("runtimeDone(success) report(success)"));
    let refused = environment.invoke(quick()).await;
    assert!(matches!(refused, Err(Fault::Gone)), "{refused:?}");
}

#[tokio::test]
async fn an_environment_may_be_reclaimed_before_any_invocation() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    environment.spin_down().await;
    expect!["SHUTDOWN(spindown)"].assert_eq(&events(&observer));
}

#[tokio::test]
async fn every_extension_is_awaited_and_the_floor_does_no_more_than_poll() {
    let mut environment = start(spec().extension("floor", binaries::floor().unwrap())).await;
    let observer = environment.observer();
    environment.invoke(quick()).await.unwrap();
    // The probe subscribes while the runtime initialises, so that record may come anywhere before.
    let told = told(&observer).replace("telemetrySubscription(Subscribed) ", "");
    assert!(told.contains("initRuntimeDone(success) extension(Ready) extension(Ready)"), "{told}");
    let teardown = environment.spin_down().await;
    assert!(teardown.killed.is_empty(), "{teardown:?}");
    let lives = observer.lives();
    let floor = lives.iter().find(|life| life.name == "floor").unwrap();
    assert_eq!(floor.asked.len(), 2, "once after init, once after the invocation");
    assert_eq!(floor.exit.unwrap().how, How::Code(0));
}
