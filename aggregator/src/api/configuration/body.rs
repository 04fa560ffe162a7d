//! A body of JSON, bounded.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::StatusCode,
    response::IntoResponse as _,
};
use serde_json::Value;

use crate::api::problem::Problem;

/// What was sent. How long a body may be is the router's business.
#[derive(Debug)]
pub(crate) struct Given(pub(in crate::api) Value);

impl<S: Send + Sync> FromRequest<S> for Given {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(unread)?;
        let value = serde_json::from_slice(&body);
        // Where it is, and not what: it may be a secret in the wrong place.
        value.map(Self).map_err(|why| {
            Problem::malformed(format!(
                "the body is not JSON, from line {}, column {} on",
                why.line(),
                why.column()
            ))
        })
    }
}

fn unread(rejection: BytesRejection) -> Problem {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large("the body is longer than what is taken here")
    } else {
        Problem::malformed("the body could not be read")
    }
}
