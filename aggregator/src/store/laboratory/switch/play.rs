//! Processes that are born, work, and die in the middle of it, until nothing is left to be done.

use std::collections::BTreeMap;

use dynoxide::Database;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Dice, Switch};
use crate::store::schema::{self, FACTS, STATE};

/// How many there are, and how they end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    /// Most at the same time.
    pub(crate) most: usize,
    /// Most deaths, so that it ends.
    pub(crate) deaths: usize,
    /// Calls between two deaths, on average.
    pub(crate) calls_per_death: usize,
}

/// Has processes born by `bear` while there is work, lets their calls through one after the other, kills some of them and tells
/// `bury` whom. Ends when none is left.
pub(crate) async fn play(
    switch: &Switch,
    dice: &mut Dice,
    mut cast: Cast,
    (is_work, bear, bury): (impl Fn() -> bool, impl Fn(usize) -> JoinHandle<()>, impl Fn(usize)),
) {
    let mut processes = BTreeMap::<usize, JoinHandle<()>>::new();
    let mut born = 0;
    loop {
        processes.retain(|_, it| !it.is_finished());
        while processes.len() < cast.most && is_work() {
            born += 1;
            processes.insert(born, bear(born));
            quiet(switch).await;
            processes.retain(|_, it| !it.is_finished());
        }
        if processes.is_empty() {
            return;
        }
        if cast.deaths > 0 && dice.once_in(cast.calls_per_death) {
            cast.deaths -= 1;
            let victim = *processes.keys().nth(dice.below(processes.len())).unwrap();
            processes.remove(&victim).unwrap().abort();
            switch.hang_up(victim);
            bury(victim);
        } else {
            switch.let_one_through();
        }
        quiet(switch).await;
    }
}

/// Until nobody can go on without an answer.
async fn quiet(switch: &Switch) {
    let (mut before, mut still) = (switch.waiting(), 0);
    while still < 4 {
        tokio::task::yield_now().await;
        let waiting = switch.waiting();
        still = if waiting == before { still + 1 } else { 0 };
        before = waiting;
    }
}

/// An engine with the two tables.
pub(crate) fn engine() -> Database {
    let engine = Database::memory().unwrap();
    let key = |name: &str, range: &str| json!([{"AttributeName": name, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let index = |name: &str, hash: &str, range: &str| json!({"IndexName": name, "KeySchema": key(hash, range), "Projection": {"ProjectionType": "ALL"}});
    let attribute = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let table = |name: &str, attributes: Value, indexes: Value| {
        let mut table = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": key("pk", "sk"), "AttributeDefinitions": attributes});
        if indexes != Value::Null {
            table["GlobalSecondaryIndexes"] = indexes;
        }
        engine.create_table(serde_json::from_value(table).unwrap()).unwrap();
    };
    let texts = ["pk", "sk", "day", "fday", "at", "queue"].map(|it| attribute(it, "S"));
    table(FACTS, json!(texts[..2]), Value::Null);
    table(
        STATE,
        json!([texts.as_slice(), &[attribute("due", "N")]].concat()),
        json!([
            index(schema::BY_DEADLINE, "day", "at"),
            index(schema::BY_FUNCTION, "fday", "at"),
            index(schema::BY_DUE, "queue", "due")
        ]),
    );
    engine
}

/// Everything in a table, by key.
pub(crate) fn dump(engine: &Database, table: &str) -> BTreeMap<String, Value> {
    let mut asked = json!({"TableName": table});
    let mut all = BTreeMap::new();
    loop {
        let page = engine.scan(serde_json::from_value(asked.clone()).unwrap()).unwrap();
        let page = serde_json::to_value(page).unwrap();
        for item in page["Items"].as_array().unwrap() {
            let key = format!("{}/{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["S"]);
            all.insert(key, item.clone());
        }
        match page.get("LastEvaluatedKey") {
            Some(last) if !last.is_null() => asked["ExclusiveStartKey"] = last.clone(),
            _ => return all,
        }
    }
}
