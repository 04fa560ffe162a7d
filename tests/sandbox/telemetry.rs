//! What the platform has to say, to whoever asked to be told.
//!
//! ```text
//! supervisor, stdout ──tell──▶ ledger (everything, for observers)
//!                        └───▶ tap ──buffer──▶ POST to the subscriber     one per subscriber
//! ```
//!
//! A tap that opens during init first receives everything since that init began, because on Lambda
//! `platform.initStart` arrives although one asked later. Invariant: every record goes to every tap
//! that wants its type, in the order in which it was told.

pub(crate) mod buffer;
mod delivery;
pub(crate) mod post;
pub(crate) mod record;
pub(crate) mod request;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::record::{Kind, Record};
use self::request::{Request, Target};

/// Enough for any test; a demonstration that runs for hours must not remember all of it.
const RECORDS_KEPT: usize = 20_000;

/// Whether taps are fed by what happens here, or by a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivering {
    Live,
    Scripted,
}

#[derive(Debug)]
pub(crate) struct Telemetry {
    delivering: Delivering,
    frozen: watch::Receiver<bool>,
    ledger: Ledger,
    hub: Mutex<Hub>,
}

#[derive(Debug, Default)]
struct Hub {
    /// What a tap that opens now must still be told; `None` once no tap can open.
    replay: Option<Vec<Arc<Record>>>,
    taps: BTreeMap<String, Tap>,
    /// Who has ever asked in this environment: after a reset it is "Already subscribed".
    known: BTreeSet<String>,
    targets: BTreeMap<String, Target>,
}

impl Telemetry {
    pub(crate) fn new(delivering: Delivering, frozen: watch::Receiver<bool>) -> Self {
        Self { delivering, frozen, ledger: Ledger::default(), hub: Mutex::default() }
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.ledger.all()
    }

    pub(crate) fn tell(&self, at: Timestamp, kind: Kind, body: Value) {
        let record = Arc::new(Record { time: at, kind, body });
        self.ledger.append(Arc::clone(&record));
        let mut hub = self.hub();
        for tap in hub.taps.values() {
            tap.tell(&record);
        }
        if let Some(replay) = &mut hub.replay {
            replay.push(record);
        }
    }

    pub(crate) fn tap(&self, at: Timestamp, name: String, request: Request) {
        let types: Vec<&str> = request.types.iter().map(|it| it.as_str()).collect();
        let state = {
            let mut hub = self.hub();
            hub.targets.insert(name.clone(), request.target.clone());
            if self.delivering == Delivering::Live {
                let tap = Tap::open(request.clone(), self.frozen.clone(), self.ledger.clone());
                hub.replay.iter().flatten().for_each(|record| tap.tell(record));
                hub.taps.insert(name.clone(), tap);
            }
            if hub.known.insert(name.clone()) { "Subscribed" } else { "Already subscribed" }
        };
        let body = json!({ "name": name, "state": state, "types": types });
        self.tell(at, Kind::TelemetrySubscription, body);
    }

    /// A new life: nobody is listening yet, and nothing of the old one will be replayed.
    pub(crate) fn begin_life(&self) {
        self.end_life();
        self.hub().replay = Some(Vec::new());
    }

    /// After init nobody can open a tap, so nothing needs to be kept for one.
    pub(crate) fn end_init(&self) {
        self.hub().replay = None;
    }

    /// The listeners are gone; what they have not taken is lost, as it is on Lambda.
    pub(crate) fn end_life(&self) {
        let mut hub = self.hub();
        hub.taps.clear();
        hub.targets.clear();
    }

    pub(crate) fn target(&self, name: &str) -> Option<Target> {
        self.hub().targets.get(name).cloned()
    }

    /// Sends what is buffered now and waits for it to be taken, within reason.
    pub(crate) async fn flush(&self, patience: Duration) {
        let mut waits = Vec::new();
        for tap in self.hub().taps.values() {
            let (done, wait) = oneshot::channel();
            if tap.inbox.send(Message::Flush(done)).is_ok() {
                waits.push(wait);
            }
        }
        let all = async {
            for wait in waits {
                // A tap that was closed meanwhile has nothing left to flush.
                let _ = wait.await;
            }
        };
        let _ = timeout(patience, all).await;
    }

    fn hub(&self) -> std::sync::MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a tap's task is told.
#[derive(Debug)]
enum Message {
    Record(Arc<Record>),
    Flush(oneshot::Sender<()>),
}

/// One subscriber's way out; closed when dropped.
#[derive(Debug)]
struct Tap {
    types: BTreeSet<record::Category>,
    inbox: mpsc::UnboundedSender<Message>,
    task: JoinHandle<()>,
}

impl Tap {
    fn open(request: Request, frozen: watch::Receiver<bool>, ledger: Ledger) -> Self {
        let (inbox, messages) = mpsc::unbounded_channel();
        let types = request.types.clone();
        let task = tokio::spawn(delivery::run(request, messages, frozen, ledger));
        Self { types, inbox, task }
    }

    fn tell(&self, record: &Arc<Record>) {
        if self.types.contains(&record.kind.category()) {
            // The task ends only with the tap, so it is there to be told.
            let _ = self.inbox.send(Message::Record(Arc::clone(record)));
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Everything that was told, for observers.
#[derive(Debug, Clone, Default)]
struct Ledger(Arc<Mutex<VecDeque<Arc<Record>>>>);

impl Ledger {
    fn append(&self, record: Arc<Record>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == RECORDS_KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    fn all(&self) -> Vec<Arc<Record>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().cloned().collect()
    }
}
