//! Where a process fetches its credentials under `SnapStart`, because a snapshot must not hold any.
//!
//! The variables and the shape of the answer are those of the container credential provider (AWS
//! SDKs and Tools reference guide); RAPID serves it beside the other APIs
//! and knows no other refusal than 404 (`rapi/handler/credentials.go`, `env/environment.go`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::json;

use crate::clock;
use crate::core::Core;

pub(crate) const PATH: &str = "/2021-04-23/credentials";
pub(crate) const TOKEN: &str = "emulated-token";
const VALID_FOR: SignedDuration = SignedDuration::from_hours(6);

pub(super) async fn show(State(core): State<Arc<Core>>, headers: HeaderMap) -> Response {
    if headers.get("authorization").is_none_or(|given| given != TOKEN) {
        return (StatusCode::NOT_FOUND, "these credentials are not for that token").into_response();
    }
    let held = &core.spec.credentials;
    let answer = json!({
        "AccessKeyId": held.access_key,
        "SecretAccessKey": held.secret,
        "Token": held.session_token,
        "Expiration": (clock::now() + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    Json(answer).into_response()
}
