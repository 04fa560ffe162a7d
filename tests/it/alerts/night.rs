//! Real functions time out, and `serve` is killed at the worst moments.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::IF_MATCH;
use sandbox::{
    Environment, Invocation, Outcome, Spec,
    aggregator::Aggregator,
    binaries, clock, http,
    inbox::{Answer, Inbox},
    spec::{Function, Launch},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(40);
const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl";

struct World {
    aggregator: Aggregator,
    inbox: Inbox,
    client: reqwest::Client,
}

impl World {
    /// With the subscriptions of a first start, and the channel that they name, made as anybody makes it.
    async fn start() -> Self {
        let settings =
            [("OVERTIME_SECRET_HOOK", SECRET), ("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (overtime, any) = (binaries::overtime().unwrap(), ([127, 0, 0, 1], 0).into());
        let aggregator = Aggregator::start_with(overtime, any, settings).await.unwrap();
        let inbox = Inbox::open().await.unwrap();
        let world = Self { aggregator, inbox, client: http::client().unwrap() };
        let kind = json!({
            "webhook": { "url": world.inbox.url(), "secret": "env:OVERTIME_SECRET_HOOK" },
        });
        world.post("channels", &json!({ "id": "default", "name": "Default", "kind": kind })).await;
        world
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.aggregator.url())
    }

    async fn post(&self, path: &str, body: &Value) {
        let posted = self.client.post(self.at(path)).json(body).send().await.unwrap();
        let status = posted.status();
        assert_eq!(status, StatusCode::CREATED, "{}", posted.text().await.unwrap());
    }

    /// First offenders are told of at once, without waiting for company.
    async fn at_once(&self) {
        let path = self.at("subscriptions/new-offender");
        let stands = self.client.get(&path).send().await.unwrap();
        let version = stands.headers()["etag"].clone();
        let subscription = json!({
            "id": "new-offender", "name": "First timeout in two days", "channels": ["default"],
            "condition": { "new_offender": { "quiet_for": "48h" } }, "group_wait": "0s",
        });
        let put = self.client.put(path).header(IF_MATCH, version).json(&subscription);
        put.send().await.unwrap().error_for_status().unwrap();
    }

    async fn environment(&self, name: &str) -> Environment {
        let function = Function::named(name).timeout(Duration::from_secs(1));
        let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
            .extension("overtime", binaries::extension().unwrap())
            .variable("OVERTIME_URL", self.aggregator.url())
            .variable("OVERTIME_AUTH", "none");
        Environment::start(spec).await.unwrap()
    }

    async fn until_listed(&self, timeouts: usize) {
        let latest = Instant::now() + PATIENCE;
        while Instant::now() < latest {
            let asked = self.client.get(self.at("timeouts")).send().await.unwrap();
            let page: Value = asked.json().await.unwrap();
            if page["items"].as_array().map(Vec::len) == Some(timeouts) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("never {timeouts} timeouts: {}", self.aggregator.said());
    }

    /// What arrived: of which function, which transition, and because of which silence's end.
    fn arrived(&self) -> Vec<(String, String, Value)> {
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let told = |it: Value| {
            let data = &it["data"];
            let function = text(&data["functions"][0]["faas.name"]);
            (function, text(&data["transition"]), data["silence_ended"]["id"].clone())
        };
        self.inbox.deliveries().iter().map(|it| told(it.json())).collect()
    }
}

async fn hang(environment: &mut Environment) {
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_offender_is_told_of_once_and_a_silence_holds_and_ends_loudly() {
    let world = World::start().await;
    world.at_once().await;
    let silence_ends = clock::now() + Duration::from_secs(15);
    let silence = json!({
        "id": "migration", "matchers": { "functions": ["refunds"] },
        "ends_at": silence_ends.to_string(), "comment": "The ledger moves",
    });
    world.post("silences", &silence).await;
    let mut environments = Vec::new();
    for name in ["refunds", "checkout", "ledger"] {
        environments.push(world.environment(name).await);
    }
    for _ in 0..2 {
        for environment in &mut environments {
            hang(environment).await;
        }
    }
    world.until_listed(6).await;
    assert!(world.inbox.until(2, PATIENCE).await, "{}", world.aggregator.said());
    let mut arrived = world.arrived();
    arrived.sort_by(|one, other| one.0.cmp(&other.0));
    let told = |name: &str| (name.to_owned(), "firing".to_owned(), Value::Null);
    assert_eq!(arrived, [told("checkout"), told("ledger")]);
    assert!(clock::now() < silence_ends, "the machine is too slow for a silence so short");

    // What was silent is told of as soon as it may be, and why only now.
    assert!(world.inbox.until(3, PATIENCE).await, "{}", world.aggregator.said());
    assert!(world.inbox.deliveries()[2].at >= silence_ends);
    let loud = ("refunds".to_owned(), "firing".to_owned(), json!("migration"));
    assert_eq!(world.arrived()[2], loud);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(world.arrived().len(), 3, "{:#?}", world.arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_survives_kill_9_between_its_opening_and_its_delivery() {
    let world = World::start().await;
    let mut environment = world.environment("orders").await;
    hang(&mut environment).await;
    world.until_listed(1).await;
    // It is open, and waits ten seconds for company.
    world.aggregator.kill().await;
    assert_eq!(world.arrived(), []);
    world.inbox.answer_next(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    world.aggregator.restart().await.unwrap();
    assert!(world.inbox.until(1, PATIENCE).await, "{}", world.aggregator.said());

    // It was sent and not taken, and is to be sent again in five seconds by whoever is there.
    world.aggregator.kill().await;
    sleep(Duration::from_secs(7)).await;
    assert_eq!(world.inbox.deliveries().len(), 1);
    world.aggregator.restart().await.unwrap();
    assert!(world.inbox.until(2, PATIENCE).await, "{}", world.aggregator.said());
    sleep(Duration::from_secs(3)).await;
    let deliveries = world.inbox.deliveries();
    let ids: BTreeSet<_> = deliveries.iter().map(|it| it.header("webhook-id")).collect();
    assert_eq!((deliveries.len(), ids.len()), (2, 1), "{deliveries:#?}");
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    for delivery in &deliveries {
        webhook.verify(&delivery.body, &delivery.headers).unwrap();
    }
}
