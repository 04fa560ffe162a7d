//! The four circumstances are what they are called, by themselves and all at once.

use std::time::Duration;

use sandbox::conditions::{Condition, conditions};
use sandbox::spec::{Flushing, Function, Launch};
use sandbox::{Environment, Invocation, Observer, Outcome, Spec, Teardown, binaries};
use serde_json::json;

use crate::emulator::stage::{Entry, diary};

fn spec() -> Spec {
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()));
    // The buffer is slower than any teardown, so what comes before SHUTDOWN was flushed.
    let slow = r#"{"timeoutMs": 10000}"#;
    spec.extension("probe", binaries::probe().unwrap()).variable("PROBE_BUFFERING", slow)
}

async fn time_out(spec: Spec) -> (Observer, Teardown) {
    let mut environment = Environment::start(spec).await.unwrap();
    let observer = environment.observer();
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    (observer, ended.teardown.unwrap())
}

/// What the probe had been told when SHUTDOWN came.
fn told_first(observer: &Observer) -> String {
    let entries = diary(observer);
    let before = entries.iter().map(Entry::words).take_while(|it| !it.contains("SHUTDOWN"));
    before.collect::<Vec<_>>().join(" ")
}

fn runtime_lasted(teardown: &Teardown) -> i128 {
    teardown.runtime_gone.duration_since(teardown.began).as_millis()
}

#[tokio::test]
async fn each_condition_changes_one_thing() {
    for condition in conditions() {
        let spec = condition.apply(spec());
        let is_small = spec.share.is_some();
        let (observer, teardown) = time_out(spec).await;
        let is_deaf = runtime_lasted(&teardown) >= 595;
        let is_flushed = told_first(&observer).contains("runtimeDone(timeout)");
        let expected = match condition {
            Condition::FullSpeed => [false, false, false],
            Condition::SmallShare => [true, false, false],
            Condition::DeafToSigterm => [false, true, false],
            Condition::FlushedFirst => [false, false, true],
        };
        assert_eq!([is_small, is_deaf, is_flushed], expected, "{condition:?}");
        assert!(teardown.killed.is_empty(), "{condition:?}: {teardown:?}");
    }
}

#[tokio::test]
async fn conditions_can_be_combined() {
    let spec = conditions().into_iter().fold(spec(), |spec, condition| condition.apply(spec));
    assert_eq!((spec.function.memory_mb, spec.flushing), (128, Flushing::BeforeShutdown));
    let (observer, teardown) = time_out(spec).await;
    assert!(runtime_lasted(&teardown) >= 595, "{teardown:?}");
    assert!(told_first(&observer).contains("runtimeDone(timeout)"));
}
