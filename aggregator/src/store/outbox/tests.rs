//! Alert steps owe their messages exactly once, a message is one deliverer's at a time, and a lane keeps its order.

use std::time::Duration;

use futures::future::join_all;
use overtime_wire::EpochMillis;

use super::entry::{Claim, Claimed, Ending, Entry, Settlement};
use crate::{
    domain::{
        alert::group::Known,
        configuration::audit::{About, Action, Deed},
        delivery::record::Record,
    },
    store::{
        Store, StoreError,
        alerts::{AlertKey, Step, Stepped},
        configuration::By,
        item::keyed,
        laboratory::{Laboratory, at, function},
        listed::{Page, Part},
        outbox::overflow::{Fold, Folded},
        schema::{self, STATE},
    },
};

const LEASE: Duration = Duration::from_secs(30);

fn key() -> AlertKey {
    AlertKey { rule: "any".to_owned(), function: function("orders") }
}

fn by(at: EpochMillis) -> By<'static> {
    By { author: "anna", at }
}

fn message(id: &str, due: EpochMillis) -> Entry {
    Entry::waiting(id.to_owned(), due, id.to_owned())
}

/// A state that counts, and owes a message for every number it reaches.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what a step is given")]
fn count(state: &u32, _: &Known) -> Step<u32> {
    let next = state + 1;
    let entry = Entry::waiting(format!("msg_{next}"), at(0), format!("{next}"));
    Step { state: next, wake: Some(at(1_000)), entries: vec![entry], ..Step::default() }
}

async fn due(store: &Store, now: EpochMillis) -> Vec<String> {
    store.due_entries(now, 100).await.unwrap()
}

async fn claimed(store: &Store, id: &str, now: EpochMillis) -> Option<Claim> {
    match store.claim(id, now, LEASE).await.unwrap() {
        Claimed::Yours(claim) => Some(*claim),
        Claimed::Behind { .. } | Claimed::No => None,
    }
}

fn ended(ending: Ending) -> Settlement {
    Settlement { ending, record: Some(Record::new(at(0), Some(200), 3, "200 OK")) }
}

fn again_at(after_ms: i64) -> Settlement {
    ended(Ending::Retry { due: at(after_ms), problem: "503".to_owned() })
}

fn delivered(at: EpochMillis) -> Settlement {
    ended(Ending::Delivered { at, pin: Some("by this".to_owned()) })
}

