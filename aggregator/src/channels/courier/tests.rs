//! A message on its way to every kind of channel that HTTP reaches.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::domain::{
    configuration::{Entity, Kind},
    delivery::Reply,
};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: Value,
}

type Log = Arc<Mutex<Vec<Seen>>>;

async fn keep(State(log): State<Log>, request: Request) -> (StatusCode, &'static str) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    log.lock().unwrap().push(Seen { path, headers: head.headers, body });
    (StatusCode::OK, "ok, token-of-ours")
}

fn secrets(name: &str) -> Option<String> {
    match name {
        "OVERTIME_SECRET_HOOK" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        "OVERTIME_SECRET_KEY" => Some("token-of-ours".to_owned()),
        name => name
            .strip_prefix("OVERTIME_SECRET_AT_")
            .map(|it| format!("http://127.0.0.1:{it}/slack")),
    }
}

/// Sends one message to a channel of a kind, which is made for a receiver's port.
async fn send(kind: impl Fn(u16) -> Value, data: Value) -> (Sent, Vec<Seen>) {
    let log = Log::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(keep).with_state(Arc::clone(&log));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let value = json!({ "id": "team", "name": "Team", "kind": kind(port) });
    let Entity::Channel(channel) = Kind::Channel.read(&value, None).unwrap() else { panic!() };
    let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
    let courier = Courier::new(poster, Vault::new(Arc::new(secrets), None));
    let parcel = Parcel { id: "msg_e1_firing_team", at: NOW, data: &data, pin: None };
    let sent = courier.send(&channel, parcel, NOW).await;
    let seen = log.lock().unwrap().clone();
    (sent, seen)
}

fn firing() -> Value {
    json!({
        "status": "firing", "transition": "firing", "alert": { "episode": "e1" },
        "subscription": { "id": "rate", "name": "Rate", "severity": "error" },
        "annotations": { "summary": "orders timed out" },
    })
}

fn test() -> Value {
    json!({
        "status": "firing", "transition": "test", "test": true, "alert": { "episode": "e1" },
        "annotations": { "summary": "orders timed out" },
    })
}

#[tokio::test]
async fn a_slack_message_goes_to_the_url_that_is_its_secret() {
    let kind = |port| json!({ "slack": { "url": format!("env:OVERTIME_SECRET_AT_{port}") } });
    let (sent, seen) = send(kind, firing()).await;
    assert_eq!(sent.attempt.reply, Reply::Status { code: 200, retry_after: None });
    assert_eq!(seen[0].path, "/slack");
    assert_eq!(seen[0].body["text"], "🔴 orders timed out");
}

#[tokio::test]
async fn a_test_at_pagerduty_opens_and_closes() {
    let kind = |port| {
        let endpoint = format!("http://127.0.0.1:{port}/v2/enqueue");
        json!({ "pagerduty": { "routing_key": "env:OVERTIME_SECRET_KEY", "endpoint": endpoint } })
    };
    let (sent, seen) = send(kind, test()).await;
    let told: Vec<_> = seen.iter().map(|it| it.body["event_action"].as_str().unwrap()).collect();
    assert_eq!((told, sent.pin), (vec!["trigger", "resolve"], None));
    assert_eq!(seen[0].body["payload"]["severity"], "info");
    assert_eq!(seen[0].body["payload"]["summary"], "[TEST] orders timed out");
    let (sent, seen) = send(kind, firing()).await;
    assert_eq!(seen.len(), 1);
    assert!(sent.pin.unwrap().ends_with("/v2/enqueue env:OVERTIME_SECRET_KEY"));
}

#[tokio::test]
async fn an_alertmanager_is_told_who_asks() {
    let basic = |port| {
        let password = "env:OVERTIME_SECRET_KEY";
        let basic = json!({ "username": "overtime", "password": password });
        json!({ "alertmanager": { "url": format!("http://127.0.0.1:{port}/am/"), "basic": basic } })
    };
    let (_, seen) = send(basic, firing()).await;
    assert_eq!(seen[0].path, "/am/api/v2/alerts");
    assert_eq!(seen[0].headers["authorization"], "Basic b3ZlcnRpbWU6dG9rZW4tb2Ytb3Vycw==");
    assert_eq!(seen[0].body[0]["labels"]["alertname"], "rate");
    let bearer = |port| {
        let url = format!("http://127.0.0.1:{port}");
        json!({ "alertmanager": { "url": url, "bearer": "env:OVERTIME_SECRET_KEY" } })
    };
    let (_, seen) = send(bearer, firing()).await;
    assert_eq!(seen[0].headers["authorization"], "Bearer token-of-ours");
}

#[tokio::test]
async fn a_secret_that_a_receiver_repeats_is_not_written_down() {
    let bearer = |port| {
        let url = format!("http://127.0.0.1:{port}");
        json!({ "alertmanager": { "url": url, "bearer": "env:OVERTIME_SECRET_KEY" } })
    };
    let (sent, _) = send(bearer, firing()).await;
    assert_eq!(sent.attempt.account, "200 OK: ok, ***");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named_and_nothing_is_sent() {
    let kind = |_| json!({ "slack": { "url": "env:OVERTIME_SECRET_MISSING" } });
    let (sent, seen) = send(kind, firing()).await;
    assert_eq!(sent.attempt.reply, Reply::Forbidden);
    let account = sent.attempt.account;
    assert_eq!(account, "url refers to variable OVERTIME_SECRET_MISSING, which is not set");
    assert!(seen.is_empty());
}

#[tokio::test]
async fn without_aws_settings_a_topic_says_so() {
    let kind = |_| json!({ "sns": { "topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts" } });
    let (sent, _) = send(kind, firing()).await;
    assert!(sent.attempt.account.starts_with("there are no AWS settings"), "{sent:?}");
}
