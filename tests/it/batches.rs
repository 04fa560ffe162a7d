//! What the ingest door does with batches that are doubled, broken, huge, late, or from the future.

use std::time::Duration;

use overtime_wire::{
    Arn, Batch, Block, EpochMillis, Incarnation, IncarnationId, MinuteCounts, Profile, Tally,
    Verdict,
};
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use sandbox::{aggregator::Aggregator, binaries, clock, http};
use serde_json::{Value, json};

use crate::facts;

const FUNCTION: &str = "/api/v1/functions/111122223333/eu-west-1/invoices";

struct Door {
    aggregator: Aggregator,
    client: reqwest::Client,
}

impl Door {
    async fn open() -> Self {
        let any = ([127, 0, 0, 1], 0).into();
        let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
        Self { aggregator, client: http::client().unwrap() }
    }

    async fn post(&self, body: Vec<u8>) -> Response {
        self.post_as("application/x-protobuf", body).await
    }

    async fn post_as(&self, content_type: &str, body: Vec<u8>) -> Response {
        let request = self.client.post(format!("{}/v1/batches", self.aggregator.url()));
        request.header(CONTENT_TYPE, content_type).body(body).send().await.unwrap()
    }

    #[track_caller]
    fn refusal(answer: Response, status: StatusCode) -> impl Future<Output = String> {
        assert_eq!(answer.status(), status);
        async { answer.text().await.unwrap() }
    }

    /// The function's counts once they are what is expected, or after a while.
    async fn counts(&self, expected: (u64, u64)) -> (u64, u64) {
        let url = format!("{}{FUNCTION}", self.aggregator.url());
        let mut counts = (0, 0);
        for _ in 0..200 {
            let shown: Value = self.client.get(&url).send().await.unwrap().json().await.unwrap();
            let number = |name: &str| shown["counts"][name].as_u64().unwrap_or(0);
            counts = (number("invocations"), number("timeouts"));
            if counts == expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        counts
    }
}

/// Seven ordinary invocations and one timeout, first seen at `at`.
fn batch(at: EpochMillis) -> Batch {
    let arn: Arn = "arn:aws:lambda:eu-west-1:111122223333:function:invoices".parse().unwrap();
    let block = Block::of(at);
    let mut tally = Tally::new(block, Profile::default());
    tally.revision = 1;
    tally
        .minutes
        .insert(block.minute(at), MinuteCounts { invocations: 7, ..MinuteCounts::default() });
    let verdict = Verdict { environment: "one".to_owned(), ..facts::verdict(7, at) };
    Batch {
        function: arn.function,
        partition: arn.partition,
        sent: at,
        incarnations: vec![Incarnation {
            id: IncarnationId([9; 16]),
            tallies: vec![tally.encode()],
            verdicts: vec![verdict.encode()],
        }],
    }
}

fn now() -> EpochMillis {
    EpochMillis(clock::now().as_millisecond())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_batches_get_a_reason_and_leave_the_counts_alone() {
    let door = Door::open().await;
    let good = batch(now()).encode();
    for _ in 0..2 {
        let accepted: Value = door.post(good.clone()).await.json().await.unwrap();
        assert_eq!(accepted, json!({ "accepted": 2, "refused": [] }));
    }
    assert_eq!(door.counts((8, 1)).await, (8, 1));

    let cut = door.post(good[..good.len() - 3].to_vec()).await;
    let reason = Door::refusal(cut, StatusCode::BAD_REQUEST).await;
    assert!(reason.contains("protobuf"), "{reason}");

    let garbage = door.post(b"\xff\xffgarbage".to_vec()).await;
    Door::refusal(garbage, StatusCode::BAD_REQUEST).await;

    let mut forged = batch(now());
    forged.incarnations[0].verdicts[0].bytes = vec![0x20, 0x63];
    let reason = Door::refusal(door.post(forged.encode()).await, StatusCode::BAD_REQUEST).await;
    assert!(reason.contains("verdicts.evidence"), "{reason}");

    let huge = door.post(vec![0; 20 * 1024 * 1024]).await;
    Door::refusal(huge, StatusCode::PAYLOAD_TOO_LARGE).await;

    let typed = door.post_as("application/json", good.clone()).await;
    Door::refusal(typed, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;

    let mut newer = good;
    newer.extend([0xc2, 0x3e, 3, 1, 2, 3]);
    let accepted: Value = door.post(newer).await.json().await.unwrap();
    assert_eq!(accepted, json!({ "accepted": 2, "refused": [] }));

    assert_eq!(door.counts((8, 1)).await, (8, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_last_week_and_of_tomorrow_are_refused_by_name() {
    let door = Door::open().await;
    assert_eq!(door.post(batch(now()).encode()).await.status(), StatusCode::OK);
    let cases = [
        (now().minus(Duration::from_hours(7 * 24)), "too_late"),
        (now().plus(Duration::from_hours(24)), "clock"),
    ];
    for (at, reason) in cases {
        let answer = door.post(batch(at).encode()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["accepted"], 0, "{answer}");
        let reasons: Vec<_> =
            answer["refused"].as_array().unwrap().iter().map(|it| it["reason"].clone()).collect();
        assert_eq!(reasons, [reason, reason], "{answer}");
    }

    // The good part of a batch survives beside what is refused.
    let mut mixed = batch(now());
    mixed.incarnations.extend(batch(now().minus(Duration::from_hours(7 * 24))).incarnations);
    let answer: Value = door.post(mixed.encode()).await.json().await.unwrap();
    assert_eq!(answer["accepted"], 2, "{answer}");
    assert_eq!(door.counts((8, 1)).await, (8, 1));
}
