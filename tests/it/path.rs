//! One timeout, all the way: an overrunning function, the extension, the aggregator, a signed webhook, the API, the page.

use std::time::Duration;

use sandbox::{
    Environment, Invocation, Outcome, Spec,
    aggregator::Aggregator,
    binaries, http,
    inbox::{Delivery, Inbox},
    spec::{Function, Launch},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl";

struct World {
    aggregator: Aggregator,
    inbox: Inbox,
    client: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let inbox = Inbox::open().await.unwrap();
        let settings = [
            ("OVERTIME_WEBHOOK_URL", inbox.url()),
            ("OVERTIME_WEBHOOK_SECRET", "env:TEST_WEBHOOK_SECRET"),
            ("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8"),
            ("TEST_WEBHOOK_SECRET", SECRET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let any = ([127, 0, 0, 1], 0).into();
        let overtime = binaries::overtime().unwrap();
        let aggregator = Aggregator::start_with(overtime, any, settings).await.unwrap();
        Self { aggregator, inbox, client: http::client().unwrap() }
    }

    async fn environment(&self, function: Function) -> Environment {
        let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
            .extension("overtime", binaries::extension().unwrap())
            .variable("OVERTIME_URL", self.aggregator.url())
            .variable("OVERTIME_AUTH", "none")
            .variable("OVERTIME_TAGS", "team=payments");
        Environment::start(spec).await.unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.aggregator.url())).send().await;
        answer.unwrap().error_for_status().unwrap().text().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    /// Asks again until the answer satisfies, because views follow facts within moments.
    async fn until(&self, path: &str, satisfies: impl Fn(&Value) -> bool) -> Value {
        let latest = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.client.get(format!("{}{path}", self.aggregator.url())).send().await;
            let answer: Value = answer.unwrap().json().await.unwrap();
            if satisfies(&answer) || tokio::time::Instant::now() >= latest {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn function(name: &str) -> Function {
    Function { alias: Some("live".to_owned()), ..Function::named(name) }
        .timeout(Duration::from_secs(1))
}

/// Whether the profile, which is written after the counts, is there too.
fn is_known(shown: &Value) -> bool {
    !shown["profile"]["timeout_ms"].is_null()
}

#[track_caller]
fn check_signature(delivery: &Delivery) {
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    webhook.verify(&delivery.body, &delivery.headers).unwrap();
    let other =
        standardwebhooks::Webhook::new("whsec_YW5vdGhlciBrZXkgb2YgdHdlbnR5LWZvdXI=").unwrap();
    assert!(other.verify(&delivery.body, &delivery.headers).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_timeout_reaches_the_webhook_the_api_and_the_page() {
    let world = World::start().await;
    let mut environment = world.environment(function("checkout")).await;
    for _ in 0..2 {
        let ended = environment.invoke(Invocation::of(json!({ "sleep_ms": 5 }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Success);
    }
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);

    assert!(world.inbox.until(1, PATIENCE).await, "{}", world.aggregator.said());
    let delivery = &world.inbox.deliveries()[0];
    check_signature(delivery);
    let message = delivery.json();
    assert_eq!(message["data"]["status"], "firing", "{message:#}");
    assert_eq!(
        message["data"]["samples"][0]["faas.invocation_id"], ended.request_id,
        "{message:#}"
    );
    assert!(!delivery.header("webhook-id").is_empty());

    let page = world.json("/api/v1/timeouts").await;
    let [timeout] = page["items"].as_array().unwrap().as_slice() else { panic!("{page:#}") };
    let expected = json!({
        "account": "111122223333",
        "region": "eu-west-1",
        "function": "checkout",
        "version": "$LATEST",
        "request_id": ended.request_id,
        "sandbox": environment.observer().instance(),
        "deadline": format!("{:.3}", ended.deadline),
        "timeout_ms": 1000,
        "cause": "handler",
        "inferred": false,
        "cold_start": false,
        "memory_bytes": 256 * 1024 * 1024,
        "log_tail": null,
        "silent_ms": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&timeout[field], value, "{field} of {timeout:#}");
    }

    environment.spin_down().await;
    let path = "/api/v1/functions/111122223333/eu-west-1/checkout";
    let shown = world.until(path, |it| it["counts"]["invocations"] == 3 && is_known(it)).await;
    let counts = &shown["counts"];
    assert_eq!((&counts["invocations"], &counts["timeouts"]), (&json!(3), &json!(1)), "{shown:#}");
    assert_eq!((&counts["errors"], &counts["cold_starts"]), (&json!(0), &json!(1)), "{shown:#}");
    assert_eq!(shown["profile"]["timeout_ms"], 1000, "{shown:#}");
    assert_eq!(shown["profile"]["tags"], json!({ "team": "payments" }), "{shown:#}");
    let html = world.get("/").await;
    assert!(html.contains("checkout") && html.contains(&ended.request_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_only_ever_times_out_is_known_all_the_same() {
    let world = World::start().await;
    let mut environment = world.environment(function("ledger")).await;
    environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();

    let path = "/api/v1/functions/111122223333/eu-west-1/ledger";
    let shown = world.until(path, |it| it["counts"]["cold_starts"] == 1 && is_known(it)).await;
    let counts = &shown["counts"];
    assert_eq!((&counts["invocations"], &counts["timeouts"]), (&json!(1), &json!(1)), "{shown:#}");
    assert_eq!(counts["cold_starts"], 1, "{shown:#}");
    assert_eq!(shown["profile"]["timeout_ms"], 1000, "{shown:#}");
    assert_eq!(shown["profile"]["version"], "$LATEST", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_start_says_what_it_cost_and_an_init_inside_an_invocation_is_told_apart() {
    let world = World::start().await;
    let mut environment = world.environment(function("starter")).await;
    for payload in
        [json!({}), json!({ "hang": true }), json!({ "hang": true }), json!({}), json!({})]
    {
        environment.invoke(Invocation::of(payload)).await.unwrap();
    }
    environment.spin_down().await;

    let path = "/api/v1/functions/111122223333/eu-west-1/starter";
    let all_told = |it: &Value| it["counts"]["invocations"] == 5 && it["counts"]["timeouts"] == 2;
    let shown = world.until(path, |it| all_told(it) && is_known(it)).await;
    let inits = shown["phases"]["inits"].as_array().unwrap();
    let told: Vec<_> = inits
        .iter()
        .map(|it| (it["phase"].as_str(), it["initialization_type"].as_str(), it["count"].as_u64()))
        .collect();
    let on_demand = Some("on-demand");
    assert_eq!(
        told,
        [(Some("init"), on_demand, Some(1)), (Some("suppressed_init"), on_demand, Some(2))],
        "{shown:#}"
    );
    for it in inits {
        assert_eq!(it["timed"], it["count"], "{shown:#}");
        let took = it["duration_ms"]["max"].as_f64().unwrap();
        assert!(took > 0.0 && took < 1_000.0, "{shown:#}");
    }
    let extensions = &shown["phases"]["extensions"];
    assert!(extensions["invocations"].as_u64().unwrap() >= 1, "{shown:#}");
    assert!((0.0..=1.0).contains(&extensions["share"].as_f64().unwrap()), "{shown:#}");

    let page = world.json("/api/v1/timeouts").await;
    let mut timeouts: Vec<_> = page["items"].as_array().unwrap().iter().collect();
    timeouts.sort_by_key(|it| it["deadline"].to_string());
    assert_eq!((&timeouts[0]["init_phase"], &timeouts[0]["init_ms"]), (&Value::Null, &Value::Null));
    assert_eq!(timeouts[1]["init_phase"], "suppressed_init", "{page:#}");
    assert!(timeouts[1]["init_ms"].as_f64().unwrap() > 0.0, "{page:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_and_counts_once() {
    let world = World::start().await;
    let mut environment = world.environment(function("orders")).await;
    let mut injected = Vec::new();
    for round in 0..4 {
        let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
        injected.push(ended.request_id);
        // Between the acknowledgement and the evaluation, as far as a test can choose.
        if round % 2 == 0 {
            world.aggregator.kill().await;
            world.aggregator.restart().await.unwrap();
        }
    }
    environment.spin_down().await;

    let listed =
        world.until("/api/v1/timeouts", |it| it["items"].as_array().map(Vec::len) == Some(4));
    let listed = listed.await;
    let mut detected: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
    detected.sort_by_key(|it| it["deadline"].to_string());
    let detected: Vec<_> = detected.iter().map(|it| it["request_id"].as_str().unwrap()).collect();
    assert_eq!(detected, injected);
    let path = "/api/v1/functions/111122223333/eu-west-1/orders";
    let shown = world.until(path, |it| it["counts"]["timeouts"] == 4).await;
    assert_eq!(shown["counts"]["timeouts"], 4, "{shown:#}");

    // The alert opened once, whatever was evaluated again.
    assert!(world.inbox.until(1, PATIENCE).await);
    let ids: std::collections::BTreeSet<_> =
        world.inbox.deliveries().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "{:#?}", world.inbox.deliveries());
}
