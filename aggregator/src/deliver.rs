//! The fourth door: what the outbox holds goes to its channel.
//!
//! Delivery is woken by whoever has just committed a message, so that an alert leaves within milliseconds, and looks into the
//! outbox by itself at the start and every few seconds, so that a crash between commit and wake-up delays a message and
//! loses none. An entry is claimed for longer than an attempt may take; an attempt that dies with its process is repeated
//! under the same id.
//!
//! ```text
//!   claim ─▶ channel there? ─▶ anything to resolve? ─▶ room this minute? ─▶ attempt ─▶ settle ─▶ next in the lane
//!                 │                     │                     │                │
//!                 └──▶ suppressed ◀─────┘          digest ◀───┘                ├─▶ again later
//!                                                                              └─▶ dead, and the fallback channel
//! ```
//!
//! A channel that does not exist, or is disabled, gets nothing, and the delivery says why: a queue that nobody drains would be delivered
//! as a flood of old news when the channel appears.
//!
//! **Invariant.** A slow receiver holds up its own attempt and nothing else: attempts run beside each other, a bounded number.

mod aside;
mod letter;
mod telling;

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use overtime_wire::EpochMillis;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::letter::Letter;
use crate::{
    chance,
    channels::courier::{Courier, Parcel, Sent},
    domain::{
        configuration::{Channel, ChannelKind, Versioned},
        delivery::{
            Death, Next, Reply, classify,
            id::{Turn, is_digest, turn},
            next,
            record::Record,
        },
        notification::trial,
        otlp::RECEIVER,
    },
    store::{
        Store, StoreError,
        outbox::entry::{Claim, Claimed, Ending, Settlement},
    },
    throughput::{Delivery, Throughput},
};

/// Longer than an attempt can take: a test at PagerDuty is two requests.
const LEASE: Duration = Duration::from_secs(45);
/// How often the outbox is looked into though nobody rang.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const IN_FLIGHT_MAX: usize = 16;
/// How long attempts may still take when the process is asked to stop.
const FAREWELL: Duration = Duration::from_secs(3);
/// After so many failed attempts, two and a half minutes, somebody else is told.
const FALL_BACK_AFTER: u32 = 4;
/// A test that has not arrived after so many attempts, half a minute, has told what it was to tell.
const TRIALS_MAX: u32 = 3;
/// How long what may not be put into a digest waits for room.
const NO_ROOM: Duration = Duration::from_secs(20);

type Attempts = JoinSet<Vec<FollowUp>>;

/// A message to look at next, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    pub id: String,
    pub due: EpochMillis,
}

/// Sends what is due. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Deliverer {
    store: Store,
    clock: fn() -> EpochMillis,
    courier: Courier,
    /// Where links in messages of our own lead.
    console: String,
    /// The environment's webhook answered 410: nobody listens there until an operator says otherwise, which takes a restart.
    gone: Arc<AtomicBool>,
    /// The last minute that a channel had no room in.
    full: Arc<Mutex<HashMap<String, i64>>>,
    throughput: Throughput,
}

/// What was decided about a claim.
struct Verdict {
    settlement: Settlement,
    /// Messages that were put in because of it.
    put_in: Vec<String>,
}

impl From<Ending> for Verdict {
    fn from(ending: Ending) -> Self {
        Self { settlement: Settlement { ending, record: None }, put_in: Vec::new() }
    }
}

impl Deliverer {
    pub fn new(store: Store, courier: Courier, clock: fn() -> EpochMillis) -> Self {
        let (gone, full, throughput) = (Arc::default(), Arc::default(), Throughput::default());
        Self { store, clock, courier, console: String::new(), gone, full, throughput }
    }

    /// The same, counting what it does in `throughput`.
    #[must_use]
    pub fn counting(self, throughput: Throughput) -> Self {
        Self { throughput, ..self }
    }

