//! The Telemetry API's one call: asking to be told.
//!
//! Source: the developer guide's "Lambda Telemetry API". Asking again replaces what was asked for.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Refusal, extensions};
use crate::clock;
use crate::core::Core;
use crate::spec::{Initialization, Telemetry};
use crate::telemetry::request;

pub(super) async fn subscribe(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let id = extensions::identify(&core, &headers)?;
    let (open, name) = {
        let mut found = (false, String::new());
        core.state.send_if_modified(|state| {
            found.0 = state.open;
            if let Some(agent) = state.agent(&id) {
                found.1.clone_from(&agent.name);
            }
            false
        });
        found
    };
    if !open {
        let message = "Telemetry API subscription is closed already";
        return Err(Refusal::forbidden("Telemetry.SubscriptionClosed", message));
    }
    if core.spec.telemetry == Telemetry::Missing {
        let body = json!({
            "errorType": "Telemetry.NotSupported",
            "errorMessage": "Telemetry API is not supported",
        });
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    }
    let wish = request::read(&body)
        .map_err(|why| Refusal::bad_request("ValidationError", why.to_string()))?;
    if core.spec.initialization == Initialization::ManagedInstances && !wish.is_newest_schema {
        let message = "schemaVersion must be 2025-01-29 on managed instances";
        return Err(Refusal::bad_request("ValidationError", message));
    }
    core.telemetry.tap(clock::now(), name, wish);
    Ok(Json("OK").into_response())
}
