//! The read API as its callers meet it: over HTTP, against a real aggregator with a fleet in it.

mod fixture;
mod metrics;

use std::process::Stdio;

use sandbox::python;
use serde_json::{Value, json};
use tokio::process::Command;

use self::fixture::{Fixture, ORDERS, TRIED_TWICE};

/// How many requests are made up for each operation, beside those that are chosen: a minute of them, on two cores.
const MADE_UP: &str = "15";

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_is_shown_as_it_was_told_and_one_page_leads_to_the_next() {
    let fixture = Fixture::start().await;
    let overview = fixture.json("/api/v1/overview").await;
    assert_eq!(overview["current"]["counts"]["timeouts"], 5, "{overview:#}");
    assert_eq!(overview["current"]["causes"], json!({ "handler": 4, "init": 1 }));
    assert_eq!(overview["previous"]["counts"], Value::Null);
    assert_eq!(overview["top"][0]["name"], "orders");

    let worst = fixture.json("/api/v1/functions?sort=rate&limit=1").await;
    assert_eq!(worst["items"][0]["name"], "basket", "{worst:#}");
    let shown = fixture.json(ORDERS).await;
    let versions: Vec<_> = shown["versions"].as_array().unwrap().iter().collect();
    assert_eq!((versions.len(), &versions[1]["version"]), (2, &json!("8")), "{shown:#}");

    let series = fixture.json(&format!("{ORDERS}/series?from=now-6h&step=1h")).await;
    let heard = |it: &&Value| !it["counts"].is_null();
    let points = series["items"].as_array().unwrap();
    assert!((6..=7).contains(&points.len()), "{series:#}");
    assert!((2..=3).contains(&points.iter().filter(heard).count()), "{series:#}");

    let listed = fixture.json("/api/v1/timeouts?function=orders&cause=handler&limit=1").await;
    let shown = fixture.json(listed["items"][0]["url"].as_str().unwrap()).await;
    assert_eq!(shown["timeout"]["request_id"], TRIED_TWICE, "{shown:#}");
    assert_eq!(shown["same_request"]["items"].as_array().unwrap().len(), 1, "{shown:#}");
    assert_eq!(shown["same_sandbox"]["items"].as_array().unwrap().len(), 3, "{shown:#}");
    assert_eq!(shown["same_time"]["items"].as_array().unwrap().len(), 3, "{shown:#}");
    assert!(shown["timeout"]["log_tail"].as_str().unwrap().ends_with("the last line"));

    let table = fixture.get("/api/v1/timeouts.csv").await.text().await.unwrap();
    assert!(table.contains("\"'=cmd|"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_was_refused_and_how_far_behind_we_are() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.post(b"nonsense".to_vec()).await.status(), 400);
    fixture
        .until("/api/v1/health", |it| {
            it["rejections"]["by_reason"]["malformed"] == 1 && it["evaluation"]["lag_ms"] == 0
        })
        .await;
    let health = fixture.json("/api/v1/health").await;
    assert_eq!(health["freshness"]["state"], "current", "{health:#}");
    assert_eq!(health["rejections"]["by_caller"], json!({ "loopback": 1 }), "{health:#}");
    assert_eq!(health["reporting"]["last_day"], 3, "{health:#}");
    assert_eq!(health["losses"]["failed_sends"], 0, "{health:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_what_its_description_promises() {
    let made = tokio::task::spawn_blocking(python::with_schemathesis).await.unwrap();
    let fixture = Fixture::start().await;
    let scratch = tempfile::tempdir().unwrap();
    let settings = python::home().join("api.toml");
    let mut command = Command::new(made.unwrap());
    command
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(settings)
        .args(["run", "--max-examples", MADE_UP])
        .arg(format!("{}/api/v1/openapi.json", fixture.aggregator.url()))
        .env("SCHEMATHESIS_HOOKS", "api_hooks")
        .env("PYTHONPATH", python::home())
        // Nothing is to be written beside the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}\n{}", fixture.aggregator.said());
    // Whatever else: if it had found nothing to test, it would have been content as well.
    assert!(said.contains("Selected: 56/56") && said.contains("Tested: 56"), "{said}");
    println!("{said}");
}
