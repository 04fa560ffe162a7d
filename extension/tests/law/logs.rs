//! With logs on, the law holds all the same: nobody waits for a bucket, and a panic in reading logs costs a body.

use std::time::Duration;

use tokio::{net::TcpListener, time::Instant};

use crate::world::World;

const ALLOWANCE: Duration = Duration::from_secs(3);
const SAID: &str = r#"[{"time":"2026-11-01T00:00:01.000Z","type":"function","record":"hello\n"}]"#;

async fn world(endpoint: &str) -> World {
    World::start(&[
        ("OVERTIME_FLUSH_INTERVAL", "0s"),
        ("OVERTIME_LOGS", "function,extension,platform"),
        ("OVERTIME_LOGS_S3", "s3://logs/of/us"),
        ("OVERTIME_LOGS_S3_ENDPOINT", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ])
    .await
}

#[tokio::test]
async fn a_panic_in_reading_logs_costs_a_body() {
    let mut world = world("http://127.0.0.1:1").await;
    world.invoke("a", ALLOWANCE).await;
    world.telemetry(r#"[{"type":"overtime.fault","record":{"place":"logs"}}]"#).await;
    for request in ["b", "c", "d"] {
        world.telemetry(SAID).await;
        world.done("a", "success", 1.0).await;
        world.invoke(request, ALLOWANCE).await;
    }
    assert!(world.shutdown("spindown").await < Duration::from_secs(2));
    let batches = world.aggregator.batches();
    let tallies = batches.iter().flat_map(|it| &it.incarnations).flat_map(|it| &it.tallies);
    let unreadable = tallies.map(|it| it.fact.losses.unreadable_records).max();
    assert_eq!(unreadable, Some(1));
}

#[tokio::test]
async fn nobody_waits_for_a_bucket_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = world(&format!("http://{}", silent.local_addr().unwrap())).await;
    world.invoke("a", ALLOWANCE).await;
    world.telemetry(SAID).await;
    let begun = Instant::now();
    world.done("a", "timeout", 3001.0).await;
    let batches = world.aggregator.wait_for(1).await;
    assert!(begun.elapsed() < Duration::from_millis(500), "a verdict goes first");
    assert!(batches.iter().any(|it| it.incarnations.iter().any(|it| !it.verdicts.is_empty())));
    assert!(world.shutdown("timeout").await < Duration::from_millis(500));
}
