//! Whatever the aggregator does, an invocation is held no longer than by an extension that does nothing.
//!
//! Both are measured in turns, in one run, so that a busy machine is busy for both. The floor's is the time that the
//! platform itself takes to notice; who waited for anything, a lock, a send, the aggregator, would be far beyond a few
//! times that.

use std::time::Duration;

use sandbox::proxy::{Proxy, Weather};
use sandbox::spec::{Extension, Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries, usage};
use serde_json::json;

use super::reporting::{ACCEPTED, unsigned};
use super::stage::Server;

const ROUNDS: usize = 40;
/// How often a busy machine may spoil it.
const ATTEMPTS: usize = 3;
/// An extension that has something to do shares the processor with whoever notices.
const TIMES: u32 = 5;

struct Subject {
    weather: Option<Weather>,
    environment: Environment,
    overheads: Vec<Duration>,
    _proxy: Option<(Server, Proxy)>,
}

impl Subject {
    async fn floor() -> Self {
        let spec =
            Spec::new(Function::named("orders"), Launch::program(binaries::function().unwrap()));
        let binary = binaries::floor().unwrap().to_owned();
        let extensions = vec![Extension { name: "floor".to_owned(), binary }];
        let environment = Environment::start(Spec { extensions, ..spec }).await.unwrap();
        Self { weather: None, environment, overheads: Vec::new(), _proxy: None }
    }

    async fn under(weather: Weather) -> Self {
        let server = Server::answering(ACCEPTED).await;
        let proxy = Proxy::to(server.address).unwrap();
        proxy.set(weather).await;
        let spec = Spec { function: Function::named("orders"), ..unsigned(&proxy.url()) };
        let environment = Environment::start(spec).await.unwrap();
        let (weather, proxy) = (Some(weather), Some((server, proxy)));
        Self { weather, environment, overheads: Vec::new(), _proxy: proxy }
    }

    async fn go_round(&mut self) {
        let ended =
            self.environment.invoke(Invocation::of(json!({ "sleep_ms": 5 }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Success);
        self.overheads.push(ended.extension_overhead.unwrap());
    }

    /// The median, what nine in ten stay below, and the most.
    fn quantiles(&mut self) -> [Duration; 3] {
        let mut overheads = std::mem::take(&mut self.overheads);
        overheads.sort();
        [ROUNDS / 2, ROUNDS * 9 / 10, ROUNDS - 1].map(|at| overheads[at])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_is_held_no_longer_than_by_an_extension_that_does_nothing() {
    let mut subjects = vec![Subject::floor().await];
    for weather in [
        Weather::Clear,
        Weather::Slow(Duration::from_millis(300)),
        Weather::Refusing,
        Weather::Unreachable,
        Weather::BlackHole,
    ] {
        subjects.push(Subject::under(weather).await);
    }
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        for _ in 0..ROUNDS {
            for subject in &mut subjects {
                subject.go_round().await;
            }
        }
        seen = subjects.iter_mut().map(Subject::quantiles).collect();
        let (floor, others) = seen.split_first().unwrap();
        // A tenth of a few dozen is a matter of luck, so that is held against the floor's worst.
        let is_as_quick =
            |it: &[Duration; 3]| it[0] <= floor[0] * TIMES && it[1] <= floor[2] * TIMES;
        if others.iter().all(is_as_quick) {
            return check_memory(&subjects);
        }
    }
    let weathers: Vec<_> = subjects.iter().map(|it| it.weather).collect();
    panic!("median, nine tenths and most of {weathers:?}: {seen:?}");
}

/// What cannot be sent is not piled up.
fn check_memory(subjects: &[Subject]) {
    let peak = |subject: &Subject| {
        let pid = subject.environment.observer().extension_pid("overtime");
        usage::of(pid.unwrap()).map_or(0, |it| it.peak_rss_bytes)
    };
    let (well, others) = subjects[1..].split_first().unwrap();
    for subject in others {
        let (peak, allowed) = (peak(subject), peak(well) * 5 / 4);
        assert!(peak <= allowed, "{:?}: {peak} bytes, beyond {allowed}", subject.weather);
    }
}
