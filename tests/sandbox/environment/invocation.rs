//! INVOKE: from `start` to `report`, or to the reset.
//!
//! ```text
//! start ─▶ INVOKE, invocation ─▶ runtime back ─▶ runtimeDone ─▶ extensions back ─▶ report
//!   deadline ──────▶ runtimeDone(timeout) ─▶ SHUTDOWN(timeout) ─▶ reset ─▶ report(timeout)
//!   process gone ──▶ runtimeDone(error) ───▶ SHUTDOWN(failure) ─▶ reset ─▶ report(error)
//! ```
//!
//! The deadline counts from the beginning, with an init that had to be repeated inside it, and it
//! covers the extensions too: one that does not come back costs the function a timeout and a second
//! `runtimeDone`, although the handler is long done (RAPID's `doInvoke` and `handleReset`). A
//! handler's own error is a success to the platform.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::{Environment, Invocation, Reason, Teardown, Warmth, initialise};
use crate::core::Fault;
use crate::spec::Initialization;
use crate::state::{Answer, Assignment, State};
use crate::telemetry::record::{self, Kind, Phase, Status};
use crate::{clock, ids};

/// Everything that is known about an invocation when it is over.
#[derive(Debug, Clone)]
pub struct Ended {
    pub request_id: String,
    pub outcome: Outcome,
    pub started: Timestamp,
    pub deadline: Timestamp,
    /// When the runtime was done, or was given up on.
    pub runtime_done: Timestamp,
    /// When the last of runtime and extensions had come back, or the reset was complete.
    pub ended: Timestamp,
    pub answer: Option<Answer>,
    /// How long the extensions kept it open after the runtime was done.
    pub extension_overhead: Option<Duration>,
    /// It began by initialising again.
    pub suppressed_init: bool,
    pub teardown: Option<Teardown>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Timeout,
    Error(String),
}

/// An invocation on its way.
#[derive(Debug)]
pub(super) struct Course {
    request_id: String,
    trace: String,
    started: Timestamp,
    deadline: Timestamp,
    latest: Instant,
    /// When the runtime was given it; never, when the init inside it did not end well.
    released: Option<Timestamp>,
    init: Option<Duration>,
    suppressed_init: bool,
    is_restored: bool,
    runtime_done: Option<Timestamp>,
    max_memory_mb: Option<u64>,
}

/// Why an invocation does not end well.
#[derive(Debug)]
pub(super) enum Trouble {
    Deadline,
    Crash(String),
}

/// A function that is about to be killed for its memory leaves this in its `/tmp`: without
/// control groups nobody else can know.
const MEMORY_EXHAUSTED: &str = ".memory-exhausted";

impl Environment {
    pub(super) async fn run_invocation(&mut self, invocation: Invocation) -> Result<Ended, Fault> {
        let mut course = self.set_out(&invocation);
        if let Some(trouble) = self.warm_up(&mut course).await? {
            return Ok(self.give_up(course, trouble).await);
        }
        self.restore(&mut course);
        self.release(&mut course, &invocation);
        let came = self.core.until(course.latest, |state| verdict(state, runtime_is_back)).await;
        if let Some(trouble) = trouble(came) {
            return Ok(self.give_up(course, trouble).await);
        }
        course.runtime_done = Some(clock::now());
        self.tell_runtime_done(&course, &Status::Success);
        let ready =
            self.core.until(course.latest, |state| verdict(state, State::all_invoked_are_ready));
        if let Some(trouble) = trouble(ready.await) {
            return Ok(self.give_up(course, trouble).await);
        }
        Ok(self.close(&course, Outcome::Success, None))
    }

