//! Plays a scenario, and puts into one line what the aggregator then knows of its function.
//!
//! A line names each timeout by the number of its invocation in the script, then every count that is not zero:
//! `#2 handler; invocations 3, timeouts 1, cold_starts 1`. A timeout whose request nobody can know is `?`.

use std::{fs, path::Path, time::Duration};

use overtime_extension::journal;
use sandbox::{
    Ended, Environment, Invocation, Spec, binaries,
    conditions::Condition,
    http,
    spec::{Function, Launch},
};
use serde_json::Value;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::scenarios::{Scenario, Step};

const COUNTS: [&str; 8] = [
    "invocations",
    "timeouts",
    "errors",
    "out_of_memory",
    "near_timeouts",
    "cold_starts",
    "init_timeouts",
    "init_failures",
];

pub(super) struct World {
    url: String,
    client: reqwest::Client,
}

/// What a scenario left behind.
pub(super) struct Played {
    function: String,
    /// In the order of the script.
    requests: Vec<String>,
    /// What the extension wrote.
    pub(super) said: Vec<String>,
    /// The aggregator did not answer before the environment was reclaimed, so a fact lies in a journal that nobody will read.
    pub(super) is_untold: bool,
}

impl World {
    pub(super) fn of(url: &str) -> Self {
        Self { url: url.to_owned(), client: http::client().unwrap() }
    }

    /// Each has a function of its own, so that they do not mix.
    pub(super) async fn play(
        &self,
        scenario: &Scenario,
        (condition, attempt): (Condition, u32),
    ) -> Played {
        let function = format!("{}-{condition:?}-{attempt}", scenario.name);
        let function = Function::named(&function).timeout(Duration::from_secs(2));
        let spec = Spec::new(function.clone(), Launch::program(binaries::function().unwrap()))
            .extension("overtime", binaries::extension().unwrap())
            .variable("OVERTIME_URL", &self.url)
            .variable("OVERTIME_AUTH", "none");
        let spec = condition.apply((scenario.prepare)(spec));
        let mut play = Play::of(Environment::start(spec).await.unwrap());
        for step in scenario.script {
            play.step(step).await;
        }
        play.environment.spin_down().await;
        let observer = play.environment.observer();
        let said = observer.said_by("overtime");
        let is_untold = has_facts(&observer.tmp().join("overtime"));
        let requests = play.end().await;
        Played { function: function.name, requests, said, is_untold }
    }

    /// What is known as soon as it is what is expected, or when patience ends.
    pub(super) async fn settled(
        &self,
        played: &Played,
        expected: &str,
        patience: Duration,
    ) -> String {
        let latest = Instant::now() + patience;
        loop {
            let known = self.known(played).await;
            if known == expected || Instant::now() >= latest {
                return known;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn known(&self, played: &Played) -> String {
        let listed = self.get(&format!("/api/v1/timeouts?function={}", played.function)).await;
        let path = format!("/api/v1/functions/111122223333/eu-west-1/{}", played.function);
        let counts = &self.get(&path).await["counts"];
        let timeouts = listed["items"].as_array().into_iter().flatten();
        let mut timeouts: Vec<_> = timeouts.map(|it| played.words(it)).collect();
        // Those that overlap have deadlines of the same moment.
        timeouts.sort();
        let counts: Vec<_> = COUNTS
            .iter()
            .filter_map(|name| {
                counts[name].as_u64().filter(|it| *it > 0).map(|it| format!("{name} {it}"))
            })
            .collect();
        let separator = if timeouts.is_empty() { "" } else { "; " };
        format!("{}{separator}{}", timeouts.join(", "), counts.join(", "))
    }

    /// Null as long as nothing is known.
    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }
}

/// A scenario under way.
struct Play {
    environment: Environment,
    /// In the order of the script; of those that are still open, empty.
    requests: Vec<String>,
    left: Vec<(usize, JoinHandle<Ended>)>,
}

impl Play {
    fn of(environment: Environment) -> Self {
        Self { environment, requests: Vec::new(), left: Vec::new() }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Rest(milliseconds) => sleep(Duration::from_millis(*milliseconds)).await,
            Step::Invoke(payload) => self.invoke(invocation(payload)).await,
            Step::Retry(payload) => {
                let request_id = self.requests.last().cloned();
                self.invoke(Invocation { request_id, ..invocation(payload) }).await;
            }
            Step::Together(payloads) => {
                let open: Vec<_> = payloads.iter().map(|it| self.open(it)).collect();
                for open in open {
                    self.requests.push(open.await.unwrap().request_id);
                }
            }
            Step::Times(times, payload) => {
                for _ in 0..*times {
                    self.invoke(invocation(payload)).await;
                }
            }
            Step::Leave(payload) => {
                self.left.push((self.requests.len(), self.open(payload)));
                self.requests.push(String::new());
            }
        }
    }

    async fn invoke(&mut self, invocation: Invocation) {
        self.requests.push(self.environment.invoke(invocation).await.unwrap().request_id);
    }

    fn open(&self, payload: &str) -> JoinHandle<Ended> {
        let (caller, invocation) = (self.environment.caller(), invocation(payload));
        tokio::spawn(async move { caller.call(invocation).await })
    }

    async fn end(mut self) -> Vec<String> {
        for (at, open) in self.left {
            self.requests[at] = open.await.unwrap().request_id;
        }
        self.requests
    }
}

fn has_facts(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten();
    let journals = files.filter_map(|it| journal::decode(&fs::read(it.ok()?.path()).ok()?).ok());
    journals.into_iter().any(|it| !it.facts.is_empty())
}

fn invocation(payload: &str) -> Invocation {
    Invocation::of(serde_json::from_str(payload).unwrap())
}

impl Played {
    fn words(&self, timeout: &Value) -> String {
        let (subject, cause) = (timeout["subject"].as_str(), timeout["cause"].as_str());
        let request = match timeout["request_id"].as_str() {
            None => "?".to_owned(),
            Some(id) => match self.requests.iter().position(|it| it == id) {
                Some(at) => format!("#{}", at + 1),
                None => format!("#{id}"),
            },
        };
        let inferred = if timeout["inferred"] == true { " inferred" } else { "" };
        match subject {
            Some("init") => format!("init{inferred}"),
            _ => format!("{request} {}{inferred}", cause.unwrap_or("?")),
        }
    }
}
