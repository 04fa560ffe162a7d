//! What the emulator's tests share: an environment to start, and two ways to tell what happened.

use std::fs;
use std::time::Duration;

use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Kind, Observer, Record, Spec, binaries};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// A function with a timeout of half a second, watched by the probe.
pub(crate) fn spec() -> Spec {
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()));
    spec.extension("probe", binaries::probe().unwrap())
}

/// The same with a runtime that takes a moment to start, in which the probe has subscribed and
/// asked for its first event; else who of them is first would be a matter of luck.
pub(crate) fn unhurried() -> Spec {
    spec().variable("FUNCTION_INIT_MS", "100")
}

pub(crate) async fn start(spec: Spec) -> Environment {
    Environment::start(spec).await.unwrap()
}

pub(crate) fn quick() -> Invocation {
    Invocation::of(json!({}))
}

pub(crate) fn hang() -> Invocation {
    Invocation::of(json!({ "hang": true }))
}

/// Everything the platform generated, one word each: `runtimeDone(timeout)`.
pub(crate) fn told(observer: &Observer) -> String {
    let records = observer.records();
    records.iter().map(|record| word(&record.to_json())).collect::<Vec<_>>().join(" ")
}

/// The same, a line for each part of a life.
pub(crate) fn lines(told: &str) -> String {
    let mut lines = told.to_owned();
    for opening in [" initStart", " initRuntimeDone", " start"] {
        lines = lines.replace(opening, &format!("\n{}", opening.trim_start()));
    }
    lines
}

/// One record of the wire in one word.
pub(crate) fn word(record: &Value) -> String {
    let kind = record["type"].as_str().unwrap_or("?").trim_start_matches("platform.");
    let body = &record["record"];
    let detail = match kind {
        "initStart" => body["phase"].as_str(),
        "telemetrySubscription" | "extension" => body["state"].as_str(),
        _ => body["errorType"].as_str().or(body["status"].as_str()),
    };
    detail.map_or(kind.to_owned(), |detail| format!("{kind}({detail})"))
}

pub(crate) fn last(observer: &Observer, kind: Kind) -> Record {
    let records = observer.records();
    let found = records.iter().rfind(|record| record.kind == kind);
    Record::clone(found.unwrap_or_else(|| panic!("no {kind:?} was told")))
}

/// One entry of the probe's diary.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at_ms: i64,
    pub(crate) what: String,
    pub(crate) seen: Value,
}

impl Entry {
    /// The words of a post, or of an event.
    pub(crate) fn words(&self) -> String {
        match (&self.seen, self.seen["shutdownReason"].as_str()) {
            (Value::Array(records), _) => records.iter().map(word).collect::<Vec<_>>().join(" "),
            (_, Some(reason)) => format!("SHUTDOWN({reason})"),
            (other, None) => other["eventType"].as_str().unwrap_or("?").to_owned(),
        }
    }
}

pub(crate) fn diary(observer: &Observer) -> Vec<Entry> {
    let text = fs::read_to_string(observer.tmp().join("probe.jsonl")).unwrap_or_default();
    let entries = text.lines().filter_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        Some(Entry {
            at_ms: entry["at_ms"].as_i64()?,
            what: entry["what"].as_str()?.to_owned(),
            seen: entry["seen"].clone(),
        })
    });
    entries.collect()
}

fn words_of(observer: &Observer, what: &str) -> String {
    let entries = diary(observer).into_iter().filter(|entry| entry.what == what);
    entries.map(|entry| entry.words()).collect::<Vec<_>>().join(" ")
}

/// The events the probe was given, over all its lives.
pub(crate) fn events(observer: &Observer) -> String {
    words_of(observer, "event")
}

/// What the probe was posted, without the borders between posts.
pub(crate) fn posted(observer: &Observer) -> String {
    words_of(observer, "post")
}

/// The probe's first entry whose words contain `word`.
pub(crate) fn entry(observer: &Observer, word: &str) -> Entry {
    let mut found = diary(observer).into_iter().filter(|entry| entry.words().contains(word));
    found.next().unwrap_or_else(|| panic!("the probe has not seen {word}: {}", posted(observer)))
}

/// Waits for something no channel reports: a file, or a process of another program.
pub(crate) async fn eventually(what: &str, met: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !met() {
        assert!(tokio::time::Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
