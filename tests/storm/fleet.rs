//! Environments that time out, one invocation after the other, until enough of them have.
//!
//! Each is a function of its own, so that what its extension counts as lost can be told from what others lost. Half of them
//! send after every invocation, and so are often frozen in the middle of a send.

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

/// A timeout that really happened, as the emulated platform saw it.
#[derive(Debug, Clone)]
pub(crate) struct Caused {
    pub(crate) function: String,
    pub(crate) request_id: String,
    /// It began by initialising again: nobody may ever have said its request id.
    pub(crate) suppressed_init: bool,
    /// For whoever looks for a reason: what the extension was told, and when, from the deadline on.
    pub(crate) how: String,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    caused: Mutex<Vec<Caused>>,
    count: AtomicUsize,
    invocations: AtomicUsize,
    crashes: AtomicUsize,
}

impl Ledger {
    pub(crate) fn caused(&self) -> Vec<Caused> {
        self.caused.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
                    how: how(ended, observer),
                };
                self.caused.lock().unwrap_or_else(PoisonError::into_inner).push(caused);
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
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
    format!(
        "first asked {}, told to stop {}, gone {}, suppressed init {}",
        of(|it| it.asked.first().copied()),
        of(|it| it.told_to_stop),
        of(|it| it.exit.map(|it| it.at)),
        ended.suppressed_init,
    )
}

/// One environment's place in the storm.
#[derive(Debug, Clone)]
pub(crate) struct Berth {
    pub(crate) number: u64,
    pub(crate) timeout: Duration,
    pub(crate) wanted: usize,
    pub(crate) built: Built,
    pub(crate) ledger: Arc<Ledger>,
}

/// An environment that runs and has not begun to time out.
#[derive(Debug)]
pub(crate) struct Boat {
    berth: Berth,
    function: String,
    environment: Environment,
}

impl Boat {
    pub(crate) async fn launch(berth: Berth, proxy: &Proxy) -> anyhow::Result<Self> {
        let function = format!("storm-{:03}", berth.number);
        let deployed = Function::named(&function).timeout(berth.timeout);
        let interval = if berth.number.is_multiple_of(2) { "0s" } else { "60s" };
        let spec = Spec::new(deployed, Launch::program(berth.built.function.clone()))
            .extension("overtime", berth.built.extension.clone())
            .variable("OVERTIME_URL", proxy.url())
            .variable("OVERTIME_AUTH", "none")
            .variable("OVERTIME_FLUSH_INTERVAL", interval);
        let environment = Environment::start(spec).await.with_context(|| function.clone())?;
        proxy.bind(&environment.observer());
        Ok(Self { berth, function, environment })
    }

    pub(crate) fn observer(&self) -> Observer {
        self.environment.observer()
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
        }
        Ok(self)
    }

    /// In fair weather: what one process left behind is for the next one to send, which has no memory of bad weather.
    pub(crate) async fn land(mut self) -> anyhow::Result<()> {
        self.invoke(json!({ "exit": 1 })).await?;
        for _ in 0..2 {
            self.invoke(json!({ "sleep_ms": 500 })).await?;
            sleep(Duration::from_millis(100)).await;
        }
        self.environment.spin_down().await;
        Ok(())
    }

    async fn invoke(&mut self, payload: serde_json::Value) -> anyhow::Result<()> {
        let ended = self.environment.invoke(Invocation::of(payload)).await;
        let ended = ended.with_context(|| self.function.clone())?;
        self.berth.ledger.note(&self.function, &ended, &self.environment.observer());
        Ok(())
    }
}
