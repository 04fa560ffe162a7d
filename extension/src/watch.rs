//! The loop beside the loop: everything that happens, one after the other, and what follows from it.
//!
//! All knowledge has one owner, so nothing is locked and nothing races: the poll loop, the listener and a send under way
//! only hand over [`Input`]s. After each, the [`Sandbox`] says what it holds, [`flush`] decides, and a send is started.
//!
//! After SHUTDOWN it ends as soon as nothing is left to say, and at the latest when its time is up.

mod alarm;
mod keeping;
mod leave;
mod nearing;
mod outlive;
mod sending;
mod storing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use overtime_wire::{EpochMillis, IncarnationId};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use crate::{
    clock,
    config::Config,
    entropy,
    fault::Place,
    flush::{self, Flush, Line, Moment, Policy, Situation},
    notice::Notices,
    runtime_api::Next,
    sandbox::{Event, Held, Sandbox},
    telemetry::{Decoded, Record},
    uplink::{Uplink, circuit::Circuit, tls::Tls},
};

use alarm::Alarm;
use keeping::Keeping;
use leave::Leave;
use outlive::Vigil;
use sending::{Sending, Sent};
use storing::{Stored, Storing};

/// Everything that can wake us. Nothing else can.
#[derive(Debug)]
pub enum Input {
    /// INVOKE or SHUTDOWN, from the Extensions API.
    Platform(Next),
    /// A body posted to the listener.
    Telemetry(Decoded),
    /// A time that a decision named has come.
    Tick,
    /// A send has come back.
    Sent(Sent),
    /// Logs wait to be stored, or an object is full.
    Logs,
    /// An object has come back.
    Stored(Stored),
}

/// What the loop owns.
#[derive(Debug)]
pub struct Watch {
    sandbox: Sandbox,
    interval: Duration,
    circuit: Circuit,
    notices: Arc<Notices>,
    /// Telemetry that the inbox had no place for.
    overflow: Arc<AtomicU32>,
    /// Drawn at the first event, and again after a restore: copies of a snapshot must not share an id.
    incarnation: Option<IncarnationId>,
    /// `None` while a send has it.
    uplink: Option<Uplink>,
    /// A connection that is being opened ahead, or has been.
    opening: Option<JoinHandle<Uplink>>,
    spare: Uplink,
    sending: Option<Sending>,
    last_sent: EpochMillis,
    leave: Option<Leave>,
    /// Which of the sandbox's lives this is.
    life: u32,
    vigil: Vigil,
    keeping: Keeping,
    /// Where logs are asked for.
    storing: Option<Box<Storing>>,
    /// Only ever set by our own tests.
    fault: Option<Place>,
}

/// Whether the loop goes on.
enum Step {
    Continue { wake: Option<EpochMillis> },
    Done,
}

impl Watch {
    pub fn new(sandbox: Sandbox, config: &Config, notices: Arc<Notices>) -> Self {
        Self {
            sandbox,
            interval: config.flush_interval.0,
            circuit: Circuit::default(),
            notices,
            overflow: Arc::default(),
            incarnation: None,
            uplink: None,
            opening: None,
            spare: Uplink::new(config.target.clone(), Tls::trusting(config.authorities.clone()))
                .proving(config.proof.clone()),
            sending: None,
            last_sent: clock::now(),
            leave: None,
            life: 0,
            vigil: Vigil::default(),
            keeping: Keeping::default(),
            storing: None,
            fault: None,
        }
    }

