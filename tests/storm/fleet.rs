//! Environments that time out, one invocation after the other, until enough of them have.
//!
//! Each is of a function of its own, so that what its extension counts as lost can be told from what others lost. Half of
//! them send after every invocation, and so are often frozen in the middle of a send. An environment may be reclaimed at
//! any time, and another takes its place.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use sandbox::{
    Ended, Environment, Invocation, Observer, Outcome, Spec, binaries::Built, dice::Dice,
    proxy::Proxy, spec::Function, spec::Launch,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    faults::{Kind, Present, Tally, Waters},
    left::{self, Left},
};

/// A timeout that really happened, as the emulated platform saw it.
#[derive(Debug, Clone)]
pub(crate) struct Caused {
    pub(crate) function: String,
    pub(crate) request_id: String,
    /// It began by initialising again: nobody may ever have said its request id.
    pub(crate) suppressed_init: bool,
    /// The extension was told anything: it had asked for an event before the deadline, or was told to stop.
    pub(crate) was_told: bool,
    /// For whoever looks for a reason: what the extension was told, and when, from the deadline on.
    pub(crate) how: String,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    caused: Mutex<Vec<Caused>>,
    left: Mutex<Vec<Left>>,
    stranded: Mutex<Vec<String>>,
    count: AtomicUsize,
    invocations: AtomicUsize,
    crashes: AtomicUsize,
}

