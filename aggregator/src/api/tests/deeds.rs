//! What is done by hand: a channel is tried, a message is sent again, a draft is played, each with an author where it leaves a trace.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::desk::{Desk, clock};
use crate::{
    domain::delivery::record::Record,
    store::{
        laboratory::{tally, verdict},
        outbox::entry::{Claimed, Ending, Settlement},
    },
};

const LEASE: std::time::Duration = std::time::Duration::from_secs(30);

/// Gives a message up, as deliver does.
async fn give_up(desk: &Desk, id: &str) {
    let Claimed::Yours(claim) = desk.store.claim(id, clock(), LEASE).await.unwrap() else {
        panic!("{id} is not due")
    };
    let ending = Ending::Dead { at: clock(), problem: "rejected: 404".to_owned() };
    let record = Some(Record::new(clock(), Some(404), 3, "404 Not Found"));
    assert!(desk.store.settle(&claim, Settlement { ending, record }).await.unwrap());
}

async fn last_deed(desk: &Desk) -> Value {
    desk.get("/api/v1/audit?limit=1").await.json()["items"][0].clone()
}

#[tokio::test]
async fn what_was_given_up_is_sent_again_on_somebodys_word() {
    let desk = Desk::watched().await;
    desk.tell("orders", &tally(1, 20), &[verdict(1, 10_000)]).await;
    let all = desk.get("/api/v1/deliveries").await.json();
    let id = all["items"][0]["id"].as_str().unwrap();
    let replay = format!("/api/v1/deliveries/{id}/replay");
    let busy = desk.post(&replay, &Value::Null).await;
    assert_eq!(busy.status, StatusCode::CONFLICT, "it is on its way: {}", busy.body);
    give_up(&desk, id).await;
    let given_up = desk.get(&format!("/api/v1/deliveries/{id}")).await.json();
    assert_eq!(given_up["delivery"]["log"][0]["status"], 404, "{given_up:#}");
    assert_eq!(given_up["delivery"]["problem"], "rejected: 404");

    let again = desk.post(&replay, &Value::Null).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.body);
    let shown = again.json();
    assert_eq!(shown["delivery"]["status"], "waiting", "{shown:#}");
    assert_eq!(shown["delivery"]["attempts"], 0);
    let deed = last_deed(&desk).await;
    assert_eq!((&deed["action"], &deed["by"]), (&json!("replayed"), &json!("local")), "{deed:#}");
    assert_eq!((&deed["kind"], &deed["id"]), (&json!("delivery"), &json!(id)));
    assert_eq!(deed["before"]["status"], "dead");
    let none = desk.post("/api/v1/deliveries/msg_none/replay", &Value::Null).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_channel_is_tried_and_the_answer_leads_to_what_becomes_of_it() {
    let desk = Desk::watched().await;
    let test = "/api/v1/channels/environment/test";
    let tried = desk.post(test, &Value::Null).await;
    assert_eq!(tried.status, StatusCode::ACCEPTED, "{}", tried.body);
    let answer = tried.json();
    assert_eq!(tried.headers["location"], answer["url"].as_str().unwrap());
    let shown = desk.get(answer["url"].as_str().unwrap()).await.json();
    let (delivery, said) = (&shown["delivery"], &shown["notification"]);
    assert_eq!((&delivery["id"], &delivery["test"]), (&answer["delivery"], &json!(true)));
    assert_eq!((&delivery["transition"], &said["transition"]), (&json!("test"), &json!("test")));
    assert!(delivery["summary"].as_str().unwrap().starts_with("[TEST] "), "{shown:#}");
    let deed = last_deed(&desk).await;
    assert_eq!((&deed["action"], &deed["kind"]), (&json!("tested"), &json!("channel")));
    assert_eq!(deed["after"]["delivery"], answer["delivery"]);
    let none = desk.post("/api/v1/channels/nobody/test", &Value::Null).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let off = json!({"id": "off", "name": "Off", "enabled": false, "kind": {"eventbridge": {"bus": "default"}}});
    assert_eq!(desk.post("/api/v1/channels", &off).await.status, StatusCode::CREATED);
    let disabled = desk.post("/api/v1/channels/off/test", &Value::Null).await;
    assert_eq!(disabled.status, StatusCode::CONFLICT, "{}", disabled.body);
}

