//! As whom something is changed, and whether they mean it.
//!
//! The author is the [`Viewer`]; without one nothing is changed. A browser sends what another site's page makes it send, in the name
//! of whoever sits before it. So a change must come from a page of our own, or from no page: the browser itself says so by
//! `sec-fetch-site`, which no page can set, and where it says nothing, `origin` is the host that was asked. The API's bodies are JSON,
//! which a foreign form cannot send; forms of our own pages are looked at by the console.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request},
    http::{
        HeaderMap,
        header::{CONTENT_TYPE, HOST, ORIGIN},
        request::Parts,
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::api::{answer::JSON, problem::Problem, viewer::Viewer};

/// Who changes something, as the door that took it knows them.
#[derive(Debug, Clone)]
pub struct Author(pub Arc<str>);

impl From<&Viewer> for Author {
    fn from(viewer: &Viewer) -> Self {
        Self(viewer.name.clone())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Author {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok((&Viewer::from_request_parts(parts, state).await?).into())
    }
}

/// Turns away what a foreign page has sent, and what is not JSON.
pub(super) async fn meant(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let checked = from_our_page(&request).and_then(|()| check_type(request.headers(), JSON));
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether a change comes from a page of our own, or from no page.
pub(crate) fn from_our_page(request: &Request) -> Result<(), Problem> {
    let asked = request.uri().authority().map(Authority::as_str);
    check_origin(request.headers(), asked)
}

fn check_origin(headers: &HeaderMap, asked: Option<&str>) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let host = text(HOST.as_str()).or(asked).unwrap_or_default();
    let is_ours = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, it)| it.eq_ignore_ascii_case(host))
    };
    // What stands in front may have another name than we are asked for by, and then only the browser can tell.
    let ours = match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(ORIGIN.as_str()).is_none_or(is_ours),
    };
    if ours {
        return Ok(());
    }
    Err(Problem::forbidden("another site's page may change nothing here"))
}

/// Whether a body is of the one type that is taken. A request without one may leave it out.
pub(crate) fn check_type(headers: &HeaderMap, taken: &str) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let fits = kind.is_none_or(|it| {
        it.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(taken)
    });
    if fits {
        return Ok(());
    }
    Err(Problem::unsupported(format!("the body must be {taken}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], status: Option<u16>) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let checked = check_origin(&headers, None).and_then(|()| check_type(&headers, JSON));
        let answer = checked.err().map(|it| it.into_response().status().as_u16());
        assert_eq!(answer, status, "{headers:?}");
    }

    #[test]
    fn a_change_comes_from_our_own_page_or_from_none() {
        let host = ("host", "127.0.0.1:8787");
        check(&[host], None);
        check(
            &[host, ("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "same-origin")],
            None,
        );
        for origin in ["http://127.0.0.1:9999", "https://evil.example", "null", ""] {
            check(&[host, ("origin", origin)], Some(403));
        }
        for site in ["cross-site", "same-site"] {
            check(&[host, ("sec-fetch-site", site)], Some(403));
            let ours = ("origin", "http://127.0.0.1:8787");
            check(&[host, ours, ("sec-fetch-site", site)], Some(403));
        }
        let in_front = ("origin", "https://overtime.example");
        check(&[host, in_front, ("sec-fetch-site", "same-origin")], None);
    }

    #[test]
    fn a_body_is_json() {
        check(&[("content-type", "application/json; charset=utf-8")], None);
        check(&[("content-type", "text/plain")], Some(415));
        check(&[("content-type", "application/x-www-form-urlencoded")], Some(415));
    }
}
