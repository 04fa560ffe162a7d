//! The one place where an error becomes a status code: problems as RFC 9457 writes them.
//!
//! Callers learn what they can act on, down to the field; the cause of what is our own fault goes to the log, once, here,
//! because no layer below logs what it also returns.

use std::{borrow::Cow, fmt};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::configuration::{Fault, Faults},
    store::{StoreError, configuration::NotChanged},
};

/// How problems are marked.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Something that a caller hears instead of an answer.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<Cow<'static, str>>,
    faults: Vec<Fault>,
    retry_after_s: Option<u32>,
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body {
    /// What is wrong, in words.
    detail: String,
    /// Which parameter, or which field of the body as a JSON pointer, it is about, if it is about one; the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<Cow<'static, str>>,
    /// Everything that is wrong with the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    faults: Vec<Wrong>,
    status: u16,
    title: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What is wrong with one field of a body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(super) struct Wrong {
    /// A JSON pointer.
    field: String,
    /// What follows the field's name in a sentence.
    why: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, faults: Vec::new(), retry_after_s: None }
    }

    /// The body is not what it claims to be.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A parameter is not what it must be.
    pub fn invalid(field: impl Into<Cow<'static, str>>, why: impl ToString) -> Self {
        let field = field.into();
        let problem = Self::new(StatusCode::BAD_REQUEST, format!("{field} {}", why.to_string()));
        Self { field: Some(field), ..problem }
    }

    /// A body is JSON, and not what it must be.
    pub fn unfit(faults: Faults) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, faults.to_string());
        let field = faults.0.first().map(|it| Cow::Owned(it.field.clone()));
        Self { field, faults: faults.0, ..problem }
    }

    /// What is there stands against it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// It is not what the caller took it for.
    pub fn stale(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, detail)
    }

    /// The caller must say what they take it for.
    pub fn unconditional() -> Self {
        let why = "say by `if-match` which version you replace";
        Self::new(StatusCode::PRECONDITION_REQUIRED, why)
    }

    /// Nobody vouches for the caller, or not for this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Nobody has said who they are, and they could.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// The same, to be tried again after so long.
    #[must_use]
    pub fn in_seconds(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here")
    }

    /// There is no form of the answer that the caller takes.
    pub fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, detail)
    }

    /// The host that was asked for is not served here.
    pub fn misdirected() -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "this host is not served here")
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

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What it is about, if it is about one parameter or field; the first of several.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Everything that is wrong with a body, by JSON pointer.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Seconds after which it may work.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// The fault is ours.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the cause is in the log")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
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
            StoreError::Corrupt { .. } | StoreError::Refused(_) => Self::internal(),
        }
    }
}

impl From<NotChanged> for Problem {
    fn from(why: NotChanged) -> Self {
        match why {
            NotChanged::Moved { .. } | NotChanged::MovedOn => Self::stale(why.to_string()),
            NotChanged::TooMany { .. } => Self::conflict(why.to_string()),
            NotChanged::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: self.detail,
            field: self.field,
            faults: self
                .faults
                .into_iter()
                .map(|it| Wrong { field: it.field, why: it.why })
                .collect(),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer realm=\"overtime\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
