//! Before everything that `serve` answers: whose requests are looked at, and who they are.
//!
//! On the loopback nobody has to say who they are, because whoever is there is this machine's. Beyond it, everybody does, over HTTPS that
//! ends at a proxy in front: nothing else keeps sessions from whoever is on the way.
//!
//! **Batches** come from functions on this machine only. They have no sign-in, and an extension proves who it is by a signature that
//! only a Function URL checks: beyond the loopback, ingest is the Lambda door's.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Request, State},
    http::header::HOST,
    middleware::{self, Next},
    response::Response,
};

use super::config::Config;
use crate::{
    api::{
        below::below,
        shield::{self, Hosts},
    },
    domain::{base::Base, rejection::Caller},
    settings::sign_in::SignIn,
    sign_in::{self, Gate, forwarded},
};

/// What stands before the routes.
#[derive(Debug)]
pub(super) struct Front {
    gate: Gate,
    hosts: Hosts,
    base: Base,
}

impl Front {
    pub(super) fn new(gate: Gate, config: &Config) -> Self {
        Self { gate, hosts: hosts(&config.sign_in), base: config.base.clone() }
    }

    pub(super) fn before(self, router: Router) -> Router {
        let router = router
            .layer(middleware::from_fn_with_state(self.gate, sign_in::admit))
            .layer(middleware::from_fn_with_state(Hosts::loopback(), vouch));
        shield::protect(below(router, &self.base), self.hosts)
    }
}

/// Whether that address may be listened on; if not, why, with the settings that it takes.
pub(super) fn may_listen(address: SocketAddr, sign_in: &SignIn) -> Result<(), String> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if sign_in.is_open() {
        return Err(format!(
            "{address} is not a loopback address, and there is no authentication: \
             set OVERTIME_SIGN_IN to token or oidc, or listen on 127.0.0.1"
        ));
    }
    if sign_in.url.as_ref().is_none_or(|it| it.scheme() != "https") {
        return Err(format!(
            "{address} is not a loopback address, and OVERTIME_CONSOLE_URL does not say by which https:// \
             address browsers come there: sessions are not sent over plain HTTP"
        ));
    }
    Ok(())
}

/// What requests may ask for us by: the loopback, and where whoever comes must sign in, what browsers know us by.
fn hosts(sign_in: &SignIn) -> Hosts {
    let known = sign_in.url.as_ref().filter(|_| !sign_in.is_open());
    let known = known.and_then(|it| it.host_str()).map(str::to_owned);
    Hosts::loopback().and(known.into_iter().chain(sign_in.hosts.iter().cloned()))
}

/// Vouches for what comes from this machine, under a name of this machine: a page that had its own name lead here has another.
async fn vouch(State(ours): State<Hosts>, mut request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok());
    if forwarded::is_local(&request) && host.is_some_and(|it| ours.admit(it)) {
        request.extensions_mut().insert(Caller::Loopback);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::settings::{Reader, sign_in::Place};

    fn sign_in(settings: &[(&str, &str)]) -> SignIn {
        let lookup = |name: &str| {
            settings.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        };
        let mut reader = Reader::new(lookup);
        let read = reader.sign_in(Place::Machine);
        reader.finish(read).unwrap()
    }

    const TOKEN: [(&str, &str); 2] =
        [("OVERTIME_SIGN_IN", "token"), ("OVERTIME_TOKENS", "admin=env:TOKENS")];

    #[track_caller]
    fn check(address: &str, settings: &[(&str, &str)], expected: Expect) {
        let answer = may_listen(address.parse().unwrap(), &sign_in(settings));
        expected.assert_eq(&answer.err().unwrap_or_else(|| "is listened on".to_owned()));
    }

    #[test]
    fn beyond_the_loopback_whoever_comes_must_sign_in_over_https() {
        check("127.0.0.1:8787", &[], expect!["is listened on"]);
        check("[::1]:8787", &TOKEN, expect!["is listened on"]);
        check(
            "0.0.0.0:8787",
            &[],
            expect![
                "0.0.0.0:8787 is not a loopback address, and there is no authentication: set OVERTIME_SIGN_IN to token or oidc, or listen on 127.0.0.1"
            ],
        );
        let with = |url| [&TOKEN[..], &[("OVERTIME_CONSOLE_URL", url)]].concat();
        for settings in [&TOKEN[..], &with("http://overtime.example")] {
            check(
                "0.0.0.0:8787",
                settings,
                expect![
                    "0.0.0.0:8787 is not a loopback address, and OVERTIME_CONSOLE_URL does not say by which https:// address browsers come there: sessions are not sent over plain HTTP"
                ],
            );
        }
        check("0.0.0.0:8787", &with("https://overtime.example/tools"), expect!["is listened on"]);
    }

    #[test]
    fn other_names_than_the_loopbacks_are_for_those_who_sign_in() {
        let url = ("OVERTIME_CONSOLE_URL", "https://overtime.example/tools");
        let open = hosts(&sign_in(&[url]));
        assert!(open.admit("127.0.0.1:8787") && !open.admit("overtime.example"));
        let more = ("OVERTIME_HOSTS", "overtime.internal, 10.0.0.7");
        let guarded = hosts(&sign_in(&[&TOKEN[..], &[url, more]].concat()));
        for host in ["127.0.0.1", "overtime.example", "overtime.internal:443", "10.0.0.7:8787"] {
            assert!(guarded.admit(host), "{host}");
        }
        assert!(!guarded.admit("evil.example"));
    }
}
