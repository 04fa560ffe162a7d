//! What is let in, whatever the order it comes in, and what it weighs.

use futures::future::join_all;
use overtime_wire::{
    Evidence, FunctionKey, MinuteCounts, MinuteIndex, Outcome, Profile, Recorded, RequestId,
    SampleKind, Tally, Verdict,
};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{Author, Fact, Recording, standing};
use crate::store::{
    item::{Item, Row},
    laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    schema::{self, FACTS, attribute::PK},
};

#[tokio::test]
async fn a_fact_counts_once_and_keeps_when_it_was_first_accepted() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let author = Author { function: &function, incarnation: incarnation(1) };
    let weak = Verdict { evidence: Evidence::Deadline, ..verdict(3, 1_000) }.encode();
    let strong = verdict(3, 1_000).encode();
    let mut recordings = Vec::new();
    for (fact, seconds) in [(&weak, 10), (&weak, 11), (&strong, 12), (&weak, 13), (&strong, 14)] {
        let now = at(seconds * 1_000);
        recordings.push(lab.store.record(author, Fact::Verdict(fact), now).await.unwrap());
    }
    let (new, known) = (Recording::New, Recording::Known);
    assert_eq!(recordings, [new, known, new, known, known]);
    let standing = lab.store.verdicts(&function, block()).await.unwrap();
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].recorded, strong);
    assert_eq!((standing[0].accepted_at, standing[0].writes), (at(10_000), 2));
    assert!(lab.store.tallies(&function, block()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_table_merges_as_the_wire_does() {
    let lab = Laboratory::open().await;
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    let claims = vec((0_usize..3, 0_u32..3, 0_usize..3), 1..12);
    for case in 0..12_u8 {
        let claims = claims.new_tree(&mut runner).unwrap().current();
        let facts: Vec<Recorded<Verdict>> = claims
            .into_iter()
            .map(|(evidence, revision, outcome)| {
                let (evidence, outcome) = (Evidence::ALL[evidence], Outcome::ALL[outcome]);
                Verdict { evidence, revision, outcome, ..verdict(1, 0) }.encode()
            })
            .collect();
        let greatest = facts.iter().cloned().reduce(Recorded::merge).unwrap();
        let function = function("orders");
        let author = Author { function: &function, incarnation: incarnation(case) };
        join_all(facts.iter().map(|it| lab.store.record(author, Fact::Verdict(it), at(0)))).await;
        let standing = lab.store.verdicts(&function, block()).await.unwrap();
        let ours = standing.into_iter().find(|it| it.incarnation == incarnation(case)).unwrap();
        assert_eq!(ours.recorded, greatest, "{facts:?}");
    }
}

#[tokio::test]
async fn every_incarnation_is_read_from_whichever_shard() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let fact = tally(1, 5).encode();
    for number in 0..40 {
        let author = Author { function: &function, incarnation: incarnation(number) };
        lab.store.record(author, Fact::Tally(&fact), at(0)).await.unwrap();
    }
    let standing = lab.store.tallies(&function, block()).await.unwrap();
    let read: Vec<_> = standing.iter().map(|it| it.incarnation).collect();
    assert_eq!(read, (0..40).map(incarnation).collect::<Vec<_>>());
}

/// What DynamoDB bills for an item: names, texts and bytes as they are, a number by two digits a byte and one more.
fn weight(item: &Item) -> usize {
    let value =
        |it: &aws_sdk_dynamodb::types::AttributeValue| match (it.as_s(), it.as_b(), it.as_n()) {
            (Ok(text), _, _) => text.len(),
            (_, Ok(bytes), _) => bytes.as_ref().len(),
            (_, _, Ok(number)) => number.len().div_ceil(2) + 1,
            _ => panic!("an attribute that facts do not have: {it:?}"),
        };
    item.iter().map(|(name, it)| name.len() + value(it)).sum()
}

#[tokio::test]
async fn the_largest_tally_is_one_write_unit() {
    let lab = Laboratory::open().await;
    // What Lambda allows: names of 64 characters, in the region with the longest name.
    let function =
        FunctionKey { region: "ap-southeast-1".parse().unwrap(), ..function(&"n".repeat(64)) };
    let mut tally = Tally::new(block(), Profile { runtime: "r".repeat(128), ..Profile::default() });
    tally.revision = u32::MAX;
    for minute in 0..15 {
        let most = MinuteCounts { invocations: u32::MAX, ..MinuteCounts::default() };
        tally.minutes.insert(MinuteIndex::new(minute).unwrap(), most);
    }
    for step in 0..2_000_u64 {
        tally.completed(std::time::Duration::from_micros(step.pow(2)));
        tally.sample(SampleKind::Other, &RequestId::parse(&format!("{step:064}")).unwrap());
    }
    let largest = tally.encode();
    assert!(largest.bytes.len() > Tally::MAX_BYTES - 66, "{}", largest.bytes.len());
    let author = Author { function: &function, incarnation: incarnation(255) };
    for _ in 0..3 {
        lab.store.record(author, Fact::Tally(&largest), at(0)).await.unwrap();
    }
    let rows = lab.store.facts(&function, block(), schema::TALLY).await.unwrap();
    assert_eq!(standing(&rows[0], Tally::decode).unwrap().recorded, largest);
    assert!(weight(&rows[0].0) < 1_000, "{} bytes", weight(&rows[0].0));
}

#[tokio::test]
async fn what_we_never_write_is_named_and_left_out() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let pk = schema::facts_pk(&function, block(), 0);
    let mut item = crate::store::item::keyed(&schema::Key { pk, sk: "T#not-hex".to_owned() });
    item.insert("b".to_owned(), crate::store::item::bytes(b"?"));
    let put = lab.access.dynamo.put_item().table_name(FACTS).set_item(Some(item.clone()));
    put.send().await.unwrap();
    let pk = Row(item.clone()).text(PK).unwrap().to_owned();
    let error = standing(&Row(item), Tally::decode).unwrap_err();
    assert!(error.to_string().contains(&pk), "{error}");
    let author = Author { function: &function, incarnation: incarnation(1) };
    lab.store.record(author, Fact::Tally(&tally(1, 9).encode()), at(0)).await.unwrap();
    let whole = lab.store.whole_tallies(&function, block()).await.unwrap();
    assert_eq!((whole.facts.len(), whole.writes), (1, 1));
}
