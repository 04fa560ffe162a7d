//! Everything is evaluated or written down, and nothing that is broken holds up anything else.

use std::time::Duration;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use overtime_wire::Recorded;

use super::*;
use crate::{
    domain::timeout::Filter,
    store::{
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, verdict},
        schema::{FACTS, fact_shard, facts_pk, verdict_sk},
    },
};

fn paced(lab: &Laboratory, budget: Budget) -> Paced {
    let evaluator = Evaluator {
        store: lab.store.clone().with_environment(true),
        console: "http://console".to_owned(),
    };
    Paced::new(evaluator, budget)
}

/// Lets a timeout in, and gives the record that the stream has of it.
async fn timeout(lab: &Laboratory, name: &str, ordinal: u32) -> Record {
    let function = function(name);
    let author = Author { function: &function, incarnation: incarnation(1) };
    let fact: Recorded<_> = verdict(ordinal, 1_000).encode();
    lab.store.record(author, Fact::Verdict(&fact), at(4_000)).await.unwrap();
    record(name, ordinal)
}

fn record(name: &str, ordinal: u32) -> Record {
    let fact = verdict(ordinal, 1_000);
    Record {
        sequence: format!("{name}-{ordinal}"),
        pk: facts_pk(&function(name), block(), fact_shard(incarnation(1))),
        sk: verdict_sk(incarnation(1), fact.ordinal),
        removed: false,
    }
}

async fn listed(lab: &Laboratory) -> usize {
    let filter = Filter::between(block().start(), block().end());
    lab.store.timeouts(&filter, None, 100).await.unwrap().items.len()
}

#[tokio::test]
async fn a_storm_is_put_off_and_its_last_record_is_evaluated_when_due() {
    let lab = Laboratory::open().await;
    let budget = Budget { burst: 1, token_every: Duration::from_secs(10), ..Budget::default() };
    let paced = paced(&lab, budget);
    let mut enqueued = 0;
    for ordinal in 0..5_u32 {
        let records = [timeout(&lab, "orders", ordinal).await];
        let answer = paced.records(&records, at(5_000 + i64::from(ordinal))).await;
        assert!(answer.failed.is_empty());
        enqueued += answer.enqueued.len();
    }
    assert_eq!((listed(&lab).await, enqueued), (1, 1));
    // Another process wakes it: what was put off is in the table and nowhere else.
    let other = self::paced(&lab, budget);
    other.wake(at(14_999)).await.unwrap();
    assert_eq!(listed(&lab).await, 1);
    other.wake(at(15_000)).await.unwrap();
    assert_eq!(listed(&lab).await, 5);
    assert_eq!(other.wake(at(99_000)).await.unwrap(), Evaluated::default());
    // A timer of its own may come before anybody has looked.
    let records = [timeout(&lab, "orders", 5).await];
    assert!(paced.records(&records, at(5_100)).await.failed.is_empty());
    let job = Job { function: function("orders"), block: block(), tallies: false, verdicts: true };
    other.wake_of(&job, at(15_100)).await.unwrap();
    assert_eq!(listed(&lab).await, 6);
}

#[tokio::test]
async fn poison_is_passed_over_and_everything_beside_it_is_evaluated() {
    let lab = Laboratory::open().await;
    let good = timeout(&lab, "orders", 1).await;
    // A fact of the same block that is nothing, and keys that are nobody's.
    let text = |it: &str| AttributeValue::S(it.to_owned());
    let broken = record("orders", 2);
    let put = lab.access.dynamo.put_item().table_name(FACTS);
    let put = put.item("pk", text(&broken.pk)).item("sk", text(&broken.sk));
    let put = put.item("b", AttributeValue::B(Blob::new([0xff, 0xff])));
    put.item("w", AttributeValue::N("1".to_owned())).send().await.unwrap();
    let strange = |pk: &str, sk: &str| Record {
        sequence: "strange".to_owned(),
        pk: pk.to_owned(),
        sk: sk.to_owned(),
        removed: false,
    };
    let records = [
        strange("", ""),
        strange("a#b#c#d#e", "T#?"),
        strange(&good.pk, "X#1"),
        broken.clone(),
        Record { removed: true, ..record("gone", 1) },
        good,
    ];
    let paced = paced(&lab, Budget::default());
    let answer = paced.records(&records, at(5_000)).await;
    assert_eq!((answer.failed.len(), answer.enqueued.len()), (0, 1));
    assert_eq!(listed(&lab).await, 1);
    // The view's basis counts what could not be read, so that what comes next is not taken for old.
    let again = [timeout(&lab, "orders", 3).await];
    paced.records(&again, at(6_000)).await;
    assert_eq!(listed(&lab).await, 2);
}

/// Cannot put off anything.
#[derive(Debug, Clone)]
struct Refusing;

impl Later for Refusing {
    async fn later(&self, job: &Job, _due: EpochMillis) -> Result<(), StoreError> {
        Err(StoreError::Stale(job.function.name.to_string()))
    }
}

#[tokio::test]
async fn what_failed_is_reported_by_its_records_and_nothing_else_is() {
    let lab = Laboratory::open().await;
    let records = [
        timeout(&lab, "orders", 1).await,
        timeout(&lab, "other", 1).await,
        timeout(&lab, "orders", 2).await,
    ];
    let evaluator =
        Evaluator { store: lab.store.clone().with_environment(true), console: String::new() };
    let paced = Paced::putting_off(evaluator, Budget { burst: 1, ..Budget::default() }, Refusing);
    assert!(paced.records(&records[..1], at(5_000)).await.failed.is_empty());
    let answer = paced.records(&records, at(5_000)).await;
    assert_eq!(answer.failed, ["orders-1", "orders-2"]);
    // The first read the block whole, the second record's fact included.
    assert_eq!(listed(&lab).await, 3);
}