#[tokio::test]
async fn steps_at_the_same_time_owe_one_message_each() {
    let lab = Laboratory::open().await;
    let key = key();
    let steps = join_all((0..6).map(|_| lab.store.step_alert(&key, count))).await;
    let owed = |it: Result<Stepped, StoreError>| it.unwrap().enqueued.len();
    assert!(steps.into_iter().map(owed).all(|it| it == 1));
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
    let stay =
        |state: &u32, _: &Known| Step { state: *state, wake: Some(at(1_000)), ..Step::default() };
    assert!(lab.store.step_alert(&key, stay).await.unwrap().enqueued.is_empty());
    assert_eq!(lab.store.waking_alerts(at(999), 10).await.unwrap(), []);
    assert_eq!(lab.store.waking_alerts(at(1_000), 10).await.unwrap(), std::slice::from_ref(&key));
    let rest = |state: &u32, _: &Known| Step { state: *state, ..Step::default() };
    lab.store.step_alert(&key, rest).await.unwrap();
    assert_eq!(lab.store.waking_alerts(at(1_000), 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_entry_belongs_to_one_until_the_lease_ends() {
    let lab = Laboratory::open().await;
    lab.store.step_alert(&key(), count).await.unwrap();
    let claims = join_all((0..4).map(|_| claimed(&lab.store, "msg_1", at(0)))).await;
    let mut claims: Vec<_> = claims.into_iter().flatten().collect();
    assert_eq!(claims.len(), 1);
    let first = claims.remove(0);
    assert_eq!((first.body.as_str(), first.attempts, first.enqueued_at), ("1", 0, at(0)));
    assert!(due(&lab.store, at(29_999)).await.is_empty());
    let second = claimed(&lab.store, "msg_1", at(30_000)).await.unwrap();
    assert!(!lab.store.settle(&first, delivered(at(30_001))).await.unwrap());
    assert!(lab.store.settle(&second, delivered(at(30_002))).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), None);
    assert_eq!(claimed(&lab.store, "msg_1", at(99_000)).await, None);
}

#[tokio::test]
async fn a_retry_comes_back_and_the_dead_only_when_they_are_called() {
    let lab = Laboratory::open().await;
    lab.store.step_alert(&key(), count).await.unwrap();
    let claim = claimed(&lab.store, "msg_1", at(0)).await.unwrap();
    let retry = ended(Ending::Retry { due: at(5_000), problem: "503".to_owned() });
    assert!(lab.store.settle(&claim, retry).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), Some(at(5_000)));
    let claim = claimed(&lab.store, "msg_1", at(5_000)).await.unwrap();
    assert_eq!((claim.attempts, claim.records.len()), (1, 1));
    assert!(!lab.store.replay("msg_1", by(at(5_050))).await.unwrap(), "it is on its way");
    let dead = ended(Ending::Dead { at: at(5_100), problem: "gone".to_owned() });
    assert!(lab.store.settle(&claim, dead).await.unwrap());
    assert_eq!(lab.store.next_due().await.unwrap(), None);

    assert!(lab.store.replay("msg_1", by(at(6_000))).await.unwrap());
    assert!(!lab.store.replay("msg_0", by(at(6_000))).await.unwrap(), "there is none");
    let again = claimed(&lab.store, "msg_1", at(6_000)).await.unwrap();
    assert_eq!((again.attempts, again.records.len()), (0, 2));
    assert!(lab.store.settle(&again, delivered(at(6_001))).await.unwrap());
    let told = lab.store.delivery("msg_1").await.unwrap().unwrap();
    assert_eq!((told.status.as_str(), told.records.len(), told.problem), ("delivered", 3, None));
}

#[tokio::test]
async fn a_resolution_does_not_overtake_what_it_resolves() {
    let lab = Laboratory::open().await;
    let store = &lab.store;
    let (firing, update, resolved) =
        ("msg_e1_firing_team", "msg_e1_update-1_team", "msg_e1_resolved_team");
    for (id, due) in [(resolved, 0), (update, 20), (firing, 10)] {
        assert!(store.enqueue(&message(id, at(due))).await.unwrap());
    }
    assert!(!store.enqueue(&message(firing, at(99))).await.unwrap(), "it is there");
    // Elsewhere nobody waits for it.
    store.enqueue(&message("msg_e1_resolved_ops", at(0))).await.unwrap();
    assert!(claimed(store, "msg_e1_resolved_ops", at(0)).await.is_some());

    let behind = store.claim(resolved, at(30), LEASE).await.unwrap();
    assert_eq!(behind, Claimed::Behind { until: at(1_030) });
    let first = claimed(store, firing, at(30)).await.unwrap();
    assert_eq!(first.before.count, 0);
    let later = ended(Ending::Retry { due: at(60_000), problem: "503".to_owned() });
    assert!(store.settle(&first, later).await.unwrap());
    assert_eq!(store.release(firing, at(40)).await.unwrap(), None, "it is still first");
    let behind = store.claim(update, at(50), LEASE).await.unwrap();
    assert_eq!(behind, Claimed::Behind { until: at(60_000) });

    let first = claimed(store, firing, at(60_000)).await.unwrap();
    assert!(store.settle(&first, delivered(at(60_001))).await.unwrap());
    assert_eq!(store.release(firing, at(60_002)).await.unwrap().as_deref(), Some(update));
    let second = claimed(store, update, at(60_002)).await.unwrap();
    assert_eq!((second.before.delivered, second.before.pin.as_deref()), (true, Some("by this")));
    assert!(store.settle(&second, delivered(at(60_003))).await.unwrap());
    assert_eq!(store.release(update, at(60_004)).await.unwrap().as_deref(), Some(resolved));
    assert!(claimed(store, resolved, at(60_004)).await.is_some());
    let told = store.deliveries_of("e1", "team").await.unwrap();
    assert_eq!(
        told.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        [firing, update, resolved]
    );
}

#[tokio::test]
async fn what_is_suppressed_is_written_down_and_never_due() {
    let lab = Laboratory::open().await;
    let reason = Some("silenced by maintenance".to_owned());
    let entry = Entry { suppressed: reason.clone(), ..message("msg_e1_firing_team", at(0)) };
    lab.store.enqueue(&entry).await.unwrap();
    assert_eq!(lab.store.next_due().await.unwrap(), None);
    let told = lab.store.delivery("msg_e1_firing_team").await.unwrap().unwrap();
    assert_eq!((told.status.as_str(), told.problem), ("suppressed", reason));
}

#[tokio::test]
async fn a_minute_has_so_many_places_and_no_more() {
    let lab = Laboratory::open().await;
    let taken = join_all((0..10).map(|_| lab.store.take_place("team", 3, at(0)))).await;
    assert_eq!(taken.into_iter().filter(|it| *it.as_ref().unwrap()).count(), 3);
    assert!(lab.store.take_place("ops", 3, at(0)).await.unwrap());
    assert!(lab.store.take_place("team", 3, at(60_000)).await.unwrap());
}

#[tokio::test]
async fn a_digest_counts_each_message_once_until_it_is_taken() {
    let lab = Laboratory::open().await;
    let store = &lab.store;
    let digest = "msg_digest-1_digest_team";
    let fold = |line: usize| Fold { digest: message(digest, at(60_000)), line: line.to_string() };
    let ids: Vec<String> = (0..25).map(|it| format!("msg_e{it}_firing_team")).collect();
    for (line, id) in ids.iter().enumerate() {
        store.enqueue(&message(id, at(0))).await.unwrap();
        let claim = claimed(store, id, at(0)).await.unwrap();
        assert_eq!(store.fold(&claim, &fold(line), at(0)).await.unwrap(), Folded::In);
        let again = store.fold(&claim, &fold(line), at(0)).await.unwrap();
        assert_eq!(again, Folded::Lost, "it is settled");
        assert_eq!(store.delivery(id).await.unwrap().unwrap().status, "digested");
    }
    assert_eq!(due(store, at(59_999)).await, Vec::<String>::new());
    let taken = claimed(store, digest, at(60_000)).await.unwrap();
    let stale = taken.clone();
    let sealed = store.seal(taken).await.unwrap().unwrap();
    assert_eq!((sealed.folded, sealed.lines.len()), (Some(25), 20));
    assert_eq!(store.seal(stale).await.unwrap(), None, "somebody else has it");
    store.enqueue(&message("msg_late_firing_team", at(0))).await.unwrap();
    let late = claimed(store, "msg_late_firing_team", at(0)).await.unwrap();
    assert_eq!(store.fold(&late, &fold(0), at(0)).await.unwrap(), Folded::Sealed);
    // Whoever sends it next tells the same.
    assert!(store.settle(&sealed, again_at(61_000)).await.unwrap());
    let next = claimed(store, digest, at(61_000)).await.unwrap();
    let next = store.seal(next).await.unwrap().unwrap();
    assert_eq!((next.folded, next.lines), (Some(25), sealed.lines));
}

#[tokio::test]
async fn a_digest_that_a_flood_pours_into_holds_all_of_it_and_stays_small() {
    let lab = Laboratory::open().await;
    let store = &lab.store;
    let digest = "msg_digest-1_digest_team";
    let line = "a function whose name is long timed out ".repeat(5);
    let pour = async |number: u32| {
        let id = format!("msg_e{number}_firing_team");
        store.enqueue(&message(&id, at(0))).await.unwrap();
        let claim = claimed(store, &id, at(0)).await.unwrap();
        let fold = Fold { digest: message(digest, at(60_000)), line: line.clone() };
        while store.fold(&claim, &fold, at(0)).await.unwrap() == Folded::Busy {}
    };
    // Twice as many as have lines, were all of them in one part.
    for some in 0..20 {
        join_all((some * 32..(some + 1) * 32).map(pour)).await;
    }
    let taken = claimed(store, digest, at(60_000)).await.unwrap();
    let sealed = store.seal(taken).await.unwrap().unwrap();
    assert_eq!((sealed.folded, sealed.lines.len()), (Some(640), 20));
    for part in 0..schema::DIGEST_PARTS {
        let key = keyed(&schema::outbox::digest_key(digest, part));
        let get = store.dynamo.get_item().table_name(STATE).set_key(Some(key));
        let item = get.send().await.unwrap().item.unwrap();
        let counted: usize = item["c"].as_n().unwrap().parse().unwrap();
        assert_eq!(item["lines"].as_l().unwrap().len(), counted.min(20), "part {part}");
    }
}

#[tokio::test]
async fn a_days_messages_are_listed_latest_first() {
    let lab = Laboratory::open().await;
    for number in 0..5 {
        let id = format!("msg_e{number}_firing_team");
        lab.store.enqueue(&message(&id, at(number * 10))).await.unwrap();
    }
    let part = |after| Part { from: at(0), to: at(40), after, limit: 3 };
    let all = |_: &super::reading::Delivery| true;
    let ids = |page: &Page<super::reading::Delivery>| {
        page.items.iter().map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    let first = lab.store.deliveries(part(None), all).await.unwrap();
    assert_eq!(ids(&first), ["msg_e3_firing_team", "msg_e2_firing_team", "msg_e1_firing_team"]);
    let place = first.next.unwrap();
    let place = place.to_string().parse().unwrap();
    let rest = lab.store.deliveries(part(Some(&place)), all).await.unwrap();
    assert_eq!((ids(&rest), rest.next), (vec!["msg_e0_firing_team".to_owned()], None));
    let some = |it: &super::reading::Delivery| it.queued_at == at(10);
    let found = lab.store.deliveries(part(None), some).await.unwrap();
    assert_eq!(ids(&found), ["msg_e1_firing_team"]);
}

#[tokio::test]
async fn days_are_walked_back_and_a_place_leads_on_where_one_ends() {
    let lab = Laboratory::open().await;
    let day = 86_400_000;
    for back in [0, 3, 120] {
        let id = format!("msg_e{back}_firing_team");
        lab.store.enqueue(&message(&id, at(-back * day))).await.unwrap();
    }
    let (mut ids, mut place) = (Vec::new(), None);
    for pages in 1.. {
        let part = Part { from: at(-200 * day), to: at(1), after: place.as_ref(), limit: 10 };
        let page = lab.store.deliveries(part, |_| true).await.unwrap();
        ids.extend(page.items.into_iter().map(|it| it.id));
        place = page.next;
        if place.is_none() {
            assert_eq!(pages, 3, "a hundred days are looked into at a time");
            break;
        }
    }
    assert_eq!(ids, ["msg_e0_firing_team", "msg_e3_firing_team", "msg_e120_firing_team"]);
}

#[tokio::test]
async fn what_is_done_by_hand_is_on_record() {
    let lab = Laboratory::open().await;
    lab.store.ensure_defaults(at(0)).await.unwrap();
    let deed = |id: &str| Deed {
        action: Action::Tested,
        kind: About::Channel,
        id: id.to_owned(),
        before: None,
        after: None,
    };
    let entry = message("msg_t_test_team", at(0));
    assert!(lab.store.enqueue_by(&entry, deed("team"), by(at(1))).await.unwrap());
    assert!(!lab.store.enqueue_by(&entry, deed("team"), by(at(2))).await.unwrap());
    let claim = claimed(&lab.store, "msg_t_test_team", at(0)).await.unwrap();
    assert!(lab.store.settle(&claim, delivered(at(3))).await.unwrap());
    assert!(lab.store.replay("msg_t_test_team", by(at(4))).await.unwrap());
    let records = lab.store.audit(None, 2).await.unwrap();
    let [(last, replayed), (first, tested)] = &records[..] else { panic!("{records:?}") };
    assert_eq!((replayed.action, tested.action), (Action::Replayed, Action::Tested));
    assert_eq!((replayed.by.as_str(), replayed.id.as_str()), ("anna", "msg_t_test_team"));
    assert_eq!(replayed.before.as_ref().unwrap()["status"], "delivered");
    assert_eq!((last.revision, first.revision), (1, 1), "no change of the configuration");
    let before = lab.store.audit(Some(*first), 1).await.unwrap();
    assert_eq!(before[0].1.action, Action::Created, "what was changed before");
}
