//! A function's last words, all the way to whoever asks why it timed out, where an operator has asked for them.

use std::time::Duration;

use sandbox::aggregator::Aggregator;
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries, http};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
const TIMEOUT_MS: u64 = 800;

/// Times a function out that has said something, and returns what the aggregator then lists of it.
async fn timed_out(lines: Option<&str>) -> Value {
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let function = Function::named("talker").timeout(Duration::from_millis(TIMEOUT_MS));
    let mut spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_URL", aggregator.url())
        .variable("OVERTIME_AUTH", "none");
    if let Some(lines) = lines {
        spec = spec.variable("OVERTIME_LOG_TAIL", lines);
    }
    let mut environment = Environment::start(spec).await.unwrap();
    let quiet = Invocation::of(json!({ "log": "of another request" }));
    assert_eq!(environment.invoke(quiet).await.unwrap().outcome, Outcome::Success);
    let talker = json!({ "log": "asking db with password=hunter2", "lines": 2, "hang": true });
    let ended = environment.invoke(Invocation::of(talker)).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    let client = http::client().unwrap();
    let latest = tokio::time::Instant::now() + PATIENCE;
    loop {
        let path = format!("{}/api/v1/timeouts", aggregator.url());
        let page: Value = client.get(path).send().await.unwrap().json().await.unwrap();
        let item = &page["items"][0];
        if item.is_object() || tokio::time::Instant::now() >= latest {
            return item.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_are_told_where_they_are_asked_for() {
    let item = timed_out(Some("2")).await;
    assert_eq!(item["log_tail"], "line 0\nline 1", "{item:#}");
    let silent = item["silent_ms"].as_u64().unwrap();
    assert!((TIMEOUT_MS / 4..=TIMEOUT_MS).contains(&silent), "{item:#}");

    let item = timed_out(Some("20")).await;
    assert_eq!(item["log_tail"], "asking db with password=***\nline 0\nline 1", "{item:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_where_nobody_asked() {
    let item = timed_out(None).await;
    assert_eq!((&item["log_tail"], &item["silent_ms"]), (&Value::Null, &Value::Null), "{item:#}");
}
