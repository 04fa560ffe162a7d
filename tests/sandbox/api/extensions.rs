//! The Extensions API: registering, and the long poll in which an extension spends its life.
//!
//! Source: the developer guide's "Lambda Extensions API" and RAPID's `rapi/handler`. Only external
//! extensions exist here, so a name that is not a file of the layer is refused. Invariant: an event
//! is taken by exactly one poll, and a poll that was given up parks nobody.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, accepted};
use crate::core::Core;
use crate::spec::Initialization;
use crate::state::Registration;
use crate::{clock, ids};

const IDENTIFIER: &str = "Lambda-Extension-Identifier";

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default, rename = "configurationKeys")]
    configuration_keys: Vec<String>,
}

pub(super) async fn register(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let name = header(&headers, "Lambda-Extension-Name");
    if name.is_empty() {
        return Err(Refusal::forbidden("Extension.InvalidExtensionName", "Empty extension name"));
    }
    let registration = read_wish(&body)?;
    if registration.invoke && core.spec.initialization == Initialization::ManagedInstances {
        let message = "INVOKE: ErrorInvalidEventType on managed instances";
        return Err(Refusal::forbidden("Extension.InvalidEventType", message));
    }
    let mut outcome = Err(Refusal::forbidden(
        "Extension.InvalidExtensionName",
        format!("No extension of this name was started: {name}"),
    ));
    core.state.send_modify(|state| {
        let open = state.open;
        if let Some(agent) = state.agents.iter_mut().find(|agent| agent.name == name) {
            outcome = if agent.registered.is_some() {
                let message = format!("State transition to Registered failed for {name}");
                Err(Refusal::forbidden("Extension.InvalidExtensionState", message))
            } else if open {
                agent.registered = Some(registration);
                Ok(agent.id.clone())
            } else {
                let message = "Extension registration closed already";
                Err(Refusal::forbidden("Extension.RegistrationClosed", message))
            };
        }
    });
    let id = outcome?;
    Ok(([(IDENTIFIER, id)], Json(welcome(&core, &headers))).into_response())
}

fn welcome(core: &Core, headers: &HeaderMap) -> Value {
    let function = &core.spec.function;
    let mut answer = json!({
        "functionName": function.name,
        "functionVersion": function.version,
        "handler": function.handler,
    });
    let features = header(headers, "Lambda-Extension-Accept-Feature");
    if features.split(',').any(|feature| feature.trim() == "accountId") {
        answer["accountId"] = json!(function.account);
    }
    answer
}

fn read_wish(body: &[u8]) -> Result<Registration, Refusal> {
    let wish: Wish = serde_json::from_slice(body)
        .map_err(|why| Refusal::forbidden("InvalidRequestFormat", why.to_string()))?;
    if !wish.configuration_keys.is_empty() {
        return Err(Refusal::forbidden("InvalidRequestFormat", "configurationKeys are deprecated"));
    }
    let mut registration = Registration { at: clock::now(), invoke: false, shutdown: false };
    for event in wish.events {
        match event.as_str() {
            "INVOKE" => registration.invoke = true,
            "SHUTDOWN" => registration.shutdown = true,
            _ => {
                let message = format!("{event}: ErrorInvalidEventType");
                return Err(Refusal::forbidden("Extension.InvalidEventType", message));
            }
        }
    }
    Ok(registration)
}

pub(super) async fn next(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = identify(&core, &headers)?;
    let since = clock::now();
    let mut registered = false;
    core.state.send_modify(|state| {
        if let Some(agent) = state.agent(&id) {
            registered = agent.registered.is_some();
            if registered {
                agent.parked = Some(since);
                agent.asked.push(since);
            }
        }
    });
    if !registered {
        let message = "State transition to Ready failed: not registered";
        return Err(Refusal::forbidden("Extension.InvalidExtensionState", message));
    }
    let parked = Parked { core: &core, id: &id, since };
    let mut states = core.state.subscribe();
    let news = states.wait_for(|state| {
        let agent = state.agents.iter().find(|agent| agent.id == id);
        agent.is_none_or(|agent| agent.pending.is_some())
    });
    let _ = news.await;
    let event = parked.take().ok_or_else(unknown)?;
    let headers = [("Lambda-Extension-Event-Identifier", ids::uuid())];
    let body = event.to_string();
    Ok((headers, [(CONTENT_TYPE, "application/json")], body).into_response())
}

/// An extension that hangs up is not parked any more; an event it has not taken waits for it.
struct Parked<'a> {
    core: &'a Core,
    id: &'a str,
    since: Timestamp,
}

impl Parked<'_> {
    fn take(&self) -> Option<Value> {
        let mut taken = None;
        self.core.state.send_modify(|state| {
            if let Some(agent) = state.agent(self.id) {
                taken = agent.pending.take();
                agent.parked = None;
                if taken.as_ref().is_some_and(|event| event["eventType"] == "SHUTDOWN") {
                    agent.told_to_stop = Some(clock::now());
                }
            }
        });
        taken
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.core.state.send_modify(|state| {
            if let Some(agent) = state.agent(self.id)
                && agent.parked == Some(self.since)
            {
                agent.parked = None;
            }
        });
    }
}

/// `init/error` and `exit/error`: either one costs the customer the environment.
pub(super) async fn failed(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = identify(&core, &headers)?;
    let given = header(&headers, "Lambda-Extension-Function-Error-Type");
    let error_type = if given.is_empty() { "Extension.ExitError" } else { given }.to_owned();
    core.state.send_modify(|state| {
        if let Some(agent) = state.agent(&id) {
            agent.failed = Some(error_type);
        }
    });
    Ok(accepted())
}

/// Who is asking: the identifier's owner, or a refusal.
pub(super) fn identify(core: &Core, headers: &HeaderMap) -> Result<String, Refusal> {
    let id = header(headers, IDENTIFIER);
    if id.is_empty() {
        let message = "Missing Lambda-Extension-Identifier header";
        return Err(Refusal::forbidden("Extension.MissingExtensionIdentifier", message));
    }
    let known = core.state.borrow().agents.iter().any(|agent| agent.id == id);
    if known { Ok(id.to_owned()) } else { Err(unknown()) }
}

fn unknown() -> Refusal {
    Refusal::forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
