//! What functions did, told to Rotel, and read by OpenTelemetry's own classes: as it left the aggregator, and as Rotel told it on.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use overtime_wire::{
    Arn, Batch, Block, EpochMillis, Incarnation, IncarnationId, MinuteCounts, Phase, Profile,
    Tally, TraceId, Verdict,
};
use reqwest::header::CONTENT_TYPE;
use sandbox::aggregator::Aggregator;
use sandbox::receiver::{Heard, Receiver};
use sandbox::rotel::Rotel;
use sandbox::{binaries, http, python};
use serde_json::{Value, json};

use super::stage::now;
use crate::facts;

const PATIENCE: Duration = Duration::from_secs(25);
const FUNCTIONS: [&str; 2] = ["orders", "basket"];

/// What one incarnation tells: ordinary invocations of 100 ms, a cold start, and so many timeouts, all but the first of them traced.
fn batch(name: &str, invocations: u32, timeouts: u32) -> Batch {
    let arn: Arn =
        format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}").parse().unwrap();
    let at = now().minus(Duration::from_secs(4));
    let block = Block::of(at);
    let mut tally = Tally::new(block, Profile { memory_mb: 256, ..Profile::default() });
    tally.revision = invocations;
    let counts = MinuteCounts {
        invocations,
        cold_starts: 1,
        near_timeouts: 2,
        exits: 1,
        ..MinuteCounts::default()
    };
    tally.minutes.insert(block.minute(at), counts);
    (0..invocations).for_each(|_| tally.completed(Duration::from_millis(100)));
    for (phase, millis) in [(Phase::Init, 250), (Phase::Suppressed, 800), (Phase::Restore, 90)] {
        let begun = tally.phases.of_mut(phase);
        begun.count = 1;
        begun.durations.record(Duration::from_millis(millis));
    }
    let verdicts = (1..=timeouts).map(|it| {
        let trace = (it > 1).then(|| TraceId(traced(name, it)));
        Verdict { trace, ..facts::verdict(it, at) }.encode()
    });
    Batch {
        function: arn.function,
        partition: arn.partition,
        sent: at,
        incarnations: vec![Incarnation {
            id: IncarnationId([u8::try_from(name.len()).unwrap(); 16]),
            tallies: vec![tally.encode()],
            verdicts: verdicts.collect(),
        }],
    }
}

fn traced(name: &str, ordinal: u32) -> [u8; 16] {
    let mut id = [0x5e; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    id[12..].copy_from_slice(&ordinal.to_be_bytes());
    id
}

/// Points and spans, as OpenTelemetry's classes read them.
async fn read(heard: Vec<Heard>) -> Vec<Value> {
    let taken = heard.into_iter().filter(|it| it.status == 200);
    let lines = taken.map(|it| {
        json!({ "signal": it.signal, "body": BASE64_STANDARD.encode(it.message) }).to_string()
    });
    let lines: Vec<String> = lines.collect();
    tokio::task::spawn_blocking(move || python::read_otlp(&lines)).await.unwrap().unwrap()
}

/// The last that was said of a metric of a function.
fn last<'a>(told: &'a [Value], function: &str, metric: &str) -> &'a Value {
    let of = |it: &&Value| it["resource"]["faas.name"] == function && it["name"] == metric;
    told.iter().filter(of).max_by_key(|it| it["time"].as_u64()).unwrap_or(&Value::Null)
}

fn roots(told: &[Value]) -> Vec<&Value> {
    told.iter().filter(|it| it["signal"] == "traces" && it["parent"] == "").collect()
}

/// What holds of everything that was told, whoever told it: what the API says.
fn agrees(told: &[Value], function: &str, shown: &Value) {
    for (metric, count) in [
        ("faas.invocations", "invocations"),
        ("faas.timeouts", "timeouts"),
        ("faas.errors", "errors"),
        ("faas.coldstarts", "cold_starts"),
        ("overtime.near_timeouts", "near_timeouts"),
        ("overtime.init_timeouts", "init_timeouts"),
        ("overtime.out_of_memory", "out_of_memory"),
    ] {
        let point = last(told, function, metric);
        assert_eq!(point["value"], shown["counts"][count], "{metric} of {function}: {point:#}");
        assert!(point["start"].as_u64() <= point["time"].as_u64(), "{point:#}");
    }
    let durations = last(told, function, "faas.invoke_duration");
    let ordinary =
        shown["counts"]["invocations"].as_u64().zip(shown["counts"]["timeouts"].as_u64());
    let ordinary = ordinary.map(|(all, timeouts)| all - timeouts);
    assert_eq!(durations["value"].as_u64(), ordinary, "{durations:#}");
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let sum = ordinary.unwrap() as f64 * 0.1;
    assert!((durations["sum"].as_f64().unwrap() - sum).abs() <= 0.05 * sum, "{durations:#}");
    assert_eq!((&durations["max"], &durations["scale"]), (&json!(0.1), &json!(3)));
    let inits = shown["phases"]["inits"].as_array().unwrap();
    assert_eq!(inits.len(), 3, "{shown:#}");
    // The snapshot's is no init.
    let inits = inits.iter().filter(|it| it["phase"] != "restore");
    let timed: u64 = inits.map(|it| it["timed"].as_u64().unwrap()).sum();
    let point = last(told, function, "faas.init_duration");
    assert_eq!((point["value"].as_u64(), &point["max"]), (Some(timed), &json!(0.8)), "{point:#}");
    let resource = &durations["resource"];
    for (name, value) in [
        ("cloud.provider", "aws"),
        ("cloud.platform", "aws_lambda"),
        ("cloud.account.id", "111122223333"),
        ("cloud.region", "eu-west-1"),
    ] {
        assert_eq!(resource[name], value, "{resource:#}");
    }
}