    /// The same, with links that lead somewhere.
    #[must_use]
    pub fn linking_to(self, console: String) -> Self {
        Self { console, ..self }
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
            if let Claimed::Yours(claim) = self.store.claim(&id, (self.clock)(), LEASE).await? {
                let deliverer = self.clone();
                attempts.spawn(async move { deliverer.attempt(*claim).await });
            }
        }
        let due = self.store.next_due().await?;
        Ok(due.map_or(LOOK_EVERY, |it| it.since((self.clock)()).min(LOOK_EVERY)))
    }

    /// Attempts one delivery, if it is due, nobody else is at it and none before it is on its way. Says what is to be looked at because
    /// of it.
    pub async fn deliver(&self, id: &str) -> Result<Vec<FollowUp>, StoreError> {
        match self.store.claim(id, (self.clock)(), LEASE).await? {
            Claimed::Yours(claim) => Ok(self.attempt(*claim).await),
            // Whoever settles the one before it says so; if they die, the sweep finds it.
            Claimed::Behind { .. } | Claimed::No => Ok(Vec::new()),
        }
    }

    /// Attempts one delivery and records what came of it. A record that fails leaves the entry to the end of its lease.
    async fn attempt(&self, claim: Claim) -> Vec<FollowUp> {
        let id = claim.id.clone();
        match self.try_attempt(claim).await {
            Ok(follow_ups) => follow_ups,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(delivery.id = id, error, "attempt is not recorded");
                Vec::new()
            }
        }
    }

    async fn try_attempt(&self, claim: Claim) -> Result<Vec<FollowUp>, StoreError> {
        let claim = if is_digest(&claim.id) { self.store.seal(claim).await? } else { Some(claim) };
        let Some(claim) = &claim else { return Ok(Vec::new()) };
        let Some(Verdict { settlement, put_in }) = self.judge(claim).await? else {
            self.throughput.delivery(Delivery::Digested);
            return self.after(claim, Vec::new()).await;
        };
        let now = (self.clock)();
        let (outcome, again) = match &settlement.ending {
            Ending::Retry { due, .. } => (Delivery::Retried, Some(*due)),
            Ending::Delivered { .. } => (Delivery::Delivered, None),
            Ending::Dead { .. } => (Delivery::Dead, None),
            Ending::Suppressed { .. } => (Delivery::Suppressed, None),
        };
        self.store.settle(claim, settlement).await?;
        self.throughput.delivery(outcome);
        let mut next: Vec<_> = put_in.into_iter().map(|id| FollowUp { id, due: now }).collect();
        match again {
            Some(due) => next.push(FollowUp { id: claim.id.clone(), due }),
            None => next = self.after(claim, next).await?,
        }
        Ok(next)
    }

    /// Whoever waited for this one is next.
    async fn after(
        &self,
        claim: &Claim,
        mut next: Vec<FollowUp>,
    ) -> Result<Vec<FollowUp>, StoreError> {
        let now = (self.clock)();
        next.extend(self.store.release(&claim.id, now).await?.map(|id| FollowUp { id, due: now }));
        Ok(next)
    }

    /// Decides what becomes of a claim, with an attempt if it comes to that. `None` when it is settled already.
    async fn judge(&self, claim: &Claim) -> Result<Option<Verdict>, StoreError> {
        let now = (self.clock)();
        let suppressed = |reason: String| {
            tracing::info!(delivery.id = claim.id, reason, "alert not sent");
            Ok(Some(Verdict::from(Ending::Suppressed { at: now, reason })))
        };
        let letter = match Letter::open(claim, &self.console) {
            Ok(letter) => letter,
            Err(why) => {
                let problem = format!("message is unreadable: {why}");
                return Ok(Some(Ending::Dead { at: now, problem }.into()));
            }
        };
        if letter.is_digest && claim.folded == Some(0) {
            return suppressed("nothing was put into it".to_owned());
        }
        if letter.channel == RECEIVER {
            return self.tell((claim, &letter), now).await.map(Some);
        }
        let configuration = self.store.configuration(now).await?;
        let name = &letter.channel;
        let found = configuration.channels.iter().find(|it| it.value.id.as_str() == name);
        let Some(channel) = found else {
            return suppressed(format!("channel {name} does not exist"));
        };
        let is_gone = channel.is_built_in() && self.gone.load(Ordering::Relaxed);
        if is_gone || !channel.value.enabled {
            return suppressed(format!("channel {name} is disabled"));
        }
        let is_last = turn(&claim.id) == Turn::Last;
        if is_last && claim.before.count > 0 && !claim.before.delivered {
            return suppressed(format!("channel {name} never heard of this episode"));
        }
        let is_limited = channel.value.rate_limit > 0 && !letter.is_digest;
        if is_limited && !self.has_room(&channel.value, now).await? {
            if is_last && is_stateful(&channel.value) {
                let problem = "too many in a minute: what is open there must be resolved there";
                let due = now.plus(NO_ROOM);
                return Ok(Some(Ending::Retry { due, problem: problem.to_owned() }.into()));
            }
            if self.fold(claim, &letter, now).await? {
                return Ok(None);
            }
            let problem = "too many in a minute, and its digest is busy".to_owned();
            return Ok(Some(Ending::Retry { due: now.plus(NO_ROOM), problem }.into()));
        }
        self.send(channel, claim, &letter).await.map(Some)
    }

    async fn send(
        &self,
        channel: &Versioned<Channel>,
        claim: &Claim,
        letter: &Letter,
    ) -> Result<Verdict, StoreError> {
        let (began, clock) = ((self.clock)(), Instant::now());
        let pin = claim.before.pin.as_deref();
        let parcel = Parcel { id: &claim.id, at: letter.at, data: &letter.data, pin };
        let Sent { attempt, pin } = self.courier.send(&channel.value, parcel, began).await;
        let latency_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = match attempt.reply {
            Reply::Status { code, .. } => Some(code),
            Reply::Forbidden | Reply::None => None,
        };
        let record = Some(Record::new(began, status, latency_ms, &attempt.account));
        let now = (self.clock)();
        let made = claim.attempts.saturating_add(1);
        let (problem, item) = (attempt.account, (claim, letter));
        let mut put_in = Vec::new();
        let next = next(made, classify(attempt.reply), now, chance::share(chance::draw()));
        let is_over = trial::is_trial(&claim.id) && made >= TRIALS_MAX;
        let next = match next {
            Next::Again { .. } if is_over => Next::Dead(Death::Exhausted),
            Next::Again { .. } | Next::Delivered | Next::Dead(_) => next,
        };
        let ending = match next {
            Next::Delivered => {
                let after_ms = now.since(claim.enqueued_at).as_millis();
                tracing::info!(delivery.id = claim.id, attempt = made, after_ms, "alert delivered");
                put_in = self.resolve_fallback(&channel.value, item, now).await?;
                Ending::Delivered { at: now, pin }
            }
            Next::Again { at } => {
                let wait_s = at.since(now).as_secs();
                let id = &claim.id;
                tracing::warn!(
                    delivery.id = id,
                    attempt = made,
                    wait_s,
                    problem,
                    "alert not delivered yet"
                );
                if made == FALL_BACK_AFTER {
                    put_in = self.fall_back(&channel.value, item, (&problem, now)).await?;
                }
                Ending::Retry { due: at, problem }
            }
            Next::Dead(death) => {
                if death == Death::Gone {
                    self.disable(channel, now).await;
                }
                put_in = self.fall_back(&channel.value, item, (&problem, now)).await?;
                let problem = format!("{}: {problem}", death.as_str());
                tracing::error!(delivery.id = claim.id, problem, "alert given up");
                Ending::Dead { at: now, problem }
            }
        };
        Ok(Verdict { settlement: Settlement { ending, record }, put_in })
    }
}

/// Whether what was opened there stays open until it is resolved there.
fn is_stateful(channel: &Channel) -> bool {
    match channel.kind {
        ChannelKind::Pagerduty { .. } | ChannelKind::Alertmanager { .. } => true,
        ChannelKind::Webhook { .. }
        | ChannelKind::Slack { .. }
        | ChannelKind::Sns { .. }
        | ChannelKind::Eventbridge { .. }
        | ChannelKind::Environment {} => false,
    }
}

#[cfg(test)]
mod tests;
