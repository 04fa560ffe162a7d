//! What is stored, and that it survives freezes and kills.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::Outcome;
use sandbox::proxy::Weather;
use serde_json::json;
use tokio::time::sleep;

use super::stage::{World, complaints, invoke, printed, talk, unfrozen};
use crate::network::reporting::{Heard, once};

const MANY: usize = 5_000;

/// An environment that is frozen as soon as nothing happens, and is reclaimed.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_stored_once_or_counted() {
    let world = World::start().await;
    let mut environment = sandbox::Environment::start(world.spec()).await.unwrap();
    let mut expected = talk(&mut environment, MANY).await;
    for _ in 0..5 {
        expected.extend(talk(&mut environment, 20).await);
    }
    let left = environment.spin_down().await;
    assert!(left.killed.is_empty(), "it leaves by itself");
    let said = world.said().await;
    let losses = world.losses();
    let lost = expected.keys().filter(|it| !said.contains_key(it)).count();
    assert_eq!(said.keys().find(|it| !expected.contains_key(it)), None, "nobody said that");
    assert_eq!(said.values().find(|it| **it != 1), None, "nothing is there twice");
    // What the platform had no place for, it says; nobody else loses anything.
    assert_eq!(usize::try_from(losses.dropped_records).unwrap(), lost, "{losses:?}");
    assert_eq!(complaints(&environment), Vec::<String>::new());
}

/// The table is what the settings and the platform say, line by line and in order.
#[tokio::test(flavor = "multi_thread")]
async fn objects_are_one_table_with_all_that_is_known_of_a_line() {
    let world = World::start().await;
    let spec = world.spec().variable("OVERTIME_LOGS", "function,platform,extension");
    let mut environment = sandbox::Environment::start(spec).await.unwrap();
    let ended = invoke(
        &mut environment,
        json!({ "log": "é \"quoted\" \\ {}", "lines": 2, "sleep_ms": 50 }),
    )
    .await;
    environment.spin_down().await;
    let rows = world.bucket.rows().await.unwrap();
    let of = |kind: &str| rows.iter().filter(|it| it["type"] == kind).collect::<Vec<_>>();
    let messages: Vec<_> = of("function").iter().map(|it| it["message"].clone()).collect();
    assert_eq!(messages, ["é \"quoted\" \\ {}", "line 0", "line 1"]);
    for row in of("function") {
        assert_eq!(
            (&row["request_id"], &row["version"]),
            (&json!(ended.request_id), &json!("$LATEST"))
        );
        assert_eq!(row["sandbox"], environment.observer().instance());
        assert_eq!((&row["account"], &row["function"]), (&json!("111122223333"), &json!("talker")));
        let time = row["time"].as_str().unwrap();
        assert!(time.starts_with(row["date"].as_str().unwrap()), "{row}");
        assert!(time[11..13].parse() == Ok(row["hour"].as_u64().unwrap()), "{row}");
        let key = row["filename"].as_str().unwrap();
        assert!(
            key.contains("/of/us/account=111122223333/region=eu-west-1/function=talker/date="),
            "{key}"
        );
    }
    let done = of("platform.runtimeDone");
    assert_eq!((done.len(), &done[0]["request_id"]), (1, &json!(ended.request_id)));
    assert!(done[0]["record"].as_str().unwrap().contains(r#""status":"success""#), "{}", done[0]);
    assert_eq!(
        of("platform.initStart").len(),
        1,
        "what came before the first event is there as well"
    );
}

/// A timeout ends the process in the middle of it all; the bucket cannot be reached until the next one is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_timeout_cuts_short_is_stored_by_the_next_process_and_its_verdict_comes_first() {
    let world = World::start().await;
    let mut environment = sandbox::Environment::start(world.spec()).await.unwrap();
    world.network.set(Weather::BlackHole).await;
    let (mut expected, mut requests) = (BTreeMap::new(), Vec::new());
    for _ in 0..2 {
        let ended = invoke(&mut environment, json!({ "lines": 300, "hang": true })).await;
        assert_eq!(ended.outcome, Outcome::Timeout);
        assert!(ended.teardown.as_ref().unwrap().killed.is_empty(), "it leaves by itself");
        expected.extend(printed(&ended, 300));
        requests.push(ended.request_id);
    }
    assert_eq!(Heard::by(&world.aggregator).timeouts, once(&requests), "nobody waits for a bucket");
    assert!(world.bucket.objects().await.unwrap().is_empty());
    world.network.set(Weather::Clear).await;
    expected.extend(talk(&mut environment, 10).await);
    environment.spin_down().await;
    assert_eq!(world.said().await, expected);
    assert_eq!(world.losses().unsent_log_records, 0);
}

/// Where there is nothing in the way, a timeout's own log is there before its environment is used again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_timeout_said_is_stored_on_the_way_out() {
    let world = World::start().await;
    let mut environment = sandbox::Environment::start(unfrozen(world.spec())).await.unwrap();
    let ended = invoke(&mut environment, json!({ "lines": 3, "hang": true })).await;
    assert_eq!(ended.outcome, Outcome::Timeout);
    let said = world.said().await;
    assert_eq!(said, printed(&ended, 3), "{:?}", environment.observer().lines());
}

/// Nobody tells the process that it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_all_that_it_heard() {
    let world = World::start().await;
    let mut environment = sandbox::Environment::start(unfrozen(world.spec())).await.unwrap();
    world.network.set(Weather::BlackHole).await;
    let mut expected = talk(&mut environment, 500).await;
    // By now the platform has posted it all.
    sleep(Duration::from_millis(300)).await;
    let pid = environment.observer().extension_pid("overtime").unwrap();
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
    world.network.set(Weather::Clear).await;
    // The crash of an extension fails an invocation, and then the environment starts again.
    let failed = invoke(&mut environment, json!({})).await;
    assert_ne!(failed.outcome, Outcome::Success);
    expected.extend(talk(&mut environment, 5).await);
    environment.spin_down().await;
    assert_eq!(world.said().await, expected);
    let names: BTreeSet<String> = world.bucket.objects().await.unwrap().into_keys().collect();
    let processes: BTreeSet<_> =
        names.iter().map(|it| it.rsplit('/').next().unwrap()[..32].to_owned()).collect();
    assert_eq!(processes.len(), 2, "{names:?}");
}
