//! What the APIs and the supervisor share: who waits for what, and what has been handed out.
//!
//! ```text
//! extension   started ─register▶ registered ─next▶ parked ─event▶ running ─next▶ parked …
//! runtime     starting ─next▶ waiting ─invocation▶ busy ─response, next▶ waiting …
//! ```
//!
//! It lives in one `watch` channel, so whoever waits for a condition is woken by every change and
//! nobody polls. Invariant: a reset replaces the whole of it under a new generation, and nothing
//! that belongs to an older generation can touch the new one.

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::process::Exit;
use crate::workers::Workers;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) generation: u64,
    /// Registering and subscribing end with the init phase.
    pub(crate) open: bool,
    pub(crate) runtime: Runtime,
    /// What the runtime is on a managed instance: many that wait and work at once.
    pub(crate) workers: Workers,
    pub(crate) agents: Vec<Agent>,
}

/// The function's process, as the Runtime API sees it.
#[derive(Debug, Default)]
pub(crate) struct Runtime {
    pub(crate) pid: Option<u32>,
    /// Since when it waits in `/invocation/next`.
    pub(crate) waiting: Option<Timestamp>,
    pub(crate) pending: Option<Assignment>,
    /// The invocation it has taken and not yet come back from.
    pub(crate) busy_with: Option<String>,
    pub(crate) answer: Option<Answer>,
    pub(crate) init_error: Option<String>,
    pub(crate) exit: Option<Exit>,
}

/// An invocation on its way to the runtime.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) request_id: String,
    pub(crate) deadline: Timestamp,
    pub(crate) arn: String,
    pub(crate) trace: String,
    pub(crate) payload: Bytes,
}

/// What the runtime said about an invocation.
#[derive(Debug, Clone)]
pub struct Answer {
    pub at: Timestamp,
    pub body: Bytes,
    /// The error type when the handler failed; to Lambda such an invocation is still a success.
    pub error_type: Option<String>,
}

/// An external extension, as the Extensions API sees it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) pid: Option<u32>,
    pub(crate) started: Timestamp,
    pub(crate) registered: Option<Registration>,
    /// Since when it waits in `/event/next`.
    pub(crate) parked: Option<Timestamp>,
    /// What it is told as soon as it asks.
    pub(crate) pending: Option<Value>,
    /// When it asked for `next`, each time.
    pub(crate) asked: Vec<Timestamp>,
    /// When it was given SHUTDOWN.
    pub(crate) told_to_stop: Option<Timestamp>,
    /// The error type it reported through `init/error` or `exit/error`.
    pub(crate) failed: Option<String>,
    pub(crate) exit: Option<Exit>,
}

#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) at: Timestamp,
    pub(crate) invoke: bool,
    pub(crate) shutdown: bool,
}

impl Agent {
    pub(crate) fn new(id: String, name: String, started: Timestamp) -> Self {
        Self {
            id,
            name,
            pid: None,
            started,
            registered: None,
            parked: None,
            pending: None,
            asked: Vec::new(),
            told_to_stop: None,
            failed: None,
            exit: None,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.parked.is_some() && self.pending.is_none()
    }

    pub(crate) fn wants_invoke(&self) -> bool {
        self.registered.as_ref().is_some_and(|registration| registration.invoke)
    }

    pub(crate) fn wants_shutdown(&self) -> bool {
        self.registered.as_ref().is_some_and(|registration| registration.shutdown)
    }

    pub(crate) fn events(&self) -> Vec<&'static str> {
        let mut events = Vec::new();
        if self.wants_invoke() {
            events.push("INVOKE");
        }
        if self.wants_shutdown() {
            events.push("SHUTDOWN");
        }
        events
    }

    /// RAPID's name for the state it is in.
    pub(crate) fn state(&self) -> &'static str {
        match (&self.registered, self.asked.is_empty()) {
            _ if self.failed.is_some() => "InitError",
            _ if self.exit.is_some() => "Exited",
            (None, _) => "Started",
            (Some(_), true) => "Registered",
            (Some(_), false) => "Ready",
        }
    }
}

impl State {
    pub(crate) fn agent(&mut self, id: &str) -> Option<&mut Agent> {
        self.agents.iter_mut().find(|agent| agent.id == id)
    }

    pub(crate) fn all_registered(&self) -> bool {
        self.agents.iter().all(|agent| agent.registered.is_some())
    }

    pub(crate) fn all_ready(&self) -> bool {
        self.agents.iter().all(Agent::is_ready)
    }

    /// The barrier that ends an invocation: those that were told of it have asked for the next.
    pub(crate) fn all_invoked_are_ready(&self) -> bool {
        self.agents.iter().filter(|agent| agent.wants_invoke()).all(Agent::is_ready)
    }

    /// The error type of the first thing that went wrong with a process, if any did.
    ///
    /// Source: RAPID's `watchEvents` and `fatalerror`: an extension that ends by itself, whatever
    /// its exit code, is `Extension.Crash`.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Some(error_type) = &self.runtime.init_error {
            return Some(error_type.clone());
        }
        if self.runtime.exit.is_some() {
            return Some("Runtime.ExitError".to_owned());
        }
        self.agents.iter().find_map(|agent| match (&agent.failed, agent.exit) {
            (Some(error_type), _) => Some(error_type.clone()),
            (None, Some(_)) => Some("Extension.Crash".to_owned()),
            (None, None) => None,
        })
    }
}
