//! Coverage over HTTP: what was brought is compared with what is heard, and roles are kept to.

use axum::{
    Extension, Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use http_body_util::BodyExt as _;
use overtime_wire::Profile;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    api::viewer::{Role, Viewer},
    domain::fact::Job,
    evaluate::Evaluator,
    store::{
        facts::{Author as Source, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally},
    },
};

const EU: &str = "/api/v1/inventory/012345678901/eu-west-1";
const LAYER: &str = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64";

struct World {
    laboratory: Laboratory,
    role: Role,
}

impl World {
    async fn open() -> Self {
        Self { laboratory: Laboratory::open().await, role: Role::Admin }
    }

    fn router(&self) -> Router {
        let reader = Reader::new(self.laboratory.store.clone(), || at(90_000));
        crate::api::read(reader).layer(Extension(Viewer::new("somebody", self.role)))
    }

    async fn ask(&self, line: &str, body: Value) -> (StatusCode, String) {
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.ask(&format!("GET {path}"), Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn reports(&self, name: &str) {
        let mut tally = tally(1, 3);
        tally.profile = Profile { extension_version: "0.1.0".to_owned(), ..tally.profile };
        let (function, store) = (function(name), &self.laboratory.store);
        let author = Source { function: &function, incarnation: incarnation(1) };
        store.record(author, Fact::Tally(&tally.encode()), at(0)).await.unwrap();
        let evaluator = Evaluator { store: store.clone(), console: "http://console".to_owned() };
        let job =
            Job { function: function.clone(), block: block(), tallies: true, verdicts: false };
        evaluator.evaluate(&job, at(60_000)).await.unwrap();
    }
}

#[tokio::test]
async fn who_should_report_is_held_against_who_does() {
    let world = World::open().await;
    world.reports("orders").await;
    world.reports("stray").await;
    let list = json!({"functions": [{"name": "orders", "layer": format!("{LAYER}:3")}, {"name": "bare"},
        {"name": "quiet", "layer": format!("{LAYER}:4")}, {"name": "image", "package": "image"}],
        "taken_at": "2026-10-30T00:00:00Z"});
    let (status, body) = world.ask(&format!("PUT {EU}"), list.clone()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    world.ask(&format!("PUT {EU}"), list).await;

    let items = world.json("/api/v1/coverage").await["items"].clone();
    let stands: Vec<_> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    let expected = [
        ("bare", "without_layer"),
        ("image", "unsupported"),
        ("orders", "old"),
        ("quiet", "silent"),
        ("stray", "unknown"),
    ];
    assert_eq!(stands, expected);
    assert_eq!(
        (&items[2]["layer_version"], &items[2]["newest_layer_version"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(items[4]["inventory_at"], "2026-10-30T00:00:00.000Z");

    let summary = world.json("/api/v1/coverage/summary").await;
    assert_eq!(
        summary["counts"],
        json!({"functions": 5, "without_layer": 1, "silent": 1, "old": 1,
        "unknown": 1, "unsupported": 1, "covered": 0})
    );
    assert_eq!(summary["places"][0]["imported_by"], "somebody");
    assert_eq!(summary["oldest_inventory_at"], "2026-10-30T00:00:00.000Z");

    let (_, table) =
        world.ask("GET /api/v1/coverage.csv?state=silent&state=old", Value::Null).await;
    assert_eq!(table.lines().count(), 3, "{table}");
    let first = world.json("/api/v1/coverage?limit=2").await;
    let next = first["next"].as_str().unwrap();
    let rest = world.json(&format!("/api/v1/coverage?cursor={next}")).await;
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&json!("orders"), &Value::Null));
    let named = world.json("/api/v1/coverage?name=st*&region=eu-west-1&silent_after=2h").await;
    assert_eq!(named["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_named_and_only_admins_bring_lists() {
    let mut world = World::open().await;
    let (status, body) =
        world.ask(&format!("PUT {EU}"), json!({"functions": [{"name": "a b"}]})).await;
    assert_eq!((status.as_u16(), body.contains("/functions/0/name")), (422, true), "{body}");
    for path in [
        "/api/v1/coverage?silent_after=10m",
        "/api/v1/coverage?state=fine",
        "/api/v1/coverage?cursor=x",
    ] {
        let (status, body) = world.ask(&format!("GET {path}"), Value::Null).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
    }
    let long = json!({"functions": [], "taken_at": "x".repeat(BODY_TOO_LONG)});
    assert_eq!(world.ask(&format!("PUT {EU}"), long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.ask(&format!("DELETE {EU}"), Value::Null).await.0, StatusCode::NOT_FOUND);
    let fits = json!({"functions": (0..20_000).map(|it| json!({"name": format!("function-with-a-long-name-{it}"),
        "layer": format!("{LAYER}:3")})).collect::<Vec<_>>()});
    assert_eq!(world.ask(&format!("PUT {EU}"), fits).await.0, StatusCode::OK);
    world.role = Role::Operator;
    for line in [format!("PUT {EU}"), format!("DELETE {EU}")] {
        assert_eq!(world.ask(&line, json!({"functions": []})).await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.json("/api/v1/coverage/summary").await["counts"]["silent"], 20_000);
    world.role = Role::Admin;
    assert_eq!(world.ask(&format!("DELETE {EU}"), Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.json("/api/v1/coverage/summary").await["places"], json!([]));
}

const BODY_TOO_LONG: usize = 6 * 1024 * 1024;
