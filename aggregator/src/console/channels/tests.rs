//! Channels through their pages: secrets stay references, and what became of a message is said.

use serde_json::json;

use super::*;
use crate::{
    console::visitor::Visitor,
    domain::configuration::{Change, Expects},
    store::{configuration::By, laboratory::at},
};

const SLACK: [(&str, &str); 6] = [
    ("id", "ops"),
    ("name", "Operations"),
    ("enabled", "on"),
    ("kind", "slack"),
    ("slack.url", "env:OVERTIME_SECRET_SLACK"),
    ("rate_limit", "30"),
];

#[tokio::test]
async fn one_is_made_tested_changed_and_deleted() {
    let visitor = Visitor::open().await;
    visitor.get("/channels").await.is(200).says("There is no channel yet");
    visitor.get("/channels/new?id=default").await.is(200).has("value=\"default\"");
    let shown = visitor.posts("/channels", &SLACK).await;
    for words in [
        "It is made",
        "env:OVERTIME_SECRET_SLACK",
        "Nothing was sent there",
        "30 messages a minute",
    ] {
        shown.says(words);
    }
    let tested = visitor.posts("/channels/ops/test", &[]).await;
    tested.says("A test is on its way");
    tested.says("waiting");
    tested.has("badge-unknown\">test</span>");
    let list = visitor.get("/channels").await.is(200);
    list.says("on its way");
    assert_eq!(visitor.json("/api/v1/audit").await["items"][0]["by"], "anna");

    let version = visitor.json("/api/v1/channels/ops").await["version"].to_string();
    let mut off: Vec<_> = SLACK.into_iter().filter(|(name, _)| *name != "enabled").collect();
    off.push(("version", &version));
    let saved = visitor.posts("/channels/ops", &off).await;
    saved.says("It is disabled by anna");
    saved.lacks("Send a test");
    visitor.post("/channels/ops/test", &[]).await.is(409);
    visitor.posts("/channels/ops/delete", &[]).await.says("It is deleted.");
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_refused_without_being_repeated_in_words() {
    let visitor = Visitor::open().await;
    let mut form = SLACK.to_vec();
    form[4] = ("slack.url", "https://hooks.slack.example/T000/secret");
    let seen = visitor.post("/channels", &form).await.is(422);
    seen.has("href=\"#field-slack.url\"");
    seen.says("is not a reference of the form env:NAME");
    assert!(!seen.text().contains("T000"), "it stands in the field alone");
    let stale = [("version", "99")].into_iter().chain(SLACK).collect::<Vec<_>>();
    visitor.post("/channels/ops", &stale).await.is(412).says("Somebody deleted this");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_said_to_be() {
    let visitor = Visitor::open().await;
    visitor.posts("/channels", &SLACK).await;
    let body = json!({"id": "ops", "name": "Operations", "enabled": false, "kind": {"slack": {"url": "env:OVERTIME_SECRET_SLACK"}}});
    let channel = Kind::Channel.read(&body, None).unwrap();
    let id = channel.id().clone();
    let change = Change { kind: Kind::Channel, id, to: Some(channel), expects: Expects::Anything };
    let by = By { author: "overtime: it answered 410 Gone", at: at(60_000) };
    visitor.laboratory.store.change(&[change], None, by).await.unwrap();
    visitor.get("/channels").await.is(200).says("disabled by the answer 410");
    visitor.get("/channels/ops").await.is(200).says("The receiver answered 410: it is gone.");
}

#[tokio::test]
async fn operators_test_and_only_admins_change() {
    let mut visitor = Visitor::with_environment().await;
    visitor.posts("/channels", &SLACK).await;
    visitor.get("/channels/environment").await.is(200).lacks("/edit");
    visitor.is(Role::Operator);
    let one = visitor.get("/channels/ops").await.is(200);
    one.has("/channels/ops/test");
    one.lacks("/edit");
    one.lacks("/delete");
    visitor.posts("/channels/ops/test", &[]).await;
    visitor.get("/channels/new").await.is(403);
    visitor.post("/channels", &SLACK).await.is(403);
    visitor.is(Role::Viewer);
    let one = visitor.get("/channels/ops").await.is(200);
    one.lacks("<form method=\"post\"");
    visitor.post("/channels/ops/test", &[]).await.is(403);
    visitor.get("/channels").await.is(200).lacks("/test\"");
}