    fn set_out(&mut self, invocation: &Invocation) -> Course {
        let started = clock::now();
        // Whole milliseconds, because that is what extensions and runtimes are told.
        let deadline = started + self.core.spec.function.timeout;
        let deadline = Timestamp::from_millisecond(deadline.as_millisecond()).unwrap_or(deadline);
        let init = match &mut self.warmth {
            Warmth::Warm { untold } => untold.take(),
            Warmth::Cold | Warmth::Gone => None,
        };
        Course {
            request_id: invocation.request_id.clone().unwrap_or_else(ids::uuid),
            trace: ids::trace(started),
            started,
            deadline,
            latest: clock::instant_of(deadline),
            released: None,
            init,
            suppressed_init: false,
            is_restored: false,
            runtime_done: None,
            max_memory_mb: None,
        }
    }

    /// The first invocation after a snapshot finds it restored, and pays for no init.
    fn restore(&self, course: &mut Course) {
        let is_snapshot = self.core.spec.initialization == Initialization::SnapStart;
        if is_snapshot && course.init.take().is_some() {
            course.is_restored = true;
            for (kind, body) in record::restore(&self.core.spec, &self.core.place.instance) {
                self.core.telemetry.tell(clock::now(), kind, body);
            }
        }
    }

    /// Initialises where a reset, or a process that died while idle, left nothing to invoke.
    async fn warm_up(&mut self, course: &mut Course) -> Result<Option<Trouble>, Fault> {
        let died = self.core.state.borrow().fault().is_some();
        if died && self.warmth != Warmth::Cold {
            self.tear_down(Reason::Failure).await;
        }
        if self.warmth != Warmth::Cold {
            return Ok(None);
        }
        course.suppressed_init = true;
        match self.initialise(Phase::Invoke, course.latest).await? {
            initialise::End::Ready { .. } => {
                self.warmth = Warmth::Warm { untold: None };
                Ok(None)
            }
            initialise::End::Overran => Ok(Some(Trouble::Deadline)),
            initialise::End::Failed { error_type } => {
                self.tell_start(course);
                Ok(Some(Trouble::Crash(error_type)))
            }
        }
    }

    fn tell_start(&self, course: &Course) {
        let start = record::start(&self.core.spec, &course.request_id, &course.trace);
        self.core.telemetry.tell(clock::now(), Kind::Start, start);
    }

    /// `start` is told before anybody is released; extensions are released before the runtime.
    fn release(&self, course: &mut Course, invocation: &Invocation) {
        self.tell_start(course);
        let arn = self.core.spec.function.invoked_arn();
        let event = json!({
            "eventType": "INVOKE",
            "deadlineMs": course.deadline.as_millisecond(),
            "requestId": course.request_id,
            "invokedFunctionArn": arn,
            "tracing": { "type": "X-Amzn-Trace-Id", "value": course.trace },
        });
        let assignment = Assignment {
            request_id: course.request_id.clone(),
            deadline: course.deadline,
            arn,
            trace: course.trace.clone(),
            payload: invocation.body(),
        };
        course.released = Some(clock::now());
        self.core.state.send_modify(|state| {
            for agent in state.agents.iter_mut().filter(|agent| agent.wants_invoke()) {
                agent.pending = Some(event.clone());
            }
            state.runtime.answer = None;
            state.runtime.pending = Some(assignment);
        });
    }

    /// The deadline has passed or a process is gone: say so, tear down, account for it.
    async fn give_up(&mut self, mut course: Course, trouble: Trouble) -> Ended {
        let (outcome, status, reason) = match trouble {
            Trouble::Deadline => (Outcome::Timeout, Status::Timeout, Reason::Timeout),
            Trouble::Crash(error_type) => {
                let error_type = self.what_killed_it(error_type);
                let status = Status::Error(error_type.clone());
                (Outcome::Error(error_type), status, Reason::Failure)
            }
        };
        self.tell_runtime_done(&course, &status);
        course.runtime_done.get_or_insert_with(clock::now);
        // The dead cannot be asked what they used.
        course.max_memory_mb = Some(self.max_memory_mb());
        let teardown = self.tear_down(reason).await;
        self.close(&course, outcome, Some(teardown))
    }

