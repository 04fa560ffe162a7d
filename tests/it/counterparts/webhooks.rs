//! Signatures by the Python library of Standard Webhooks, in every format and while a key is being changed.

use sandbox::inbox::Inbox;
use sandbox::python;
use serde_json::{Value, json};

use super::stage::{BEFORE, SECRET, channel, courier, payload, send};

const STRANGER: &str = "whsec_YW5vdGhlciBrZXkgb2YgdHdlbnR5LWZvdXI=";

#[tokio::test(flavor = "multi_thread")]
async fn pythons_library_verifies_with_either_key() {
    let inbox = Inbox::open().await.unwrap();
    let courier = courier(None);
    for format in ["standard", "cloudevents", "alertmanager"] {
        let channel = channel(&json!({ "webhook": {
            "url": inbox.url(),
            "secret": "env:OVERTIME_SECRET_NOW",
            "previous_secret": "env:OVERTIME_SECRET_BEFORE",
            "format": format,
        } }));
        let data = payload("firing", "2026-11-01T00:00:00.000Z");
        send(&courier, &channel, "msg_e1_firing_team", &data).await;
    }
    let mut asks = Vec::new();
    for delivery in inbox.deliveries() {
        let header = |name: &str| delivery.header(name).to_owned();
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: Value =
            names.map(|it| (it.to_owned(), json!(header(it)))).into_iter().collect();
        let body = String::from_utf8(delivery.body.to_vec()).unwrap();
        for secret in [SECRET, BEFORE, STRANGER] {
            asks.push(json!({ "secret": secret, "headers": headers, "body": body }));
        }
        let forged = format!("{body} ");
        asks.push(json!({ "secret": SECRET, "headers": headers, "body": forged }));
    }
    let verified = tokio::task::spawn_blocking(move || python::verify_webhooks(&asks)).await;
    assert_eq!(verified.unwrap().unwrap(), [true, true, false, false].repeat(3));
}
