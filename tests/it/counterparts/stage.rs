//! A message on its way, as the deliver door sends it.

use std::sync::Arc;

use overtime::channels::{
    aws::{Aws, AwsSettings},
    courier::{Courier, Parcel, Sent},
    parameters::Parameters,
    post::Poster,
    secret::{Lookup, Vault},
};
use overtime::domain::configuration::{Channel, Entity, Kind};
use overtime::domain::delivery::Reply;
use overtime_wire::EpochMillis;
use sandbox::clock;
use serde_json::{Value, json};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const BEFORE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub(super) fn now() -> EpochMillis {
    EpochMillis(clock::now().as_millisecond())
}

fn secrets() -> Lookup {
    Arc::new(|name: &str| match name {
        "OVERTIME_SECRET_NOW" => Some(SECRET.to_owned()),
        "OVERTIME_SECRET_BEFORE" => Some(BEFORE.to_owned()),
        _ => None,
    })
}

/// Sends to loopback; to AWS by `settings`, where there are any.
pub(super) fn courier(settings: Option<AwsSettings>) -> Courier {
    let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
    let parameters =
        settings.clone().map(|it| Parameters::new(it, Arc::new(|_: &str| None), now).unwrap());
    Courier::new(poster, Vault::new(secrets(), parameters)).with_aws(settings.map(Aws::new))
}

pub(super) fn channel(kind: &Value) -> Channel {
    let value = json!({ "id": "team", "name": "Team", "kind": kind });
    match Kind::Channel.read(&value, None).unwrap() {
        Entity::Channel(channel) => channel,
        other @ (Entity::Subscription(_) | Entity::Silence(_)) => panic!("{other:?}"),
    }
}

/// The payload of one transition of one episode.
pub(super) fn payload(transition: &str, at: &str) -> Value {
    let resolved = transition == "resolved";
    json!({
        "schema": "1",
        "status": if resolved { "resolved" } else { "firing" },
        "transition": transition,
        "test": false,
        "alert": {
            "fingerprint": "993e71402475d17bc38104c4f00a8d15", "episode": "e1",
            "starts_at": at, "ends_at": if resolved { json!(at) } else { Value::Null },
            "url": "https://overtime.example/functions/111122223333/eu-west-1/orders",
        },
        "subscription": {
            "id": "timeout-rate", "name": "Timeout rate", "severity": "error",
            "condition": { "timeout_rate": { "percent": 5 } },
        },
        "group": { "account": "111122223333", "region": "eu-west-1", "function": "orders" },
        "labels": { "team": "payments" },
        "annotations": { "summary": "orders timed out \"twice\" – größer", "description": "3 of 40" },
        "stats": { "timeouts": 3, "invocations": 40 },
        "functions": [{
            "cloud.account.id": "111122223333", "cloud.region": "eu-west-1", "faas.name": "orders",
            "cloud.resource_id": "arn:aws:lambda:eu-west-1:111122223333:function:orders", "timeouts": 3,
        }],
    })
}

/// Sends one message, which must be taken.
pub(super) async fn send(courier: &Courier, channel: &Channel, id: &str, data: &Value) {
    let parcel = Parcel { id, at: now(), data, pin: None };
    let Sent { attempt, .. } = courier.send(channel, parcel, now()).await;
    let taken = matches!(attempt.reply, Reply::Status { code: 200..=299, .. });
    assert!(taken, "{attempt:?}");
}
