//! What must not stop a door.

use std::process::Command;

use sandbox::binaries;
use sandbox::door::Taken;
use serde_json::{Value, json};

use super::events::{
    ACCOUNT, answered, base64_of, message, no_failures, post, request, sent, timeout_of,
};
use super::saboteur::{Saboteur, Trick};
use super::stage::World;

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
    assert_eq!(post(&ingest, sent(&timeout_of("orders"))).await.0, 200);
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

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_and_messages_spoil_no_good_ones() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    assert_eq!(post(&ingest, sent(&timeout_of("orders"))).await.0, 200);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_evaluation_is_named_and_comes_again() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    for name in ["orders", "cursed"] {
        assert_eq!(post(&ingest, sent(&timeout_of(name))).await.0, 200);
    }
    let event = world.changes().await;
    let records = event["Records"].as_array().unwrap();
    let cursed = records.iter().find(|it| it.to_string().contains("#cursed#")).unwrap();
    let saboteur = Saboteur::before(world.endpoint()).await;
    saboteur.play(Trick::Refuse, "cursed");
    let tables = [("AWS_ENDPOINT_URL_DYNAMODB", saboteur.url())];
    let evaluate = world.open_with("evaluate", &tables).await;
    let answer = answered(evaluate.take(event.clone()).await.unwrap());
    let named = json!([{ "itemIdentifier": cursed["dynamodb"]["SequenceNumber"] }]);
    assert_eq!(answer["batchItemFailures"], named, "{:?}", evaluate.lines().await);
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);

    // Lambda brings all from there on again: done with the tables well, the rest changes nothing.
    saboteur.rest();
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
