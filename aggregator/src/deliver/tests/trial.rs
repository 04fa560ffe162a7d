//! A test of a channel tells whoever wanted it, soon, and nobody else.

use overtime_wire::EpochMillis;
use serde_json::json;

use super::stage::{self, Stage};
use crate::domain::notification::{Owed, trial};

/// Puts a test of the channel in, and says what it is called.
async fn tried(stage: &Stage, channel: &str) -> String {
    let configuration = stage.store().configuration_now().await.unwrap();
    let channel = &configuration.channel(&channel.parse().unwrap()).unwrap().value;
    let dispatch = trial::compose(channel, "anna", stage::clock(), 7);
    let id = dispatch.id();
    assert!(stage.store().enqueue(&Owed::to(dispatch, stage::clock()).into()).await.unwrap());
    id
}

#[tokio::test]
async fn a_test_that_does_not_arrive_is_given_up_soon_and_told_to_nobody_else() {
    let stage = Stage::open(|path| if path == "/ops" { 204 } else { 503 }).await;
    stage.configure("ops", &json!({})).await;
    stage.configure("team", &json!({ "fallback": "ops" })).await;
    let id = tried(&stage, "team").await;
    stage.drive(120_000).await;
    let delivery = stage.delivery(&id).await;
    assert_eq!((delivery.status.as_str(), delivery.attempts), ("dead", 3), "{delivery:?}");
    assert_eq!(stage.store().next_due().await.unwrap(), None::<EpochMillis>);
    assert_eq!(stage.arrived_at("/ops"), Vec::<String>::new());
}

#[tokio::test]
async fn a_test_arrives_whatever_is_silent_and_opens_nothing_that_stays() {
    let stage = Stage::open(|_| 204).await;
    stage.pagerduty("pager", "OVERTIME_SECRET_FIRST").await;
    let id = tried(&stage, "pager").await;
    stage.drive(1_000).await;
    assert_eq!(stage.delivery(&id).await.status, "delivered");
    let bodies = stage.bodies();
    let [opened, resolved] = &bodies[..] else { panic!("{bodies:#?}") };
    assert_eq!((stage::told(opened).0, stage::told(resolved).0), ("trigger", "resolve"));
    assert_eq!(stage::told(opened).1, stage::told(resolved).1);
    assert_eq!(opened["payload"]["severity"], "info");
    assert!(opened["payload"]["summary"].as_str().unwrap().starts_with("[TEST] "));
}
