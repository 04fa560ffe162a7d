//! AWS's own runtime client gets along with the emulator: what runs here was not written here.

use std::time::Duration;

use sandbox::spec::Function;
use sandbox::{Environment, Invocation, Kind, Outcome, Spec, binaries, python};
use serde_json::{Value, json};

/// Importing Python's standard library takes a while on a busy machine, and after a reset it is
/// done inside the function's own timeout.
fn spec() -> Spec {
    let function = Function::named("snake").timeout(Duration::from_secs(2));
    let spec = Spec::new(function, python::function().unwrap());
    spec.extension("floor", binaries::floor().unwrap())
}

fn told(payload: Value) -> Invocation {
    Invocation::of(payload)
}

#[tokio::test]
async fn it_answers_and_throws_and_goes_on() {
    let mut environment = Environment::start(spec()).await.unwrap();
    let observer = environment.observer();
    for _ in 0..3 {
        let ended = environment.invoke(told(json!({ "log": "hello" }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Success, "{:?}", observer.lines());
        let answer: Value = serde_json::from_slice(&ended.answer.unwrap().body).unwrap();
        assert_eq!(answer["ok"], true);
    }
    let ended = environment.invoke(told(json!({ "throw": true }))).await.unwrap();
    let answer: Value = serde_json::from_slice(&ended.answer.unwrap().body).unwrap();
    assert_eq!((ended.outcome, &answer["errorType"]), (Outcome::Success, &json!("RuntimeError")));
    let said = observer.lines().iter().filter(|line| line.text == "hello").count();
    assert_eq!(said, 3);
    assert!(environment.spin_down().await.killed.is_empty());
}

#[tokio::test]
async fn it_times_out_and_comes_back() {
    let mut environment = Environment::start(spec()).await.unwrap();
    let ended = environment.invoke(told(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    let teardown = ended.teardown.unwrap();
    let took = teardown.runtime_gone.duration_since(teardown.began);
    assert!(took.as_millis() < 500, "it dies of SIGTERM: {took:?}");
    let ended = environment.invoke(told(json!({}))).await.unwrap();
    assert_eq!((ended.outcome, ended.suppressed_init), (Outcome::Success, true));
}

#[tokio::test]
async fn it_exits_and_is_killed_for_its_memory() {
    let mut environment = Environment::start(spec()).await.unwrap();
    for (payload, error_type) in [
        (json!({ "exit": 3 }), "Runtime.ExitError"),
        (json!({ "oom": true }), "Runtime.OutOfMemory"),
    ] {
        let ended = environment.invoke(told(payload)).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Error(error_type.to_owned()));
    }
}

#[tokio::test]
async fn it_says_why_it_cannot_start() {
    let spec = spec().variable("FUNCTION_INIT_FAILS", "error").variable("FUNCTION_BAD_INITS", "1");
    let environment = Environment::start(spec).await.unwrap();
    let records = environment.observer().records();
    let report = records.iter().rfind(|record| record.kind == Kind::InitReport).unwrap();
    assert_eq!(report.body["status"], "error");
    let error_type = report.body["errorType"].as_str().unwrap();
    assert!(error_type.starts_with("Runtime."), "{error_type}");
}
