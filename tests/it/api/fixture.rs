//! A small fleet with a past, told to a real aggregator in the wire's own words.

use std::time::Duration;

use overtime_wire::{
    Arn, Batch, Block, Cause, EpochMillis, Incarnation, IncarnationId, MinuteCounts, Profile,
    RequestId, Tally, Verdict,
};
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use sandbox::{aggregator::Aggregator, binaries, clock, http};
use serde_json::Value;

use crate::facts;

pub(super) const ORDERS: &str = "/api/v1/functions/111122223333/eu-west-1/orders";
/// A request that Lambda tried twice.
pub(super) const TRIED_TWICE: &str = "3da1f2dc-0a1b-4c2d-8e3f-00112233aabb";

pub(super) struct Fixture {
    pub(super) aggregator: Aggregator,
    client: reqwest::Client,
}

impl Fixture {
    /// The aggregator, once it shows everything that it was told.
    pub(super) async fn start() -> Self {
        let any = ([127, 0, 0, 1], 0).into();
        let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
        let fixture = Self { aggregator, client: http::client().unwrap() };
        let now = now();
        for (at, batch) in (0..).zip(fleet(now)) {
            let posted = fixture.post(batch.encode()).await;
            assert_eq!(posted.status(), StatusCode::OK, "batch {at}");
        }
        fixture.until("/api/v1/timeouts", |it| it["items"].as_array().unwrap().len() == 5).await;
        fixture
            .until("/api/v1/functions?name=quiet", |it| {
                it["items"][0]["counts"]["invocations"] == 40
            })
            .await;
        fixture.until(ORDERS, |it| it["counts"]["invocations"] == 254).await;
        fixture
    }

    pub(super) async fn post(&self, body: Vec<u8>) -> Response {
        let request = self.client.post(format!("{}/v1/batches", self.aggregator.url()));
        let request = request.header(CONTENT_TYPE, "application/x-protobuf");
        request.body(body).send().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.get_as(path, &[]).await
    }

    pub(super) async fn get_as(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.aggregator.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        self.get(path).await.error_for_status().unwrap().json().await.unwrap()
    }

    /// Asks again until the answer satisfies, because views follow facts within moments.
    pub(super) async fn until(&self, path: &str, satisfies: impl Fn(&Value) -> bool) {
        let mut shown = Value::Null;
        for _ in 0..200 {
            let answer = self.get(path).await;
            if answer.status().is_success() {
                shown = answer.json().await.unwrap();
                if satisfies(&shown) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never became what was expected: {shown:#}");
    }
}

/// One more timeout of `orders`, in an environment that nobody has heard of.
pub(super) fn one_more(now: EpochMillis) -> Batch {
    let hang = Told { ordinal: 1, at: now, ..Told::default() };
    batch(("orders", 9), (now, 6), &[hang])
}

pub(super) fn now() -> EpochMillis {
    EpochMillis(clock::now().as_millisecond())
}

/// `orders` times out now and four hours ago, `basket` beside it, `quiet` never.
fn fleet(now: EpochMillis) -> Vec<Batch> {
    let minutes = |it| now.minus(Duration::from_mins(it));
    let hang = |ordinal, at| Told { ordinal, at, ..Told::default() };
    let tried = RequestId::parse(TRIED_TWICE);
    vec![
        batch(
            ("orders", 1),
            (minutes(3), 200),
            &[
                Told { request: tried.clone(), ..hang(1, minutes(3)) },
                Told { request: tried, ..hang(2, minutes(2)) },
                Told { cause: Cause::Init, version: "8", ..hang(3, minutes(2)) },
            ],
        ),
        batch(("orders", 2), (minutes(240), 50), &[hang(1, minutes(240))]),
        batch(("basket", 3), (minutes(2), 10), &[hang(1, minutes(2))]),
        batch(("quiet", 4), (minutes(20), 40), &[]),
    ]
}

#[derive(Debug, Clone)]
struct Told {
    ordinal: u32,
    at: EpochMillis,
    cause: Cause,
    version: &'static str,
    request: Option<RequestId>,
}

impl Default for Told {
    fn default() -> Self {
        let (cause, version) = (Cause::Handler, "7");
        Self { ordinal: 0, at: EpochMillis(0), cause, version, request: None }
    }
}

/// What one incarnation of a function's extension tells: ordinary invocations at a moment, and timeouts.
fn batch(
    (name, incarnation): (&str, u8),
    (at, invocations): (EpochMillis, u32),
    told: &[Told],
) -> Batch {
    let arn: Arn =
        format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}").parse().unwrap();
    let block = Block::of(at);
    let mut tally = Tally::new(block, profile());
    tally.revision = 1;
    let counts = MinuteCounts { invocations, near_timeouts: 1, ..MinuteCounts::default() };
    tally.minutes.insert(block.minute(at), counts);
    (0..invocations).for_each(|it| tally.completed(Duration::from_millis((20 + it).into())));
    Batch {
        function: arn.function,
        partition: arn.partition,
        sent: at,
        incarnations: vec![Incarnation {
            id: IncarnationId([incarnation; 16]),
            tallies: vec![tally.encode()],
            verdicts: told.iter().map(|it| verdict(it).encode()).collect(),
        }],
    }
}

fn profile() -> Profile {
    Profile {
        memory_mb: 256,
        timeout: Duration::from_secs(3),
        runtime: "python:3.13.v40".to_owned(),
        version: "7".to_owned(),
        tags: [("team".to_owned(), "payments".to_owned())].into(),
        ..Profile::default()
    }
}

fn verdict(told: &Told) -> Verdict {
    let Told { ordinal, at, cause, version, request } = told.clone();
    Verdict {
        cause,
        request,
        version: version.to_owned(),
        memory_mb: 256,
        environment: "2026/11/24/[7]0123456789abcdef".to_owned(),
        log_tail: "=cmd|' /c calc'!A1\nthe last line".to_owned(),
        ..facts::verdict(ordinal, at)
    }
}
