//! SHUTDOWN: ending the processes of an environment in the order and the time Lambda gives them.
//!
//! ```text
//! 0                    600 ms                                    2 s
//! ├─ runtime: SIGTERM ─┤ SIGKILL
//!           └ as soon as it is gone ─ SHUTDOWN to extensions ────┤ SIGKILL
//! ```
//!
//! Source: RAPID's `rapid/shutdown.go` (30 % of the budget for the runtime, no SIGTERM at all where
//! there is no extension, SIGKILL at once for extensions that did not ask for SHUTDOWN) and the
//! developer guide's shutdown phase (2,000 ms). An extension that is not waiting for an event is
//! told when it asks. Invariant: afterwards no process of this life is left, and `/tmp` is untouched.

use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{Environment, Processes, Warmth};
use crate::clock;
use crate::spec::Flushing;
use crate::state::{Agent, State};

const BUDGET: Duration = Duration::from_secs(2);
const RUNTIME_SHARE: Duration = Duration::from_millis(600);
/// How long [`Flushing::BeforeShutdown`] waits for a listener.
const FLUSH: Duration = Duration::from_millis(200);

/// Why an environment is torn down, and what its extensions are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Spindown,
    Timeout,
    Failure,
}

impl Reason {
    /// Lower case on the wire, whatever older documentation prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Teardown {
    pub reason: Reason,
    pub began: Timestamp,
    pub runtime_gone: Timestamp,
    /// When SHUTDOWN was offered to the extensions, if any wanted it.
    pub shutdown_sent: Option<Timestamp>,
    /// When the last process was gone and the environment was let go.
    pub released: Timestamp,
    /// The extensions that did not leave by themselves.
    pub killed: Vec<String>,
}

impl Environment {
    pub(super) async fn tear_down(&mut self, reason: Reason) -> Teardown {
        let (began, started) = (clock::now(), Instant::now());
        if self.is_managed() {
            self.break_off_requests().await;
        }
        if self.core.spec.flushing == Flushing::BeforeShutdown {
            self.core.telemetry.flush(FLUSH).await;
        }
        self.stop_runtime(started + RUNTIME_SHARE).await;
        let runtime_gone = clock::now();
        if self.is_managed() {
            self.core.telemetry.flush(FLUSH).await;
        }
        let shutdown_sent = self.tell_to_stop(reason, began);
        let killed = self.await_extensions(started + BUDGET).await;
        self.destroy().await;
        let released = clock::now();
        Teardown { reason, began, runtime_gone, shutdown_sent, released, killed }
    }

    async fn stop_runtime(&self, latest: Instant) {
        let Some(runtime) = &self.processes.runtime else { return };
        if !self.processes.extensions.is_empty() {
            runtime.signal(Signal::SIGTERM);
            if timeout_at(latest, runtime.ended()).await.is_ok() {
                return;
            }
        }
        runtime.kill().await;
    }

    fn tell_to_stop(&self, reason: Reason, began: Timestamp) -> Option<Timestamp> {
        let deadline = began + BUDGET;
        let event = json!({
            "eventType": "SHUTDOWN",
            "shutdownReason": reason.as_str(),
            "deadlineMs": deadline.as_millisecond(),
        });
        let mut told = false;
        self.core.state.send_modify(|state| {
            for agent in state.agents.iter_mut().filter(|agent| agent.wants_shutdown()) {
                agent.pending = Some(event.clone());
                told = true;
            }
        });
        told.then(clock::now)
    }

    /// Waits for those who may say goodbye, and names those who had to be killed.
    async fn await_extensions(&self, latest: Instant) -> Vec<String> {
        let goodbyes = |state: &State| {
            let mut leaving = state.agents.iter().filter(|agent| agent.wants_shutdown());
            leaving.all(|agent| agent.exit.is_some()).then_some(())
        };
        self.core.until(latest, goodbyes).await;
        let state = self.core.state.borrow();
        let left: Vec<&Agent> = state.agents.iter().filter(|agent| agent.exit.is_none()).collect();
        left.iter().map(|agent| agent.name.clone()).collect()
    }

    /// Kills what is left and forgets the life that has ended.
    pub(super) async fn destroy(&mut self) {
        self.core.telemetry.end_life();
        self.thaw();
        for process in self.processes.all() {
            process.kill().await;
        }
        self.lives.close(&self.core);
        self.processes = Processes::default();
        self.warmth = Warmth::Cold;
    }
}