    /// Where to count telemetry that could not be handed over.
    pub fn overflow(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.overflow)
    }

    /// Runs until SHUTDOWN has been dealt with.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Input>) {
        let (mut alarm, mut wake) = (Alarm::default(), None);
        while let Some(input) = self.next_input(&mut inbox, alarm.at(wake)).await {
            let now = clock::now();
            self.take(input, now);
            // Whatever is there already goes into the same decision, and into the same batch.
            while let Ok(input) = inbox.try_recv() {
                self.take(input, now);
            }
            self.notice_restore(now);
            self.begin_keeping(now);
            self.note_changes();
            match self.step(now) {
                Step::Continue { wake: next } => wake = next,
                Step::Done => return self.note_leaving(now),
            }
        }
    }

    async fn next_input(
        &mut self,
        inbox: &mut mpsc::Receiver<Input>,
        alarm: impl Future<Output = ()>,
    ) -> Option<Input> {
        tokio::select! {
            biased;
            sent = sending::finished(&mut self.sending) => Some(Input::Sent(sent)),
            input = inbox.recv() => input,
            stored = storing::finished(&mut self.storing) => Some(Input::Stored(stored)),
            () = alarm => Some(Input::Tick),
        }
    }

    fn take(&mut self, input: Input, now: EpochMillis) {
        self.begin_keeping(now);
        if matches!(input, Input::Platform(_)) {
            self.sandbox.awake();
        }
        match input {
            Input::Platform(Next::Invoke(invoke)) => {
                if let Some(sending) = &mut self.sending {
                    sending.voyage.spans_event = true;
                }
                self.storing_spans_event();
                self.sandbox.apply(Event::Invoke(invoke), now);
            }
            Input::Platform(Next::Shutdown(shutdown)) => {
                self.sandbox.apply(Event::Shutdown(shutdown), now);
                self.leave = Some(Leave::new(&shutdown, now, Instant::now()));
            }
            Input::Platform(Next::Unknown) | Input::Tick | Input::Logs => {}
            Input::Telemetry(decoded) => self.hear(decoded, now),
            Input::Sent(sent) => self.sent(sent, now),
            Input::Stored(stored) => self.stored(stored, now),
        }
    }

    fn hear(&mut self, decoded: Decoded, now: EpochMillis) {
        let dropped = self.overflow.swap(0, Ordering::Relaxed);
        if dropped + decoded.unreadable > 0 {
            self.sandbox.lose(now, |it| {
                it.dropped_records = it.dropped_records.saturating_add(dropped);
                it.unreadable_records = it.unreadable_records.saturating_add(decoded.unreadable);
            });
        }
        for record in decoded.records {
            if let Record::Fault(place) = record {
                self.fault = Some(place);
            }
            self.sandbox.apply(Event::Record(record), now);
        }
    }

    fn step(&mut self, now: EpochMillis) -> Step {
        if self.sandbox.may_be_copied() && self.leave.is_none() {
            return Step::Continue { wake: None };
        }
        self.incarnation();
        let outlived = self.outlive(now);
        let watched = self.watch_deadline(now);
        let moment = self.moment(now);
        let stores = self.store(now);
        if let Some(leave) = &self.leave
            && moment == Moment::Leaving
            && (leave.is_over(Instant::now())
                || (self.has_nothing_to_say(now) && self.has_nothing_to_store(now)))
        {
            return Step::Done;
        }
        let situation = Situation {
            now,
            holdings: self.sandbox.holdings(),
            moment,
            line: self.line(),
            last_sent: self.last_sent,
        };
        let mut wake = outlived.into_iter().chain(watched).chain(stores).min();
        match flush::decide(&self.policy(), &situation) {
            Flush::Wait { until } => wake = wake.into_iter().chain(until).min(),
            Flush::Send => self.send(now),
            Flush::Overtake => {
                if let Some(stuck) = self.sending.take() {
                    stuck.abandon();
                }
                self.send(now);
            }
        }
        if let Some(leave) = &self.leave {
            let until = now.plus(leave.next_look(Instant::now()));
            wake = Some(wake.map_or(until, |it| it.min(until)));
        }
        Step::Continue { wake }
    }

    /// A copy of this process shares nothing with the others: no name, no connection, no memory of failures.
    fn notice_restore(&mut self, now: EpochMillis) {
        if std::mem::replace(&mut self.life, self.sandbox.life()) == self.sandbox.life() {
            return;
        }
        self.restored();
        self.restored_storing();
        self.incarnation = None;
        self.keeping = Keeping::default();
        self.opening = None;
        self.circuit = Circuit::default();
        self.vigil = Vigil::default();
        self.last_sent = now;
    }

    /// Where every invocation is told of at once, the next one is not waited for to know that the last one is over.
    fn outlive(&mut self, now: EpochMillis) -> Option<EpochMillis> {
        if !self.interval.is_zero() || self.leave.is_some() {
            return None;
        }
        let look = self.vigil.look(self.sandbox.open_until()?, now);
        if let outlive::Look::Passed { deadlines_before } = look {
            self.sandbox.outlive(deadlines_before, now);
        }
        look.again()
    }

    /// At SHUTDOWN the last telemetry is listened for, for a moment, if it still tells something.
    fn moment(&mut self, now: EpochMillis) -> Moment {
        let Some(leave) = &mut self.leave else { return Moment::Running };
        if !self.sandbox.awaits_telemetry() {
            return Moment::Leaving;
        }
        if leave.still_listens(Instant::now()) {
            return Moment::Listening;
        }
        self.sandbox.give_up_waiting(now);
        Moment::Leaving
    }

    /// Whether there is no send under way and none worth trying.
    fn has_nothing_to_say(&self, now: EpochMillis) -> bool {
        let holdings = self.sandbox.holdings();
        let is_resting = self.circuit.resting_until().is_some_and(|it| it > now);
        let may_wait = is_resting || self.is_crash_loop(now);
        let is_silent = holdings.verdicts == Held::Nothing && (may_wait || !holdings.tallies);
        self.sending.is_none() && (holdings.is_nameless || is_silent)
    }

    fn line(&self) -> Line {
        if let Some(sending) = &self.sending {
            let carries_verdicts = sending.outgoing.has_verdicts();
            return Line::Busy { since: sending.voyage.since, carries_verdicts };
        }
        // On the way out there is no later to rest for.
        let resting = match &self.leave {
            Some(leave) => leave.retry_at(),
            None => self.circuit.resting_until(),
        };
        resting.map_or(Line::Free, |until| Line::Resting { until })
    }

    fn policy(&self) -> Policy {
        let [high, low, ..] = self.incarnation.map_or([0; 16], |it| it.0);
        let phase = u64::from(u16::from_be_bytes([high, low])) * 60_000 / 65_536;
        Policy { interval: self.interval, phase: Duration::from_millis(phase) }
    }

    fn incarnation(&mut self) -> IncarnationId {
        *self.incarnation.get_or_insert_with(|| IncarnationId(entropy::draw()))
    }
}
