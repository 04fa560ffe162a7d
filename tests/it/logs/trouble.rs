//! A bucket that denies, throttles, is slow or gone: it harms nothing, and is told once.

use std::collections::BTreeMap;
use std::time::Duration;

use overtime_wire::Losses;
use sandbox::Outcome;
use sandbox::proxy::{Reply, Weather};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stage::{TIMEOUT, World, complaints, invoke, talk, unfrozen};
use crate::network::reporting::{Heard, once};

/// Well below a timeout, on a busy machine.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_denies_is_told_of_once_and_what_is_lost_is_counted() {
    let world = World::start().await;
    world.network.set(Weather::Answering(Reply::status(403))).await;
    let spec = world.spec().variable("OVERTIME_LOGS", "function,extension");
    let spec = spec.variable("OVERTIME_FLUSH_INTERVAL", "0s");
    let mut environment = sandbox::Environment::start(unfrozen(spec)).await.unwrap();
    let mut lines = 0;
    for _ in 0..4 {
        lines += talk(&mut environment, 25).await.len();
        sleep(Duration::from_millis(200)).await;
    }
    let before = world.network.traffic().requests;
    // It rests, and its own complaint, which it hears, is no reason to send anything.
    assert!((1..=4).contains(&before), "{before} requests");
    environment.spin_down().await;
    let told = complaints(&environment);
    assert!(matches!(&told[..], [one] if one.contains("s3:PutObject")), "{told:?}");
    let Losses { refused_log_records, unsent_log_records, overflowed_log_records, .. } =
        world.losses();
    // And the complaint itself.
    assert_eq!(
        (refused_log_records, unsent_log_records, overflowed_log_records),
        (u32::try_from(lines).unwrap() + 1, 0, 0)
    );
    assert!(world.bucket.objects().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_words_alone_send_nothing() {
    let world = World::start().await;
    world.network.set(Weather::Answering(Reply::status(403))).await;
    let spec = world.spec().variable("OVERTIME_LOGS", "extension");
    let spec = spec
        .variable("OVERTIME_FLUSH_INTERVAL", "0s")
        .variable("OVERTIME_URL", "http://127.0.0.1:1");
    let mut environment = sandbox::Environment::start(unfrozen(spec)).await.unwrap();
    // Nobody listens there, which is worth a line.
    for _ in 0..3 {
        talk(&mut environment, 1).await;
        sleep(Duration::from_millis(400)).await;
    }
    let said = environment.observer().said_by("overtime");
    assert!(said.iter().any(|it| it.contains("OVERTIME_URL")), "{said:?}");
    assert_eq!(world.network.traffic().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_throttled_is_stored_later_and_once() {
    let world = World::start().await;
    let spec = world.spec().variable("OVERTIME_FLUSH_INTERVAL", "0s");
    let mut environment = sandbox::Environment::start(unfrozen(spec)).await.unwrap();
    world.network.set(Weather::Answering(Reply::status(503))).await;
    let mut expected = talk(&mut environment, 100).await;
    sleep(Duration::from_millis(300)).await;
    expected.extend(talk(&mut environment, 100).await);
    world.network.set(Weather::Clear).await;
    world.until_stored(1).await;
    sleep(Duration::from_millis(500)).await;
    environment.spin_down().await;
    assert_eq!(world.said().await, expected);
    let Losses { unsent_log_records, refused_log_records, overflowed_log_records, .. } =
        world.losses();
    assert_eq!((unsent_log_records, refused_log_records, overflowed_log_records), (0, 0, 0));
}

/// In every weather invocations end as soon as they would, timeouts are told at once, and the process leaves in time.
#[tokio::test(flavor = "multi_thread")]
async fn no_weather_at_the_bucket_harms_an_invocation_or_a_verdict() {
    for weather in [
        Weather::Refusing,
        Weather::BlackHole,
        Weather::Slow(Duration::from_secs(5)),
        Weather::Answering(Reply { status: 503, retry_after: Some(1) }),
    ] {
        let world = World::start().await;
        world.network.set(weather).await;
        let spec = world.spec().variable("OVERTIME_FLUSH_INTERVAL", "0s");
        let mut environment = sandbox::Environment::start(spec).await.unwrap();
        for _ in 0..3 {
            let begun = Instant::now();
            talk(&mut environment, 50).await;
            assert!(begun.elapsed() < SOON, "{weather:?}");
        }
        let ended = invoke(&mut environment, json!({ "lines": 50, "hang": true })).await;
        assert_eq!(ended.outcome, Outcome::Timeout);
        let teardown = ended.teardown.unwrap();
        assert!(teardown.killed.is_empty(), "{weather:?}: it leaves by itself");
        let heard = Heard::by(&world.aggregator).timeouts;
        assert_eq!(heard, once(&[ended.request_id]), "{weather:?}");
        let begun = Instant::now();
        assert!(environment.spin_down().await.killed.is_empty(), "{weather:?}");
        assert!(begun.elapsed() < TIMEOUT, "{weather:?}");
    }
}

/// What the environment takes along because the bucket cannot be reached is told before it goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_the_environment_is_counted() {
    let world = World::start().await;
    world.network.set(Weather::BlackHole).await;
    let mut environment = sandbox::Environment::start(world.spec()).await.unwrap();
    let said = talk(&mut environment, 40).await;
    environment.spin_down().await;
    assert_eq!(usize::try_from(world.losses().unsent_log_records).unwrap(), said.len());
    assert_eq!(world.said().await, BTreeMap::new());
}
