//! What every answer carries, and what every request must: the browser's side of safety.
//!
//! The policy lets a page load its own script, style and images and nothing else, from nowhere else; nothing is inline. On
//! the loopback there is no sign-in, so a page of somebody else's must not reach us under its own name: a request is answered
//! only if the host it asked for is one we listen as (DNS rebinding).
//!
//! **Invariant.** Headers that a handler has set are left alone.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
        uri::Authority,
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::api::problem::Problem;

/// Where it is asked whether all is well.
const READY: &str = "/healthz";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'";

/// Under which names requests may come in. `None` lets all through: whoever stands in front has checked.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Option<Arc<[String]>>);

impl Hosts {
    /// The loopback's names.
    pub fn loopback() -> Self {
        Self::only(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned))
    }

    /// These, without ports.
    pub fn only(names: impl IntoIterator<Item = String>) -> Self {
        Self(Some(names.into_iter().collect()))
    }

    /// The same, and these.
    #[must_use]
    pub fn and(self, names: impl IntoIterator<Item = String>) -> Self {
        let known = self.0.iter().flat_map(|it| it.iter().cloned());
        Self::only(known.chain(names).collect::<Vec<_>>())
    }

    pub(crate) fn admit(&self, host: &str) -> bool {
        let name = without_port(host);
        let loopback_address =
            |it: &str| it.starts_with("127.") && it.parse::<std::net::Ipv4Addr>().is_ok();
        self.0.as_ref().is_none_or(|names| {
            let listed = |it: &str| names.iter().any(|name| name.eq_ignore_ascii_case(it));
            listed(name) || (listed("127.0.0.1") && loopback_address(name))
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Puts the shield before every route.
pub fn protect(router: Router, hosts: Hosts) -> Router {
    router.layer(middleware::from_fn(dress)).layer(middleware::from_fn_with_state(hosts, admit))
}

async fn admit(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|it| it.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str));
    // Whoever looks whether all is well knows an address, and learns nothing else.
    let is_ready = request.uri().path() == READY;
    if is_ready || host.is_some_and(|it| hosts.admit(it)) {
        next.run(request).await
    } else {
        Problem::misdirected().into_response()
    }
}

async fn dress(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "browsing-topics=()"),
    ];
    for (name, value) in headers {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_loopback_only_its_own_names_are_served() {
        let hosts = Hosts::loopback();
        for host in [
            "localhost:8787",
            "127.0.0.1:8787",
            "127.0.0.1",
            "127.3.2.1:1",
            "[::1]:8787",
            "LOCALHOST",
        ] {
            assert!(hosts.admit(host), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:8787", "127.evil.example", "10.0.0.1", ""]
        {
            assert!(!hosts.admit(host), "{host}");
        }
        assert!(Hosts::default().admit("anything.example"));
    }
}
