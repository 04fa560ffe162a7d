//! Whatever the interleaving, the same bytes in the end.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use overtime_wire::{Cause, Evidence, IncarnationId, Outcome, Recorded, Tally, Verdict};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::*;
use crate::{
    domain::timeout::Filter,
    store::{
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
        schema::STATE,
    },
};

pub(super) fn evaluator(lab: &Laboratory) -> Evaluator {
    Evaluator {
        store: lab.store.clone().with_environment(true),
        console: "http://console".to_owned(),
    }
}

pub(super) fn job(tallies: bool, verdicts: bool) -> Job {
    Job { function: function("orders"), block: block(), tallies, verdicts }
}

/// A fact and whose it is.
#[derive(Debug, Clone)]
enum Said {
    Tally(IncarnationId, Recorded<Tally>),
    Verdict(IncarnationId, Recorded<Verdict>),
}

/// One of a few facts that argue about few keys.
fn said((kind, number, level): (u8, u8, u32)) -> Said {
    if kind == 0 {
        return Said::Tally(incarnation(number), tally(level, level * 10).encode());
    }
    let outcome = if kind == 2 { Outcome::Success } else { Outcome::Timeout };
    let cause = [Cause::Unknown, Cause::Handler, Cause::Init][level as usize];
    let evidence = Evidence::ALL[2 + level as usize % 3];
    let verdict = Verdict { outcome, cause, evidence, ..verdict(1, 1_000) };
    Said::Verdict(incarnation(number), verdict.encode())
}

async fn record(lab: &Laboratory, said: &Said, now: EpochMillis) {
    let function = function("orders");
    let (incarnation, fact) = match said {
        Said::Tally(incarnation, it) => (*incarnation, Fact::Tally(it)),
        Said::Verdict(incarnation, it) => (*incarnation, Fact::Verdict(it)),
    };
    lab.store.record(Author { function: &function, incarnation }, fact, now).await.unwrap();
}

