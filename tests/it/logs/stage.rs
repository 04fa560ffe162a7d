//! What these tests share: a function whose logs go to a bucket, by way of a network that can be spoilt, and who is told of losses.

use std::collections::BTreeMap;
use std::time::Duration;

use overtime_wire::Losses;
use sandbox::bucket::Bucket;
use sandbox::proxy::Proxy;
use sandbox::spec::{Freezing, Function, Launch};
use sandbox::{Ended, Environment, Invocation, Outcome, Spec, binaries};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::network::reporting::{ACCEPTED, Heard};
use crate::network::stage::Server;

const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

/// A bucket, the way to it, and an aggregator.
pub(crate) struct World {
    pub(crate) bucket: Bucket,
    pub(crate) network: Proxy,
    pub(crate) aggregator: Server,
}

impl World {
    pub(crate) async fn start() -> Self {
        let bucket = Bucket::start().await.unwrap();
        let network = Proxy::to(bucket.address().unwrap()).unwrap();
        Self { bucket, network, aggregator: Server::answering(ACCEPTED).await }
    }

    /// A function whose own words are stored, after every invocation.
    pub(crate) fn spec(&self) -> Spec {
        let function = Function::named("talker").timeout(TIMEOUT);
        Spec::new(function, Launch::program(binaries::function().unwrap()))
            .extension("overtime", binaries::extension().unwrap())
            .variable("OVERTIME_URL", self.aggregator.url())
            .variable("OVERTIME_AUTH", "none")
            .variable("OVERTIME_LOGS", "function")
            .variable("OVERTIME_LOGS_S3", self.bucket.name())
            .variable("OVERTIME_LOGS_S3_ENDPOINT", self.network.url())
    }

    /// The messages of all lines in the bucket, and how often each request has said them.
    pub(crate) async fn said(&self) -> BTreeMap<(String, String), usize> {
        let mut said = BTreeMap::new();
        for row in self.bucket.rows().await.unwrap() {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            *said.entry((text("request_id"), text("message"))).or_default() += 1;
        }
        said
    }

    pub(crate) fn losses(&self) -> Losses {
        Heard::by(&self.aggregator).losses()
    }

    /// Waits until as much is in the bucket.
    pub(crate) async fn until_stored(&self, objects: usize) {
        let latest = Instant::now() + PATIENCE;
        while self.bucket.objects().await.unwrap().len() < objects {
            assert!(Instant::now() < latest, "no {objects} objects: {:?}", self.aggregator.came());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Never stopped, so that a send takes as long as it takes.
pub(crate) fn unfrozen(spec: Spec) -> Spec {
    Spec { freezing: Freezing::Manual, ..spec }
}

/// Has it print so many lines, and gives what should be stored of them.
pub(crate) async fn talk(
    environment: &mut Environment,
    lines: usize,
) -> BTreeMap<(String, String), usize> {
    let ended = invoke(environment, json!({ "lines": lines, "sleep_ms": 50 })).await;
    assert_eq!(ended.outcome, Outcome::Success, "{:?}", environment.observer().lines());
    printed(&ended, lines)
}

pub(crate) async fn invoke(environment: &mut Environment, payload: Value) -> Ended {
    environment.invoke(Invocation::of(payload)).await.unwrap()
}

pub(crate) fn printed(ended: &Ended, lines: usize) -> BTreeMap<(String, String), usize> {
    let line = |number| ((ended.request_id.clone(), format!("line {number}")), 1);
    (0..lines).map(line).collect()
}

/// What the extension wrote about logs into the function's own log.
pub(crate) fn complaints(environment: &Environment) -> Vec<String> {
    let said = environment.observer().said_by("overtime").into_iter();
    said.filter(|it| it.contains("OVERTIME_LOGS")).collect()
}
