//! Logs on their way to a bucket, beside everything else and behind it.
//!
//! One object is sent at a time, as a task of its own, over a connection of its own. Whatever there is to tell the aggregator goes
//! first: while a batch is on its way, or a verdict is fresh, no object sets out. At SHUTDOWN objects go once everything else has gone.
//! After a timeout or a crash what is not stored by then lies in the temporary directory, for the next process; where the
//! environment goes as well it is lost, and that is still told.

use std::time::Duration;

use overtime_wire::{EpochMillis, IncarnationId, Losses};
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

use super::{
    Watch,
    sending::{FAILURES_TO_MENTION, Voyage, noticing_freezes},
};
use crate::{
    config::Config,
    entropy,
    logs::{
        answer::Answer,
        flush::{self, Flush, Line, Moment, Situation},
        stock::{Cargo, Logs, Lost},
        store::Store,
    },
    notice::Topic,
    sandbox::Held,
    uplink::{circuit::Circuit, tls::Tls},
};

/// The longest that an object may take while nobody waits for us to leave.
const BUDGET: Duration = Duration::from_secs(10);

/// What storing needs.
#[derive(Debug)]
pub(super) struct Storing {
    logs: Logs,
    interval: Duration,
    circuit: Circuit,
    /// `None` while an object has it.
    store: Option<Store>,
    spare: Store,
    putting: Option<Putting>,
    /// On the way out: nothing more is tried.
    has_ended: bool,
}

/// An object on its way.
#[derive(Debug)]
struct Putting {
    cargo: Cargo,
    voyage: Voyage,
    task: JoinHandle<Box<Returned>>,
}

/// An object's way that came back.
#[derive(Debug)]
pub struct Returned {
    store: Store,
    answer: Answer,
    was_frozen: bool,
}

/// What came of it: nothing but the panic, if there was one. Boxed, because everything that waits in the inbox is as wide.
pub(super) type Stored = Result<Box<Returned>, JoinError>;

/// Waits for the object to come back; forever if there is none.
pub(super) async fn finished(storing: &mut Option<Box<Storing>>) -> Stored {
    match storing.as_mut().and_then(|it| it.putting.as_mut()) {
        Some(putting) => (&mut putting.task).await,
        None => std::future::pending().await,
    }
}

impl Storing {
    fn new(logs: Logs, config: &Config) -> Option<Self> {
        let settings = config.logs.clone()?;
        let spare = Store::new(settings, Tls::trusting(config.authorities.clone()))?;
        Some(Self {
            logs,
            interval: config.flush_interval.0,
            circuit: Circuit::default(),
            store: None,
            spare,
            putting: None,
            has_ended: false,
        })
    }

    fn abandon(&mut self) {
        if let Some(putting) = self.putting.take() {
            putting.task.abort();
            self.logs.returned(false);
        }
    }

    fn is_resting(&self, now: EpochMillis) -> bool {
        self.circuit.resting_until().is_some_and(|it| it > now)
    }
}

impl Watch {
    /// Logs are asked for, and come in by way of `logs`.
    #[must_use]
    pub fn storing(mut self, logs: Option<Logs>, config: &Config) -> Self {
        self.storing = logs.and_then(|it| Storing::new(it, config)).map(Box::new);
        self
    }

    pub(super) fn begin_storing(&mut self, incarnation: IncarnationId) {
        let Some(storing) = &self.storing else { return };
        storing.logs.begin(incarnation, self.sandbox.function_name());
        storing.logs.name_sandbox(self.sandbox.environment());
    }

    /// A copy of this process: what was gathered before is told by none of them.
    pub(super) fn restored_storing(&mut self) {
        let Some(storing) = &mut self.storing else { return };
        storing.abandon();
        storing.logs.restored(self.sandbox.function_name());
        storing.spare = storing.spare.restored();
        storing.store = None;
        storing.circuit = Circuit::default();
    }

    pub(super) fn storing_spans_event(&mut self) {
        if let Some(putting) = self.storing.as_mut().and_then(|it| it.putting.as_mut()) {
            putting.voyage.spans_event = true;
        }
    }

    /// Sends an object where one is due. Returns when to look again.
    pub(super) fn store(&mut self, now: EpochMillis) -> Option<EpochMillis> {
        self.storing.as_ref()?;
        self.count_lost(now);
        if self.is_storing_over(now) {
            self.end_storing(now);
        }
        let (moment, line) = (self.storing_moment(now), self.storing_line(now));
        let storing = self.storing.as_ref().filter(|it| !it.has_ended)?;
        let holdings = storing.logs.holdings();
        let situation = Situation { now, holdings, moment, line };
        let wake = match flush::decide(storing.interval, &situation) {
            Flush::Wait { until } => until,
            Flush::Send { seal } => {
                self.put(seal, now);
                None
            }
        };
        let Some(leave) = &self.leave else { return wake };
        let at = Instant::now();
        // Once nothing more can come there may be nothing left to wait for.
        let look = match leave.awaits_lines(at) {
            Duration::ZERO => leave.storing_deadline().saturating_duration_since(at),
            left => left.max(Duration::from_millis(1)),
        };
        wake.into_iter().chain([now.plus(look)]).min()
    }

    fn storing_moment(&self, now: EpochMillis) -> Moment {
        match self.leave.as_ref().map(|it| it.awaits_lines(Instant::now())) {
            None => Moment::Running,
            Some(left) if left.is_zero() => Moment::Leaving,
            Some(left) => Moment::Listening { until: now.plus(left.max(Duration::from_millis(1))) },
        }
    }

