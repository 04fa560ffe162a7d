//! The embedded engine's figures against DynamoDB's published rules, on the store's own tables.
//!
//! Source: AWS's "DynamoDB read and write operations" and "Using Global Secondary Indexes": a write unit a kilobyte of the
//! larger of the item before and after, a strong read unit for each 4 KB, half of it for an eventual one, of a query over
//! the sum of what it looks at, transactions double, and an index pays for what changes in it.

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{Put, TransactWriteItem},
};
use expect_test::{Expect, expect};
use overtime::store::schema::{FACTS, STATE};

use super::*;
use crate::stand::Stand;

/// An item of exactly so many bytes in a partition of its own.
fn item(sk: &str, bytes: usize) -> Item {
    let mut item: Item = [("pk", "p"), ("sk", sk)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into();
    let filling = bytes - item_bytes(&item) - 1;
    item.insert("b".to_owned(), AttributeValue::B(Blob::new(vec![7; filling])));
    assert_eq!(item_bytes(&item), bytes);
    item
}

fn with(mut item: Item, name: &str, value: &str) -> Item {
    item.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    item
}

struct Bench {
    stand: Stand,
    client: Client,
}

impl Bench {
    async fn set_up() -> Self {
        let stand = Stand::open().await.unwrap();
        let client = stand.client.clone();
        stand.meter.take();
        Self { stand, client }
    }

    async fn put(&self, table: &str, item: Item) {
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    /// Everything since the last check, one place a line.
    #[track_caller]
    fn check(&self, expected: Expect) {
        let consumed = self.stand.meter.take();
        assert_eq!(consumed.unmetered, 0);
        let lines: Vec<_> = consumed
            .units
            .iter()
            .map(|((way, place), it)| format!("{way:?} {place} {it}"))
            .collect();
        expected.assert_eq(&lines.join(", "));
    }
}

#[tokio::test]
async fn writes_cost_a_unit_a_kilobyte_of_the_larger_of_before_and_after() {
    let bench = Bench::set_up().await;
    bench.put(FACTS, item("a", 1_000)).await;
    bench.check(expect!["Write facts 1"]);
    bench.put(FACTS, item("a", 1_025)).await;
    bench.check(expect!["Write facts 2"]);
    bench.put(FACTS, item("a", 100)).await;
    bench.check(expect!["Write facts 2"]);
}

#[tokio::test]
async fn reads_cost_a_unit_for_each_4_kb_and_half_of_it_when_eventual() {
    let bench = Bench::set_up().await;
    for sk in ["a", "b", "c", "d", "e"] {
        bench.put(FACTS, item(sk, 1_000)).await;
    }
    bench.put(FACTS, item("x", 4_097)).await;
    bench.stand.meter.take();
    for strong in [true, false] {
        let key = item("x", 100).into_iter().filter(|(name, _)| name != "b").collect();
        let get = bench.client.get_item().table_name(FACTS).set_key(Some(key));
        get.consistent_read(strong).projection_expression("pk").send().await.unwrap();
        let query = |pk: &str, below: &str| {
            let query = bench.client.query().table_name(FACTS).consistent_read(strong);
            query
                .key_condition_expression("pk = :pk AND sk < :below")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .expression_attribute_values(":below", AttributeValue::S(below.to_owned()))
                .send()
        };
        bench.check(if strong { expect!["Read facts 2"] } else { expect!["Read facts 1"] });
        query("p", "x").await.unwrap();
        bench.check(if strong { expect!["Read facts 2"] } else { expect!["Read facts 1"] });
        query("nothing", "x").await.unwrap();
        bench.check(if strong { expect!["Read facts 1"] } else { expect!["Read facts 0.5"] });
    }
}

#[tokio::test]
async fn an_index_pays_for_what_changes_in_it() {
    let bench = Bench::set_up().await;
    let listed = |place: &str, bytes| with(with(item("a", bytes), "day", "1#0"), "at", place);
    bench.put(STATE, item("a", 900)).await;
    bench.check(expect!["Write state 1"]);
    bench.put(STATE, listed("1", 900)).await;
    bench.check(expect!["Write state 1, Write state/by_deadline 1"]);
    bench.put(STATE, listed("1", 900)).await;
    bench.check(expect!["Write state 1"]);
    bench.put(STATE, listed("2", 900)).await;
    bench.check(expect!["Write state 1, Write state/by_deadline 2"]);
    bench.put(STATE, listed("2", 1_900)).await;
    bench.check(expect!["Write state 2, Write state/by_deadline 2"]);
    // Only keys are projected into this one.
    let mut due = with(item("d", 3_000), "queue", "alerts");
    due.insert("due".to_owned(), AttributeValue::N("17".to_owned()));
    bench.put(STATE, due).await;
    bench.check(expect!["Write state 3, Write state/by_due 1"]);
}

#[tokio::test]
async fn transactions_cost_double_and_what_a_condition_keeps_out_costs_too() {
    let bench = Bench::set_up().await;
    let put = Put::builder().table_name(FACTS).set_item(Some(item("a", 1_500))).build().unwrap();
    let transaction = bench.client.transact_write_items();
    transaction.transact_items(TransactWriteItem::builder().put(put).build()).send().await.unwrap();
    bench.check(expect!["Write facts 4"]);
    let kept_out = bench
        .client
        .put_item()
        .table_name(FACTS)
        .set_item(Some(item("a", 100)))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await;
    assert!(kept_out.is_err());
    bench.check(expect!["Write kept out 2"]);
}
