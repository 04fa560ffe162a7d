//! The Runtime API of a managed instance: many polls at once, and answers that name their request.
//!
//! Source: RAPID's `rapi/handler` for managed instances. A request that has timed out is gone (410), which tells its code that it
//! came too late.

use axum::response::Response;

use super::{Refusal, accepted, runtime::render};
use crate::core::Core;
use crate::state::{Answer, Assignment, State};
use crate::workers::Untaken;

pub(super) async fn next(core: &Core) -> Result<Response, Refusal> {
    let worker = Worker::of(core);
    let mut states = core.state.subscribe();
    loop {
        let news =
            states.wait_for(|state| worker.is_of_another_life(state) || state.workers.has_work());
        let _ = news.await;
        // All that wait are woken for each request, and one of them gets it.
        if let Some(assignment) = worker.take() {
            return Ok(render(assignment));
        }
        if worker.is_of_another_life(&core.state.borrow()) {
            return Err(Refusal::forbidden("InvalidStateTransition", "reset"));
        }
    }
}

/// One poll. It is idle no more when it has got something, or was given up.
struct Worker<'a> {
    core: &'a Core,
    generation: u64,
}

impl<'a> Worker<'a> {
    fn of(core: &'a Core) -> Self {
        let mut generation = 0;
        core.state.send_modify(|state| {
            generation = state.generation;
            state.workers.wait();
        });
        Self { core, generation }
    }

    fn is_of_another_life(&self, state: &State) -> bool {
        state.generation != self.generation
    }

    fn take(&self) -> Option<Assignment> {
        let mut taken = None;
        self.core.state.send_if_modified(|state| {
            if !self.is_of_another_life(state) {
                taken = state.workers.take();
            }
            taken.is_some()
        });
        taken
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.core.state.send_modify(|state| {
            if !self.is_of_another_life(state) {
                state.workers.leave();
            }
        });
    }
}

pub(super) fn answer(core: &Core, id: &str, answer: Answer) -> Result<Response, Refusal> {
    let mut outcome = Ok(());
    core.state.send_modify(|state| outcome = state.workers.answer(id, answer));
    match outcome {
        Ok(()) => Ok(accepted()),
        Err(Untaken::TooLate) => Err(Refusal::gone("InvokeTimeout", "Invoke timeout")),
        Err(Untaken::Unknown) => {
            Err(Refusal::bad_request("InvalidRequestID", "Invalid request ID"))
        }
    }
}