    /// A kill for memory and any other SIGKILL look alike from outside.
    fn what_killed_it(&self, error_type: String) -> String {
        let exhausted = self.core.place.tmp.join(MEMORY_EXHAUSTED).exists();
        if exhausted && error_type == "Runtime.ExitError" {
            "Runtime.OutOfMemory".to_owned()
        } else {
            error_type
        }
    }

    fn tell_runtime_done(&self, course: &Course, status: &Status) {
        let now = clock::now();
        let body = {
            let state = self.core.state.borrow();
            let answer = state.runtime.answer.as_ref();
            let answered = answer.map(|answer| answer.at).zip(course.released);
            record::runtime_done(&record::Done {
                request_id: &course.request_id,
                trace: &course.trace,
                status,
                took: course.released.map(|at| clock::between(at, now)).unwrap_or_default(),
                produced_bytes: answer.map_or(0, |answer| answer.body.len()),
                answered: answered.map(|(answered, released)| (released, answered, now)),
            })
        };
        self.core.telemetry.tell(now, Kind::RuntimeDone, body);
    }

    /// The account: a timeout is billed to exactly the timeout, however long the reset took.
    fn close(&self, course: &Course, outcome: Outcome, teardown: Option<Teardown>) -> Ended {
        let now = clock::now();
        let runtime_done = course.runtime_done.unwrap_or(now);
        let (status, took, overhead) = match &outcome {
            Outcome::Success => {
                let took = clock::between(course.released.unwrap_or(course.started), now);
                (Status::Success, took, Some((runtime_done, now)))
            }
            Outcome::Timeout => {
                let late = runtime_done < course.deadline;
                let overhead = late.then_some((runtime_done, course.deadline));
                (Status::Timeout, self.core.spec.function.timeout, overhead)
            }
            Outcome::Error(error_type) => {
                let took = clock::between(course.released.unwrap_or(course.started), runtime_done);
                (Status::Error(error_type.clone()), took, None)
            }
        };
        let overhead = overhead.filter(|_| !self.core.spec.extensions.is_empty());
        let account = record::Account {
            request_id: &course.request_id,
            trace: &course.trace,
            status: &status,
            took,
            init: course.init,
            is_restored: course.is_restored,
            max_memory_mb: course.max_memory_mb.unwrap_or_else(|| self.max_memory_mb()),
            overhead,
        };
        let report = record::report(&self.core.spec, &account);
        self.core.telemetry.tell(now, Kind::Report, report);
        let answer = self.core.state.borrow().runtime.answer.clone();
        Ended {
            request_id: course.request_id.clone(),
            outcome,
            started: course.started,
            deadline: course.deadline,
            runtime_done,
            ended: now,
            answer,
            extension_overhead: overhead.map(|(begun, ended)| clock::between(begun, ended)),
            suppressed_init: course.suppressed_init,
            teardown,
        }
    }

    /// What the processes have used at most, or the whole of it when the function ran out.
    fn max_memory_mb(&self) -> u64 {
        let size = u64::from(self.core.spec.function.memory_mb);
        if std::fs::remove_file(self.core.place.tmp.join(MEMORY_EXHAUSTED)).is_ok() {
            return size;
        }
        self.lives.measure(&self.core);
        (self.lives.peak_rss_bytes() >> 20).clamp(1, size)
    }
}

fn runtime_is_back(state: &State) -> bool {
    state.runtime.waiting.is_some() && state.runtime.pending.is_none()
}

/// A crash ends the waiting for any condition.
fn verdict(state: &State, met: impl Fn(&State) -> bool) -> Option<Result<(), String>> {
    match state.fault() {
        Some(error_type) => Some(Err(error_type)),
        None => met(state).then_some(Ok(())),
    }
}

fn trouble(came: Option<Result<(), String>>) -> Option<Trouble> {
    match came {
        Some(Ok(())) => None,
        Some(Err(error_type)) => Some(Trouble::Crash(error_type)),
        None => Some(Trouble::Deadline),
    }
}
