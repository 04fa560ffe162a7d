//! What is open, what one alert and one of its episodes show, and who is offered what.

use axum::http::StatusCode;

use crate::{
    api::viewer::Role,
    console::scene::{Scene, clock},
    store::laboratory::{tally, verdict},
    sweep::Sweep,
};

/// The part of a page after `mark`, up to the end of the attribute that begins there.
fn attribute<'a>(page: &'a str, mark: &str) -> &'a str {
    let start = page.find(mark).unwrap_or_else(|| panic!("{mark} is not in {page}"));
    let rest = &page[start + mark.len()..];
    &rest[..rest.find('"').unwrap()]
}

async fn subscribe(scene: &Scene, subscription: &serde_json::Value) {
    use crate::{
        api::{Reader, author::Author, configuration::desk},
        domain::configuration::Kind,
    };
    let reader = Reader::new(scene.store.clone(), clock);
    let author = Author("somebody".into());
    desk::create(&reader, Kind::Subscription, subscription, &author).await.unwrap();
}

#[tokio::test]
async fn nothing_fires_as_of_when_something_was_last_heard() {
    let scene = Scene::empty().await;
    let page = scene.get("/alerts").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Nothing has ever been heard"), "{}", page.body);
    let scene = Scene::empty().await;
    scene.tell("orders", tally(1, 20), &[]).await;
    let page = scene.get("/alerts").await;
    assert!(page.body.contains("Nothing is firing, and nothing is suspected."), "{}", page.body);
    assert!(page.body.contains("when functions last reported"), "{}", page.body);
    let page = scene.get("/alerts?function=nobody").await;
    assert!(page.body.contains("No open alert matches."), "{}", page.body);
    let page = scene.get("/alerts?state=rain").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("<code>state</code>"), "{}", page.body);
}

#[tokio::test]
async fn what_is_open_leads_to_its_alert_its_episode_its_timeouts_and_a_silence() {
    let scene = Scene::with_fleet().await;
    let page = scene.get("/alerts?refresh=off").await;
    assert!(page.body.contains("1 alert is firing"), "{}", page.body);
    assert!(page.body.contains(r#"href="/api/v1/alerts.csv""#), "{}", page.body);
    let silence = attribute(&page.body, r#"class="button quiet small" href=""#);
    assert_eq!(
        silence.replace("&amp;", "&").replace("&#38;", "&"),
        "/silences/new?accounts=012345678901&functions=orders&regions=eu-west-1&subscriptions=any-timeout"
    );
    let alert = attribute(&page.body, r#"<a class="name" href=""#);
    let page = scene.get(alert).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Silence this alert"), "{}", page.body);
    let invocation =
        "/invocations/012345678901/eu-west-1/orders/1992768/01010101010101010101010101010101-2";
    assert!(page.body.contains(invocation), "{}", page.body);
    let episode = page.body.split(&format!("{alert}/")).nth(1).unwrap().split('"').next().unwrap();
    let page = scene.get(&format!("{alert}/{episode}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let text = page.text("What happened when", "Timeouts in it");
    assert!(text.contains("First breach") && text.contains("The alert opened"), "{text}");
    assert!(text.contains("On its way to environment: firing"), "{text}");
    assert!(page.body.contains(invocation), "{}", page.body);

    let nowhere = scene.get("/alerts/00000000000000000000000000000000").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    let nonsense = scene.get("/alerts/nonsense").await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_viewer_is_offered_no_silence() {
    let scene = Scene::with_fleet().await;
    let page = scene.get_as("/alerts", Role::Viewer).await;
    assert!(page.body.contains("orders") && !page.body.contains("/silences/new"), "{}", page.body);
    let alert = attribute(&page.body, r#"<a class="name" href=""#);
    let page = scene.get_as(alert, Role::Viewer).await;
    assert!(!page.body.contains("/silences/new"), "{}", page.body);
}

#[tokio::test]
async fn a_group_shows_its_functions_and_what_others_call_things_is_escaped() {
    let scene = Scene::empty().await;
    subscribe(
        &scene,
        &serde_json::json!({"id": "crowd", "name": "<script>alert(1)</script>", "condition": {"any_timeout": {}},
            "group_by": ["account"], "group_wait": "0s", "channels": ["environment"]}),
    )
    .await;
    for name in ["basket", "orders"] {
        scene.tell(name, tally(1, 20), &[verdict(1, 10_000)]).await;
    }
    let sweep = Sweep { store: scene.store.clone(), console: String::new(), clock };
    sweep.sweep(clock()).await.unwrap();
    let page = scene.get("/alerts?subscription=crowd").await;
    assert!(page.body.contains("account 012345678901"), "{}", page.body);
    assert!(page.body.contains("in the alert of a group"), "{}", page.body);
    let alert = attribute(&page.body, r#"<a class="name" href=""#);
    let shown = scene.get(alert).await;
    assert!(shown.text("Functions in it", "Timeouts in it").contains("basket"), "{}", shown.body);
    for page in [page, shown] {
        assert!(page.body.contains("&#60;script&#62;alert(1)"), "{}", page.body);
        assert!(!page.body.contains("<script>"), "{}", page.body);
    }
}

#[tokio::test]
async fn an_incident_is_shown_with_its_functions_and_remembered() {
    let scene = Scene::empty().await;
    let page = scene.get("/incidents").await;
    assert!(page.body.contains("No fleet incident is open."), "{}", page.body);
    subscribe(
        &scene,
        &serde_json::json!({"id": "many", "name": "Many at once", "group_wait": "0s", "channels": ["environment"],
            "condition": {"fleet_incident": {"functions": 2, "window": "5m", "by": ["region"]}}}),
    )
    .await;
    for name in ["basket", "orders"] {
        scene.tell(name, tally(1, 20), &[verdict(1, 10_000)]).await;
    }
    let sweep = Sweep { store: scene.store.clone(), console: String::new(), clock };
    sweep.sweep(clock()).await.unwrap();
    let page = scene.get("/incidents").await;
    assert!(page.body.contains("region eu-west-1"), "{}", page.body);
    let text = page.text("Functions in it", "Over");
    assert!(text.contains("basket") && text.contains("orders"), "{text}");
    let later = clock().plus(std::time::Duration::from_hours(25));
    sweep.sweep(later).await.unwrap();
    sweep.sweep(later).await.unwrap();
    let page = scene.get("/incidents").await;
    assert!(page.body.contains("No fleet incident is open."), "{}", page.body);
    let text = page.text("The one that opened last first", "The end");
    assert!(text.contains("region eu-west-1"), "{text}");
}