/// Everything in the state table but alerts and messages, which also depend on when they were evaluated.
async fn views(lab: &Laboratory) -> BTreeMap<String, Vec<String>> {
    let scanned = lab.access.dynamo.scan().table_name(STATE).send().await.unwrap();
    let text = |it: &AttributeValue| format!("{it:?}");
    let mut views = BTreeMap::new();
    for item in scanned.items() {
        let key = format!("{}/{}", item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        if !["A#", "E#", "O#"].iter().any(|it| key.starts_with(it)) {
            let sorted: BTreeMap<_, _> = item.iter().collect();
            views.insert(
                key,
                sorted.iter().map(|(name, it)| format!("{name}={}", text(it))).collect(),
            );
        }
    }
    views
}

#[tokio::test]
async fn every_interleaving_ends_in_the_same_views() {
    let mut runner = TestRunner::new(ProptestConfig::default());
    for _ in 0..8 {
        let facts = vec((0_u8..3, 0_u8..4, 0_u32..3), 1..14);
        let facts = facts.new_tree(&mut runner).unwrap().current();
        let (messy, tidy) = (Laboratory::open().await, Laboratory::open().await);
        let (messily, tidily) = (evaluator(&messy), evaluator(&tidy));
        // Facts twice and in any order, and several evaluations at the same time after each handful.
        for handful in [&facts[..], &facts[..facts.len() / 2]].concat().chunks(3) {
            let facts: Vec<Said> = handful.iter().copied().map(said).collect();
            let writes = facts.iter().map(|it| record(&messy, it, at(0)));
            let evaluations = [(true, true), (false, true), (true, false), (true, true)];
            let jobs = evaluations.map(|(tallies, verdicts)| job(tallies, verdicts));
            let evaluations = jobs.iter().map(|it| messily.evaluate(it, at(5_000)));
            let (_, evaluated) =
                futures::future::join(join_all(writes), join_all(evaluations)).await;
            assert!(evaluated.iter().all(Result::is_ok), "{evaluated:?}");
        }
        // The last record of the stream is evaluated after everything was written.
        messily.evaluate(&job(true, true), at(9_000)).await.unwrap();
        for fact in [&facts[..], &facts[..facts.len() / 2]].concat() {
            record(&tidy, &said(fact), at(0)).await;
        }
        tidily.evaluate(&job(true, true), at(9_000)).await.unwrap();
        let (messy, tidy) =
            (without_writes(views(&messy).await), without_writes(views(&tidy).await));
        assert_eq!(messy, tidy, "{facts:?}");
    }
}

/// How often something was let in depends on the order it came in, and so does whether a day ever had a timeout that was
/// taken back, which only says where to look; what is there to see does not.
fn without_writes(mut views: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    views.retain(|key, _| !key.starts_with("D#"));
    for attributes in views.values_mut() {
        attributes.retain(|it| !it.starts_with("w="));
        for value in attributes.iter_mut().filter(|it| it.starts_with("v=")) {
            *value = without_seen(value);
        }
    }
    views
}

/// A row's value without its column of what the hours had seen.
fn without_seen(value: &str) -> String {
    let Some((before, rest)) = value.split_once(r#"\"w\":["#) else { return value.to_owned() };
    let (_, after) = rest.split_once(']').unwrap();
    format!("{before}{after}")
}

#[tokio::test]
async fn a_crash_between_any_two_writes_is_repaired() {
    let lab = Laboratory::open().await;
    let evaluator = evaluator(&lab);
    record(&lab, &said((1, 1, 1)), at(0)).await;
    record(&lab, &said((0, 2, 1)), at(0)).await;
    evaluator.evaluate(&job(true, true), at(5_000)).await.unwrap();
    let whole = views(&lab).await;
    assert_eq!(whole.len(), 7, "{whole:?}");
    // The list's entries stand before the part that says so.
    let rewritten = |it: &str| ["B#", "H#", "P#", "S#"].iter().any(|kind| it.starts_with(kind));
    for missing in whole.keys().filter(|it| rewritten(it)) {
        let (pk, sk) = missing.split_once('/').unwrap();
        let delete = lab.access.dynamo.delete_item().table_name(STATE);
        let key = |text: &str| AttributeValue::S(text.to_owned());
        delete.key("pk", key(pk)).key("sk", key(sk)).send().await.unwrap();
        // By another process: this one remembers what it has written.
        let store = Store::new(lab.access.dynamo.clone());
        let evaluator = Evaluator { store, ..evaluator.clone() };
        evaluator.evaluate(&job(true, true), at(5_000)).await.unwrap();
        assert_eq!(views(&lab).await, whole, "{missing}");
    }
}

#[tokio::test]
async fn a_timeout_is_listed_and_told_once_and_leaves_the_list_when_taken_back() {
    let lab = Laboratory::open().await;
    let evaluator = evaluator(&lab);
    let filter = Filter::between(block().start(), block().end());
    record(&lab, &said((1, 1, 1)), at(4_500)).await;
    let mut enqueued = 0;
    for _ in 0..3 {
        enqueued += evaluator.evaluate(&job(false, true), at(5_000)).await.unwrap().enqueued.len();
    }
    assert_eq!(enqueued, 1);
    let listed = lab.store.timeouts(&filter, None, 10).await.unwrap().items;
    assert_eq!(listed.iter().map(|it| it.detected_at).collect::<Vec<_>>(), [at(4_500)]);
    let retraction = Verdict {
        outcome: Outcome::Success,
        evidence: Evidence::Report,
        revision: 2,
        ..verdict(1, 1_000)
    };
    let taken_back = Said::Verdict(incarnation(1), retraction.encode());
    record(&lab, &taken_back, at(6_000)).await;
    evaluator.evaluate(&job(false, true), at(6_100)).await.unwrap();
    assert!(lab.store.timeouts(&filter, None, 10).await.unwrap().items.is_empty());
    let row = lab.store.summary(&function("orders")).await.unwrap().unwrap();
    let counts = row.counts_since(block().start());
    assert_eq!((counts.invocations, counts.timeouts), (1, 0));
}

#[tokio::test]
async fn a_block_is_sealed_an_hour_after_its_facts_are_refused() {
    let lab = Laboratory::open().await;
    let evaluator = evaluator(&lab);
    record(&lab, &said((1, 1, 1)), at(0)).await;
    record(&lab, &said((0, 2, 1)), at(0)).await;
    let sealed = block().end().plus(SEALED_AFTER);
    let late = EpochMillis(sealed.0 + 1);
    assert_eq!(evaluator.evaluate(&job(true, true), late).await.unwrap(), Evaluated::default());
    assert!(views(&lab).await.is_empty());
    evaluator.evaluate(&job(true, true), sealed).await.unwrap();
    assert_eq!(views(&lab).await.len(), 7);
    assert!(block().accept(late).is_err());
}
