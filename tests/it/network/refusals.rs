//! Every way to be turned away by the front end, in the words of the service.

use std::time::Duration;

use aws_sigv4::http_request::SignableBody;
use expect_test::{Expect, expect};
use reqwest::{Client, Request};
use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Function, Launch};
use sandbox::{Spec, clock, http};

use super::signing::{Signing, post};
use super::stage::Server;

const MINUTE: Duration = Duration::from_mins(1);

/// A front end with one caller, and a server that should never be reached.
struct Gate {
    server: Server,
    front: Front,
    client: Client,
}

impl Gate {
    async fn shut() -> Self {
        let server = Server::answering("served").await;
        let spec = Spec::new(Function::named("orders"), Launch::program("/bin/true"));
        let plan = Plan::to(Upstream::Requests(server.url())).caller(Caller::of(&spec));
        Self { server, front: Front::start(plan).await.unwrap(), client: http::client().unwrap() }
    }

    fn signed(&self, signing: &Signing) -> Request {
        signing.post(&self.client, &self.front.url(), b"body")
    }

    /// What is answered: the status, the type of the error, and the body.
    async fn answer(&self, request: Request) -> String {
        let answer = self.client.execute(request).await.unwrap();
        let header = answer.headers().get("x-amzn-errortype");
        let error_type = header.map_or("-", |it| it.to_str().unwrap()).to_owned();
        let status = answer.status().as_u16();
        format!("{status} {error_type} {}", answer.text().await.unwrap())
    }

    async fn check(&self, request: Request, expected: &Expect) {
        expected.assert_eq(&self.answer(request).await);
        assert!(self.server.came().is_empty());
    }
}

#[tokio::test]
async fn who_is_not_known_is_not_let_in() {
    let gate = Gate::shut().await;
    let unsigned = post(&gate.client, &gate.front.url(), b"body");
    gate.check(unsigned, &expect![[r#"403 AccessDeniedException {"Message": "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#]]).await;

    let mut bearer = gate.signed(&Signing::now());
    bearer.headers_mut().insert("authorization", "Bearer x".parse().unwrap());
    gate.check(bearer, &expect![[r#"403 IncompleteSignatureException {"message": "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."}"#]]).await;

    let invalid = expect![[
        r#"403 UnrecognizedClientException {"message": "The security token included in the request is invalid."}"#
    ]];
    let mut signing = Signing::now();
    "AKIDSTRANGER".clone_into(&mut signing.credentials.access_key);
    gate.check(gate.signed(&signing), &invalid).await;
    let mut signing = Signing::now();
    "another".clone_into(&mut signing.credentials.session_token);
    gate.check(gate.signed(&signing), &invalid).await;

    let verdicts = gate.front.until_judged(4).await;
    let keys: Vec<_> = verdicts.iter().map(|it| it.access_key.as_deref()).collect();
    assert_eq!(keys, [None, None, Some("AKIDSTRANGER"), Some("AKIDEXAMPLE")]);
    assert!(verdicts.iter().all(|it| it.event.is_none() && it.status == 403));
}

#[tokio::test]
async fn what_was_not_signed_as_it_came_is_not_let_in() {
    let gate = Gate::shut().await;
    let mismatch = expect![[
        r#"403 InvalidSignatureException {"message": "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}"#
    ]];
    let mut signing = Signing::now();
    "guessed".clone_into(&mut signing.credentials.secret);
    gate.check(gate.signed(&signing), &mismatch).await;

    let mut other_body = gate.signed(&Signing::now());
    *other_body.body_mut() = Some("tampered".into());
    gate.check(other_body, &mismatch).await;

    let mut other_path = gate.signed(&Signing::now());
    other_path.url_mut().set_path("/v1/other");
    gate.check(other_path, &mismatch).await;

    let mut other_header = gate.signed(&Signing::now());
    other_header.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    gate.check(other_header, &mismatch).await;

    let mut unsigned_body = post(&gate.client, &gate.front.url(), b"body");
    unsigned_body.headers_mut().insert("x-amz-content-sha256", "UNSIGNED-PAYLOAD".parse().unwrap());
    Signing::now().sign(&mut unsigned_body, SignableBody::UnsignedPayload);
    gate.check(unsigned_body, &mismatch).await;
}

#[tokio::test]
async fn a_signature_is_good_for_one_place_only() {
    let gate = Gate::shut().await;
    let signing = Signing { region: "eu-central-1", ..Signing::now() };
    gate.check(gate.signed(&signing), &expect![[r#"403 InvalidSignatureException {"message": "Credential should be scoped to a valid region. "}"#]]).await;
    let signing = Signing { service: "execute-api", ..Signing::now() };
    gate.check(gate.signed(&signing), &expect![[r#"403 InvalidSignatureException {"message": "Credential should be scoped to correct service: 'lambda'. "}"#]]).await;
}

#[tokio::test]
async fn who_is_known_may_still_be_kept_out() {
    let gate = Gate::shut().await;
    gate.front.change(|plan| plan.callers[0].is_expired = true).unwrap();
    gate.check(gate.signed(&Signing::now()), &expect![[r#"403 ExpiredTokenException {"message": "The security token included in the request is expired"}"#]]).await;
    gate.front.change(|plan| plan.callers[0].is_expired = false).unwrap();
    gate.front.change(|plan| plan.callers[0].is_allowed = false).unwrap();
    gate.check(gate.signed(&Signing::now()), &expect![[r#"403 AccessDeniedException {"Message": "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#]]).await;
    gate.front.change(|plan| plan.callers[0].is_allowed = true).unwrap();
    expect!["200 - served"].assert_eq(&gate.answer(gate.signed(&Signing::now())).await);
}

#[tokio::test]
async fn clocks_may_differ_by_five_minutes_and_the_answer_says_what_time_it_is() {
    let gate = Gate::shut().await;
    let now = clock::now();
    for (at, begins) in [
        (now - 6 * MINUTE, "Signature expired: "),
        (now + 6 * MINUTE, "Signature not yet current: "),
    ] {
        let answer = gate.answer(gate.signed(&Signing { at, ..Signing::now() })).await;
        let opening = format!(r#"403 InvalidSignatureException {{"message": "{begins}"#);
        assert!(answer.starts_with(&opening), "{answer}");
    }
    for at in [now - 4 * MINUTE, now + 4 * MINUTE] {
        let answer = gate.answer(gate.signed(&Signing { at, ..Signing::now() })).await;
        assert_eq!(answer, "200 - served");
    }
    gate.front.change(|plan| plan.ahead = 10 * MINUTE).unwrap();
    let refused = gate.client.execute(gate.signed(&Signing::now())).await.unwrap();
    assert_eq!(refused.status(), 403);
    let says = refused.headers()["date"].to_str().unwrap();
    let at = jiff::fmt::rfc2822::parse(says).unwrap().timestamp();
    let ahead = clock::between(clock::now(), at);
    assert!((9 * MINUTE..=11 * MINUTE).contains(&ahead), "{says}");
    let answer = gate.answer(gate.signed(&Signing { at, ..Signing::now() })).await;
    assert_eq!(answer, "200 - served");
}
