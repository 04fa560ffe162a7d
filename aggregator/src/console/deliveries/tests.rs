//! What was sent, found again and sent again.

use std::time::Duration;

use axum::http::StatusCode;

use crate::{
    api::viewer::Role,
    console::scene::{Scene, clock},
    domain::delivery::record::Record,
    store::outbox::entry::{Claimed, Ending, Settlement},
};

/// The id of the one message that there is.
fn id(page: &str) -> &str {
    let rest = page.split(r#"href="/deliveries/msg_"#).nth(1).unwrap();
    &rest[..rest.find('"').unwrap()]
}

#[tokio::test]
async fn a_message_that_was_given_up_is_sent_again_by_an_operator() {
    let scene = Scene::with_fleet().await;
    let list = scene.get("/deliveries?channel=environment&from=now-1h").await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    let id = format!("msg_{}", id(&list.body));
    let path = format!("/deliveries/{id}");
    let waiting = scene.get(&path).await;
    assert!(waiting.body.contains("waiting") && !waiting.body.contains("Send it again"));

    let lease = Duration::from_secs(30);
    let Claimed::Yours(claim) = scene.store.claim(&id, clock(), lease).await.unwrap() else {
        panic!("{id} is not due")
    };
    let ending = Ending::Dead { at: clock(), problem: "rejected: <b>404</b>".to_owned() };
    let record = Some(Record::new(clock(), Some(404), 3, "404 <script>alert(1)</script>"));
    assert!(scene.store.settle(&claim, Settlement { ending, record }).await.unwrap());

    let dead = scene.get(&path).await;
    assert!(dead.body.contains("Send it again"), "{}", dead.body);
    assert!(dead.body.contains("404 &#60;script&#62;alert(1)"), "{}", dead.body);
    assert!(dead.body.contains("rejected: &#60;b&#62;"), "{}", dead.body);
    assert!(dead.body.contains("&#34;transition&#34;: &#34;firing&#34;"), "{}", dead.body);
    let replay = format!("{path}/replay");
    let viewer = scene.get_as(&path, Role::Viewer).await;
    assert!(!viewer.body.contains("Send it again"));
    let refused = scene.post_as(&replay, "", Role::Viewer).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let sent = scene.post_as(&replay, "", Role::Operator).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let again = scene.get(sent.headers["location"].to_str().unwrap()).await;
    assert!(again.body.contains("The message is due again"), "{}", again.body);
    let twice = scene.post_as(&replay, "", Role::Operator).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "it is on its way");
}

#[tokio::test]
async fn messages_are_found_by_channel_state_and_time() {
    let scene = Scene::with_fleet().await;
    for (query, found) in [
        ("channel=environment&status=waiting", true),
        ("channel=ops", false),
        ("status=dead", false),
        ("to=now-1h", false),
    ] {
        let page = scene.get(&format!("/deliveries?{query}")).await;
        assert_eq!(page.body.contains("/deliveries/msg_"), found, "{query}: {}", page.body);
        let export = format!("/api/v1/deliveries.csv?{query}");
        let escaped = export.replace('&', "&#38;");
        assert!(page.body.contains(&escaped) || page.body.contains(&export), "{}", page.body);
    }
    let nothing = Scene::empty().await.get("/deliveries").await;
    assert!(nothing.body.contains("No message has been sent"), "{}", nothing.body);
    let wrong = scene.get("/deliveries?from=yesterday").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.body);
}
