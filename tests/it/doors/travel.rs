//! One timeout, all the way through the doors.

use std::path::Path;
use std::time::Duration;

use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries};
use serde_json::{Value, json};

use super::events::{answered, ask, no_failures};
use super::stage::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_reaches_the_receiver_through_every_door() {
    let world = World::start().await;
    travel(&world, binaries::extension().unwrap(), Duration::from_millis(500)).await;
}

/// From a function that overruns its timeout beside this extension to the receiver of its alert and to the console.
pub(super) async fn travel(world: &World, extension: &Path, timeout: Duration) {
    let request_id = reported(world, extension, timeout).await;
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
    for said in [&*request_id, "https://overtime.example/"] {
        assert!(message.to_string().contains(said), "{said} is missing from {message}");
    }

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
    assert_eq!(page["items"][0]["request_id"], request_id, "{page}");
    let answer = answered(console.take(ask("/")).await.unwrap());
    assert!(answer["body"].as_str().unwrap().contains("orders"), "{answer}");
    assert_eq!(answer["isBase64Encoded"], false);
}

/// Has a function overrun, and its extension report that by signed requests to ingest's Function URL. Gives the request's id.
async fn reported(world: &World, extension: &Path, timeout: Duration) -> String {
    let ingest = world.open("ingest").await;
    let endpoint = ingest.endpoint().await.unwrap();
    let function = Function::named("orders").timeout(timeout);
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", extension)
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
    ended.request_id
}
