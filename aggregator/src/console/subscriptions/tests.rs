//! Subscriptions through their pages, as somebody without scripts meets them.

use super::*;
use crate::console::visitor::Visitor;

/// A form that is filled in well.
fn filled<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("id", "payments"),
        ("name", "Payments time out"),
        ("enabled", "on"),
        ("severity", "error"),
        ("functions", "pay-*\r\n!*-test"),
        ("condition", "timeout_count"),
        ("timeout_count.count", "3"),
        ("timeout_count.window", "5m"),
        ("notify_on", "resolved"),
        ("channels", "default"),
        ("group_by", "account, region, function"),
    ];
    form.retain(|(name, _)| more.iter().all(|(it, _)| it != name));
    form.extend(more);
    form
}

#[tokio::test]
async fn one_is_made_shown_changed_and_deleted() {
    let visitor = Visitor::open().await;
    let form = visitor
        .get("/subscriptions/new?function=orders&condition=no_signal&channel=ops")
        .await
        .is(200);
    form.has("name=\"functions\"");
    form.says("orders");
    form.says("not there yet");

    let shown = visitor.posts("/subscriptions", &filled(&[])).await;
    for words in [
        "It is made",
        "3 timeouts within 5m",
        "functions named pay-*, !*-test",
        "default not there",
        "Nobody hears of it",
    ] {
        shown.says(words);
    }
    let stands = visitor.json("/api/v1/subscriptions/payments").await;
    assert_eq!(
        (&stands["updated_by"], &stands["value"]["notify_on"]["update"]),
        (&"anna".into(), &false.into())
    );

    let edit = visitor.get("/subscriptions/payments/edit").await.is(200);
    let version = stands["version"].to_string();
    edit.has(&format!("name=\"version\" value=\"{version}\""));
    let saved = visitor
        .posts(
            "/subscriptions/payments",
            &filled(&[("version", &version), ("timeout_count.count", "7")]),
        )
        .await;
    saved.says("7 timeouts within 5m");
    visitor.get("/subscriptions").await.is(200).says("Payments time out");

    let gone = visitor.posts("/subscriptions/payments/delete", &[("version", "")]).await;
    gone.says("It is deleted.");
    visitor.get("/subscriptions/payments").await.is(404);
}

#[tokio::test]
async fn a_faulty_form_comes_back_with_what_is_wrong_at_its_fields() {
    let visitor = Visitor::open().await;
    let faulty = filled(&[("id", "Pay"), ("timeout_count.count", "many"), ("functions", "a/b")]);
    let seen = visitor.post("/subscriptions", &faulty).await.is(422);
    seen.says("3 fields are not what they must be");
    seen.has("href=\"#field-timeout_count.count\"");
    seen.has("id=\"field-timeout_count.count\" name=\"timeout_count.count\" value=\"many\"");
    seen.has("aria-invalid=\"true\"");
    visitor.get("/subscriptions/payments").await.is(404);
    visitor.posts("/subscriptions", &filled(&[])).await;
    let twice = visitor.post("/subscriptions", &filled(&[])).await.is(409);
    twice.says("there is a subscription payments already");
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_shown_and_not_overwritten() {
    let visitor = Visitor::open().await;
    visitor.posts("/subscriptions", &filled(&[])).await;
    let seen = visitor.json("/api/v1/subscriptions/payments").await["version"].to_string();
    let mine = filled(&[("version", &seen), ("timeout_count.count", "9"), ("name", "Mine")]);
    visitor
        .posts(
            "/subscriptions/payments",
            &filled(&[("version", &seen), ("timeout_count.count", "4")]),
        )
        .await;

    let conflict = visitor.post("/subscriptions/payments", &mine).await.is(412);
    conflict.says("anna changed this while you were editing");
    conflict.says("/condition/timeout_count/count 4 9");
    conflict.has("value=\"Mine\"");
    let now = visitor.json("/api/v1/subscriptions/payments").await;
    assert_eq!(now["value"]["condition"]["timeout_count"]["count"], 4);
    let version = now["version"].to_string();
    conflict.has(&format!("name=\"version\" value=\"{version}\""));
    let again = filled(&[("version", &version), ("timeout_count.count", "9"), ("name", "Mine")]);
    visitor.posts("/subscriptions/payments", &again).await.says("9 timeouts within 5m");

    visitor.posts("/subscriptions/payments/delete", &[]).await;
    let gone = visitor.post("/subscriptions/payments", &again).await.is(412);
    gone.says("Somebody deleted this while you were editing");
    let anew = filled(&[("name", "Anew")]);
    visitor.posts("/subscriptions/payments", &anew).await.says("Anew");
}

#[tokio::test]
async fn a_draft_is_tried_by_a_button_and_by_a_script() {
    let visitor = Visitor::open().await;
    let draft = filled(&[("id", ""), ("name", ""), ("preview_from", "now-24h")]);
    let page = visitor.post("/subscriptions/preview", &draft).await.is(200);
    page.says("It would not have fired in the last 1 day .");
    page.says("No function that was heard of within a day is covered");
    page.has("<button class=\"button\">Create</button>");
    let part = visitor
        .post_with("/subscriptions/preview", &draft, &[("hx-request", "true")])
        .await
        .is(200);
    part.has("would not have fired");
    part.lacks("<html");
    let wrong = filled(&[("timeout_count.count", "0")]);
    let part = visitor
        .post_with("/subscriptions/preview", &wrong, &[("hx-request", "true")])
        .await
        .is(200);
    part.has("No preview:");
    let standing = filled(&[("standing", "payments"), ("version", "12")]);
    let page = visitor.post("/subscriptions/preview", &standing).await.is(200);
    page.has("action=\"/subscriptions/payments\"");
    page.has("name=\"version\" value=\"12\"");
}

#[tokio::test]
async fn who_may_not_change_anything_sees_no_way_to() {
    let mut visitor = Visitor::with_environment().await;
    visitor.posts("/subscriptions", &filled(&[])).await;
    let list = visitor.get("/subscriptions").await.is(200);
    list.has("/subscriptions/new\"");
    let built_in = visitor.get("/subscriptions/any-timeout").await.is(200);
    built_in.lacks("/edit");
    visitor.get("/subscriptions/any-timeout/edit").await.is(409);
    for role in [Role::Viewer, Role::Operator] {
        visitor.is(role);
        visitor.get("/subscriptions").await.is(200).lacks("/subscriptions/new\"");
        let one = visitor.get("/subscriptions/payments").await.is(200);
        one.lacks("/edit");
        one.lacks("<form method=\"post\"");
        assert_eq!(one.html.contains("/silences/new"), role == Role::Operator);
        for path in ["/subscriptions/new", "/subscriptions/payments/edit"] {
            visitor.get(path).await.is(403);
        }
        for path in [
            "/subscriptions",
            "/subscriptions/payments",
            "/subscriptions/payments/delete",
            "/subscriptions/preview",
        ] {
            visitor.post(path, &filled(&[])).await.is(403);
        }
    }
}
