//! INIT: extensions first, then the runtime, until all of them have asked for work.
//!
//! The order of what is told: `initStart` → `initRuntimeDone` → `extension` for each → `initReport`
//! (RAPID's `doRuntimeDomainInit`). An init phase that overruns reports `timeout` and its process
//! tree is killed; an init inside an invocation that overruns is cut off by the function's deadline
//! and reports nothing of its own. Registering and subscribing end with a successful init.

use std::time::Duration;

use tokio::time::Instant;

use super::Environment;
use crate::clock;
use crate::core::Fault;
use crate::state::State;
use crate::telemetry::record::{self, Kind, Phase, Status};

/// How an init ended.
#[derive(Debug)]
pub(super) enum End {
    Ready { took: Duration },
    Failed { error_type: String },
    Overran,
}

/// Long enough for a listener on the same machine to take a post, should it be alive.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl Environment {
    pub(super) async fn initialise(&mut self, phase: Phase, latest: Instant) -> Result<End, Fault> {
        let began = clock::now();
        let core = &self.core;
        core.begin_life();
        core.telemetry.begin_life();
        let start = record::init_start(&core.spec, phase, &core.place.instance);
        core.telemetry.tell(began, Kind::InitStart, start);

        let outcome = self.start_everybody(phase, latest).await?;
        let took = clock::between(began, clock::now());
        let status = match &outcome {
            Some(Ok(())) => Status::Success,
            Some(Err(error_type)) => Status::Error(error_type.clone()),
            None => Status::Timeout,
        };
        if status == Status::Timeout && phase == Phase::Invoke {
            return Ok(End::Overran);
        }
        self.tell_init_is_over(phase, &status, took);
        Ok(match outcome {
            Some(Ok(())) => {
                self.core.state.send_modify(|state| state.open = false);
                self.core.telemetry.end_init();
                End::Ready { took }
            }
            Some(Err(error_type)) => End::Failed { error_type },
            None => {
                self.core.telemetry.flush(LAST_WORDS).await;
                End::Overran
            }
        })
    }

    /// `None` when there was not enough time; else whether it went well.
    async fn start_everybody(
        &mut self,
        phase: Phase,
        latest: Instant,
    ) -> Result<Option<Result<(), String>>, Fault> {
        for extension in self.core.spec.extensions.clone() {
            let process = self.core.start_extension(&extension).await?;
            self.processes.extensions.push(process);
        }
        let registered = self.core.until(latest, |state| verdict(state, State::all_registered));
        match registered.await {
            Some(Ok(())) => {}
            other => return Ok(other),
        }
        self.processes.runtime = Some(self.core.start_runtime().await?);
        let workers = self.is_managed().then_some(self.core.spec.workers);
        let waits = |state: &State| match workers {
            Some(workers) => state.workers.waiting() >= workers,
            None => state.runtime.waiting.is_some(),
        };
        let came = self.core.until(latest, |state| verdict(state, waits)).await;
        let status = match &came {
            Some(Ok(())) => Status::Success,
            Some(Err(error_type)) => Status::Error(error_type.clone()),
            None => Status::Timeout,
        };
        if phase == Phase::Init || status != Status::Timeout {
            let done = record::init_runtime_done(&self.core.spec, phase, &status);
            self.core.telemetry.tell(clock::now(), Kind::InitRuntimeDone, done);
        }
        match came {
            Some(Ok(())) => {
                Ok(self.core.until(latest, |state| verdict(state, State::all_ready)).await)
            }
            other => Ok(other),
        }
    }

    fn tell_init_is_over(&self, phase: Phase, status: &Status, took: Duration) {
        let core = &self.core;
        let now = clock::now();
        let agents: Vec<_> = core.state.borrow().agents.iter().map(record::extension).collect();
        for agent in agents {
            core.telemetry.tell(now, Kind::Extension, agent);
        }
        let report = record::init_report(&core.spec, phase, (status, took));
        core.telemetry.tell(now, Kind::InitReport, report);
    }
}

/// A process that has gone wrong ends the waiting for any condition.
fn verdict(state: &State, met: impl Fn(&State) -> bool) -> Option<Result<(), String>> {
    match state.fault() {
        Some(error_type) => Some(Err(error_type)),
        None => met(state).then_some(Ok(())),
    }
}
