//! Managed instances: many requests at once, and reports as the only word about their ends.

use std::time::Duration;

use expect_test::expect;
use sandbox::spec::{Function, Launch};
use sandbox::{Answer, Environment, Invocation, Outcome, Spec, binaries};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::stage::{hang, quick, spec, start, told};

/// With a timeout of half a second, and nobody who watches.
async fn instance(workers: usize) -> Environment {
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()));
    start(spec.managed(workers)).await
}

#[tokio::test]
async fn requests_overlap_and_each_ends_by_itself() {
    let mut environment = instance(3).await;
    let caller = environment.caller();
    let slow = Invocation::of(json!({ "sleep_ms": 300 }));
    let threw = Invocation::of(json!({ "sleep_ms": 100, "throw": true }));
    let (first, second, third) =
        tokio::join!(caller.call(hang()), caller.call(slow), caller.call(threw));
    assert_eq!((first.outcome, second.outcome), (Outcome::Timeout, Outcome::Success));
    assert_eq!(third.outcome, Outcome::Error("Function.Thrown".to_owned()));
    assert!(first.started < second.ended && second.started < third.ended);
    // The first one's code keeps its worker; the others are back.
    assert_eq!(environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
    let told = told(&environment.observer());
    expect!["start start start report(Function.Thrown) report(success) report(Sandbox.Timedout) start report(success)"]
        .assert_eq(told.split_once("initReport(success) ").map_or("", |it| it.1));
}

#[tokio::test]
async fn a_request_that_finds_nobody_idle_is_another_instances() {
    let environment = instance(1).await;
    let caller = environment.caller();
    let (open, refused) =
        tokio::join!(caller.call(Invocation::of(json!({ "sleep_ms": 100 }))), caller.call(quick()));
    assert_eq!(open.outcome, Outcome::Success);
    assert_eq!(refused.outcome, Outcome::Error("Runtime.Unavailable".to_owned()));
    assert_eq!(told(&environment.observer()).matches(" start").count(), 1);
}

#[tokio::test]
async fn whoever_answers_too_late_is_told_so_and_serves_again() {
    let mut environment = instance(1).await;
    let late = environment.invoke(Invocation::of(json!({ "sleep_ms": 700 }))).await.unwrap();
    assert_eq!(late.outcome, Outcome::Timeout);
    assert!(late.answer.is_none() && late.teardown.is_none());
    let served = async {
        loop {
            let ended = environment.invoke(quick()).await.unwrap();
            if let Some(Answer { error_type: None, .. }) = ended.answer {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), served).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_breaks_off_what_is_open_before_anybody_is_told() {
    let mut environment = instance(2).await;
    let caller = environment.caller();
    let open = tokio::spawn(async move { caller.call(hang()).await });
    let observer = environment.observer();
    super::stage::eventually("it is open", || told(&observer).ends_with("start")).await;
    environment.spin_down().await;
    let broken = Outcome::Error("Client.ExecutionEnvironmentShutDown".to_owned());
    assert_eq!(open.await.unwrap().outcome, broken);
    assert!(environment.invoke(quick()).await.is_err());
}

#[tokio::test]
async fn a_process_that_exits_takes_all_requests_and_the_instance_with_it() {
    let mut environment = instance(2).await;
    let caller = environment.caller();
    let open = tokio::spawn(async move { caller.call(hang()).await });
    let ended = environment.invoke(Invocation::of(json!({ "exit": 1 }))).await.unwrap();
    let exit = Outcome::Error("Runtime.ExitError".to_owned());
    assert_eq!((&ended.outcome, &open.await.unwrap().outcome), (&exit, &exit));
    assert!(environment.invoke(quick()).await.is_err());
}

#[tokio::test]
async fn an_extension_that_wants_invoke_is_refused() {
    let mut environment = start(spec().managed(1)).await;
    assert!(environment.invoke(quick()).await.is_err());
}
