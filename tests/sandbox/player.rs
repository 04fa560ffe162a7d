//! Plays recorded scenarios against a real extension, and compares what the aggregator then knows
//! with what the scenario expects.
//!
//! A scenario is a list of things that reach an extension — events from `/event/next`, telemetry
//! posts, a SIGKILL, a new start with the same `/tmp` — with the verdict that must come of it.
//! The platform here has no function and no phases; it hands out what is listed, in that order, at
//! the listed times. Rules: every time is moved to now; where no request is open a gap is shortened
//! to one second; a listener that has closed is tolerated; a process that the last step leaves
//! alive is killed a second later. Invariant: each scenario plays under a function name of its
//! own, so that many can play at once.

mod expectation;
mod rebase;
mod scenario;
mod verdict;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::rebase::Timeline;
use self::scenario::Step;
pub use self::scenario::{Scenario, Unreadable, load};
use crate::clock;
use crate::core::{Core, Door, Fault, Source};
use crate::process::Process;
use crate::spec::{Function, Launch, Spec};
use crate::state::{Agent, State};
use crate::telemetry::Delivering;
use crate::telemetry::post::Line;

/// The name of the layer's file.
const EXTENSION: &str = "overtime";
/// For an extension to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// For an event to be taken, or a post to be answered.
const COURTESY: Duration = Duration::from_secs(2);
const LAST_BREATH: Duration = Duration::from_secs(1);

/// Where scenarios are played.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    pub extension: &'a Path,
    /// The aggregator's base URL.
    pub url: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub struct Played {
    pub scenario: String,
    /// What the aggregator knows otherwise than expected; empty when all is well.
    pub differences: Vec<String>,
    /// What the extension wrote, for whoever has to find out.
    pub said: Vec<String>,
}

/// A scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the extension did not register, subscribe and ask for an event in time:\n{said}")]
    NotReady { said: String },
    #[error("could not ask the aggregator")]
    Aggregator(#[from] reqwest::Error),
}

/// Plays one scenario and waits for its verdict.
pub async fn play(scenario: &Scenario, stage: Stage<'_>) -> Result<Played, Broken> {
    let (core, door) = Core::open(spec(scenario, stage), Delivering::Scripted).await?;
    let mut player = Player { core, _door: door, extension: None };
    player.start().await?;
    player.perform(scenario).await?;
    let said = player.said();
    drop(player);
    let differences = verdict::await_verdict(scenario, stage.url).await?;
    Ok(Played { scenario: scenario.name.clone(), differences, said })
}

fn spec(scenario: &Scenario, stage: Stage<'_>) -> Spec {
    let function = Function {
        account: scenario.account.clone(),
        region: scenario.region.clone(),
        version: scenario.version.clone(),
        memory_mb: scenario.memory_mb,
        timeout: scenario.timeout,
        ..Function::named(&scenario.function)
    };
    let spec = Spec::new(function, Launch::program("/nobody"))
        .extension(EXTENSION, stage.extension)
        .variable("OVERTIME_URL", stage.url)
        .variable("OVERTIME_AUTH", "none")
        .variable("OVERTIME_FLUSH_INTERVAL", "0s");
    Spec { initialization: scenario.initialization, ..spec }
}

/// A platform that follows a script.
struct Player {
    core: Arc<Core>,
    _door: Door,
    extension: Option<Process>,
}

impl Player {
    async fn start(&mut self) -> Result<(), Broken> {
        self.core.telemetry.begin_life();
        self.core.begin_life();
        for extension in &self.core.spec.extensions {
            self.extension = Some(self.core.start_extension(extension).await?);
        }
        let latest = Instant::now() + PATIENCE;
        let ready = |state: &State| (state.all_registered() && state.all_ready()).then_some(());
        let parked = self.core.until(latest, ready).await;
        if parked.is_none() || !self.is_subscribed() {
            return Err(Broken::NotReady { said: self.said().join("\n") });
        }
        Ok(())
    }

    fn is_subscribed(&self) -> bool {
        self.core.telemetry.target(EXTENSION).is_some()
    }

    async fn perform(&mut self, scenario: &Scenario) -> Result<(), Broken> {
        let timeline = Timeline::of(&scenario.steps, scenario.base_epoch_ms);
        let (now, began) = (clock::now(), Instant::now());
        for (at, step) in timeline.schedule(&scenario.steps, now) {
            sleep_until(began + at).await;
            match step {
                Step::Next(body) => self.hand_out(body).await,
                Step::Telemetry(body) => self.post(body).await,
                Step::Kill => self.kill().await,
                Step::Restart => self.start().await?,
            }
        }
        sleep(LAST_BREATH).await;
        self.kill().await;
        Ok(())
    }

    /// Offers an event once the one before it has been taken.
    async fn hand_out(&self, body: Value) {
        let taken = |state: &State| {
            let mut pending = state.agents.iter().filter(|agent: &&Agent| agent.exit.is_none());
            pending.all(|agent| agent.pending.is_none()).then_some(())
        };
        self.core.until(Instant::now() + COURTESY, taken).await;
        self.core.state.send_modify(|state| {
            for agent in &mut state.agents {
                agent.pending = Some(body.clone());
            }
        });
    }

    async fn post(&self, body: Value) {
        let Some(target) = self.core.telemetry.target(EXTENSION) else { return };
        let body = Bytes::from(body.to_string());
        // A listener may have closed already; the platform's post is then lost, and so is this.
        let _ = timeout(COURTESY, Line::to(target).post(body)).await;
    }

    async fn kill(&mut self) {
        if let Some(process) = self.extension.take() {
            process.kill().await;
        }
    }

    fn said(&self) -> Vec<String> {
        let lines = self.core.lines().into_iter();
        lines.filter(|line| line.source != Source::Function).map(|line| line.text).collect()
    }
}
