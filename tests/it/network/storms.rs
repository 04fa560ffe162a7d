//! An aggregator that is slow, gone or against it: the real extension goes on, counts what it lost, and says what to fix.

use std::sync::Arc;
use std::time::Duration;

use sandbox::Environment;
use sandbox::proxy::{Proxy, Reply, Weather};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::reporting::{ACCEPTED, Heard, hang, said, succeed, unfrozen, unsigned};
use super::stage::{SOON, Server};
use crate::emulator::stage::eventually;

/// So many worlds at once: more would starve each other's last sends.
const AT_ONCE: usize = 4;
const A_SECOND: Duration = Duration::from_secs(1);

/// What a weather costs, and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Nothing,
    Sends,
    Facts,
}

struct World {
    server: Server,
    proxy: Proxy,
    environment: Environment,
}

impl World {
    async fn start() -> Self {
        let server = Server::answering(ACCEPTED).await;
        let proxy = Proxy::to(server.address).unwrap();
        let spec = unfrozen(unsigned(&proxy.url()));
        Self { server, proxy, environment: Environment::start(spec).await.unwrap() }
    }

    /// A life in which the weather clears, one that it ends, and one after it.
    async fn endure(&mut self, weather: Weather, line: &str) -> [String; 3] {
        self.proxy.set(weather).await;
        for _ in 0..3 {
            succeed(&mut self.environment).await;
        }
        if line.is_empty() {
            sleep(A_SECOND).await;
        } else {
            eventually(line, || !said(&self.environment).is_empty()).await;
        }
        self.proxy.set(Weather::Clear).await;
        let first = hang(&mut self.environment).await;
        self.proxy.set(weather).await;
        succeed(&mut self.environment).await;
        let second = hang(&mut self.environment).await;
        self.proxy.set(Weather::Clear).await;
        succeed(&mut self.environment).await;
        [first, second, hang(&mut self.environment).await]
    }
}

async fn check(weather: Weather, cost: Cost, line: &str) {
    let mut world = World::start().await;
    let [first, second, third] = world.endure(weather, line).await;
    let heard = Heard::by(&world.server);
    let count = |request| heard.timeouts.get(request).copied().unwrap_or_default();
    assert_eq!((count(&first), count(&third)), (1, 1), "{weather:?} {heard:#?}");
    // It ended in the storm; what its process left behind may have come later.
    assert!(count(&second) <= 1, "{weather:?} {heard:#?}");
    // Tallies are cumulative, so what was refused once is told by the next.
    assert!(heard.invocations() >= 4, "{weather:?} {heard:#?}");
    let losses = heard.losses();
    let seen = match (losses.failed_sends, losses.refused_facts) {
        (0, 0) => Cost::Nothing,
        (_, 0) => Cost::Sends,
        (0, _) => Cost::Facts,
        both => panic!("{weather:?} {both:?}"),
    };
    assert_eq!(seen, cost, "{weather:?} {losses:?}");
    let said = said(&world.environment);
    assert!(said.len() <= 2, "once in a life, and the last is well: {weather:?} {said:?}");
    // While the weather changes a port may be shut for a moment.
    assert_eq!(said.is_empty(), line.is_empty(), "{weather:?} {said:?}");
    assert!(line.is_empty() || said.iter().any(|it| it.contains(line)), "{weather:?} {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_counted_by_reason_and_told_when_it_clears() {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let answering = |status| Weather::Answering(Reply::status(status));
    let patience = |status| Weather::Answering(Reply { status, retry_after: Some(1) });
    let mut storms = JoinSet::new();
    for (weather, cost, line) in [
        (Weather::Slow(Duration::from_millis(300)), Cost::Nothing, ""),
        (Weather::Refusing, Cost::Sends, "check OVERTIME_URL's host and port"),
        (Weather::Unreachable, Cost::Sends, "in a VPC that is a NAT gateway"),
        (Weather::BlackHole, Cost::Sends, "it does not answer in time"),
        (answering(500), Cost::Sends, ""),
        (patience(429), Cost::Sends, ""),
        (patience(503), Cost::Sends, ""),
        (answering(403), Cost::Facts, "allow this function's role"),
        (answering(404), Cost::Facts, "set OVERTIME_URL to the aggregator's base URL"),
        (answering(413), Cost::Facts, "take bodies of 1 MiB"),
    ] {
        let places = Arc::clone(&places);
        storms.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            check(weather, cost, line).await;
        });
    }
    storms.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregator_that_asks_for_rest_is_left_alone_but_for_verdicts() {
    let mut world = World::start().await;
    let reply = Reply { status: 429, retry_after: Some(600) };
    world.proxy.set(Weather::Answering(reply)).await;
    succeed(&mut world.environment).await;
    timeout(SOON, world.proxy.until(|it| it.requests == 1)).await.unwrap();
    for _ in 0..5 {
        succeed(&mut world.environment).await;
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(world.proxy.traffic().requests, 1);
    world.proxy.set(Weather::Clear).await;
    let request = hang(&mut world.environment).await;
    let heard = Heard::by(&world.server);
    assert_eq!(heard.timeouts, super::reporting::once(&[request]));
    assert_eq!((heard.invocations(), heard.losses().failed_sends), (6, 1), "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregator_that_fails_is_asked_less_and_less() {
    let mut world = World::start().await;
    world.proxy.set(Weather::Answering(Reply::status(503))).await;
    for _ in 0..40 {
        succeed(&mut world.environment).await;
        sleep(Duration::from_millis(100)).await;
    }
    // At once, after a second, after two more: each up to half as long or as short again.
    let requests = world.proxy.traffic().requests;
    assert!((2..=4).contains(&requests), "{requests}");
}
