//! A send under way, and what its answer changes.
//!
//! A send runs as a task of its own, so that a panic in it costs the send and not the loop. It may span a freeze of
//! the environment: then the clocks have moved while nobody ran, and a failure says nothing about the aggregator.

use std::time::Duration;

use overtime_wire::EpochMillis;
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, timeout},
};

use super::{Watch, leave::Leave};
use crate::{
    entropy,
    fault::{self, Place},
    notice::Topic,
    sandbox::Outgoing,
    uplink::{Uplink, answer::Answer, obstacle::Obstacle},
};

/// The longest that a send may take while nobody waits for us to leave.
const BUDGET: Duration = Duration::from_secs(2);
/// How often a send looks at the clock, and how late it must be to have been frozen, or starved as badly.
const TICK: Duration = Duration::from_millis(100);
const FREEZE: Duration = Duration::from_millis(300);
/// After so many failures in a row somebody should have a look.
pub(super) const FAILURES_TO_MENTION: u32 = 2;

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) outgoing: Outgoing,
    pub(super) voyage: Voyage,
    task: JoinHandle<Returned>,
}

/// When something was sent, and what may have come between.
#[derive(Debug)]
pub(super) struct Voyage {
    pub(super) since: EpochMillis,
    /// An event came meanwhile, so there may have been a freeze, however short.
    pub(super) spans_event: bool,
    started: Instant,
}

/// A send that came back.
#[derive(Debug)]
pub struct Returned {
    uplink: Uplink,
    answer: Answer,
    /// Nobody ran for a part of it.
    was_frozen: bool,
}

/// What came of it: nothing but the panic, if there was one.
pub(super) type Sent = Result<Returned, JoinError>;

/// Waits for the send to come back; forever if there is none.
pub(super) async fn finished(sending: &mut Option<Sending>) -> Sent {
    match sending {
        Some(sending) => (&mut sending.task).await,
        None => std::future::pending().await,
    }
}

/// Runs a send, and says whether it was ever late for a tick.
pub(super) async fn noticing_freezes<T>(send: impl Future<Output = T>) -> (T, bool) {
    let mut send = std::pin::pin!(send);
    let mut was_frozen = false;
    loop {
        let tick = Instant::now();
        let answer = timeout(TICK, &mut send).await;
        was_frozen |= tick.elapsed() > TICK + FREEZE;
        if let Ok(answer) = answer {
            return (answer, was_frozen);
        }
    }
}

impl Sending {
    pub(super) fn abandon(self) {
        self.task.abort();
    }
}

impl Voyage {
    pub(super) fn begin(since: EpochMillis) -> Self {
        Self { since, spans_event: false, started: Instant::now() }
    }

    /// Whether the failure may be the freeze's, and not the aggregator's.
    pub(super) fn is_excused(
        &self,
        obstacle: &Obstacle,
        was_frozen: bool,
        now: EpochMillis,
    ) -> bool {
        was_frozen || self.lost_time(now) || (self.spans_event && obstacle.is_of_connection())
    }

    /// Whether the wall clock left the other one behind, which stands still on some machines while they are frozen.
    fn lost_time(&self, now: EpochMillis) -> bool {
        now.since(self.since) > self.started.elapsed() + FREEZE
    }
}

impl Watch {
    /// Sends all there is.
    pub(super) fn send(&mut self, now: EpochMillis) {
        let incarnation = self.incarnation();
        let Some(outgoing) = self.sandbox.batch(incarnation, now) else { return };
        let deadline = self.leave.as_ref().map_or(Instant::now() + BUDGET, Leave::deadline);
        self.note_carried(&outgoing);
        let way = self.way();
        let bytes = outgoing.bytes.clone();
        let asked = self.fault.take();
        let task = tokio::spawn(async move {
            fault::strike(asked, Place::Uplink);
            let mut uplink = way.uplink().await;
            let (answer, was_frozen) = noticing_freezes(uplink.post(bytes, deadline)).await;
            Returned { uplink, answer, was_frozen }
        });
        self.last_sent = now;
        self.sending = Some(Sending { outgoing, voyage: Voyage::begin(now), task });
    }

    pub(super) fn sent(&mut self, sent: Sent, now: EpochMillis) {
        let Some(sending) = self.sending.take() else { return };
        let outgoing = &sending.outgoing;
        match sent {
            Ok(Returned { uplink, answer, was_frozen }) => {
                self.uplink = Some(uplink);
                match answer {
                    Answer::Accepted { refused } => {
                        self.circuit.succeeded();
                        self.sandbox.acknowledged(outgoing, &refused, now);
                        self.note_delivered(outgoing, now);
                    }
                    Answer::Refused { status, fix } => {
                        let line = format!("the aggregator answered {status}: {fix}");
                        self.notices.say(Topic::Refused, line);
                        self.sandbox.refused(outgoing, now);
                        self.note_delivered(outgoing, now);
                        self.rest(None, now);
                    }
                    Answer::Later { after, .. } => self.failed(after, now),
                    Answer::None(it) if sending.voyage.is_excused(&it, was_frozen, now) => {}
                    Answer::None(it) if self.leave.is_some() && it.is_slowness() => {
                        self.cut_short(now);
                    }
                    Answer::None(obstacle) => {
                        self.failed(None, now);
                        self.mention(&obstacle);
                    }
                }
            }
            Err(_) => self.failed(None, now),
        }
    }

    fn failed(&mut self, after: Option<Duration>, now: EpochMillis) {
        self.sandbox.lose(now, |it| it.failed_sends = it.failed_sends.saturating_add(1));
        self.rest(after, now);
    }

    /// It was us who had no time to wait; the journal has it for the next process.
    fn cut_short(&mut self, now: EpochMillis) {
        if let Some(leave) = &mut self.leave {
            leave.failed(now);
        }
    }

    fn rest(&mut self, after: Option<Duration>, now: EpochMillis) {
        let [chance] = entropy::draw();
        self.circuit.failed(now, after, chance);
        if let Some(leave) = &mut self.leave {
            leave.failed(now);
        }
    }

    /// A snapshot was restored: whatever is under way belongs to another environment.
    pub(super) fn restored(&mut self) {
        if let Some(sending) = self.sending.take() {
            sending.abandon();
        }
        self.spare = self.spare.restored();
        self.uplink = None;
    }

    fn mention(&self, obstacle: &Obstacle) {
        let may_pass = !obstacle.is_lasting() && self.leave.is_none();
        if may_pass && self.circuit.failures() < FAILURES_TO_MENTION {
            return;
        }
        let topic = if obstacle.is_of_signing() { Topic::Signing } else { Topic::Unreachable };
        self.notices.say(topic, obstacle.line());
    }
}
