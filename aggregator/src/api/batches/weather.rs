//! A bad day of the tables: throttling, faults, lost answers and transactions in each other's way, and everything ends as it
//! does on a good day.

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::IntoResponse as _,
};
use futures::future::join_all;
use overtime_wire::{FunctionKey, Incarnation, Partition};

use super::*;
use crate::{
    domain::fact::Job,
    evaluate::Evaluator,
    store::{
        laboratory::{
            Laboratory, at, block, function, incarnation, tally, verdict, weather::Weather,
        },
        schema::{FACTS, STATE},
    },
};

fn clock() -> EpochMillis {
    at(0)
}

fn inlet(lab: &Laboratory) -> Inlet {
    Inlet::new(lab.store.clone(), clock, Arc::default())
}

/// What one environment sends for the `round`th time: all that it has counted so far, and its timeouts.
fn batch(function: &FunctionKey, sandbox: u8, round: u32) -> Batch {
    let verdicts = (0..round).map(|it| verdict(it, i64::from(it) * 1_000).encode());
    Batch {
        function: function.clone(),
        partition: Partition::default(),
        sent: at(0),
        incarnations: vec![Incarnation {
            id: incarnation(sandbox),
            tallies: vec![tally(round, round * 10).encode()],
            verdicts: verdicts.collect(),
        }],
    }
}

async fn answer(inlet: &Inlet, batch: &Batch) -> axum::response::Response {
    let request = Request::builder().method("POST").header(CONTENT_TYPE, PROTOBUF);
    let request = request.body(Body::from(batch.encode())).unwrap();
    let received = receive(State(inlet.clone()), Some(Extension(Caller::Loopback)), request).await;
    received.into_response()
}

/// As an extension does: until it is taken.
async fn send(inlet: &Inlet, batch: &Batch) {
    loop {
        let answer = answer(inlet, batch).await;
        if answer.status() == StatusCode::OK {
            return;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(RETRY_AFTER));
    }
}

async fn evaluate(lab: &Laboratory, function: &FunctionKey, now: EpochMillis) {
    let evaluator = Evaluator {
        store: lab.store.clone().with_environment(true),
        console: "http://console".to_owned(),
    };
    let job = Job { function: function.clone(), block: block(), tallies: true, verdicts: true };
    // As the stream does.
    while evaluator.evaluate(&job, now).await.is_err() {}
}

/// Two rounds of facts from several environments of several functions, each evaluated by several at once.
async fn day(lab: &Laboratory) {
    let inlet = &inlet(lab);
    let functions = ["orders", "invoices", "refunds"].map(function);
    for round in 1..=2 {
        let batches = functions
            .iter()
            .flat_map(|function| (1..=4).map(move |sandbox| batch(function, sandbox, round)));
        join_all(batches.map(|it| async move { send(inlet, &it).await })).await;
        let now = at(i64::from(round) * 60_000);
        let evaluators = functions.iter().flat_map(|it| [it, it, it]);
        join_all(evaluators.map(|function| evaluate(lab, function, now))).await;
    }
}

/// Everything that stands in the tables, by key.
async fn standing(lab: &Laboratory) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    for table in [FACTS, STATE] {
        let mut scan = lab.access.dynamo.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = scan.next().await {
            let item: BTreeMap<_, _> = item.unwrap().into_iter().collect();
            let key = |name: &str| item[name].as_s().unwrap().clone();
            items.insert(format!("{table} {} {}", key("pk"), key("sk")), format!("{item:?}"));
        }
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_views_alerts_and_messages_end_as_on_a_good_day() {
    let calm = Laboratory::open().await;
    day(&calm).await;
    let expected = standing(&calm).await;
    let messages = expected.keys().filter(|it| it.starts_with("state O#")).count();
    assert!(messages >= 3, "{messages} messages, of three functions with timeouts");

    for seed in 1..=2 {
        let weather = Weather::of(seed, 30);
        let bad = Laboratory::open_by(weather.clone()).await;
        weather.rage();
        day(&bad).await;
        weather.clear();
        let (mishaps, conflicts) = weather.mishaps();
        assert!(mishaps > 100 && conflicts > 0, "{mishaps} mishaps, {conflicts} conflicts");
        let found = standing(&bad).await;
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "seed {seed}"
        );
        for (key, item) in &expected {
            assert_eq!(found[key], *item, "seed {seed}: {key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_in_before_the_time_was_up_counts_once_when_all_of_it_comes_again() {
    let weather = Weather::of(7, 92);
    let lab = Laboratory::open_by(weather.clone()).await;
    let inlet = inlet(&lab);
    let function = function("orders");
    let many: u32 = 100;
    let batch = batch(&function, 1, many);
    weather.rage();
    let within = DEADLINE + Duration::from_secs(1);
    let first = tokio::time::timeout(within, answer(&inlet, &batch)).await.unwrap();
    assert_eq!(first.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(first.headers().contains_key(RETRY_AFTER));
    weather.clear();
    let writes = async |lab: &Laboratory| -> Vec<u64> {
        let standing = lab.store.verdicts(&function, block()).await.unwrap();
        standing.into_iter().map(|it| it.writes).collect()
    };
    let before = writes(&lab).await;
    assert!(!before.is_empty() && before.len() < many as usize, "{} were in", before.len());
    send(&inlet, &batch).await;
    assert_eq!(writes(&lab).await, vec![1; many as usize]);
}