impl Ledger {
    pub(crate) fn caused(&self) -> Vec<Caused> {
        self.caused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What reclaimed environments took along.
    pub(crate) fn left(&self) -> Vec<Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What journals held that should have been told in fair weather.
    pub(crate) fn all_stranded(&self) -> Vec<String> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stranded(&self, what: String) {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn invocations(&self) -> usize {
        self.invocations.load(Ordering::Relaxed)
    }

    /// Invocations that failed because somebody killed the extension, and one at each landing.
    pub(crate) fn crashes(&self) -> usize {
        self.crashes.load(Ordering::Relaxed)
    }

    fn note(&self, function: &str, ended: &Ended, observer: &Observer) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        match ended.outcome {
            Outcome::Success => {}
            Outcome::Error(_) => {
                self.crashes.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Timeout => {
                let caused = Caused {
                    function: function.to_owned(),
                    request_id: ended.request_id.clone(),
                    suppressed_init: ended.suppressed_init,
                    was_told: was_told(ended, observer),
                    how: how(ended, observer),
                };
                self.caused.lock().unwrap_or_else(PoisonError::into_inner).push(caused);
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// An extension that is starved through a whole init inside an invocation is killed before it could ask for anything.
fn was_told(ended: &Ended, observer: &Observer) -> bool {
    observer.lives().pop().is_some_and(|life| {
        let has_asked = life.asked.first().is_some_and(|it| *it < ended.deadline);
        has_asked || life.told_to_stop.is_some()
    })
}

/// Milliseconds from the deadline, as seen by the platform.
fn how(ended: &Ended, observer: &Observer) -> String {
    let after = |at: Option<jiff::Timestamp>| {
        at.map_or("never".to_owned(), |at| {
            format!("{} ms", at.as_millisecond() - ended.deadline.as_millisecond())
        })
    };
    // The reset has begun no new life yet, so the last one is the one that was told.
    let life = observer.lives().pop();
    let of =
        |part: fn(&sandbox::Life) -> Option<jiff::Timestamp>| after(life.as_ref().and_then(part));
    let left = left::behind("", &left::journals(observer.tmp()));
    let request = Some(ended.request_id.clone());
    format!(
        "first asked {}, told to stop {}, gone {}, suppressed init {}, left in the journal {}",
        of(|it| it.asked.first().copied()),
        of(|it| it.told_to_stop),
        of(|it| it.exit.map(|it| it.at)),
        ended.suppressed_init,
        left.timeouts.contains(&request),
    )
}

/// One function's place in the storm.
#[derive(Debug, Clone)]
pub(crate) struct Berth {
    pub(crate) number: u64,
    pub(crate) timeout: Duration,
    pub(crate) wanted: usize,
    pub(crate) built: Built,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) proxy: Arc<Proxy>,
    /// Where environments are reclaimed: who counts how often.
    pub(crate) reclaims: Option<Arc<Tally>>,
}

impl Berth {
    fn function(&self) -> String {
        format!("storm-{:03}", self.number)
    }

    async fn start(&self) -> anyhow::Result<Environment> {
        let function = self.function();
        let deployed = Function::named(&function).timeout(self.timeout);
        let interval = if self.number.is_multiple_of(2) { "0s" } else { "60s" };
        let spec = Spec::new(deployed, Launch::program(self.built.function.clone()))
            .extension("overtime", self.built.extension.clone())
            .variable("OVERTIME_URL", self.proxy.url())
            .variable("OVERTIME_AUTH", "none")
            .variable("OVERTIME_FLUSH_INTERVAL", interval);
        let environment = Environment::start(spec).await.with_context(|| function)?;
        self.proxy.bind(&environment.observer());
        Ok(environment)
    }
}

/// An environment that runs and has not begun to time out.
#[derive(Debug)]
pub(crate) struct Boat {
    berth: Berth,
    environment: Environment,
    present: Present,
}

/// After so many invocations in fair weather, what is still not told never will be.
const LANDING: usize = 30;

impl Boat {
    pub(crate) async fn launch(berth: Berth) -> anyhow::Result<Self> {
        let environment = berth.start().await?;
        let present = Present::new(environment.observer());
        Ok(Self { berth, environment, present })
    }

    pub(crate) fn waters(&self) -> Waters {
        let proxy = Arc::clone(&self.berth.proxy);
        Waters { proxy, environment: self.present.clone() }
    }

    /// Invokes until enough has timed out, in this environment and all others together.
    pub(crate) async fn weather_it(mut self, mut dice: Dice) -> anyhow::Result<Self> {
        while self.berth.ledger.count() < self.berth.wanted {
            if dice.percent(25) {
                self.invoke(json!({ "sleep_ms": dice.within(1..40) })).await?;
                sleep(dice.milliseconds(0..150)).await;
            } else {
                self.invoke(json!({ "hang": true })).await?;
            }
            let reclaims = self.berth.reclaims.clone().filter(|_| dice.percent(4));
            if let Some(tally) = reclaims {
                tally.add(Kind::Reclaims);
                self.reclaim().await;
                self.environment = self.berth.start().await?;
                self.present.become_of(self.environment.observer());
            }
        }
        Ok(self)
    }

    /// In fair weather: what one process left behind is for the next one to send, which has no memory of bad weather.
    pub(crate) async fn land(mut self) -> anyhow::Result<()> {
        self.invoke(json!({ "exit": 1 })).await?;
        for turn in 0..LANDING {
            let untold = left::untold(&left::journals(self.environment.observer().tmp()));
            if turn >= 2 && untold == 0 {
                break;
            }
            self.invoke(json!({ "sleep_ms": 500 })).await?;
            sleep(Duration::from_millis(100)).await;
        }
        self.environment.spin_down().await;
        // What is left now is nobody's fault but ours, and no excuse.
        let untold = left::untold(&left::journals(self.environment.observer().tmp()));
        if untold > 0 {
            let function = self.berth.function();
            self.berth.ledger.stranded(format!("{untold} verdicts of {function}"));
        }
        Ok(())
    }

    /// Lets the environment go, and looks what goes with it.
    async fn reclaim(&mut self) {
        self.environment.spin_down().await;
        let journals = left::journals(self.environment.observer().tmp());
        let left = left::behind(&self.berth.function(), &journals);
        let ledger = &self.berth.ledger;
        ledger.left.lock().unwrap_or_else(PoisonError::into_inner).push(left);
    }

    async fn invoke(&mut self, payload: serde_json::Value) -> anyhow::Result<()> {
        let ended = self.environment.invoke(Invocation::of(payload)).await;
        let ended = ended.with_context(|| self.berth.function())?;
        self.berth.ledger.note(&self.berth.function(), &ended, &self.environment.observer());
        Ok(())
    }
}
