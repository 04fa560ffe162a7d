//! What the Extensions and Telemetry APIs answer and refuse, as an extension sees it.

use expect_test::expect;
use serde_json::json;

use super::stage::{diary, quick, spec, start};

#[tokio::test]
async fn registering_answers_with_the_function_and_the_account() {
    let environment = start(spec()).await;
    let entries = diary(&environment.observer());
    let registered = entries.iter().find(|entry| entry.what == "registered").unwrap();
    let expected = json!({
        "accountId": "111122223333",
        "functionName": "orders",
        "functionVersion": "$LATEST",
        "handler": "handler.handle",
    });
    assert_eq!(registered.seen, expected);
}

#[tokio::test]
async fn wrong_calls_are_refused_as_the_platform_refuses_them() {
    let mut environment = start(spec().variable("PROBE_TRIES", "1")).await;
    environment.invoke(quick()).await.unwrap();
    let mut tried = diary(&environment.observer());
    tried.retain(|entry| entry.what == "tried");
    let tried: Vec<&str> = tried.iter().filter_map(|entry| entry.seen.as_str()).collect();
    expect![[r"
        next without an identifier: 403 Extension.MissingExtensionIdentifier
        next with a foreign identifier: 403 Extension.UnknownExtensionIdentifier
        register under another name: 403 Extension.InvalidExtensionName
        register for an unknown event: 403 Extension.InvalidEventType
        register twice: 403 Extension.InvalidExtensionState
        subscribe with the reserved port: 400 ValidationError
        subscribe with too short a buffer: 400 ValidationError
        subscribe late: 403 Telemetry.SubscriptionClosed"]]
    .assert_eq(&tried.join("\n"));
}
