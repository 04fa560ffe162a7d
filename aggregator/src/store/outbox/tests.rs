//! Alert steps owe their messages exactly once, and a message is one deliverer's at a time.

use std::time::Duration;

use futures::future::join_all;
use overtime_wire::EpochMillis;

use super::{Entry, Settlement};
use crate::store::{
    Store, StoreError,
    alerts::{AlertKey, Step},
    laboratory::{Laboratory, at, function},
};

const LEASE: Duration = Duration::from_secs(30);

fn key() -> AlertKey {
    AlertKey { rule: "any".to_owned(), function: function("orders") }
}

/// A state that counts, and owes a message for every number it reaches.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what a step is given")]
fn count(state: &u32) -> Step<u32> {
    let next = state + 1;
    let entry = Entry { id: format!("msg_{next}"), due: at(0), body: format!("{next}") };
    Step { state: next, wake: Some(at(1_000)), entries: vec![entry] }
}

async fn due(store: &Store, now: EpochMillis) -> Vec<String> {
    store.due_entries(now, 100).await.unwrap()
}

#[tokio::test]
async fn steps_at_the_same_time_owe_one_message_each() {
    let lab = Laboratory::open().await;
    let key = key();
    let steps = join_all((0..6).map(|_| lab.store.step_alert(&key, count))).await;
    assert!(steps.into_iter().all(|it: Result<Vec<String>, StoreError>| it.unwrap().len() == 1));
    let mut ids = due(&lab.store, at(0)).await;
    ids.sort();
    assert_eq!(ids, ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5", "msg_6"]);
    assert_eq!(lab.store.alert_state::<u32>(&key).await.unwrap(), 6);
}

#[tokio::test]
async fn a_step_that_changes_nothing_writes_nothing() {
    let lab = Laboratory::open().await;
    let key = key();
    lab.store.step_alert(&key, count).await.unwrap();
    let stay = |state: &u32| Step { state: *state, wake: Some(at(1_000)), entries: Vec::new() };
    assert!(lab.store.step_alert(&key, stay).await.unwrap().is_empty());
    assert_eq!(lab.store.waking_alerts(at(999), 10).await.unwrap(), []);
    assert_eq!(lab.store.waking_alerts(at(1_000), 10).await.unwrap(), std::slice::from_ref(&key));
    let rest = |state: &u32| Step { state: *state, wake: None, entries: Vec::new() };
    lab.store.step_alert(&key, rest).await.unwrap();
    assert_eq!(lab.store.waking_alerts(at(1_000), 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_entry_belongs_to_one_until_the_lease_ends() {
    let lab = Laboratory::open().await;
    lab.store.step_alert(&key(), count).await.unwrap();
    let claims = join_all((0..4).map(|_| lab.store.claim("msg_1", at(0), LEASE))).await;
    let mut claims: Vec<_> = claims.into_iter().filter_map(|it| it.unwrap()).collect();
    assert_eq!(claims.len(), 1);
    let first = claims.remove(0);
    assert_eq!((first.body.as_str(), first.attempts, first.enqueued_at), ("1", 0, at(0)));
    assert!(due(&lab.store, at(29_999)).await.is_empty());
    let second = lab.store.claim("msg_1", at(30_000), LEASE).await.unwrap().unwrap();
    let delivered = |at| Settlement::Delivered { at };
    assert!(!lab.store.settle(&first, delivered(at(30_001))).await.unwrap());
    assert!(lab.store.settle(&second, delivered(at(30_002))).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), None);
    assert_eq!(lab.store.claim("msg_1", at(99_000), LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn a_retry_comes_back_and_the_dead_do_not() {
    let lab = Laboratory::open().await;
    lab.store.step_alert(&key(), count).await.unwrap();
    let claim = lab.store.claim("msg_1", at(0), LEASE).await.unwrap().unwrap();
    let retry = Settlement::Retry { due: at(5_000), problem: "503".to_owned() };
    assert!(lab.store.settle(&claim, retry).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), Some(at(5_000)));
    let claim = lab.store.claim("msg_1", at(5_000), LEASE).await.unwrap().unwrap();
    assert_eq!(claim.attempts, 1);
    let dead = Settlement::Dead { at: at(5_100), problem: "gone".to_owned() };
    assert!(lab.store.settle(&claim, dead).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), None);
}