    /// Everything else goes first.
    fn storing_line(&self, now: EpochMillis) -> Line {
        let Some(storing) = &self.storing else { return Line::Held };
        let is_behind = self.sending.is_some()
            || self.sandbox.holdings().verdicts == Held::Fresh
            || (self.leave.is_some() && !self.has_nothing_to_say(now));
        if is_behind || storing.putting.is_some() || self.sandbox.function().is_none() {
            return Line::Held;
        }
        storing.circuit.resting_until().map_or(Line::Free, |until| Line::Resting { until })
    }

    /// On the way out, whether nothing more can be stored: there is no time, or the bucket takes nothing.
    fn is_storing_over(&self, now: EpochMillis) -> bool {
        let (Some(leave), Some(storing)) = (&self.leave, &self.storing) else { return false };
        let at = Instant::now();
        let is_hopeless = storing.putting.is_none() && storing.is_resting(now);
        at >= leave.storing_deadline() || (leave.awaits_lines(at).is_zero() && is_hopeless)
    }

    fn end_storing(&mut self, now: EpochMillis) {
        let is_last = self.leave.as_ref().is_some_and(super::Leave::is_last);
        let Some(storing) = &mut self.storing else { return };
        if std::mem::replace(&mut storing.has_ended, true) {
            return;
        }
        storing.abandon();
        if is_last {
            storing.logs.give_up();
        }
        self.count_lost(now);
    }

    pub(super) fn has_nothing_to_store(&self, now: EpochMillis) -> bool {
        let Some(storing) = &self.storing else { return true };
        let is_listening =
            self.leave.as_ref().is_some_and(|it| !it.awaits_lines(Instant::now()).is_zero());
        let is_nameless = self.sandbox.function().is_none();
        let is_done = storing.putting.is_none() && storing.logs.holdings().are_empty();
        storing.has_ended || (!is_listening && (is_done || is_nameless || storing.is_resting(now)))
    }

    /// What is not on disk goes with the process; of that the next one tells.
    pub(super) fn leave_storing(&mut self, now: EpochMillis) {
        let Some(storing) = &mut self.storing else { return };
        storing.abandon();
        if self.leave.as_ref().is_some_and(super::Leave::is_last) {
            storing.logs.give_up();
        } else {
            storing.logs.leave();
        }
        self.count_lost(now);
    }

    fn count_lost(&mut self, now: EpochMillis) {
        let Some(storing) = &self.storing else { return };
        let lost = storing.logs.take_lost();
        if lost != Lost::default() {
            let more = Losses {
                unreadable_records: lost.torn,
                overflowed_log_records: lost.overflowed,
                refused_log_records: lost.refused,
                unsent_log_records: lost.unsent,
                ..Losses::default()
            };
            if self.leave.is_some() {
                self.sandbox.lose_at_last(now, |it| *it += more);
            } else {
                self.sandbox.lose(now, |it| *it += more);
            }
        }
    }

    fn put(&mut self, seal: bool, now: EpochMillis) {
        let deadline =
            self.leave.as_ref().map_or(Instant::now() + BUDGET, super::Leave::storing_deadline);
        let (Some(storing), Some(function)) = (&mut self.storing, self.sandbox.function()) else {
            return;
        };
        let Some(cargo) = storing.logs.next(seal) else { return };
        let mut store = storing.store.take().unwrap_or_else(|| storing.spare.sibling());
        let (key, body) = (cargo.key(store.prefix(), function), cargo.body.clone());
        let task = tokio::spawn(async move {
            let (answer, was_frozen) = noticing_freezes(store.put(&key, body, deadline)).await;
            Box::new(Returned { store, answer, was_frozen })
        });
        storing.putting = Some(Putting { cargo, voyage: Voyage::begin(now), task });
    }

    pub(super) fn stored(&mut self, stored: Stored, now: EpochMillis) {
        let is_leaving = self.leave.is_some();
        let Some(storing) = &mut self.storing else { return };
        let Some(putting) = storing.putting.take() else { return };
        let Ok(returned) = stored else {
            storing.logs.returned(false);
            return storing.failed(None, now);
        };
        let Returned { store, answer, was_frozen } = *returned;
        storing.store = Some(store);
        match &answer {
            Answer::Stored => {
                storing.circuit.succeeded();
                return storing.logs.stored(&putting.cargo);
            }
            Answer::None(it) if putting.voyage.is_excused(it, was_frozen, now) && !is_leaving => {
                return storing.logs.returned(false);
            }
            Answer::Refused { .. } | Answer::Elsewhere(_) => {
                storing.logs.returned(true);
                storing.failed(None, now);
            }
            Answer::Later { after, .. } => {
                storing.logs.returned(false);
                storing.failed(*after, now);
            }
            Answer::None(_) => {
                storing.logs.returned(false);
                storing.failed(None, now);
            }
        }
        let is_lasting = matches!(answer, Answer::Refused { .. } | Answer::Elsewhere(_));
        let is_repeated = storing.circuit.failures() >= FAILURES_TO_MENTION;
        if let (true, Some(line)) = (is_lasting || is_repeated, answer.line()) {
            self.notices.say(Topic::Logs, line);
        }
    }
}

impl Storing {
    fn failed(&mut self, after: Option<Duration>, now: EpochMillis) {
        let [chance] = entropy::draw();
        self.circuit.failed(now, after, chance);
    }
}
