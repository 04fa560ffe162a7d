//! The outbox against receivers on the loopback, in a time that tests move.

mod flood;
mod order;
mod stage;
mod trial;

use serde_json::json;

use self::stage::{Stage, told};
use super::*;
use crate::store::laboratory::at;

#[tokio::test]
async fn what_was_delivered_is_not_due_again() {
    let stage = Stage::open(|_| 204).await;
    stage.put_in("msg_e1_firing", 0).await;
    stage.put_in("msg_e2_firing", 0).await;
    assert_eq!(stage.once().await, None);
    assert_eq!(stage.arrived(), ["msg_e1_firing", "msg_e2_firing"]);
    let delivery = stage.delivery("msg_e1_firing").await;
    assert_eq!((delivery.status.as_str(), delivery.attempts), ("delivered", 1));
    let [record] = &delivery.records[..] else { panic!("{delivery:?}") };
    assert_eq!((record.status, record.account.as_str()), (Some(204), "204 No Content"));
}

#[tokio::test]
async fn a_failure_is_due_again_after_its_pause() {
    let stage = Stage::open(|_| 503).await;
    stage.put_in("msg_e1_firing", 0).await;
    let due = stage.once().await.unwrap();
    assert!((at(5_000)..=at(6_000)).contains(&due), "{due:?}");
    let delivery = stage.delivery("msg_e1_firing").await;
    assert_eq!(delivery.problem.as_deref(), Some("503 Service Unavailable"));
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let stage = Stage::open(|_| 410).await;
    stage.put_in("msg_e1_firing", 0).await;
    stage.once().await;
    stage.put_in("msg_e2_firing", 0).await;
    assert_eq!(stage.once().await, None);
    assert_eq!(stage.arrived().len(), 1);
    let problem = stage.delivery("msg_e2_firing").await.problem.unwrap();
    assert_eq!(problem, "channel environment is disabled");
}

#[tokio::test]
async fn a_configured_channel_that_is_gone_is_disabled_and_the_change_is_on_record() {
    let stage = Stage::open(|_| 410).await;
    stage.configure("team", &json!({ "rate_limit": 0 })).await;
    stage.put_in("msg_e1_firing_team", 0).await;
    stage.once().await;
    let configuration = stage.store().configuration_now().await.unwrap();
    let channel = &configuration.channel(&"team".parse().unwrap()).unwrap();
    assert!(!channel.value.enabled);
    assert_eq!(channel.updated_by, "overtime: it answered 410 Gone");
    stage.put_in("msg_e2_firing_team", 0).await;
    stage.once().await;
    assert_eq!(stage.arrived().len(), 1);
    assert_eq!(stage.delivery("msg_e2_firing_team").await.status, "suppressed");
}

#[tokio::test]
async fn a_channel_that_does_not_exist_is_no_error() {
    let stage = Stage::open(|_| 204).await;
    stage.put_in("msg_e1_firing_default", 0).await;
    assert_eq!(stage.once().await, None);
    let delivery = stage.delivery("msg_e1_firing_default").await;
    assert_eq!(delivery.status, "suppressed");
    assert_eq!(delivery.problem.as_deref(), Some("channel default does not exist"));
}

#[tokio::test]
async fn what_was_committed_before_a_crash_is_delivered_by_the_next_process() {
    let stage = Stage::open(|_| 204).await;
    stage.put_in("msg_e1_firing", 0).await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let until = async move { drop(stopped.wait_for(|it| *it).await) };
    // Nobody rings.
    let running = tokio::spawn(stage.deliverer.clone().run(Arc::default(), until));
    while stage.store().next_due().await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(stage.arrived(), ["msg_e1_firing"]);
}

#[tokio::test]
async fn an_attempt_that_died_is_made_again_under_the_same_id() {
    let stage = Stage::open(|_| 204).await;
    stage.put_in("msg_e1_firing", 0).await;
    // It was taken, and perhaps sent, and then there was nobody any more.
    stage.store().claim("msg_e1_firing", stage::clock(), LEASE).await.unwrap();
    assert_eq!(stage.once().await, Some(at(45_000)));
    assert_eq!(stage.arrived(), Vec::<String>::new());
    stage.drive(60_000).await;
    assert_eq!(stage.arrived(), ["msg_e1_firing"]);
}

#[tokio::test]
async fn what_one_channel_does_not_take_another_does_and_hears_why() {
    let stage = Stage::open(|path| if path == "/team" { 404 } else { 204 }).await;
    stage.configure("ops", &json!({})).await;
    stage.configure("team", &json!({ "fallback": "ops" })).await;
    stage.put_in("msg_e1_firing_team", 0).await;
    stage.put_in("msg_e2_firing_team", 10).await;
    stage.drive(10_000).await;
    let mut ops = stage.arrived_at("/ops");
    ops.sort();
    let failing = ops.iter().position(|it| it.starts_with("msg_failing-team-")).expect("a notice");
    ops.remove(failing);
    assert_eq!(ops, ["msg_e1_firing_ops", "msg_e2_firing_ops"], "and one notice an hour");
    let notice = stage.body_of("msg_failing-team-").unwrap();
    assert_eq!(notice["data"]["annotations"]["description"], "404 Not Found", "{notice:#}");
    assert_eq!(stage.delivery("msg_e1_firing_team").await.status, "dead");
}

#[tokio::test]
async fn a_channel_that_is_back_resolves_at_its_fallback_too() {
    let stage =
        Stage::open(|path| if path == "/team" && stage::clock() < at(200_000) { 503 } else { 204 });
    let stage = stage.await;
    stage.configure("ops", &json!({})).await;
    stage.configure("team", &json!({ "fallback": "ops" })).await;
    stage.put_in("msg_e1_firing_team", 0).await;
    stage.put_in("msg_e1_resolved_team", 60_000).await;
    // Two and a half minutes in, somebody else is told; five minutes later it is taken.
    stage.drive(190_000).await;
    let ops = stage.arrived_at("/ops");
    assert!(ops.contains(&"msg_e1_firing_ops".to_owned()), "{ops:?}");
    stage.drive(3_600_000).await;
    assert_eq!(stage.taken_at("/team"), ["msg_e1_firing_team", "msg_e1_resolved_team"]);
    assert_eq!(stage.arrived_at("/ops").last().map(String::as_str), Some("msg_e1_resolved_ops"));
}

#[tokio::test]
async fn an_incident_is_resolved_by_the_key_that_opened_it() {
    let stage = Stage::open(|_| 202).await;
    stage.pagerduty("pager", "OVERTIME_SECRET_FIRST").await;
    stage.put_in("msg_e1_firing_pager", 0).await;
    stage.once().await;
    stage.pagerduty("pager", "OVERTIME_SECRET_SECOND").await;
    stage.put_in("msg_e1_resolved_pager", 0).await;
    stage.put_in("msg_e2_firing_pager", 0).await;
    stage.once().await;
    let bodies = stage.bodies();
    let event = |episode: &str, action: &str| {
        let it = bodies.iter().find(|it| {
            it["event_action"] == action && it["dedup_key"] == format!("overtime-{episode}")
        });
        it.unwrap()["routing_key"].as_str().unwrap().to_owned()
    };
    assert_eq!(event("e1", "trigger"), event("e1", "resolve"));
    assert_ne!(event("e1", "trigger"), event("e2", "trigger"));
    assert_eq!(told(&bodies[0]), ("trigger", "overtime-e1"));
    let kept = stage.delivery("msg_e1_firing_pager").await;
    assert!(!format!("{kept:?}").contains(&event("e1", "trigger")), "a key is in the table");
}
