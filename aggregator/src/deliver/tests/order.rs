//! What arrives, arrives in its order, and after everything that was in the way.

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde_json::json;

use super::{
    super::Deliverer,
    stage::{self, Stage},
};
use crate::store::{configuration::By, laboratory::at, outbox::reading::Delivery};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_gets_everything_once_and_in_order() {
    let stage = Stage::open(|_| if stage::clock() < at(HOUR_MS) { 503 } else { 204 }).await;
    stage.configure("team", &json!({ "rate_limit": 0 })).await;
    let mut expected = BTreeMap::new();
    for episode in 0..20 {
        let began = episode * 60_000;
        let ids = ["firing", "update-1", "repeat-1", "resolved"]
            .map(|it| format!("msg_e{episode}_{it}_team"));
        for (place, id) in (0..).zip(&ids) {
            stage.put_in(id, began + place * 600_000).await;
        }
        expected.insert(format!("e{episode}"), ids.to_vec());
    }
    stage.drive(10 * HOUR_MS).await;
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in stage.taken_at("/team") {
        let episode = id.split('_').nth(1).unwrap().to_owned();
        taken.entry(episode).or_default().push(id);
    }
    assert_eq!(taken, expected);
    assert_eq!(stage.store().next_due().await.unwrap(), None);
    for episode in 0..20 {
        let began = at(episode * 60_000);
        keeps_the_schedule(&stage.delivery(&format!("msg_e{episode}_firing_team")).await, began);
    }
}

/// Each attempt comes after its pause, and at most a fifth later, up to the one that was taken, after the hour.
#[track_caller]
fn keeps_the_schedule(delivery: &Delivery, began: EpochMillis) {
    let pauses = [5_u64, 30, 120, 600, 1_800, 7_200];
    let tried: Vec<_> = delivery.records.iter().map(|it| EpochMillis(it.at)).collect();
    let waits = tried.windows(2).map(|it| it[1].since(it[0]));
    let mut waits: Vec<_> = waits.map(|it| it.as_millis()).collect();
    assert_eq!(tried[0], began, "{tried:?}");
    for (wait, pause) in waits.iter_mut().zip(pauses) {
        let pause = u128::from(pause) * 1_000;
        assert!((pause..=pause * 6 / 5 + 1_000).contains(wait), "{wait} ms, not {pause}");
    }
    assert!(tried.last().is_some_and(|it| *it >= at(HOUR_MS)), "{tried:?}");
    let answers: Vec<_> = delivery.records.iter().filter_map(|it| it.status).collect();
    let (last, failed) = answers.split_last().unwrap();
    assert!(*last == 204 && failed.iter().all(|it| *it == 503), "{answers:?}");
}

#[tokio::test]
async fn a_resolution_of_what_never_arrived_is_not_sent() {
    let stage = Stage::open(|_| 400).await;
    stage.put_in("msg_e1_firing", 0).await;
    stage.put_in("msg_e1_resolved", 10).await;
    stage.drive(1_000).await;
    assert_eq!(stage.arrived(), ["msg_e1_firing"]);
    let resolved = stage.delivery("msg_e1_resolved").await;
    assert_eq!(resolved.status, "suppressed");
    assert!(resolved.problem.unwrap().ends_with("never heard of this episode"));
}

#[tokio::test]
async fn two_deliverers_at_once_send_everything_once() {
    let stage = Stage::open(|_| 204).await;
    for episode in 0..30 {
        stage.put_in(&format!("msg_e{episode}_firing"), 0).await;
        stage.put_in(&format!("msg_e{episode}_resolved"), 0).await;
    }
    let other: Deliverer = stage.deliverer.clone();
    let ids: Vec<String> = stage.store().due_entries(stage::clock(), 100).await.unwrap();
    let both =
        ids.iter().flat_map(|id| [&stage.deliverer, &other].map(|it| Box::pin(it.deliver(id))));
    futures::future::try_join_all(both).await.unwrap();
    stage.drive(10_000).await;
    let mut arrived = stage.arrived();
    assert_eq!(arrived.len(), 60);
    for episode in 0..30 {
        let place = |word: &str| {
            arrived.iter().position(|it| *it == format!("msg_e{episode}_{word}")).unwrap()
        };
        assert!(place("firing") < place("resolved"));
    }
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 60);
}

#[tokio::test]
async fn what_was_given_up_is_sent_again_by_hand() {
    let stage = Stage::open(|_| if stage::clock() < at(1_000) { 400 } else { 204 }).await;
    stage.put_in("msg_e1_firing", 0).await;
    stage.once().await;
    assert_eq!(stage.delivery("msg_e1_firing").await.status, "dead");
    stage::pass(std::time::Duration::from_secs(2));
    let by = By { author: "anna", at: stage::clock() };
    assert!(stage.laboratory().store.replay("msg_e1_firing", by).await.unwrap());
    stage.drive(3_000).await;
    let delivery = stage.delivery("msg_e1_firing").await;
    assert_eq!((delivery.status.as_str(), delivery.records.len()), ("delivered", 2));
    assert_eq!(stage.arrived(), ["msg_e1_firing", "msg_e1_firing"]);
}
