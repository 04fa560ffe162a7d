//! The configuration over HTTP: nothing is overwritten unseen, everything that is wrong is said, every change has an author.

use axum::{
    Extension,
    body::Body,
    http::{HeaderMap, Method, Request},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{api::viewer::Viewer, domain::configuration::defaults, store::laboratory::Laboratory};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

struct World {
    router: Router,
    laboratory: Laboratory,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn tag(&self) -> String {
        self.headers[ETAG].to_str().unwrap().to_owned()
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }
}

impl World {
    async fn open() -> Self {
        let laboratory = Laboratory::open().await;
        let store = laboratory.store.clone().with_environment(true);
        let reader = Reader::new(store, || NOW);
        let router = crate::api::read(reader).layer(Extension(Viewer::local()));
        Self { router, laboratory }
    }

    /// `METHOD path` with headers, and a body unless it is null.
    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}

fn channel(name: &str) -> Value {
    json!({"id": "ops", "name": name, "kind": {"slack": {"url": "env:OVERTIME_SECRET_SLACK"}}})
}

#[tokio::test]
async fn what_is_made_is_shown_replaced_by_its_version_and_deleted() {
    let world = World::open().await;
    let made = world.ask("POST /api/v1/channels", &[], channel("Ops")).await.is(201);
    assert_eq!(made.headers[LOCATION], "/api/v1/channels/ops");
    assert_eq!(
        (&made.body["updated_by"], &made.body["built_in"]),
        (&json!("local"), &json!(false))
    );
    world.ask("POST /api/v1/channels", &[], channel("Ops")).await.is(409);
    let shown = world.ask("GET /api/v1/channels/ops", &[], Value::Null).await.is(200);
    assert_eq!((shown.tag(), &shown.body), (made.tag(), &made.body));

    let put = "PUT /api/v1/channels/ops";
    world.ask(put, &[], channel("Operations")).await.is(428);
    let same = world.ask(put, &[], channel("Ops")).await.is(200);
    assert_eq!(same.tag(), made.tag(), "what stays as it is needs no word about the version");
    let renamed = world.ask(put, &[("if-match", &made.tag())], channel("Operations")).await.is(200);
    world.ask(put, &[("if-match", &made.tag())], channel("Others")).await.is(412);
    world.ask(put, &[("if-none-match", "*")], channel("Others")).await.is(412);

    let delete = "DELETE /api/v1/channels/ops";
    world.ask(delete, &[("if-match", &made.tag())], Value::Null).await.is(412);
    world.ask(delete, &[("if-match", &renamed.tag())], Value::Null).await.is(204);
    world.ask(delete, &[], Value::Null).await.is(404);
    world.ask("GET /api/v1/channels/ops", &[], Value::Null).await.is(404);
    world.ask(put, &[("if-match", "*")], channel("Ops")).await.is(412);
    let again = world.ask(put, &[], channel("Ops")).await.is(201);
    assert_ne!(again.tag(), made.tag());

    let audit = world.ask("GET /api/v1/audit?limit=2", &[], Value::Null).await.is(200).body;
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["created", "deleted"]);
    let next = format!("GET /api/v1/audit?limit=2&cursor={}", audit["next"].as_str().unwrap());
    let before = world.ask(&next, &[], Value::Null).await.is(200).body;
    let first = &before["items"][0];
    assert_eq!((&first["action"], &first["by"]), (&json!("replaced"), &json!("local")));
    assert_eq!(
        (&first["before"]["name"], &first["after"]["name"]),
        (&json!("Ops"), &json!("Operations"))
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_and_no_secret_repeated() {
    let world = World::open().await;
    let body =
        json!({"id": "ops", "kind": {"slack": {"url": "https://hooks.slack.com/services/T/B/x"}}});
    let problem = world.ask("POST /api/v1/channels", &[], body).await.is(422).body;
    assert_eq!(problem["field"], "/name", "{problem:#}");
    assert_eq!(problem["faults"][1]["field"], "/kind/slack/url");
    assert!(!problem.to_string().contains("hooks.slack.com"));
    world.ask("POST /api/v1/channels", &[], json!([])).await.is(422);
    let other = world.ask("PUT /api/v1/channels/other", &[], channel("Ops")).await.is(422).body;
    assert_eq!(other["field"], "/id");
    world.ask("PUT /api/v1/channels/Upper", &[], channel("Ops")).await.is(400);
    world.ask("GET /api/v1/channels?state=active", &[], Value::Null).await.is(400);
}

#[tokio::test]
async fn only_our_own_pages_and_known_callers_change_anything() {
    let world = World::open().await;
    let post = "POST /api/v1/channels";
    let foreign = [("host", "127.0.0.1:8787"), ("origin", "https://evil.example")];
    world.ask(post, &foreign, channel("Ops")).await.is(403);
    world.ask(post, &[("content-type", "text/plain")], channel("Ops")).await.is(415);
    let reader = Reader::new(world.laboratory.store.clone(), || NOW);
    let nobody = World { router: crate::api::read(reader), laboratory: Laboratory::open().await };
    nobody.ask(post, &[], channel("Ops")).await.is(403);
}

#[tokio::test]
async fn what_is_built_in_is_shown_and_cannot_be_changed() {
    let world = World::open().await;
    let shown = world.ask("GET /api/v1/subscriptions/any-timeout", &[], Value::Null).await.is(200);
    assert_eq!(shown.body["built_in"], true);
    world.ask("DELETE /api/v1/subscriptions/any-timeout", &[], Value::Null).await.is(409);
    let list = world.ask("GET /api/v1/channels", &[], Value::Null).await.is(200).body;
    assert_eq!(list["items"][0]["value"]["kind"], json!({"environment": {}}));
}

#[tokio::test]
async fn a_silence_is_ended_before_its_time_and_stays_as_history() {
    let world = World::open().await;
    let silence = json!({"id": "s", "matchers": {"functions": ["orders-*"]}, "comment": "Migration",
        "created_by": "somebody else"});
    let other = json!({"id": "s", "matchers": {"functions": ["orders-*"]}, "comment": "Again"});
    let made = world.ask("POST /api/v1/silences", &[], silence).await.is(201).body;
    assert_eq!((&made["state"], &made["value"]["created_by"]), (&json!("active"), &json!("local")));
    world.ask("DELETE /api/v1/silences/s", &[], Value::Null).await.is(409);
    let ended = world.ask("POST /api/v1/silences/s/end", &[], Value::Null).await.is(200).body;
    assert_eq!(ended["value"]["ended_early_at"], "2026-11-01T00:00:00.000Z", "{ended:#}");
    world.ask("POST /api/v1/silences/s/end", &[], Value::Null).await.is(409);
    world.ask("PUT /api/v1/silences/s", &[("if-match", "*")], other).await.is(409);
    let expired = world.ask("GET /api/v1/silences?state=expired", &[], Value::Null).await.is(200);
    assert_eq!(expired.body["items"].as_array().unwrap().len(), 1);
    let active = world.ask("GET /api/v1/silences?state=active", &[], Value::Null).await.is(200);
    assert_eq!(active.body["items"], json!([]));
}

#[tokio::test]
async fn the_whole_configuration_is_one_file_that_is_put_back_without_a_change() {
    let world = World::open().await;
    world.ask("POST /api/v1/channels", &[], channel("Ops")).await.is(201);
    let path = "/api/v1/configuration";
    let file = world.ask(&format!("GET {path}"), &[], Value::Null).await.is(200);
    let there = file.body["subscriptions"].as_array().unwrap().len();
    assert_eq!(there, defaults().len(), "without what is built in");
    let put = world.ask(&format!("PUT {path}?prune=true"), &[], file.body.clone()).await.is(200);
    assert_eq!((&put.body["changes"], put.tag()), (&json!([]), file.tag()));

    let wanted = json!({"channels": [channel("Operations")], "subscriptions": []});
    let plan =
        world.ask(&format!("PUT {path}?dry_run=true"), &[], wanted.clone()).await.is(200).body;
    assert_eq!(
        plan["changes"],
        json!([{"action": "replaced", "kind": "channel", "id": "ops",
        "fields": [{"field": "/name", "before": "Ops", "after": "Operations"}]}])
    );
    world.ask(&format!("PUT {path}"), &[], wanted.clone()).await.is(428);
    let tag = file.tag();
    let applied = world
        .ask(&format!("PUT {path}?prune=true"), &[("if-match", &tag)], wanted.clone())
        .await
        .is(200);
    assert_eq!(applied.body["changes"].as_array().unwrap().len(), there + 1);
    let stale = json!({"channels": []});
    world.ask(&format!("PUT {path}?prune=true"), &[("if-match", &tag)], stale).await.is(412);
    let problem =
        world.ask(&format!("PUT {path}"), &[], json!({"channels": [{}]})).await.is(422).body;
    assert_eq!(problem["faults"][0]["field"], "/channels/0/id");
}
