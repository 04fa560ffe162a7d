//! Changes are made one after the other, recorded, and seen by whoever holds a copy.

use serde_json::json;

use super::*;
use crate::store::laboratory::Laboratory;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const ANNA: By<'_> = By { author: "anna", at: NOW };

fn channel(id: &str, name: &str, expects: Expects) -> Change {
    let value = json!({"id": id, "name": name, "kind": {"eventbridge": {"bus": "ops"}}});
    let to = Kind::Channel.read(&value, None).unwrap();
    Change { kind: Kind::Channel, id: id.parse().unwrap(), to: Some(to), expects }
}

fn gone(id: &str, expects: Expects) -> Change {
    Change { kind: Kind::Channel, id: id.parse().unwrap(), to: None, expects }
}

fn version(configuration: &Configuration, id: &str) -> Option<u64> {
    configuration.channel(&id.parse().unwrap()).map(|it| it.version)
}

#[tokio::test]
async fn the_default_subscriptions_are_written_once_and_never_again() {
    let Laboratory { store, .. } = &Laboratory::open().await;
    store.ensure_defaults(NOW).await.unwrap();
    let ids = |it: &Configuration| {
        it.subscriptions.iter().map(|it| it.value.id.to_string()).collect::<Vec<_>>()
    };
    let first = store.configuration_now().await.unwrap();
    assert_eq!(ids(&first), ["fleet-incident", "new-offender", "timeout-rate"]);
    let delete = |id: &Id| Change {
        kind: Kind::Subscription,
        id: id.clone(),
        to: None,
        expects: Expects::Version(1),
    };
    let all: Vec<_> = first.subscriptions.iter().map(|it| delete(&it.value.id)).collect();
    store.change(&all, Some(1), ANNA).await.unwrap();
    store.ensure_defaults(NOW).await.unwrap();
    assert!(store.configuration_now().await.unwrap().subscriptions.is_empty());
}

#[tokio::test]
async fn a_change_holds_only_if_what_it_took_for_granted_does() {
    let Laboratory { store, .. } = &Laboratory::open().await;
    let made = store.change(&[channel("a", "A", Expects::Nothing)], None, ANNA).await.unwrap();
    let first = version(&made, "a").unwrap();
    let again = store.change(&[channel("a", "A", Expects::Version(first))], None, ANNA).await;
    assert_eq!(again.unwrap().revision, made.revision, "nothing changed");
    let renamed = store.change(&[channel("a", "B", Expects::Version(first))], None, ANNA).await;
    assert!(version(&renamed.unwrap(), "a") > Some(first));
    for stale in [channel("a", "C", Expects::Version(first)), channel("a", "C", Expects::Nothing)] {
        let refused = store.change(&[stale], None, ANNA).await;
        assert!(matches!(refused, Err(NotChanged::Moved { .. })), "{refused:?}");
    }
    let refused = store.change(&[gone("b", Expects::Version(9))], None, ANNA).await;
    assert!(matches!(refused, Err(NotChanged::Moved { now: None, .. })));
    let refused = store.change(&[gone("a", Expects::Anything)], Some(made.revision), ANNA).await;
    assert!(matches!(refused, Err(NotChanged::MovedOn)));
    store.change(&[gone("a", Expects::Anything)], None, ANNA).await.unwrap();
    let anew = store.change(&[channel("a", "A", Expects::Nothing)], None, ANNA).await.unwrap();
    assert!(version(&anew, "a") > Some(first), "a version is never used twice");
}

#[tokio::test]
async fn of_changes_that_belong_together_none_is_made_alone() {
    let Laboratory { store, .. } = &Laboratory::open().await;
    store.change(&[channel("a", "A", Expects::Nothing)], None, ANNA).await.unwrap();
    let both = [channel("b", "B", Expects::Nothing), channel("a", "A", Expects::Nothing)];
    store.change(&both, None, ANNA).await.unwrap_err();
    let standing = store.configuration_now().await.unwrap();
    assert_eq!(standing.channels.len(), 1);
}

/// Not on the engine of 2020, which takes ten actions in a transaction: DynamoDB takes a hundred.
#[tokio::test]
async fn many_changes_are_made_in_several_steps() {
    let Laboratory { store, .. } = &Laboratory::open().await;
    store.change(&[channel("a", "A", Expects::Nothing)], None, ANNA).await.unwrap();
    let standing = store.configuration_now().await.unwrap();
    let many: Vec<_> =
        (0..70).map(|it| channel(&format!("c{it}"), "C", Expects::Nothing)).collect();
    let made = store.change(&many, Some(standing.revision), ANNA).await.unwrap();
    assert_eq!((made.channels.len(), made.revision), (71, standing.revision + 3));
    let more: Vec<_> =
        (0..200).map(|it| channel(&format!("d{it}"), "D", Expects::Nothing)).collect();
    let refused = store.change(&more, None, ANNA).await;
    assert!(matches!(refused, Err(NotChanged::TooMany { kind: Kind::Channel })));
}

#[tokio::test]
async fn changes_made_at_once_are_all_made() {
    let Laboratory { store, .. } = &Laboratory::open().await;
    store.ensure_defaults(NOW).await.unwrap();
    let one = async |id: usize| {
        let change = channel(&format!("c{id}"), "C", Expects::Nothing);
        store.change(&[change], None, ANNA).await.unwrap();
    };
    futures::future::join_all((0..4).map(one)).await;
    let standing = store.configuration_now().await.unwrap();
    assert_eq!((standing.channels.len(), standing.revision), (4, 5));
}

#[tokio::test]
async fn a_copy_is_believed_for_ten_seconds_and_after_ones_own_change_not_at_all() {
    let Laboratory { store, access, .. } = &Laboratory::open().await;
    let reader = Store::new(access.dynamo.clone()).with_environment(true);
    let seen = async |it: &Store, after_s| {
        let at = NOW.plus(Duration::from_secs(after_s));
        it.configuration(at).await.unwrap().channels.len()
    };
    assert_eq!(seen(&reader, 0).await, 1, "the environment's");
    assert_eq!(seen(store, 0).await, 0);
    store.change(&[channel("a", "A", Expects::Nothing)], None, ANNA).await.unwrap();
    assert_eq!(seen(store, 0).await, 1);
    assert_eq!(seen(&reader, 9).await, 1);
    assert_eq!(seen(&reader, 10).await, 2);
}
