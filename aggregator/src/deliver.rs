//! The fourth door: what the outbox holds goes to its channel.
//!
//! Delivery is woken by whoever has just committed a message, so that an alert leaves within milliseconds, and looks into the
//! outbox by itself at the start and every few seconds, so that a crash between commit and wake-up delays a message and
//! loses none. An entry is claimed for longer than an attempt may take; an attempt that dies with its process is repeated
//! under the same id.
//!
//! Where no webhook is configured, messages are given up at once and say why: they stay in the log and can be sent again,
//! while a queue that nobody drains would be delivered as a flood of old news when a webhook appears.
//!
//! **Invariant.** A slow receiver holds up its own attempt and nothing else: attempts run beside each other, a bounded number.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use overtime_wire::EpochMillis;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    channels::webhook::Webhook,
    domain::delivery::{Death, Next, classify, next},
    store::{
        Store, StoreError,
        outbox::{Claim, Settlement},
    },
};

/// Longer than an attempt can take.
const LEASE: Duration = Duration::from_secs(30);
/// How often the outbox is looked into though nobody rang.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const IN_FLIGHT_MAX: usize = 16;
/// How long attempts may still take when the process is asked to stop.
const FAREWELL: Duration = Duration::from_secs(3);

/// Each ends with the moment of the next, if there is to be one.
type Attempts = JoinSet<Option<EpochMillis>>;

/// Sends what is due. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Deliverer {
    store: Store,
    clock: fn() -> EpochMillis,
    receiver: Arc<Receiver>,
}

#[derive(Debug)]
struct Receiver {
    webhook: Option<Webhook>,
    /// It answered 410: nobody listens there until an operator says otherwise, which takes a restart.
    gone: AtomicBool,
}

impl Deliverer {
    pub fn new(store: Store, webhook: Option<Webhook>, clock: fn() -> EpochMillis) -> Self {
        let receiver = Receiver { webhook, gone: AtomicBool::new(false) };
        Self { store, clock, receiver: Arc::new(receiver) }
    }

    /// Delivers until `stop`. Ring `bell` after committing a message.
    pub async fn run(self, bell: Arc<Notify>, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let mut attempts = Attempts::new();
        loop {
            let pause = match self.start_due(&mut attempts).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "outbox is unreadable"
                    );
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = bell.notified() => {}
                () = sleep(pause) => {}
                Some(_) = attempts.join_next() => {}
            }
        }
        let farewell = async { while attempts.join_next().await.is_some() {} };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::info!("attempts were cut short and will be repeated at the next start");
        }
    }

    /// Starts an attempt for everything that is due, and says how long nothing else will be.
    async fn start_due(&self, attempts: &mut Attempts) -> Result<Duration, StoreError> {
        let free = IN_FLIGHT_MAX.saturating_sub(attempts.len());
        if free == 0 {
            return Ok(LOOK_EVERY);
        }
        for id in self.store.due_entries((self.clock)(), free).await? {
            if let Some(claim) = self.store.claim(&id, (self.clock)(), LEASE).await? {
                let deliverer = self.clone();
                attempts.spawn(async move { deliverer.attempt(claim).await });
            }
        }
        let due = self.store.next_due().await?;
        Ok(due.map_or(LOOK_EVERY, |it| it.since((self.clock)()).min(LOOK_EVERY)))
    }

    /// Attempts one delivery, if it is due and nobody else is at it. Gives the moment of the next attempt, if there is to be
    /// one.
    pub async fn deliver(&self, id: &str) -> Result<Option<EpochMillis>, StoreError> {
        let Some(claim) = self.store.claim(id, (self.clock)(), LEASE).await? else {
            return Ok(None);
        };
        Ok(self.attempt(claim).await)
    }

    /// Attempts one delivery and records what came of it. A record that fails leaves the entry to the end of its lease.
    async fn attempt(&self, claim: Claim) -> Option<EpochMillis> {
        let settlement = self.settlement(&claim).await;
        let again = match &settlement {
            Settlement::Retry { due, .. } => Some(*due),
            Settlement::Delivered { .. } | Settlement::Dead { .. } => None,
        };
        if let Err(error) = self.store.settle(&claim, settlement).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(delivery.id = claim.id, error, "attempt is not recorded");
        }
        again
    }

    async fn settlement(&self, claim: &Claim) -> Settlement {
        let Some(webhook) = &self.receiver.webhook else {
            return self.give_up(claim, "no receiver: OVERTIME_WEBHOOK_URL is not set");
        };
        if self.receiver.gone.load(Ordering::Relaxed) {
            return self.give_up(claim, "the receiver answered 410 and gets nothing more");
        }
        let attempt = webhook.send(&claim.id, &claim.body, (self.clock)()).await;
        let now = (self.clock)();
        let made = claim.attempts.saturating_add(1);
        match next(made, classify(attempt.reply), now, jitter()) {
            Next::Delivered => {
                let after_ms = now.since(claim.enqueued_at).as_millis();
                tracing::info!(delivery.id = claim.id, attempt = made, after_ms, "alert delivered");
                Settlement::Delivered { at: now }
            }
            Next::Again { at } => {
                let wait_s = at.since(now).as_secs();
                let problem = attempt.account;
                tracing::warn!(
                    delivery.id = claim.id,
                    attempt = made,
                    wait_s,
                    problem,
                    "alert not delivered yet"
                );
                Settlement::Retry { due: at, problem }
            }
            Next::Dead(death) => {
                if death == Death::Gone {
                    self.receiver.gone.store(true, Ordering::Relaxed);
                }
                self.give_up(claim, &format!("{}: {}", death.as_str(), attempt.account))
            }
        }
    }

    fn give_up(&self, claim: &Claim, problem: &str) -> Settlement {
        tracing::warn!(delivery.id = claim.id, problem, "alert given up");
        Settlement::Dead { at: (self.clock)(), problem: problem.to_owned() }
    }
}

/// Between 0 and 1. Without randomness retries come in step, which is a pity and no reason to fail.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |it| f64::from(it) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
