//! More than a channel takes: a digest instead of a flood, and nothing is lost on the way.
//!
//! `FLOOD_ALERTS` says how many there are, where five hundred are too few.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use serde_json::json;

use super::stage::Stage;
use crate::store::laboratory::{Laboratory, weather::Weather};

const LIMIT: usize = 10;
/// How many deliveries Lambda's door and `serve` attempt at the same time, and more.
const AT_ONCE: usize = 16;

fn alerts() -> usize {
    std::env::var("FLOOD_ALERTS").map_or(500, |it| it.parse().unwrap())
}

fn id(alert: usize) -> String {
    format!("msg_e{alert}_firing_team")
}

async fn pour(stage: &Stage, alerts: usize) {
    stage.configure("team", &json!({ "rate_limit": LIMIT })).await;
    let all = stream::iter(0..alerts).map(async |alert| stage.put_in(&id(alert), 0).await);
    all.buffer_unordered(AT_ONCE).for_each(async |()| {}).await;
}

/// Has all of them delivered as by messages of the queue, many at a time, and gives what that failed with.
async fn deliver(stage: &Stage, alerts: usize) -> Vec<String> {
    let all = stream::iter(0..alerts).map(async |alert| stage.deliverer.deliver(&id(alert)).await);
    let failed = all.buffer_unordered(AT_ONCE).filter_map(async |it| it.err());
    failed.map(|it| format!("{it:?}")).collect().await
}

/// What became of them, by status.
async fn statuses(stage: &Stage, alerts: usize) -> BTreeMap<String, usize> {
    let mut statuses = BTreeMap::new();
    for alert in 0..alerts {
        let delivery = stage.delivery(&id(alert)).await;
        *statuses.entry(delivery.status).or_default() += 1;
    }
    statuses
}

/// Those that came as they are, and the digests, each once.
fn arrived(stage: &Stage) -> (Vec<String>, Vec<String>) {
    let mut arrived = stage.arrived_at("/team");
    arrived.sort();
    arrived.dedup();
    arrived.into_iter().partition(|it| !it.contains("_digest_"))
}

/// As many as there are places are told one by one, and one digest tells of all others.
async fn check(stage: &Stage, alerts: usize) {
    let (single, digests) = arrived(stage);
    assert_eq!((single.len(), digests.len()), (LIMIT, 1), "{single:?} {digests:?}");
    let digest = stage.body_of(&digests[0]).unwrap();
    assert_eq!(digest["type"], "dev.overtime.alert.digest");
    assert_eq!(digest["data"]["stats"]["alerts"], alerts - LIMIT);
    // None is lost: each was sent, or is on record as part of the digest.
    let expected = [("delivered", LIMIT), ("digested", alerts - LIMIT)];
    let expected = expected.map(|(status, count)| (status.to_owned(), count));
    assert_eq!(statuses(stage, alerts).await, expected.into());
    let text = digest["data"]["annotations"]["description"].as_str().unwrap();
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with(&format!("and {} more", alerts - LIMIT - 20)), "{text}");
    assert_eq!(stage.store().next_due().await.unwrap(), None);
}

#[tokio::test]
async fn two_hundred_alerts_in_a_minute_are_ten_messages_and_a_digest() {
    let stage = Stage::open(|_| 204).await;
    pour(&stage, 200).await;
    stage.drive(180_000).await;
    check(&stage, 200).await;
}

#[tokio::test]
async fn a_flood_that_is_delivered_all_at_once_is_one_digest() {
    let stage = Stage::open(|_| 204).await;
    pour(&stage, alerts()).await;
    let failed = deliver(&stage, alerts()).await;
    // On a machine that has no time for the engine a message waits for the end of its lease; nothing else may go wrong.
    assert!(failed.iter().all(|it| it.starts_with("Unavailable(TimeoutError")), "{failed:?}");
    stage.drive(180_000).await;
    check(&stage, alerts()).await;
}

#[tokio::test]
async fn a_flood_in_bad_weather_loses_none_and_tells_none_twice() {
    let (weather, alerts) = (Weather::of(7, 10), alerts() / 2);
    let stage = Stage::in_laboratory(|_| 204, Laboratory::open_by(weather.clone()).await).await;
    pour(&stage, alerts).await;
    weather.rage();
    // What fails here is left to the end of its lease.
    deliver(&stage, alerts).await;
    weather.clear();
    stage.drive(600_000).await;
    let (mishaps, conflicts) = weather.mishaps();
    assert!(mishaps > conflicts && conflicts > 100, "{mishaps} mishaps, {conflicts} conflicts");
    let statuses = statuses(&stage, alerts).await;
    let (told, folded) = (statuses["delivered"], statuses["digested"]);
    assert_eq!(told + folded, alerts, "{statuses:?}");
    let (single, digests) = arrived(&stage);
    assert_eq!(single.len(), told);
    let held = |id: &String| stage.body_of(id).unwrap()["data"]["stats"]["alerts"].as_u64();
    assert_eq!(digests.iter().filter_map(held).sum::<u64>(), u64::try_from(folded).unwrap());
    assert_eq!(stage.store().next_due().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_open_there_is_resolved_there_however_much_there_is() {
    let stage = Stage::open(|_| 202).await;
    stage.pagerduty("pager", "OVERTIME_SECRET_FIRST").await;
    for episode in 0..20 {
        stage.put_in(&format!("msg_e{episode}_firing_pager"), 0).await;
    }
    stage.drive(60_000).await;
    // The channel's limit is thirty a minute: the first minute takes all, the next one not every resolution at once.
    for episode in 0..40 {
        stage.put_in(&format!("msg_f{episode}_firing_pager"), 60_000).await;
    }
    for episode in 0..20 {
        stage.put_in(&format!("msg_e{episode}_resolved_pager"), 60_001).await;
    }
    stage.drive(600_000).await;
    let resolved = stage.bodies().iter().filter(|it| it["event_action"] == "resolve").count();
    assert_eq!(resolved, 20);
}
