//! Aggregators of two generations of views on the same tables, as while one is upgraded or rolled back: what the later one has made
//! stands, whatever the earlier one has seen since, and what the earlier one had made is made anew.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    tests::{evaluator, job},
    *,
};
use crate::{
    domain::{fleet::totals, view::GENERATION},
    store::{
        facts::{Author, Fact},
        laboratory::{Laboratory, at, function, incarnation, tally, verdict},
        schema::STATE,
    },
};

type Item = BTreeMap<String, AttributeValue>;

/// Every view there is, by its key.
async fn views(lab: &Laboratory) -> BTreeMap<String, Item> {
    let scanned = lab.access.dynamo.scan().table_name(STATE).send().await.unwrap();
    let views = scanned.items().iter().filter(|it| it.contains_key("g"));
    let key = |it: &Item| format!("{}/{}", it["pk"].as_s().unwrap(), it["sk"].as_s().unwrap());
    views.map(|it| it.clone().into_iter().collect::<Item>()).map(|it| (key(&it), it)).collect()
}

/// Has all views be as an aggregator of this generation would have left them.
async fn as_of(lab: &Laboratory, generation: u32, change: impl Fn(&mut Item)) {
    for mut item in views(lab).await.into_values() {
        item.insert("g".to_owned(), AttributeValue::N(generation.to_string()));
        change(&mut item);
        let put = lab.access.dynamo.put_item().table_name(STATE);
        put.set_item(Some(item.into_iter().collect())).send().await.unwrap();
    }
}

/// So many revisions and timeouts of a function, evaluated, and the fleet's totals with it: says how many of these were written.
async fn happens(lab: &Laboratory, so_many: u32) -> usize {
    let (function, incarnation) = (function("orders"), incarnation(1));
    let author = Author { function: &function, incarnation };
    let (tally, verdict) =
        (tally(so_many, 10 * so_many).encode(), verdict(so_many, 1_000).encode());
    lab.store.record(author, Fact::Tally(&tally), at(0)).await.unwrap();
    lab.store.record(author, Fact::Verdict(&verdict), at(0)).await.unwrap();
    evaluator(lab).evaluate(&job(true, true), at(5_000)).await.unwrap();
    let hour = Hour::of(at(0));
    let rows = lab.store.fleet().await.unwrap();
    let mut written = 0;
    for total in totals(&rows, hour, hour) {
        written += usize::from(lab.store.put_total(&total).await.unwrap());
    }
    written
}

/// The kinds of views, by how their keys begin.
fn kinds(views: &BTreeMap<String, Item>) -> Vec<&str> {
    let mut kinds: Vec<_> = views.keys().map(|it| &it[..2]).collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn who_is_rolled_back_leaves_alone_what_the_later_one_has_made() {
    let lab = Laboratory::open().await;
    assert_eq!(happens(&lab, 1).await, 1);
    as_of(&lab, GENERATION + 1, |item| {
        // It says more than we know of.
        let Some(AttributeValue::S(value)) = item.get_mut("v") else { return };
        let mut known: serde_json::Value = serde_json::from_str(value).unwrap();
        known["later"] = serde_json::json!({ "than": "this" });
        *value = known.to_string();
    })
    .await;
    let before = views(&lab).await;
    assert_eq!(kinds(&before), ["B#", "H#", "S#", "T#", "V#"]);
    assert_eq!(happens(&lab, 2).await, 0);
    let mut after = views(&lab).await;
    let news: Vec<_> = after.extract_if(.., |key, _| !before.contains_key(key)).collect();
    assert_eq!(after, before);
    // A timeout that nobody had listed is listed all the same, and told.
    assert_eq!(news.len(), 1, "{news:?}");
    assert!(news[0].0.starts_with("V#"));
    let book: Book = lab.store.alert_state(&AlertKey::of(&function("orders"))).await.unwrap();
    assert!(book.open().next().is_some());
    // What it made can be read, as far as we know what it says.
    let row = lab.store.summary(&function("orders")).await.unwrap().unwrap();
    assert_eq!(row.counts_since(at(0)).timeouts, 1);
}

#[tokio::test]
async fn who_is_upgraded_makes_anew_what_the_earlier_one_had_made() {
    let lab = Laboratory::open().await;
    happens(&lab, 1).await;
    let expected = views(&lab).await;
    as_of(&lab, GENERATION - 1, |item| {
        // However much it had seen, and whatever it made of it.
        item.insert("w".to_owned(), AttributeValue::N("1000000".to_owned()));
        if let Some(AttributeValue::S(value)) = item.get_mut("v") {
            value.clear();
            value.push_str(r#"{"made":"otherwise"}"#);
        }
    })
    .await;
    assert_ne!(views(&lab).await, expected);
    assert_eq!(happens(&lab, 1).await, 1);
    assert_eq!(views(&lab).await, expected);
}
