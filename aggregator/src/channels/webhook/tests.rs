//! Signatures, held against a library that was not written here.

use reqwest::header::HeaderMap;
use standardwebhooks::Webhook as Verifier;

use super::{super::story::tests, *};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BEFORE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[expect(clippy::disallowed_methods, reason = "the verifier holds the timestamp against the clock")]
fn now() -> EpochMillis {
    EpochMillis(jiff::Timestamp::now().as_millisecond())
}

fn attempt(secrets: &[&str], format: WebhookFormat) -> Post {
    let secrets: Vec<Secret> = secrets.iter().map(|it| (*it).into()).collect();
    let url = "https://hooks.example/".parse().unwrap();
    post(&tests::ordinary(), (url, format), &Keys::new(&secrets).unwrap(), now())
}

fn verified(post: &Post, by: &str) -> bool {
    let headers: HeaderMap = post.headers.clone();
    Verifier::new(by).unwrap().verify(&post.body, &headers).is_ok()
}

#[test]
fn every_format_is_signed_alike() {
    for format in [WebhookFormat::Standard, WebhookFormat::Cloudevents, WebhookFormat::Alertmanager]
    {
        let post = attempt(&[SECRET], format);
        assert!(verified(&post, SECRET) && !verified(&post, BEFORE), "{format:?}");
        assert_eq!(post.headers["webhook-id"], tests::ordinary().id.as_str());
    }
    let event = attempt(&[SECRET], WebhookFormat::Cloudevents);
    assert!(event.content_type.starts_with("application/cloudevents+json"));
}

#[test]
fn while_a_key_is_changed_either_verifies() {
    let post = attempt(&[SECRET, BEFORE], WebhookFormat::Standard);
    assert!(verified(&post, SECRET) && verified(&post, BEFORE));
    let signatures = post.headers["webhook-signature"].to_str().unwrap();
    assert_eq!(signatures.split(' ').filter(|it| it.starts_with("v1,")).count(), 2);
}

#[test]
fn a_secret_that_cannot_be_right_signs_nothing() {
    for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%"] {
        let keys = Keys::new(&[Secret::from(text)]);
        assert!(matches!(keys.map(drop), Err(SecretError::Shape)), "{text}");
    }
}
