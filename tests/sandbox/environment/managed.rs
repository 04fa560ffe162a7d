//! Requests to a managed instance: many at once, and one record that tells how each of them ended.
//!
//! ```text
//! start ─▶ worker ─▶ answer ─▶ report                         deadline ─▶ report(timeout), and the code goes on
//!                              process gone ─▶ report(error)  shutdown ─▶ report(failure), before SHUTDOWN
//! ```
//!
//! There is no INVOKE, no `runtimeDone`, no freeze and no reset: an instance whose process is gone is gone itself. Source:
//! RAPID's `invoke/running_invoke.go`, `invoke/metrics.go` and `rapid/shutdown.go` for managed instances. Another instance
//! would take a request that finds no idle worker, and this one tells nothing of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Ended, Environment, Invocation, Outcome, Reason, Warmth};
use crate::core::{Core, Fault};
use crate::spec::Initialization;
use crate::state::{Answer, Assignment, State};
use crate::telemetry::record::{self, Kind, Status};
use crate::workers::{self, Workers};
use crate::{clock, ids};

/// To a caller whose request finds nobody idle.
const UNAVAILABLE: &str = "Runtime.Unavailable";
/// How long a shutdown waits for the reports of what it broke off. Nothing but our own scheduling delays them.
const BROKEN_OFF: Duration = Duration::from_secs(1);

/// A way into a managed instance. Clones of it can be used at the same time, also while the instance shuts down.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Core>);

/// How a request came to end.
enum End {
    Answered(Answer),
    Overran,
    Broken(String),
}

impl Environment {
    pub(super) fn is_managed(&self) -> bool {
        self.core.spec.initialization == Initialization::ManagedInstances
    }

    pub fn caller(&self) -> Caller {
        Caller(Arc::clone(&self.core))
    }

    pub(super) async fn invoke_managed(&mut self, invocation: Invocation) -> Result<Ended, Fault> {
        let mut ended = self.caller().call(invocation).await;
        if self.core.state.borrow().fault().is_some() {
            ended.teardown = Some(self.tear_down(Reason::Failure).await);
            self.warmth = Warmth::Gone;
        }
        Ok(ended)
    }

    /// Open requests end before anything else does, and what is told of them goes out before SHUTDOWN.
    pub(super) async fn break_off_requests(&self) {
        self.core.state.send_modify(|state| state.workers.break_off());
        let latest = Instant::now() + BROKEN_OFF;
        self.core.until(latest, |state| state.workers.are_idle().then_some(())).await;
    }
}

impl Caller {
    /// Makes one request, and waits for its end. A process that is gone is the environment's to notice.
    pub async fn call(&self, invocation: Invocation) -> Ended {
        let core = &self.0;
        let started = clock::now();
        let deadline = started + core.spec.function.timeout;
        let request_id = invocation.request_id.clone().unwrap_or_else(ids::uuid);
        let trace = ids::trace(started);
        let mut ended = Ended {
            request_id: request_id.clone(),
            outcome: Outcome::Error(UNAVAILABLE.to_owned()),
            started,
            deadline,
            runtime_done: started,
            ended: started,
            answer: None,
            extension_overhead: None,
            suppressed_init: false,
            teardown: None,
        };
        let Some(seat) = Seat::take(core, &request_id) else { return ended };
        let start = record::start(&core.spec, &request_id, &trace);
        core.telemetry.tell(clock::now(), Kind::Start, start);
        let assignment = Assignment {
            request_id: request_id.clone(),
            deadline,
            arn: core.spec.function.invoked_arn(),
            trace: trace.clone(),
            payload: invocation.body(),
        };
        core.state.send_modify(|state| state.workers.hand_out(assignment));
        let end = seat.end(clock::instant_of(deadline)).await;
        ended.ended = clock::now();
        ended.runtime_done = ended.ended;
        let status = status_of(&end);
        ended.outcome = match &status {
            Status::Success => Outcome::Success,
            Status::Timeout => Outcome::Timeout,
            Status::Error(error_type) => Outcome::Error(error_type.clone()),
        };
        ended.answer = match end {
            End::Answered(answer) => Some(answer),
            End::Overran | End::Broken(_) => None,
        };
        let span = ended.answer.as_ref().map(|it| (started, it.at));
        seat.report(&trace, &status, (started, ended.ended, span));
        ended
    }
}

/// What the runtime says is an error is one to the platform, too.
fn status_of(end: &End) -> Status {
    match end {
        End::Answered(Answer { error_type: Some(error_type), .. }) | End::Broken(error_type) => {
            Status::Error(error_type.clone())
        }
        End::Answered(_) => Status::Success,
        End::Overran => Status::Timeout,
    }
}

/// A request's place in this life of the instance; given back when it is dropped, however the request ends.
struct Seat<'a> {
    core: &'a Core,
    request_id: &'a str,
    generation: u64,
}

impl<'a> Seat<'a> {
    fn take(core: &'a Core, request_id: &'a str) -> Option<Self> {
        let (mut is_taken, mut generation) = (false, 0);
        core.state.send_modify(|state| {
            generation = state.generation;
            is_taken = state.workers.engage(request_id);
        });
        is_taken.then_some(Self { core, request_id, generation })
    }

    async fn end(&self, latest: Instant) -> End {
        let over = |state: &State| {
            if state.generation != self.generation {
                return Some(End::Broken(workers::SHUT_DOWN.to_owned()));
            }
            if let Some(answer) = state.workers.answer_to(self.request_id) {
                return Some(End::Answered(answer.clone()));
            }
            let broken = state.fault().map(End::Broken);
            let is_closing = state.workers.is_closing();
            broken.or_else(|| is_closing.then(|| End::Broken(workers::SHUT_DOWN.to_owned())))
        };
        let end = self.core.until(latest, over).await.unwrap_or(End::Overran);
        if matches!(end, End::Overran) {
            self.among_workers(|workers| workers.give_up(self.request_id));
        }
        end
    }

    fn report(
        &self,
        trace: &str,
        status: &Status,
        (started, ended, span): (Timestamp, Timestamp, Option<(Timestamp, Timestamp)>),
    ) {
        let took = clock::between(started, ended);
        let report = record::managed_report((self.request_id, trace), status, (took, span));
        self.core.telemetry.tell(ended, Kind::Report, report);
    }

    fn among_workers(&self, change: impl FnOnce(&mut Workers)) {
        self.core.state.send_modify(|state| {
            if state.generation == self.generation {
                change(&mut state.workers);
            }
        });
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.among_workers(|workers| workers.close(self.request_id));
    }
}
