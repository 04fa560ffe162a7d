//! A whole execution environment: real processes, emulated phases.
//!
//! ```text
//! start ─▶ INIT ─▶ idle ⇄ INVOKE            idle ─▶ SHUTDOWN(spindown)
//!            │        │
//!            └ failed ┴ deadline, crash ─▶ SHUTDOWN(timeout | failure) ─▶ reset, same /tmp
//!                                          next invocation: INIT again, inside its own timeout
//! ```
//!
//! A managed instance serves many requests at once and is never reset; see `managed`.
//!
//! Phases and budgets: the developer guide's "Understanding the Lambda execution environment
//! lifecycle"; the order in which things happen: RAPID's `rapid/handlers.go` and
//! `rapid/shutdown.go`.

mod initialise;
mod invocation;
mod managed;
mod observer;
mod teardown;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use nix::sys::signal::Signal;
use serde_json::Value;

pub use self::invocation::{Ended, Outcome};
pub use self::managed::Caller;
pub use self::observer::{Life, Observer};
pub use self::teardown::{Reason, Teardown};
use crate::core::{Core, Door, Fault};
use crate::process::Process;
use crate::spec::{Freezing, Spec};
use crate::telemetry::Delivering;
use crate::telemetry::record::Phase;

/// One emulated execution environment. Dropping it kills everything that runs in it.
#[derive(Debug)]
pub struct Environment {
    core: Arc<Core>,
    _door: Door,
    processes: Processes,
    warmth: Warmth,
    lives: observer::Lives,
}

#[derive(Debug, Default)]
struct Processes {
    runtime: Option<Process>,
    extensions: Vec<Process>,
}

/// What the next invocation will find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warmth {
    /// Reset: it must initialise first, inside its own timeout.
    Cold,
    /// Initialised; `untold` is the init's duration until a report has told it.
    Warm { untold: Option<Duration> },
    /// Shut down for good.
    Gone,
}

/// What a caller asks for.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    pub payload: Value,
    /// Drawn when absent; asynchronous retries reuse the one of the first attempt.
    pub request_id: Option<String>,
}

impl Invocation {
    pub fn of(payload: Value) -> Self {
        Self { payload, request_id: None }
    }

    fn body(&self) -> Bytes {
        Bytes::from(self.payload.to_string())
    }
}

impl Environment {
    /// Starts the processes and runs the init phase. An init that fails or overruns is not an
    /// error here: as on Lambda, the first invocation will pay for it.
    pub async fn start(spec: Spec) -> Result<Self, Fault> {
        let (core, door) = Core::open(spec, Delivering::Live).await?;
        let mut environment = Self {
            lives: observer::Lives::default(),
            core,
            _door: door,
            processes: Processes::default(),
            warmth: Warmth::Cold,
        };
        environment.init_phase().await?;
        Ok(environment)
    }

    /// Runs one invocation to its end, which after a timeout or a crash includes the reset.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Ended, Fault> {
        if self.warmth == Warmth::Gone {
            return Err(Fault::Gone);
        }
        if self.is_managed() {
            return self.invoke_managed(invocation).await;
        }
        self.thaw();
        let ended = self.run_invocation(invocation).await?;
        self.rest();
        Ok(ended)
    }

    /// Reclaims the environment: SHUTDOWN(spindown), two seconds, and the end.
    pub async fn spin_down(&mut self) -> Teardown {
        self.thaw();
        // Only a managed instance notices by itself that a process has gone.
        let has_crashed = self.is_managed() && self.core.state.borrow().fault().is_some();
        let reason = if has_crashed { Reason::Failure } else { Reason::Spindown };
        let teardown = self.tear_down(reason).await;
        self.warmth = Warmth::Gone;
        teardown
    }

    /// Stops every process where it stands.
    pub fn freeze(&self) {
        self.core.frozen.send_replace(true);
        self.core.ration.freeze(|| self.processes.signal(Signal::SIGSTOP));
    }

    pub fn thaw(&self) {
        if self.core.frozen.send_replace(false) {
            self.core.before_thaw.run();
            self.core.ration.thaw(|| self.processes.signal(Signal::SIGCONT));
        }
    }

    /// A view on the environment that can be kept, and used while an invocation runs.
    pub fn observer(&self) -> Observer {
        Observer::new(Arc::clone(&self.core), self.lives.clone())
    }

    async fn init_phase(&mut self) -> Result<(), Fault> {
        let latest = tokio::time::Instant::now() + self.core.spec.init_timeout;
        match self.initialise(Phase::Init, latest).await? {
            initialise::End::Ready { took } => {
                self.warmth = Warmth::Warm { untold: Some(took) };
                self.rest();
            }
            initialise::End::Failed { .. } => {
                self.tear_down(Reason::Failure).await;
            }
            initialise::End::Overran => self.destroy().await,
        }
        if self.is_managed() && self.warmth == Warmth::Cold {
            self.warmth = Warmth::Gone;
        }
        Ok(())
    }

    /// Between events, a warm environment stands still. A managed instance has no between.
    fn rest(&self) {
        let warm = matches!(self.warmth, Warmth::Warm { .. }) && !self.is_managed();
        if warm && self.core.spec.freezing == Freezing::Automatic {
            self.freeze();
        }
    }
}

impl Processes {
    fn all(&self) -> impl Iterator<Item = &Process> {
        self.runtime.iter().chain(&self.extensions)
    }

    fn signal(&self, signal: Signal) {
        self.all().for_each(|process| process.signal(signal));
    }
}