/// Each timeout that the API shows is one trace, under its own id where it had one.
fn traces_agree(told: &[Value], timeouts: &[Value]) {
    let roots = roots(told);
    assert_eq!(roots.len(), timeouts.len(), "{roots:#?}");
    for timeout in timeouts {
        let of = |it: &&&Value| {
            let deadline = it["attributes"]["overtime.deadline"] == timeout["deadline"];
            it["resource"]["faas.name"] == timeout["function"] && deadline
        };
        let id = timeout["trace_id"].as_str().map(|it| it[2..].replace('-', ""));
        let is_its = |it: &&&Value| id.as_ref().is_none_or(|id| it["trace_id"] == id.as_str());
        let root = roots.iter().filter(of).find(is_its);
        let root = root.unwrap_or_else(|| panic!("no trace of {timeout:#} in {roots:#?}"));
        assert_eq!(
            (&root["status"], root["name"].as_str()),
            (&json!(2), timeout["function"].as_str())
        );
        assert_eq!(root["attributes"]["overtime.cause"], timeout["cause"]);
        assert_eq!(root["attributes"]["overtime.evidence"], timeout["evidence"]);
        assert_eq!(root["events"], json!(["overtime.verdict"]));
    }
    let mut spans: Vec<_> = roots.iter().map(|it| &it["span_id"]).map(Value::to_string).collect();
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), roots.len(), "a span twice");
}

struct World {
    aggregator: Aggregator,
    client: reqwest::Client,
    /// Between the aggregator and Rotel.
    between: Receiver,
    /// Behind Rotel.
    behind: Receiver,
    rotel: Rotel,
}

impl World {
    async fn open() -> Self {
        let behind = Receiver::open(None).await.unwrap();
        let rotel = Rotel::start(behind.url()).await.unwrap();
        let between = Receiver::open(Some(rotel.url().to_owned())).await.unwrap();
        let settings = [
            ("OVERTIME_OTLP_ENDPOINT", between.url()),
            ("OVERTIME_OTLP_HEADERS", "env:OTLP_HEADERS"),
            ("OTLP_HEADERS", "x-scope-orgid=team%201"),
            ("OVERTIME_OTLP_INTERVAL", "1s"),
            ("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (binary, any) = (binaries::overtime().unwrap(), ([127, 0, 0, 1], 0).into());
        let aggregator = Aggregator::start_with(binary, any, settings).await.unwrap();
        Self { aggregator, client: http::client().unwrap(), between, behind, rotel }
    }

    async fn post(&self, batch: Batch) {
        let request = self.client.post(format!("{}/v1/batches", self.aggregator.url()));
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(batch.encode());
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/api/v1/{path}", self.aggregator.url()));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn function(&self, name: &str) -> Value {
        self.get(&format!("functions/111122223333/eu-west-1/{name}")).await
    }

    /// What came out behind Rotel, as soon as that is all there will be.
    async fn until_all_is_told(&self, since: EpochMillis) -> Vec<Value> {
        loop {
            let told = read(self.behind.heard()).await;
            let is_whole = roots(&told).len() == 3
                && last(&told, "orders", "faas.invocations")["value"] == 303
                && last(&told, "basket", "faas.invocations")["value"] == 50;
            if is_whole {
                return told;
            }
            let late = now().since(since) > PATIENCE;
            assert!(!late, "{told:#?}\n{}\n{}", self.aggregator.said(), self.rotel.said());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotel_and_opentelemetrys_own_classes_read_what_the_api_says() {
    let world = World::open().await;
    // The very first time it is not in the mood.
    world.between.refuse_next(503, 1);
    let since = now();
    world.post(batch("orders", 200, 3)).await;
    world.post(batch("basket", 50, 0)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.post(batch("orders", 300, 3)).await;
    let behind = world.until_all_is_told(since).await;
    let between = read(world.between.heard()).await;
    let timeouts = world.get("timeouts").await["items"].as_array().unwrap().clone();
    assert_eq!(timeouts.len(), 3);
    for told in [&between, &behind] {
        for function in FUNCTIONS {
            agrees(told, function, &world.function(function).await);
        }
        traces_agree(told, &timeouts);
    }
    let heard = world.between.heard();
    let statuses: Vec<u16> = heard.iter().map(|it| it.status).collect();
    assert!(statuses[0] == 503 && statuses[1..].iter().all(|it| *it == 200), "{statuses:?}");
    assert!(heard.iter().all(|it| it.headers["x-scope-orgid"] == "team 1"));
    let dead = world.get("deliveries?channel=otlp&status=dead").await;
    assert_eq!(dead["items"], json!([]), "{dead:#}");
}
