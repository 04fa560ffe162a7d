//! The one place where an error becomes a status code: problems as RFC 9457 writes them.
//!
//! Callers learn what they can act on, down to the field; the cause of what is our own fault goes to the log, once, here,
//! because no layer below logs what it also returns.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::store::StoreError;

/// Something that a caller hears instead of an answer.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<&'static str>,
    retry_after_s: Option<u32>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, retry_after_s: None }
    }

    /// The body is not what it claims to be.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A parameter is not what it must be.
    pub fn invalid(field: &'static str, why: impl ToString) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, format!("{field} {}", why.to_string()));
        Self { field: Some(field), ..problem }
    }

    /// Nobody vouches for the caller, or not for this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn timeout(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// There is more to do than we take on: come back in a moment.
    pub fn too_many(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Self { retry_after_s: Some(1), ..problem }
    }

    /// It would have worked at another moment.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { retry_after_s: Some(2), ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause: &dyn std::error::Error = &error;
        tracing::error!(cause, "a request failed");
        match error {
            StoreError::Stale(_) | StoreError::Unavailable(_) => {
                Self::unavailable("the store did not answer")
            }
            StoreError::Corrupt { .. } | StoreError::Refused(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the cause is in the log")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Problem"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
