//! Coverage as a page: what is missing, how old the lists are, and the same as tables.

use super::*;
use crate::{
    console::visitor::Visitor,
    domain::inventory::Inventory,
    store::{configuration::By, laboratory::at},
};

async fn brought(visitor: &Visitor, days_ago: u64) {
    let place =
        Place { account: "012345678901".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let layer = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:4";
    let body = serde_json::json!({"functions": [{"name": "bare"}, {"name": "quiet", "layer": layer},
        {"name": "picture", "package": "image"}, {"name": "viewer", "edge": true}]});
    let taken = at(0).minus(std::time::Duration::from_hours(24 * days_ago));
    let inventory = Inventory { taken_at: taken, ..Inventory::read(&body, at(0)).unwrap() };
    let by = By { author: "pipeline", at: at(0) };
    visitor.laboratory.store.put_inventory(&place, &inventory, (by, 1)).await.unwrap();
}

#[tokio::test]
async fn without_a_list_it_says_how_to_bring_one() {
    let visitor = Visitor::open().await;
    let page = visitor.get("/coverage").await.is(200);
    page.says("Nobody has said yet which functions there are");
    page.says("overtime inventory import functions.json");
    page.says("No function is listed or heard of.");
}

#[tokio::test]
async fn who_is_missing_is_listed_with_why_and_how_old_that_is() {
    let visitor = Visitor::open().await;
    brought(&visitor, 1).await;
    let page = visitor.get("/coverage").await.is(200);
    page.says("bare 012345678901 eu-west-1 without the layer does not have the layer, and is not heard of");
    page.says("viewer Lambda@Edge");
    page.says("brought by pipeline");
    page.lacks("Part of this is old");
    let one = visitor.get("/coverage?state=silent&silent_after=7d").await.is(200);
    one.says("quiet");
    assert!(!one.text().contains("bare "), "{}", one.text());
    one.has("href=\"/api/v1/coverage.csv?state=silent&#38;silent_after=7d\"");
    one.has("aria-current=\"true\"");
    visitor.get("/coverage?state=lost").await.is(400).says("state");
    visitor.get("/coverage?name=nobody").await.is(200).says("No function stands so.");
    let first = visitor.get("/coverage?limit=2").await.is(200);
    first.says("Next page");
}

#[tokio::test]
async fn an_old_list_is_said_to_be_old_and_can_be_forgotten_by_admins() {
    let mut visitor = Visitor::open().await;
    brought(&visitor, 9).await;
    let page = visitor.get("/coverage").await.is(200);
    page.says("Part of this is old: the oldest inventory was taken 9 days ago");
    page.says("9 days old");
    visitor.is(Role::Operator);
    visitor.get("/coverage").await.is(200).lacks("/forget");
    visitor.post("/coverage/012345678901/eu-west-1/forget", &[]).await.is(403);
    visitor.is(Role::Admin);
    visitor
        .posts("/coverage/012345678901/eu-west-1/forget", &[])
        .await
        .says("The inventory is forgotten.");
    visitor.post("/coverage/012345678901/eu-west-1/forget", &[]).await.is(404);
    visitor.post("/coverage/x/eu-west-1/forget", &[]).await.is(404);
}
