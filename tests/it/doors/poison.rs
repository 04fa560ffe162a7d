//! What must not get in, and what must not stop a door.

use std::process::Command;
use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use overtime_wire::EpochMillis;
use sandbox::door::{Door, Taken};
use sandbox::{binaries, clock, http};
use serde_json::{Value, json};

use super::stage::{ACCOUNT, World, answered, no_failures, request, timeout_of};
use super::travel::base64_of;

async fn post(ingest: &Door, event: Value) -> (u64, String) {
    let answer = answered(ingest.take(event).await.unwrap());
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    (answer["statusCode"].as_u64().unwrap(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_for_another_account_or_without_one() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let body = base64_of(&timeout_of("orders").encode());

    let forged = post(&ingest, request("444455556666", &body, true)).await;
    let problem = "account 444455556666 may not send facts of account 111122223333";
    assert!(forged.0 == 403 && forged.1.contains(problem), "{forged:?}");

    let mut direct = request(ACCOUNT, &body, true);
    direct["requestContext"].as_object_mut().unwrap().remove("authorizer");
    let direct = post(&ingest, direct).await;
    assert!(direct.0 == 403 && direct.1.contains("no IAM context"), "{direct:?}");

    let mut stranger = request(ACCOUNT, &body, true);
    let iam = &mut stranger["requestContext"]["authorizer"]["iam"];
    iam["userArn"] = json!("arn:aws:sts::444455556666:assumed-role/orders-role/orders");
    assert_eq!(post(&ingest, stranger).await.0, 403);

    let mut elsewhere = request(ACCOUNT, &body, true);
    let iam = &mut elsewhere["requestContext"]["authorizer"]["iam"];
    iam["userArn"] = json!(format!("arn:aws-cn:sts::{ACCOUNT}:assumed-role/orders-role/orders"));
    let elsewhere = post(&ingest, elsewhere).await;
    assert!(elsewhere.0 == 403 && elsewhere.1.contains("partition"), "{elsewhere:?}");

    assert_eq!(world.changes().await["Records"], json!([]));
    let now = EpochMillis(clock::now().as_millisecond());
    let counted = world.store.rejections(now, now).await.unwrap();
    let counted: Vec<String> = counted
        .iter()
        .map(|(what, times)| format!("{} {} {times}", what.reason.as_str(), what.caller))
        .collect();
    assert_eq!(
        counted,
        ["account 111122223333 1", "account 444455556666 1", "unauthenticated unknown 2"]
    );

    // The console lets in whom an authorizer has let in, of whatever kind.
    let console = world.open("console").await;
    let mut open = request(ACCOUNT, "", false);
    open["rawPath"] = json!("/healthz");
    open["requestContext"]["http"]["method"] = json!("GET");
    let mut signed_in = open.clone();
    signed_in["requestContext"]["authorizer"] = json!({ "jwt": { "claims": { "sub": "a" } } });
    open["requestContext"].as_object_mut().unwrap().remove("authorizer");
    assert_eq!(post(&console, open).await.0, 403);
    assert_eq!(post(&console, signed_in).await, (200, "ok\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_is_answered_and_the_door_stays_open() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let pid = ingest.pid().await;
    let huge = base64_of(&vec![7; 2 << 20]);
    for (event, status) in [
        (json!(null), 403),
        (json!([1, 2]), 403),
        (json!({ "Records": [] }), 403),
        (json!({ "requestContext": { "authorizer": { "iam": 7 } } }), 403),
        (request(ACCOUNT, "%%%", true), 400),
        (request(ACCOUNT, "not protobuf", false), 400),
        (request(ACCOUNT, &huge, true), 413),
    ] {
        let answer = post(&ingest, event.clone()).await;
        let shown: String = event.to_string().chars().take(80).collect();
        assert_eq!(answer.0, status, "{shown}: {answer:?}");
    }
    let body = base64_of(&timeout_of("orders").encode());
    assert_eq!(post(&ingest, request(ACCOUNT, &body, true)).await.0, 200);
    assert_eq!(ingest.pid().await, pid, "the same process has answered all of them");

    for door in ["evaluate", "deliver"] {
        let open = world.open(door).await;
        let pid = open.pid().await;
        for event in [json!(null), json!({}), json!({ "Records": 7 })] {
            let taken = open.take(event).await.unwrap();
            let Taken::Failed(error) = taken else { panic!("{door}: {taken:?}") };
            assert!(error.to_string().contains("right trigger"), "{door}: {error}");
        }
        let failures: Vec<Value> = open.lines().await;
        let failures = failures.iter().filter(|it| it["level"] == "ERROR");
        assert_eq!(failures.count(), 3, "one line each: {:?}", open.lines().await);
        assert_eq!(open.pid().await, pid);
    }
}

fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:999988887777:deliver",
        "awsRegion": "eu-west-1",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_and_messages_spoil_no_good_ones() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let body = base64_of(&timeout_of("orders").encode());
    assert_eq!(post(&ingest, request(ACCOUNT, &body, true)).await.0, 200);
    let mut event = world.changes().await;
    let records = event["Records"].as_array_mut().unwrap();
    let (mut other_table, mut other_key) = (records[0].clone(), records[0].clone());
    other_table["eventSourceARN"] =
        json!("arn:aws:dynamodb:eu-west-1:999988887777:table/orders/stream/2026");
    other_key["dynamodb"]["Keys"]["pk"] = json!({ "S": "not ours" });
    let mut expired = records[0].clone();
    expired["eventName"] = json!("REMOVE");
    for strange in [json!(null), json!("x"), json!({}), other_table, other_key, expired] {
        records.insert(0, strange);
    }
    let evaluate = world.open("evaluate").await;
    assert_eq!(answered(evaluate.take(event).await.unwrap()), no_failures());
    let passed_over: Vec<Value> = evaluate.lines().await;
    let passed_over = passed_over.iter().filter(|it| it["level"] == "ERROR");
    assert_eq!(passed_over.count(), 5, "{:?}", evaluate.lines().await);

    let messages = world.queues.receive(&world.deliver).await.unwrap();
    let [good] = messages.event["Records"].as_array().unwrap().as_slice() else {
        panic!("{messages:?}")
    };
    let deliver = world.open("deliver").await;
    let batch = json!({ "Records": [
        message("bad-1", "no json"),
        good,
        message("bad-2", "{}"),
        message("unknown", r#"{"id":"msg_that_never_was"}"#),
    ] });
    let answer = answered(deliver.take(batch).await.unwrap());
    let named = json!([{ "itemIdentifier": "bad-1" }, { "itemIdentifier": "bad-2" }]);
    assert_eq!(answer["batchItemFailures"], named, "{:?}", deliver.lines().await);
    assert_eq!(world.inbox.deliveries().len(), 1);
    assert!(!format!("{:?}", deliver.lines().await).contains("whsec"), "no secret in the log");
}

/// Passes requests on, but for those that name a function that it does not like.
async fn sabotaged(engine: String, name: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::new((engine, http::client().unwrap(), name));
    let router = Router::new().fallback(pass).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn pass(
    State(to): State<Arc<(String, reqwest::Client, &'static str)>>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    if String::from_utf8_lossy(&body).contains(to.2) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response();
    }
    let passed = to.1.post(&to.0).headers(head.headers).body(body).send().await.unwrap();
    let (status, headers) = (passed.status(), passed.headers().clone());
    (status, headers, passed.bytes().await.unwrap()).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_evaluation_is_named_and_comes_again() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    for name in ["orders", "cursed"] {
        let body = base64_of(&timeout_of(name).encode());
        assert_eq!(post(&ingest, request(ACCOUNT, &body, true)).await.0, 200);
    }
    let event = world.changes().await;
    let records = event["Records"].as_array().unwrap();
    let cursed = records.iter().find(|it| it.to_string().contains("#cursed#")).unwrap();
    let bad = sabotaged(world.endpoint(), "cursed").await;
    let evaluate = world.open_with("evaluate", &[("AWS_ENDPOINT_URL_DYNAMODB", &bad)]).await;
    let answer = answered(evaluate.take(event.clone()).await.unwrap());
    let named = json!([{ "itemIdentifier": cursed["dynamodb"]["SequenceNumber"] }]);
    assert_eq!(answer["batchItemFailures"], named, "{:?}", evaluate.lines().await);
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);

    // Lambda brings all from there on again: done with the tables well, the rest changes nothing.
    let evaluate = world.open("evaluate").await;
    assert_eq!(answered(evaluate.take(event).await.unwrap()), no_failures());
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);
}

#[test]
fn a_door_without_a_name_says_what_it_wants_in_one_line() {
    let overtime = binaries::overtime().unwrap();
    let said = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = Command::new(overtime);
        let output = command.args(arguments).env_clear().envs(settings.iter().copied()).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let here = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
    assert_eq!(
        said(&[], &[here]),
        "overtime: OVERTIME_DOOR is not set: it is ingest, evaluate, deliver, sweep or console\n"
    );
    assert_eq!(
        said(&[], &[here, ("OVERTIME_DOOR", "sweep")]),
        "overtime: OVERTIME_DELIVER_QUEUE_URL is not set\n"
    );
    let elsewhere = said(&["door"], &[("OVERTIME_DOOR", "ingest")]);
    assert!(elsewhere.starts_with("overtime: AWS_LAMBDA_RUNTIME_API is not set"), "{elsewhere}");
    assert_eq!(elsewhere.lines().count(), 1);
}
