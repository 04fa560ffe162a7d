//! What only some doors do, under the permissions that the deployment gives them: the console changes the configuration, and
//! deliver a channel that is gone.

use axum::http::StatusCode;
use overtime_wire::Batch;
use sandbox::door::Door;
use sandbox::inbox::Answer;
use serde_json::{Value, json};

use super::events::{answered, ask, no_failures, timeout_of};
use super::stage::{PATIENCE, World};

/// What the console answers to somebody who changes something.
async fn change(console: &Door, (method, path): (&str, &str), body: Value) -> Value {
    let mut event = ask(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"]["content-type"] = json!("application/json");
    event["headers"]["if-match"] = json!("*");
    if method == "POST" {
        event["headers"].as_object_mut().unwrap().remove("if-match");
    }
    event["body"] = json!(if body.is_null() { String::new() } else { body.to_string() });
    let answer = answered(console.take(event).await.unwrap());
    let status = answer["statusCode"].as_u64().unwrap();
    assert!((200..300).contains(&status), "{method} {path}: {answer} {:?}", console.lines().await);
    serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default()
}

/// Has something told, from the stream to the receiver.
async fn told(world: &World, batch: &Batch, deliver: &Door) {
    world.record(batch).await;
    let evaluate = world.open("evaluate").await;
    let answer = answered(evaluate.take(world.changes().await).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", evaluate.lines().await);
    let messages = world.queues.receive(&world.deliver).await.unwrap();
    assert!(!messages.is_empty(), "{:?}", evaluate.lines().await);
    let answer = answered(deliver.take(messages.event.clone()).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", deliver.lines().await);
    world.queues.settle(&world.deliver, &messages, &answer).await.unwrap();
}

/// Has what the console has queued delivered, and says how many messages that were.
async fn delivered(world: &World, deliver: &Door) -> usize {
    let messages = world.queues.receive(&world.deliver).await.unwrap();
    if messages.is_empty() {
        return 0;
    }
    let answer = answered(deliver.take(messages.event.clone()).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", deliver.lines().await);
    world.queues.settle(&world.deliver, &messages, &answer).await.unwrap();
    messages.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tested_or_sent_again_by_hand_waits_for_no_sweep() {
    let world = World::start().await;
    let console = world.open("console").await;
    let secret = [("OVERTIME_SECRET_HOOK", "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl")];
    let deliver = world.open_with("deliver", &secret).await;
    let kind =
        json!({ "webhook": { "url": world.inbox.url(), "secret": "env:OVERTIME_SECRET_HOOK" } });
    let channel = json!({ "id": "team", "name": "Team", "kind": kind });
    change(&console, ("POST", "/api/v1/channels"), channel).await;

    let tested = change(&console, ("POST", "/api/v1/channels/team/test"), Value::Null).await;
    assert_eq!(delivered(&world, &deliver).await, 1, "{:?}", console.lines().await);
    assert!(world.inbox.until(1, PATIENCE).await, "{:?}", deliver.lines().await);

    let replay = format!("{}/replay", tested["url"].as_str().unwrap());
    change(&console, ("POST", &replay), Value::Null).await;
    assert_eq!(delivered(&world, &deliver).await, 1, "{:?}", console.lines().await);
    assert!(world.inbox.until(2, PATIENCE).await, "{:?}", deliver.lines().await);

    // Without the queue it is written down all the same, and the sweep finds it.
    let nowhere = world.nowhere();
    let alone = [("OVERTIME_DELIVER_QUEUE_URL", nowhere.as_str())];
    let console = world.open_with("console", &alone).await;
    change(&console, ("POST", "/api/v1/channels/team/test"), Value::Null).await;
    assert_eq!(delivered(&world, &deliver).await, 0);
    let sweep = world.open("sweep").await;
    assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
    assert_eq!(delivered(&world, &deliver).await, 1, "{:?}", sweep.lines().await);
    assert!(world.inbox.until(3, PATIENCE).await, "{:?}", deliver.lines().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_may_change_the_configuration_and_deliver_disable_a_channel() {
    let world = World::start().await;
    let sweep = world.open("sweep").await;
    assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
    let console = world.open("console").await;
    let kind =
        json!({ "webhook": { "url": world.inbox.url(), "secret": "env:OVERTIME_SECRET_HOOK" } });
    let channel = json!({ "id": "team", "name": "Team", "kind": kind });
    change(&console, ("POST", "/api/v1/channels"), channel).await;
    let subscription = json!({
        "id": "any", "name": "Any", "condition": { "any_timeout": {} },
        "group_wait": "0s", "channels": ["team"],
    });
    change(&console, ("POST", "/api/v1/subscriptions"), subscription).await;

    // The environment's webhook, which World names, and the channel are the same inbox; both hear that it is gone.
    for _ in 0..2 {
        world.inbox.answer_next(Answer::Status(StatusCode::GONE));
    }
    let secret = [("OVERTIME_SECRET_HOOK", "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl")];
    let deliver = world.open_with("deliver", &secret).await;
    told(&world, &timeout_of("orders"), &deliver).await;
    assert!(world.inbox.until(1, PATIENCE).await, "{:?}", deliver.lines().await);
    let channel = change(&console, ("GET", "/api/v1/channels/team"), Value::Null).await;
    assert_eq!(channel["value"]["enabled"], false, "{channel} {:?}", deliver.lines().await);

    change(&console, ("DELETE", "/api/v1/subscriptions/any"), Value::Null).await;
}
