//! The two doors that answer requests: ingest behind its Function URL, and the console.
//!
//! Who calls is what the request context says, and an event without it is refused: nobody has checked a signature then. See the
//! module above for why that is not enough without the function's resource policy. A console that asks people itself does not look at
//! the context, but for the address that somebody comes from.

use std::sync::Arc;

use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer as Authorizer, ApiGatewayRequestAuthorizerIamDescription as Iam,
};
use axum::{
    Router, middleware,
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

use super::{
    OutOfTime,
    http::{self, Asked},
    queue::Queue,
    refusals,
};
use crate::{
    api::{
        self, Bell, Reader,
        batches::Inlet,
        below::below,
        identity::Identity,
        problem::Problem,
        shield::{self, Hosts},
        viewer::{Role, Viewer},
    },
    clock,
    console::{self, Console},
    domain::{
        base::Base,
        portal::Portal,
        rejection::{Caller, Reason},
    },
    ingest::ledger::Ledger,
    settings::sign_in::{Claims, Mode, Place, SignIn},
    sign_in::{self, Gate, NoGate, forwarded::Remote},
    store::Store,
};

/// The ingest door.
#[derive(Debug)]
pub(super) struct WayIn {
    router: Router,
    ledger: Ledger,
}

impl WayIn {
    pub(super) fn new(store: Store) -> Self {
        let mut inlet = Inlet::new(store, clock::now, Arc::default());
        inlet.ledger = inlet.ledger.telling(refusals::tell);
        let ledger = inlet.ledger.clone();
        Self { router: shield::protect(api::ingest(inlet), Hosts::default()), ledger }
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Value {
        let response = match timeout_at(until, self.receive(event)).await {
            Ok(Ok(response)) => response,
            Ok(Err((reason, problem))) => {
                self.ledger.count(reason, Caller::Unknown, clock::now()).await;
                problem.into_response()
            }
            Err(_) => late(),
        };
        // The environment may be frozen for good after this.
        self.ledger.write_all().await;
        http::answer(response).await
    }

    async fn receive(&self, event: Value) -> Result<Response, (Reason, Problem)> {
        // Who calls comes first: from nobody, not even a body is looked at.
        let iam = event["requestContext"]["authorizer"]["iam"].clone();
        let identity = identity(iam).map_err(|why| {
            tracing::warn!(why, "an event without a caller is refused");
            (Reason::Unauthenticated, Problem::forbidden(why))
        })?;
        let Asked { mut request, .. } = http::read(event).map_err(|it| (Reason::Malformed, it))?;
        request.extensions_mut().insert(Caller::Account(identity.account));
        request.extensions_mut().insert(identity);
        Ok(answered(&self.router, request).await)
    }
}

fn identity(iam: Value) -> Result<Identity, String> {
    if iam.is_null() {
        return Err(
            "nobody vouches for the caller: the event has no IAM context of a Function URL"
                .to_owned(),
        );
    }
    let iam: Iam =
        serde_json::from_value(iam).map_err(|why| format!("the IAM context is none: {why}"))?;
    let (account, arn) = (iam.account_id.unwrap_or_default(), iam.user_arn.unwrap_or_default());
    Identity::of(&account, &arn).map_err(|why| why.to_string())
}

/// How much is kept of what a caller is called.
const AUTHOR_MAX: usize = 256;

/// The console door.
#[derive(Debug)]
pub(super) struct Pages {
    router: Router,
    /// What somebody else's word is worth, where it is they who ask people.
    claims: Option<Claims>,
}

impl Pages {
    pub(super) fn new(
        (store, queue): (Store, Queue),
        (base, portal): (Base, Option<Portal>),
        sign_in: SignIn,
    ) -> Result<Self, NoGate> {
        let claims = match &sign_in.mode {
            Mode::Authorizer(claims) => Some(claims.clone()),
            Mode::Nobody | Mode::Ourselves(_) => None,
        };
        // Without a list, what leads here is what whoever set it up has led here.
        let known = sign_in.url.as_ref().and_then(|it| it.host_str()).map(str::to_owned);
        let hosts = match &sign_in.hosts[..] {
            [] => Hosts::default(),
            hosts => Hosts::only(hosts.iter().cloned().chain(known)),
        };
        let gate = Gate::new(sign_in, Place::Lambda, clock::now)?;
        let bell = Bell::new(move |id| {
            let queue = queue.clone();
            async move { queue.tell(vec![id]).await }
        });
        let reader = Reader::new(store, clock::now).ringing(bell);
        let router =
            console::beside(api::read(reader.clone()), Console::new(reader).through(portal))
                .layer(middleware::from_fn_with_state(gate, sign_in::admit));
        Ok(Self { router: shield::protect(below(router, &base), hosts), claims })
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Value {
        let response = timeout_at(until, self.receive(event)).await.unwrap_or_else(|_| late());
        http::answer(response).await
    }

    async fn receive(&self, event: Value) -> Response {
        let Asked { mut request, authorizer, from } = match http::read(event) {
            Ok(asked) => asked,
            Err(problem) => return problem.into_response(),
        };
        if let Some(claims) = &self.claims {
            match vouched(authorizer, claims) {
                Ok(viewer) => request.extensions_mut().insert(viewer),
                Err(problem) => {
                    tracing::warn!(why = %problem, "an event is refused");
                    return problem.into_response();
                }
            };
        }
        if let Some(from) = from {
            request.extensions_mut().insert(Remote(from));
        }
        answered(&self.router, request).await
    }
}

/// Who an authorizer says is there, and what that is worth.
fn vouched(authorizer: Option<Authorizer>, claims: &Claims) -> Result<Viewer, Problem> {
    let Some(authorizer) = authorizer.filter(vouches) else {
        let why = "nobody vouches for the caller: the event has no authorizer's context";
        return Err(Problem::forbidden(why));
    };
    let said = said(&authorizer, &claims.name);
    let name = name(authorizer);
    if claims.grants.is_empty() {
        return Ok(Viewer::new(name, Role::Admin));
    }
    let words = said.iter().map(String::as_str);
    let role = claims.grants.of(words).ok_or_else(|| {
        Problem::forbidden(format!("{name} has no role here: ask whoever runs Overtime for one"))
    })?;
    Ok(Viewer::new(name, role))
}

/// Whether an authorizer of any kind has let the caller in.
fn vouches(authorizer: &Authorizer) -> bool {
    authorizer.iam.is_some() || authorizer.jwt.is_some() || !authorizer.fields.is_empty()
}

/// What somebody is said to be: an ARN, or what the claim has. An HTTP API writes a list as `[a b]`.
fn said(authorizer: &Authorizer, claim: &str) -> Vec<String> {
    let arn = authorizer.iam.iter().filter_map(|it| it.user_arn.clone());
    let jwt = authorizer.jwt.iter().filter_map(|it| it.claims.get(claim).cloned());
    let field = authorizer.fields.get(claim).and_then(Value::as_str).map(str::to_owned);
    let lists = jwt.chain(field).flat_map(|it| {
        let inner = it.strip_prefix('[').and_then(|it| it.strip_suffix(']')).map(str::to_owned);
        match inner {
            Some(list) => list.split([' ', ',']).map(str::to_owned).collect(),
            None => vec![it],
        }
    });
    arn.chain(lists).filter(|it| !it.is_empty()).collect()
}

/// What a request hears that would have taken longer than there is.
fn late() -> Response {
    let error = &OutOfTime as &dyn std::error::Error;
    tracing::error!(error, "a request was not answered in time");
    Problem::unavailable("there was no time left to answer: try again").into_response()
}

/// Who somebody is, as whoever let them in knows them.
fn name(authorizer: Authorizer) -> String {
    let arn = authorizer.iam.and_then(|it| it.user_arn);
    let claims = authorizer.jwt.map(|it| it.claims).unwrap_or_default();
    let claim = ["email", "username", "sub"].iter().find_map(|it| claims.get(*it).cloned());
    let principal = || authorizer.fields.get("principalId")?.as_str().map(str::to_owned);
    let author = arn.or(claim).or_else(principal).unwrap_or_else(|| "unknown".to_owned());
    author.chars().filter(|it| !it.is_control()).take(AUTHOR_MAX).collect()
}

async fn answered(router: &Router, request: axum::extract::Request) -> Response {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::domain::role::Grants;

    #[track_caller]
    fn check(authorizer: Value, granted: bool, expected: Expect) {
        let texts = |them: &[&str]| them.iter().map(|it| (*it).to_owned()).collect();
        let grants = Grants {
            admins: texts(&["platform", "arn:aws:sts::999988887777:assumed-role/Platform/*"]),
            operators: texts(&["on-call"]),
            viewers: texts(&["arn:aws:sts::999988887777:*"]),
        };
        let grants = if granted { grants } else { Grants::default() };
        let claims = Claims { name: "groups".to_owned(), grants };
        let authorizer = serde_json::from_value(authorizer).unwrap();
        let told = match vouched(authorizer, &claims) {
            Ok(viewer) => format!("{} {}", viewer.name, viewer.role),
            Err(problem) => problem.to_string(),
        };
        expected.assert_eq(&told);
    }

    fn role(name: &str) -> Value {
        json!({ "iam": { "userArn": format!("arn:aws:sts::999988887777:assumed-role/{name}/anna") } })
    }

    #[test]
    fn whoever_an_authorizer_lets_in_is_an_admin_unless_roles_are_granted() {
        check(
            role("Reader"),
            false,
            expect!["arn:aws:sts::999988887777:assumed-role/Reader/anna admin"],
        );
        check(
            role("Reader"),
            true,
            expect!["arn:aws:sts::999988887777:assumed-role/Reader/anna viewer"],
        );
        check(
            role("Platform"),
            true,
            expect!["arn:aws:sts::999988887777:assumed-role/Platform/anna admin"],
        );
        check(
            Value::Null,
            true,
            expect!["nobody vouches for the caller: the event has no authorizer's context"],
        );
    }

    #[test]
    fn a_list_of_an_http_api_is_a_list() {
        let claims =
            |groups: &str| json!({ "jwt": { "claims": { "sub": "anna", "groups": groups } } });
        check(claims("[everybody on-call]"), true, expect!["anna operator"]);
        check(claims("platform"), true, expect!["anna admin"]);
        check(
            claims("[everybody]"),
            true,
            expect!["anna has no role here: ask whoever runs Overtime for one"],
        );
        let own = json!({ "lambda": { "principalId": "ben", "groups": "on-call" } });
        check(own, true, expect!["ben operator"]);
    }
}
