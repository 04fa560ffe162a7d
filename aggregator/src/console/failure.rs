//! What a page says when it cannot be shown: the words of the API's problem, on a page, with the request's id.
//!
//! A handler fails with a problem and knows nothing of themes and paths; the page is made around all of them, here.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument as _;

use super::{Console, frame, look::Look};
use crate::{api::problem::Problem, store::StoreError};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why there is no page.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

/// A problem that waits to become a page.
#[derive(Debug, Clone)]
struct Unshown(Arc<Problem>);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.0.status().into_response();
        if let Some(seconds) = self.0.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Unshown(Arc::new(self.0)));
        response
    }
}

/// Gives every request a name, which the log has, too, and makes pages of failures.
pub(super) async fn show(State(console): State<Console>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let look = Look::forgiving(&parts, console.reader.now());
    let request = Request::from_parts(parts, body);
    let id = request_id();
    // At the highest level, so that whatever is logged has it.
    let span = tracing::error_span!("request", request.id = id, path = look.path());
    let response = next.run(request).instrument(span).await;
    shown(response, &look, &id)
}

fn shown(mut response: Response, look: &Look, id: &str) -> Response {
    if let Some(Unshown(problem)) = response.extensions_mut().remove::<Unshown>() {
        let page = frame::sorry(look, &problem, id);
        let (mut head, _) = response.into_parts();
        head.headers.insert(CONTENT_TYPE, frame::HTML);
        head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::try_from(id) {
            head.headers.insert(REQUEST_ID, id);
        }
        response = Response::from_parts(head, page.into());
    }
    response
}

/// Enough to find it in the log of an hour.
fn request_id() -> String {
    let mut bytes = [0_u8; 6];
    // Without entropy, a request has a name that others have, too.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whoever looks for a page that is not there is told on one; a machine is told as it would be by the API.
pub(super) async fn lost(request: Request) -> Response {
    let wants = |it: &HeaderValue| it.to_str().is_ok_and(|it| it.contains("text/html"));
    let is_person = request.headers().get_all(ACCEPT).iter().any(wants);
    let nothing = Problem::not_found("nothing is served under this path");
    if is_person && !request.uri().path().starts_with("/api/") {
        Failure(nothing).into_response()
    } else {
        nothing.into_response()
    }
}
