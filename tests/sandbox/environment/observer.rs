//! What can be seen of an environment from outside, also while an invocation runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::core::{Core, Line, Source};
use crate::process::Exit;
use crate::state::Agent;
use crate::telemetry::record::Record;
use crate::usage::{self, Usage};

/// One life of an extension's process.
#[derive(Debug, Clone)]
pub struct Life {
    pub name: String,
    pub pid: Option<u32>,
    pub started: Timestamp,
    pub registered: Option<Timestamp>,
    /// When it asked for the next event, each time; the first ended its init.
    pub asked: Vec<Timestamp>,
    pub told_to_stop: Option<Timestamp>,
    pub exit: Option<Exit>,
}

impl Life {
    fn of(agent: &Agent) -> Self {
        Self {
            name: agent.name.clone(),
            pid: agent.pid,
            started: agent.started,
            registered: agent.registered.as_ref().map(|registration| registration.at),
            asked: agent.asked.clone(),
            told_to_stop: agent.told_to_stop,
            exit: agent.exit,
        }
    }
}

/// The lives that are over, and what was used in the one that is not.
#[derive(Debug, Clone, Default)]
pub(super) struct Lives(Arc<Mutex<Ledger>>);

#[derive(Debug, Default)]
struct Ledger {
    over: Vec<Life>,
    usage: BTreeMap<u32, Usage>,
}

impl Lives {
    /// Reads what the processes have used while they can still be asked.
    pub(super) fn measure(&self, core: &Core) {
        let pids: Vec<u32> = {
            let state = core.state.borrow();
            state
                .runtime
                .pid
                .into_iter()
                .chain(state.agents.iter().filter_map(|it| it.pid))
                .collect()
        };
        let mut ledger = self.ledger();
        for pid in pids {
            if let Some(usage) = usage::of(pid) {
                ledger.usage.insert(pid, usage);
            }
        }
    }

    pub(super) fn peak_rss_bytes(&self) -> u64 {
        self.ledger().usage.values().map(|usage| usage.peak_rss_bytes).sum()
    }

    pub(super) fn close(&self, core: &Core) {
        let mut ledger = self.ledger();
        ledger.over.extend(core.state.borrow().agents.iter().map(Life::of));
        ledger.usage.clear();
        core.state.send_modify(|state| state.agents.clear());
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A view on an environment. It keeps its records alive, not its processes.
#[derive(Debug, Clone)]
pub struct Observer {
    core: Arc<Core>,
    lives: Lives,
}

impl Observer {
    pub(super) fn new(core: Arc<Core>, lives: Lives) -> Self {
        Self { core, lives }
    }

    /// Every record the platform has generated, whether or not anybody was there to be told.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.core.telemetry.records()
    }

    /// Every life of every extension so far, the present ones last.
    pub fn lives(&self) -> Vec<Life> {
        let mut lives = self.lives.ledger().over.clone();
        lives.extend(self.core.state.borrow().agents.iter().map(Life::of));
        lives
    }

    /// What the processes wrote to stdout and stderr.
    pub fn lines(&self) -> Vec<Line> {
        self.core.lines()
    }

    /// The lines of one extension, for asking what it had to say.
    pub fn said_by(&self, extension: &str) -> Vec<String> {
        let source = Source::Extension(extension.to_owned());
        let lines = self.core.lines().into_iter();
        lines.filter(|line| line.source == source).map(|line| line.text).collect()
    }

    /// Has something done whenever the environment is about to thaw, while it still stands still.
    pub fn before_thaw(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.core.before_thaw.add(hook);
    }

    /// Where an extension listens for telemetry, once it has asked for it.
    pub fn listener(&self, extension: &str) -> Option<SocketAddr> {
        self.core.telemetry.target(extension).map(|it| it.address)
    }

    /// The directory that is `/tmp` to the processes.
    pub fn tmp(&self) -> &Path {
        &self.core.place.tmp
    }

    /// The platform's name of this environment.
    pub fn instance(&self) -> &str {
        &self.core.place.instance
    }

    pub fn runtime_pid(&self) -> Option<u32> {
        self.core.state.borrow().runtime.pid
    }

    pub fn extension_pid(&self, name: &str) -> Option<u32> {
        let state = self.core.state.borrow();
        state.agents.iter().find(|agent| agent.name == name)?.pid
    }

    /// Waits until the extensions have nothing to do, or a moment has passed.
    pub async fn until_parked(&self, patience: Duration) -> bool {
        let latest = tokio::time::Instant::now() + patience;
        self.core.until(latest, |state| state.all_ready().then_some(())).await.is_some()
    }
}
