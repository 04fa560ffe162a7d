//! The two doors that answer requests: ingest behind its Function URL, and the console.
//!
//! Who calls is what the request context says, and an event without it is refused: nobody has checked a signature then. See the
//! module above for why that is not enough without the function's resource policy.

use std::sync::Arc;

use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerIamDescription as Iam,
};
use axum::{
    Router,
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

use super::{
    OutOfTime,
    http::{self, Asked},
};
use crate::{
    api::{
        self, Reader,
        author::Author,
        batches::Inlet,
        identity::Identity,
        problem::Problem,
        shield::{self, Hosts},
    },
    clock,
    console::{self, Console},
    domain::rejection::{Caller, Reason},
    ingest::ledger::Ledger,
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
        let inlet = Inlet::new(store, clock::now, Arc::default());
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
pub(super) struct Pages(Router);

impl Pages {
    pub(super) fn new(store: Store) -> Self {
        let reader = Reader::new(store.clone(), clock::now);
        let pages = console::router(Console { store, clock: clock::now });
        Self(shield::protect(api::read(reader).merge(pages), Hosts::default()))
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Value {
        let response = timeout_at(until, self.receive(event)).await.unwrap_or_else(|_| late());
        http::answer(response).await
    }

    async fn receive(&self, event: Value) -> Response {
        match http::read(event) {
            Ok(Asked { mut request, authorizer }) if authorizer.as_ref().is_some_and(vouches) => {
                request.extensions_mut().insert(Author(author(authorizer).into()));
                answered(&self.0, request).await
            }
            Ok(_) => {
                let why = "nobody vouches for the caller: the event has no authorizer's context";
                tracing::warn!("an event without a caller is refused");
                Problem::forbidden(why).into_response()
            }
            Err(problem) => problem.into_response(),
        }
    }
}

/// Whether an authorizer of any kind has let the caller in.
fn vouches(authorizer: &ApiGatewayRequestAuthorizer) -> bool {
    authorizer.iam.is_some() || authorizer.jwt.is_some() || !authorizer.fields.is_empty()
}

/// What a request hears that would have taken longer than there is.
fn late() -> Response {
    let error = &OutOfTime as &dyn std::error::Error;
    tracing::error!(error, "a request was not answered in time");
    Problem::unavailable("there was no time left to answer: try again").into_response()
}

/// Who changes the configuration, as whoever let them in knows them.
fn author(authorizer: Option<ApiGatewayRequestAuthorizer>) -> String {
    let Some(authorizer) = authorizer else { return "unknown".to_owned() };
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
