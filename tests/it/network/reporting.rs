//! What the tests of the real extension share: a function that reports, and the facts it was heard to say.

use std::collections::BTreeMap;
use std::time::Duration;

use overtime_wire::{Batch, Losses, Outcome as Told, Tally};
use sandbox::aggregator::Aggregator;
use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Freezing, Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries, http};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::stage::Server;

/// What a server says that takes everything.
pub(crate) const ACCEPTED: &str = r#"{"accepted":1,"refused":[]}"#;
const PATIENCE: Duration = Duration::from_secs(20);

/// A function with the real extension, which tells of every invocation at once.
pub(crate) fn spec(url: &str) -> Spec {
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_URL", url)
        .variable("OVERTIME_FLUSH_INTERVAL", "0s")
}

pub(crate) fn unsigned(url: &str) -> Spec {
    spec(url).variable("OVERTIME_AUTH", "none")
}

/// Signs, for a function URL that does not name its region.
pub(crate) fn signed(url: &str) -> Spec {
    spec(url).variable("OVERTIME_SIGNING_REGION", "eu-west-1")
}

/// Never stopped, so that a send takes as long as it takes.
pub(crate) fn unfrozen(spec: Spec) -> Spec {
    Spec { freezing: Freezing::Manual, ..spec }
}

pub(crate) async fn succeed(environment: &mut Environment) {
    let ended = environment.invoke(Invocation::of(json!({ "sleep_ms": 1 }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Success, "{:?}", environment.observer().lines());
}

/// Lets an invocation time out, and returns its request id.
pub(crate) async fn hang(environment: &mut Environment) -> String {
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout, "{:?}", environment.observer().lines());
    let killed = ended.teardown.unwrap().killed;
    assert!(killed.is_empty(), "it leaves by itself: {:?}", environment.observer().lines());
    ended.request_id
}

/// What the extension wrote into the function's log, over all its lives.
pub(crate) fn said(environment: &Environment) -> Vec<String> {
    environment.observer().said_by("overtime")
}

/// All that a server was told, merged as the aggregator would.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Timeouts by request id, each with the number of facts that tell of it.
    pub(crate) timeouts: BTreeMap<String, usize>,
    /// The last tally of each life of the extension.
    pub(crate) tallies: BTreeMap<String, Tally>,
}

impl Heard {
    pub(crate) fn by(server: &Server) -> Self {
        let (mut heard, mut keys) = (Self::default(), BTreeMap::new());
        let bodies = server.came().into_iter();
        for life in bodies.flat_map(|it| Batch::decode(&it.body).unwrap().incarnations) {
            for it in &life.verdicts {
                let request = it.fact.request.as_ref().map_or("?".to_owned(), ToString::to_string);
                if it.fact.outcome == Told::Timeout {
                    keys.insert((life.id.to_string(), it.fact.ordinal), request);
                }
            }
            for it in life.tallies {
                let last = heard.tallies.entry(life.id.to_string()).or_insert(it.fact.clone());
                if it.fact.revision > last.revision {
                    *last = it.fact;
                }
            }
        }
        for request in keys.into_values() {
            *heard.timeouts.entry(request).or_default() += 1;
        }
        heard
    }

    pub(crate) fn invocations(&self) -> u32 {
        let minutes = self.tallies.values().flat_map(|it| it.minutes.values());
        minutes.map(|it| it.invocations).sum()
    }

    pub(crate) fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        for tally in self.tallies.values() {
            losses += tally.losses;
        }
        losses
    }
}

/// Each of these timeouts once, and no other.
pub(crate) fn once(requests: &[String]) -> BTreeMap<String, usize> {
    requests.iter().map(|it| (it.clone(), 1)).collect()
}

/// `overtime serve` behind a function URL.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) aggregator: Aggregator,
    pub(crate) front: Front,
    /// Holds the certificate to trust.
    folder: TempDir,
}

impl Service {
    pub(crate) async fn start(caller: Caller, over_tls: bool) -> Self {
        let overtime = binaries::overtime().unwrap();
        let aggregator = Aggregator::start(overtime, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let plan = Plan::to(Upstream::Requests(aggregator.url())).caller(caller);
        let plan = if over_tls { plan.over_tls() } else { plan };
        let front = Front::start(plan).await.unwrap();
        let service = Self { aggregator, front, folder: TempDir::new().unwrap() };
        if let Some(authority) = service.front.authority() {
            std::fs::write(service.certificate(), &authority.root).unwrap();
        }
        service
    }

    pub(crate) fn certificate(&self) -> String {
        self.folder.path().join("authority.pem").to_string_lossy().into_owned()
    }

    /// Request ids as the API lists them, oldest first, once there are so many.
    pub(crate) async fn timeouts(&self, count: usize) -> Vec<String> {
        let (client, latest) = (http::client().unwrap(), Instant::now() + PATIENCE);
        loop {
            let answer = client.get(format!("{}/api/v1/timeouts", self.aggregator.url())).send();
            let answer: Value = answer.await.unwrap().json().await.unwrap();
            let items = answer["items"].as_array().unwrap();
            if items.len() >= count || Instant::now() >= latest {
                let ids = items.iter().rev().map(|it| it["request_id"].as_str().unwrap_or("?"));
                return ids.map(str::to_owned).collect();
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The answers that were given, in order, with the reason where there was one.
    pub(crate) fn answers(&self) -> Vec<String> {
        let word = |it: &sandbox::front::Verdict| match &it.error_type {
            Some(error_type) => format!("{} {error_type}", it.status),
            None => it.status.to_string(),
        };
        self.front.verdicts().iter().map(word).collect()
    }
}
