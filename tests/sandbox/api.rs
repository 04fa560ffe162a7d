//! The HTTP server behind `AWS_LAMBDA_RUNTIME_API`: one per environment, on loopback.
//!
//! Runtime API, Extensions API and Telemetry API share one address, as on Lambda. Errors have
//! RAPID's shape, `{"errorMessage", "errorType"}`, and mostly its favourite status, 403. A request
//! belongs to the life of the environment in which it arrived.

pub(crate) mod credentials;
mod extensions;
mod managed;
mod runtime;
mod telemetry;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::core::Core;

/// A synchronous response may have 6 MB; the rest is room to say no to a larger one properly.
const BODY_LIMIT: usize = 8 << 20;

pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>) {
    let runtime = "/2018-06-01/runtime";
    let extension = "/2020-01-01/extension";
    let router = Router::new()
        .route(&format!("{runtime}/invocation/next"), get(runtime::next))
        .route(&format!("{runtime}/invocation/{{id}}/response"), post(runtime::response))
        .route(&format!("{runtime}/invocation/{{id}}/error"), post(runtime::error))
        .route(&format!("{runtime}/init/error"), post(runtime::init_error))
        .route(&format!("{extension}/register"), post(extensions::register))
        .route(&format!("{extension}/event/next"), get(extensions::next))
        .route(&format!("{extension}/init/error"), post(extensions::failed))
        .route(&format!("{extension}/exit/error"), post(extensions::failed))
        .route("/2022-07-01/telemetry", put(telemetry::subscribe))
        .route(credentials::PATH, get(credentials::show))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(core);
    // It ends only by being dropped; its listener cannot fail for good on loopback.
    let _ = axum::serve(listener, router).await;
}

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn forbidden(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, error_type, message: message.into() }
    }

    pub(crate) fn gone(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::GONE, error_type, message: message.into() }
    }

    pub(crate) fn bad_request(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error_type, message: message.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "errorMessage": self.message, "errorType": self.error_type });
        (self.status, Json(body)).into_response()
    }
}

/// The answer to what needs no answer but to have been heard.
fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}