fn draft(condition: &Value) -> Value {
    json!({"id": "draft", "name": "Draft", "condition": condition, "scope": {"functions": ["o*"]}})
}

#[tokio::test]
async fn a_draft_says_what_it_would_have_told() {
    let desk = Desk::watched().await;
    for name in ["orders", "basket"] {
        desk.tell(name, &tally(1, 20), &[verdict(1, 10_000), verdict(2, 20_000)]).await;
    }
    let preview = "/api/v1/subscriptions/preview";
    let any = draft(&json!({"any_timeout": {}}));
    let shown = desk.post(preview, &any).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let shown = shown.json();
    assert_eq!(shown["summary"], "would have fired 1 time for 1 function in the last 7 days");
    let opening = &shown["items"][0];
    assert_eq!((&opening["function"], &opening["timeouts"]), (&json!("orders"), &json!(2)));
    assert_eq!((&opening["ended_at"], &shown["covered"]), (&Value::Null, &json!(1)), "{shown:#}");
    assert_eq!(shown["cut"], json!([]));
    let three = draft(&json!({"timeout_count": {"count": 3}}));
    let none = desk.post(preview, &three).await.json();
    assert_eq!(none["summary"], "would not have fired in the last 7 days", "{none:#}");
    let before = desk.post(&format!("{preview}?from=now-2d&to=now-1d"), &any).await.json();
    assert_eq!(before["openings"], 0, "{before:#}");

    let long = desk.post(&format!("{preview}?from=now-16d"), &any).await;
    assert_eq!((long.status, &long.json()["field"]), (StatusCode::BAD_REQUEST, &json!("from")));
    let faulty = desk.post(preview, &json!({"id": "draft"})).await;
    assert_eq!(faulty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faulty.json()["field"], "/name");
    let kept = desk.get("/api/v1/subscriptions").await.json();
    assert!(!kept.to_string().contains("draft"), "nothing is kept of it");
}

#[tokio::test]
async fn a_draft_about_several_functions_is_played_by_group() {
    let desk = Desk::watched().await;
    for name in ["orders", "basket"] {
        desk.tell(name, &tally(1, 20), &[verdict(1, 10_000)]).await;
    }
    let shown = async |condition: Value| {
        let draft = json!({"id": "draft", "name": "Draft", "condition": condition});
        desk.post("/api/v1/subscriptions/preview", &draft).await.json()
    };
    let incident = shown(json!({"fleet_incident": {"functions": 2}})).await;
    assert_eq!(incident["summary"], "would have fired 1 time for 2 functions in the last 7 days");
    let opening = &incident["items"][0];
    assert_eq!((&opening["function"], &opening["functions"]), (&Value::Null, &json!(2)));
    assert_eq!(opening["group"], "account 012345678901, region eu-west-1", "{incident:#}");
    let enough = shown(json!({"fleet_incident": {"functions": 3}})).await;
    assert_eq!(enough["summary"], "would not have fired in the last 7 days", "{enough:#}");
    let heard = shown(json!({"no_signal": {"after": "1h"}})).await;
    assert_eq!((&heard["openings"], &heard["covered"]), (&json!(0), &json!(2)), "{heard:#}");
}

#[tokio::test]
async fn a_silence_that_is_about_nothing_says_so() {
    let desk = Desk::watched().await;
    desk.tell("orders", &tally(1, 20), &[]).await;
    for (id, matchers) in [
        ("meant", json!({"functions": ["ord*"]})),
        ("misspelt", json!({"functions": ["odrers"]})),
        ("unsubscribed", json!({"functions": ["ord*"], "subscriptions": ["nobody-made-it"]})),
    ] {
        let silence = json!({"id": id, "matchers": matchers, "comment": "deploying"});
        assert_eq!(desk.post("/api/v1/silences", &silence).await.status, StatusCode::CREATED);
    }
    let flags = async || {
        let list = desk.get("/api/v1/silences").await.json();
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["matches_nothing"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(flags().await, [json!(false), json!(true), json!(true)]);
    desk.post("/api/v1/silences/misspelt/end", &Value::Null).await;
    assert_eq!(flags().await, [json!(false), Value::Null, json!(true)], "what is over is over");
}
