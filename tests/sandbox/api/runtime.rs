//! The Runtime API: how the function's process gets its work and hands in its answers.
//!
//! Source: the developer guide's "Using the Lambda runtime API". Invariant: an invocation is
//! handed out once, and answered at most once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::{Refusal, accepted, managed};
use crate::clock;
use crate::core::Core;
use crate::spec::Initialization;
use crate::state::{Answer, Assignment};

pub(super) async fn next(State(core): State<Arc<Core>>) -> Result<Response, Refusal> {
    if is_managed(&core) {
        return managed::next(&core).await;
    }
    let since = clock::now();
    let mut generation = 0;
    let mut allowed = true;
    core.state.send_modify(|state| {
        generation = state.generation;
        allowed = state.runtime.busy_with.is_none() || state.runtime.answer.is_some();
        if allowed {
            state.runtime.busy_with = None;
            state.runtime.waiting = Some(since);
        }
    });
    if !allowed {
        let message = "State transition from Running to Ready failed for runtime";
        return Err(Refusal::forbidden("InvalidStateTransition", message));
    }
    let waiting = Waiting { core: &core, generation, since };
    let mut states = core.state.subscribe();
    let news =
        states.wait_for(|state| state.generation != generation || state.runtime.pending.is_some());
    let _ = news.await;
    let taken = waiting.take();
    taken.map(render).ok_or_else(|| Refusal::forbidden("InvalidStateTransition", "reset"))
}

/// A runtime that hangs up does not wait any more.
struct Waiting<'a> {
    core: &'a Core,
    generation: u64,
    since: Timestamp,
}

impl Waiting<'_> {
    fn take(&self) -> Option<Assignment> {
        let mut taken = None;
        self.core.state.send_modify(|state| {
            if state.generation == self.generation {
                taken = state.runtime.pending.take();
                state.runtime.busy_with = taken.as_ref().map(|it| it.request_id.clone());
                state.runtime.waiting = None;
            }
        });
        taken
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.core.state.send_modify(|state| {
            let runtime = &mut state.runtime;
            if state.generation == self.generation && runtime.waiting == Some(self.since) {
                runtime.waiting = None;
            }
        });
    }
}

pub(super) fn render(assignment: Assignment) -> Response {
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", assignment.request_id),
        ("Lambda-Runtime-Deadline-Ms", assignment.deadline.as_millisecond().to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", assignment.arn),
        ("Lambda-Runtime-Trace-Id", assignment.trace),
    ];
    (headers, [(CONTENT_TYPE, "application/json")], assignment.payload).into_response()
}

pub(super) async fn response(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    answer(&core, &id, Answer { at: clock::now(), body, error_type: None })
}

pub(super) async fn error(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let error_type = Some(error_type_of(&headers));
    answer(&core, &id, Answer { at: clock::now(), body, error_type })
}

fn is_managed(core: &Core) -> bool {
    core.spec.initialization == Initialization::ManagedInstances
}

fn answer(core: &Core, id: &str, answer: Answer) -> Result<Response, Refusal> {
    if is_managed(core) {
        return managed::answer(core, id, answer);
    }
    let mut fitting = false;
    core.state.send_modify(|state| {
        let runtime = &mut state.runtime;
        fitting = runtime.busy_with.as_deref() == Some(id) && runtime.answer.is_none();
        if fitting {
            runtime.answer = Some(answer);
        }
    });
    if fitting {
        Ok(accepted())
    } else {
        Err(Refusal::bad_request("InvalidRequestID", "Invalid request ID"))
    }
}

pub(super) async fn init_error(State(core): State<Arc<Core>>, headers: HeaderMap) -> Response {
    let error_type = error_type_of(&headers);
    core.state.send_modify(|state| state.runtime.init_error = Some(error_type));
    accepted()
}

fn error_type_of(headers: &HeaderMap) -> String {
    let given = headers.get("Lambda-Runtime-Function-Error-Type");
    let given = given.and_then(|value| value.to_str().ok());
    given.unwrap_or("Runtime.Unknown").to_owned()
}
