//! Everything that was ever seen of the platform, posted to the listener of a real extension: all of it is taken, nothing
//! kills the process, and whatever timed out in it is found.
//!
//! The corpus lies beside the repository, not in it; where it is absent nothing can be posted, and the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sandbox::aggregator::Aggregator;
use sandbox::spec::{Freezing, Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries, clock, http};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(20);
/// How many environments run beside each other.
const AT_ONCE: usize = 4;
/// Bodies that no JSON reader takes, with the one timeout that is in each.
const TIMEOUT_IN: [&str; 5] =
    ["bom", "deep-nesting-10000", "lone-surrogate", "ndjson-tcp", "single-object"];
const REQUEST_IN: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_corpus_is_taken_and_every_timeout_in_it_found() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    if !root.exists() {
        eprintln!("skipped: there is no corpus beside the repository");
        return;
    }
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut feedings = JoinSet::new();
    for (number, files) in courses(files(&root)).into_iter().enumerate() {
        let (url, places) = (aggregator.url(), Arc::clone(&places));
        feedings.spawn(async move {
            let _place = places.acquire().await.unwrap();
            feed(&files, &format!("corpus-{number}"), &url).await
        });
    }
    let wrong: Vec<String> = feedings.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}\naggregator:\n{}", wrong.join("\n"), aggregator.said());
}

fn files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// What is posted to one extension: a body with timeouts in it has one of its own, the rest of a folder shares one.
fn courses(files: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let (mut alone, mut shared) = (Vec::new(), BTreeMap::<PathBuf, Vec<PathBuf>>::new());
    for file in files {
        if timeouts_in(&file).is_empty() {
            shared.entry(file.parent().unwrap().to_owned()).or_default().push(file);
        } else {
            alone.push(vec![file]);
        }
    }
    alone.extend(shared.into_values());
    alone
}

/// Posts some files, twice each, to an extension of their own; what is wrong with what came of it.
async fn feed(files: &[PathBuf], function: &str, url: &str) -> Option<String> {
    let spec = Spec::new(Function::named(function), Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_URL", url)
        .variable("OVERTIME_AUTH", "none")
        .variable("OVERTIME_LOG_TAIL", "20");
    let spec = Spec { freezing: Freezing::Manual, ..spec };
    let mut environment = Environment::start(spec).await.unwrap();
    let observer = environment.observer();
    let listener = observer.listener("overtime").unwrap();
    for file in files.iter().flat_map(|it| [it, it]) {
        post(listener, moved_to_now(&fs::read(file).unwrap())).await;
    }
    let expected: BTreeSet<String> = files.iter().flat_map(|it| timeouts_in(it)).collect();
    let found = found(url, function, &expected).await;
    // The process has survived it, and the function has not noticed.
    let ended = environment.invoke(Invocation::of(json!({}))).await.unwrap();
    let teardown = environment.spin_down().await;
    let is_well = ended.outcome == Outcome::Success
        && teardown.killed.is_empty()
        && observer.lives().len() == 1
        && (expected.is_empty() || found == expected);
    (!is_well).then(|| {
        let said = observer.said_by("overtime");
        format!(
            "{files:?}: expected {expected:?}, found {found:?}, {ended:?} {teardown:?} {said:?}"
        )
    })
}

async fn post(listener: SocketAddr, body: Vec<u8>) {
    let client = http::client().unwrap();
    let answer = client.post(format!("http://{listener}/")).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// What happened before the process was there is another's: every `time` becomes now.
fn moved_to_now(body: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let now = format!("{:.3}", clock::now());
    let mut moved = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"time\"") {
        let (before, time) = rest.split_at(at + "\"time\"".len());
        moved.push_str(before);
        rest = time;
        let value = rest.trim_start_matches([':', ' ']);
        if let Some((old, _)) = value.strip_prefix('"').and_then(|it| it.split_once('"'))
            && old.starts_with("20")
        {
            moved.push_str(":\"");
            moved.push_str(&now);
            moved.push('"');
            rest = &value[old.len() + 2..];
        }
    }
    (moved + rest).into_bytes()
}

/// The requests that timed out in a body, as a reader of these tests' own sees them.
fn timeouts_in(file: &Path) -> BTreeSet<String> {
    let name = file.file_name().unwrap().to_string_lossy();
    if TIMEOUT_IN.contains(&name.split('.').next().unwrap()) {
        return BTreeSet::from([REQUEST_IN.to_owned()]);
    }
    let body = fs::read(file).unwrap();
    let Ok(Value::Array(records)) = serde_json::from_slice(&body) else { return BTreeSet::new() };
    let ends = ["platform.runtimeDone", "platform.report"].map(Value::from);
    let timed_out = records
        .iter()
        .filter(|it| ends.contains(&it["type"]) && it["record"]["status"] == "timeout");
    timed_out.filter_map(|it| it["record"]["requestId"].as_str()).map(str::to_owned).collect()
}

/// The requests of a function that the aggregator lists, as soon as they are what is expected.
async fn found(url: &str, function: &str, expected: &BTreeSet<String>) -> BTreeSet<String> {
    let client = http::client().unwrap();
    let latest = tokio::time::Instant::now() + PATIENCE;
    loop {
        let path = format!("{url}/api/v1/timeouts?function={function}");
        let page: Value = client.get(path).send().await.unwrap().json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        let requests = items.iter().filter_map(|it| it["request_id"].as_str());
        let found: BTreeSet<String> = requests.map(str::to_owned).collect();
        if found == *expected || tokio::time::Instant::now() >= latest {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
