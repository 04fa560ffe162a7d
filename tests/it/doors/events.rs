//! What doors are given and what they answer: requests, messages, and the batches of facts in them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use overtime_wire::{Batch, EpochMillis, FunctionKey, Incarnation, IncarnationId, Verdict};
use sandbox::clock;
use sandbox::door::{Door, Taken};
use serde_json::{Value, json};

use crate::facts;

/// Whose functions report.
pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn now() -> EpochMillis {
    EpochMillis(clock::now().as_millisecond())
}

/// What a door answered.
#[track_caller]
pub(super) fn answered(taken: Taken) -> Value {
    match taken {
        Taken::Answered(answer) => answer,
        Taken::Failed(_) | Taken::Ended(_) => panic!("{taken:?}"),
    }
}

pub(super) fn no_failures() -> Value {
    json!({ "batchItemFailures": [] })
}

/// What a door answered to a request: status and body.
pub(super) async fn post(ingest: &Door, event: Value) -> (u64, String) {
    let answer = answered(ingest.take(event).await.unwrap());
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    (answer["statusCode"].as_u64().unwrap(), body)
}

/// What a console's Function URL hands on.
pub(super) fn ask(path: &str) -> Value {
    let mut event = request(ACCOUNT, "", false);
    event["rawPath"] = json!(path);
    event["requestContext"]["http"] = json!({ "method": "GET", "path": path });
    event
}

/// A batch, as its sender's Function URL hands it on.
pub(super) fn sent(batch: &Batch) -> Value {
    request(ACCOUNT, &base64_of(&batch.encode()), true)
}

pub(super) fn base64_of(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A request as a Function URL with `AWS_IAM` hands it on, from a role of `account`.
pub(super) fn request(account: &str, body: &str, is_base64: bool) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/batches",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/x-protobuf",
            "host": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
        },
        "requestContext": {
            "accountId": "999988887777",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "authorizer": { "iam": {
                "accessKey": "ASIAEXAMPLE",
                "accountId": account,
                "callerId": "AROAEXAMPLEEXAMPLE000:orders",
                "cognitoIdentity": null,
                "principalOrgId": "o-a1b2c3d4e5",
                "userArn": format!("arn:aws:sts::{account}:assumed-role/orders-role/orders"),
                "userId": "AROAEXAMPLEEXAMPLE000:orders",
            } },
            "domainName": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
            "http": {
                "method": "POST",
                "path": "/v1/batches",
                "protocol": "HTTP/1.1",
                "sourceIp": "198.51.100.7",
                "userAgent": "overtime",
            },
            "requestId": "00000000-0000-4000-8000-000000000001",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_521_600_000_i64,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// A message of a queue, as a record of an event.
pub(super) fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:999988887777:queue",
        "awsRegion": "eu-west-1",
    })
}

/// One timeout of a function of [`ACCOUNT`], just now.
pub(super) fn timeout_of(name: &str) -> Batch {
    timeouts_of(name, now(), [1])
}

/// Timeouts of one environment of such a function, one of each ordinal.
pub(super) fn timeouts_of(
    name: &str,
    at: EpochMillis,
    ordinals: impl IntoIterator<Item = u32>,
) -> Batch {
    let verdicts = ordinals.into_iter().map(|ordinal| verdict(ordinal, at).encode());
    Batch {
        function: FunctionKey {
            account: ACCOUNT.parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: name.parse().unwrap(),
        },
        partition: "aws".parse().unwrap(),
        sent: at,
        incarnations: vec![Incarnation {
            id: IncarnationId([7; 16]),
            tallies: Vec::new(),
            verdicts: verdicts.collect(),
        }],
    }
}

/// One whose time is up as soon as it began: an alert is due at once.
fn verdict(ordinal: u32, at: EpochMillis) -> Verdict {
    Verdict { deadline: Some(at), detected: at, ..facts::verdict(ordinal, at) }
}
