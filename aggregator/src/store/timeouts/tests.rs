//! The list in order, page by page, and what leaves it.

use overtime_wire::{Cause, Ordinal, Outcome, Verdict};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{Cursor, InvalidCursor, tails::TimeoutKey};
use crate::{
    domain::timeout::{Filter, Timeout},
    store::{
        Store,
        laboratory::{Laboratory, at, block, function, incarnation, verdict},
    },
};

const DAY_MS: i64 = 86_400_000;

fn timeout(name: &str, verdict: Verdict) -> Timeout {
    Timeout {
        function: function(name),
        incarnation: incarnation(1),
        detected_at: verdict.detected,
        verdict,
    }
}

/// Everything between two offsets of the block, by pages of `limit`.
async fn all(store: &Store, filter: &Filter, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let page = store.timeouts(filter, cursor.as_ref(), limit).await.unwrap();
        assert!(page.items.len() <= limit);
        ids.extend(page.items.iter().map(Timeout::order));
        let Some(next) = page.next else { return ids };
        cursor = Some(next.to_string().parse().unwrap());
    }
}

#[tokio::test]
async fn pages_are_the_list_newest_deadline_first() {
    let lab = Laboratory::open().await;
    let mut runner = TestRunner::deterministic();
    let entries = vec((0..3_usize, -3 * DAY_MS..DAY_MS), 60..61);
    let entries = entries.new_tree(&mut runner).unwrap().current();
    let mut listed = Vec::new();
    for (ordinal, (name, offset)) in (0..).zip(entries) {
        let verdict = Verdict { deadline: Some(at(offset)), ..verdict(ordinal, 0) };
        let timeout = timeout(["a", "b", "c"][name], verdict);
        assert!(lab.store.put_timeout(&timeout, 1).await.unwrap());
        listed.push(timeout);
    }
    listed.sort_by_key(|it| std::cmp::Reverse(it.order()));
    let everything = Filter::between(at(-9 * DAY_MS), at(9 * DAY_MS));
    let within = Filter::between(at(-DAY_MS), at(DAY_MS / 2));
    let one = Filter {
        account: Some(function("b").account),
        region: Some(function("b").region),
        function: Some(function("b").name),
        ..everything.clone()
    };
    let by_name = Filter { function: Some(function("c").name), ..everything.clone() };
    for filter in [everything, within, one, by_name] {
        let expected: Vec<_> =
            listed.iter().filter(|it| filter.covers(it)).map(Timeout::order).collect();
        for limit in [1, 7, 200] {
            assert_eq!(all(&lab.store, &filter, limit).await, expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn what_is_taken_back_leaves_the_list_for_good() {
    let lab = Laboratory::open().await;
    let claim = timeout("orders", verdict(1, 0));
    let retraction = timeout("orders", Verdict { outcome: Outcome::Success, ..verdict(1, 0) });
    let filter = Filter::between(block().start(), block().end());
    assert!(lab.store.put_timeout(&claim, 1).await.unwrap());
    assert_eq!(all(&lab.store, &filter, 10).await.len(), 1);
    assert!(lab.store.put_timeout(&retraction, 2).await.unwrap());
    assert_eq!(all(&lab.store, &filter, 10).await.len(), 0);
    assert!(!lab.store.put_timeout(&claim, 1).await.unwrap());
    assert_eq!(all(&lab.store, &filter, 10).await.len(), 0);
}

#[tokio::test]
async fn what_is_corrected_moves_and_keeps_when_it_was_detected() {
    let lab = Laboratory::open().await;
    let claim = timeout("orders", verdict(1, 0));
    let corrected = Verdict { deadline: Some(at(9_000)), cause: Cause::Init, ..verdict(1, 0) };
    let corrected = Timeout { verdict: corrected, ..claim.clone() };
    lab.store.put_timeout(&claim, 1).await.unwrap();
    lab.store.put_timeout(&corrected, 2).await.unwrap();
    let filter = Filter::between(block().start(), block().end());
    let page = lab.store.timeouts(&filter, None, 10).await.unwrap();
    assert_eq!(page.items, [corrected]);
}

#[test]
fn only_our_own_cursors_are_cursors() {
    let cursor = Cursor(timeout("orders", verdict(1, 0)).order());
    assert_eq!(cursor.to_string().parse(), Ok(cursor));
    for text in ["", "?", "MTIz", "LTEjYQ"] {
        assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
    }
}

#[tokio::test]
async fn log_tails_lie_apart_and_are_joined_where_they_are_wanted() {
    let lab = Laboratory::open().await;
    let said = |ordinal, log_tail: &str| {
        timeout("orders", Verdict { log_tail: log_tail.to_owned(), ..verdict(ordinal, 0) })
    };
    let entries = [said(1, "the end"), said(2, ""), said(3, "another end")];
    for entry in &entries {
        lab.store.put_timeout(entry, 1).await.unwrap();
    }
    let filter = Filter::between(block().start(), block().end());
    let mut page = lab.store.timeouts(&filter, None, 10).await.unwrap();
    assert!(page.items.iter().all(|it| it.verdict.log_tail.is_empty()));
    lab.store.join_log_tails(&mut page).await.unwrap();
    assert_eq!(page.items, entries.iter().rev().cloned().collect::<Vec<_>>());
    let key = TimeoutKey::of(&entries[0]);
    assert_eq!(lab.store.timeout(&key).await.unwrap().as_ref(), Some(&entries[0]));
    let unknown = TimeoutKey { ordinal: Ordinal(9), ..key.clone() };
    assert_eq!(lab.store.timeout(&unknown).await.unwrap(), None);
    // A better verdict carries the tail along, and one that has none hides it.
    lab.store.put_timeout(&said(1, "the very end"), 2).await.unwrap();
    lab.store.put_timeout(&entries[0], 1).await.unwrap();
    let stands = lab.store.timeout(&key).await.unwrap().unwrap();
    assert_eq!(stands.verdict.log_tail, "the very end");
    lab.store.put_timeout(&said(1, ""), 3).await.unwrap();
    assert_eq!(lab.store.timeout(&key).await.unwrap().unwrap().verdict.log_tail, "");
}
