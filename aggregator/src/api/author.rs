//! Who changes something, and whether they mean it.
//!
//! Whoever mounts the routes says who calls by an [`Author`] in the request's extensions; without one nothing is changed. A browser
//! sends what another site's page makes it send, in the name of whoever sits before it. So a change must come from a page of our
//! own, or from no page: `origin` is the host that was asked, `sec-fetch-site` does not say otherwise, and the body is JSON, which
//! a foreign form cannot send.

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

use crate::api::{answer::JSON, problem::Problem};

/// Who is on the loopback of the machine that `serve` runs on.
pub const LOCAL: &str = "local";

/// Who changes something, as the door that took it knows them.
#[derive(Debug, Clone)]
pub struct Author(pub Arc<str>);

impl<S: Send + Sync> FromRequestParts<S> for Author {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let author = parts.extensions.get::<Self>().cloned();
        author.ok_or_else(|| Problem::forbidden("nobody vouches for the caller"))
    }
}

/// Turns away what a foreign page has sent.
pub(super) async fn meant(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let host = request.uri().authority().map(|it| Authority::as_str(it).to_owned());
    match check(request.headers(), host) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(headers: &HeaderMap, asked: Option<String>) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let host = text(HOST.as_str()).map(str::to_owned).or(asked).unwrap_or_default();
    let is_ours = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, it)| it.eq_ignore_ascii_case(&host))
    };
    let from_elsewhere = text(ORIGIN.as_str()).is_some_and(|it| !is_ours(it))
        || text("sec-fetch-site").is_some_and(|it| !matches!(it, "same-origin" | "none"));
    if from_elsewhere {
        return Err(Problem::forbidden("another site's page may change nothing here"));
    }
    let kind = text(CONTENT_TYPE.as_str());
    let is_json = kind.is_none_or(|it| {
        it.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(JSON)
    });
    if !is_json {
        return Err(Problem::unsupported(format!("the body must be {JSON}")));
    }
    Ok(())
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
        let answer =
            super::check(&headers, None).err().map(|it| it.into_response().status().as_u16());
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
        }
    }

    #[test]
    fn a_body_is_json() {
        check(&[("content-type", "application/json; charset=utf-8")], None);
        check(&[("content-type", "text/plain")], Some(415));
        check(&[("content-type", "application/x-www-form-urlencoded")], Some(415));
    }
}
