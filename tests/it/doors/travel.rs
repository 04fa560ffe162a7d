//! One timeout, all the way through the doors.

use std::time::Duration;

use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries};
use serde_json::{Value, json};

use super::stage::{PATIENCE, World, answered, no_failures, request, timeout_of};
use crate::doors::stage::ACCOUNT;

/// What a console's Function URL hands on.
fn ask(path: &str) -> Value {
    let mut event = request(ACCOUNT, "", false);
    event["rawPath"] = json!(path);
    event["requestContext"]["http"] = json!({ "method": "GET", "path": path });
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_reaches_the_receiver_through_every_door() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let endpoint = ingest.endpoint().await.unwrap();

    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_FLUSH_INTERVAL", "0s")
        .variable("OVERTIME_SIGNING_REGION", "eu-west-1");
    let plan = Plan::to(Upstream::Events(endpoint.url.clone())).caller(Caller::of(&spec));
    let front = Front::start(plan).await.unwrap();
    let spec = spec.variable("OVERTIME_URL", front.url());
    let mut environment = Environment::start(spec).await.unwrap();
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    environment.spin_down().await;
    let verdicts = front.verdicts();
    assert!(
        !verdicts.is_empty() && verdicts.iter().all(|it| it.status == 200),
        "{verdicts:?} {:?}",
        ingest.lines().await
    );

    let changes = world.changes().await;
    assert!(!changes["Records"].as_array().unwrap().is_empty());
    let evaluate = world.open("evaluate").await;
    for time in ["first", "again"] {
        let answer = answered(evaluate.take(changes.clone()).await.unwrap());
        assert_eq!(answer, no_failures(), "{time}: {:?}", evaluate.lines().await);
    }

    let deliver = world.open("deliver").await;
    let messages = world.queues.receive(&world.deliver).await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?} {:?}", evaluate.lines().await);
    let answer = answered(deliver.take(messages.event.clone()).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", deliver.lines().await);
    world.queues.settle(&world.deliver, &messages, &answer).await.unwrap();
    assert!(world.inbox.until(1, PATIENCE).await, "{:?}", deliver.lines().await);
    let message = world.inbox.deliveries()[0].json();
    assert_eq!(message["data"]["samples"][0]["faas.invocation_id"], ended.request_id);
    assert!(message.to_string().contains("https://overtime.example/functions/"), "{message}");

    // A message that comes twice, and a sweep after it, send nothing twice.
    assert_eq!(answered(deliver.take(messages.event).await.unwrap()), no_failures());
    let sweep = world.open("sweep").await;
    let schedule = json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event" });
    assert_eq!(answered(sweep.take(schedule).await.unwrap()), Value::Null);
    assert!(world.queues.receive(&world.deliver).await.unwrap().is_empty());
    assert_eq!(world.inbox.deliveries().len(), 1);

    let console = world.open("console").await;
    let answer = answered(console.take(ask("/api/v1/timeouts")).await.unwrap());
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let page: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(page["items"][0]["request_id"], ended.request_id, "{page}");
    let answer = answered(console.take(ask("/")).await.unwrap());
    assert!(answer["body"].as_str().unwrap().contains("orders"), "{answer}");
    assert_eq!(answer["isBase64Encoded"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_never_queued_is_found_by_the_sweep() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let body = base64_of(&timeout_of("ledger").encode());
    let answer = answered(ingest.take(request(ACCOUNT, &body, true)).await.unwrap());
    assert_eq!(answer["statusCode"], 200, "{answer} {:?}", ingest.lines().await);
    let nowhere = format!("{}/123456789012/none", world.queues.url());
    let evaluate = world.open_with("evaluate", &[("OVERTIME_DELIVER_QUEUE_URL", &nowhere)]).await;
    let answer = answered(evaluate.take(world.changes().await).await.unwrap());
    assert_eq!(answer, no_failures());
    let lines = evaluate.lines().await;
    let warned = lines.iter().find(|it| it["level"] == "WARN").unwrap();
    assert_eq!(warned["message"], "messages were not queued, and wait for the sweep", "{lines:?}");
    assert!(warned["requestId"].is_string() && warned["door"] == "evaluate", "{warned}");

    let sweep = world.open("sweep").await;
    assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);
}

pub(super) fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}
