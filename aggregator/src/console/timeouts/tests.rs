//! The list of what timed out, narrowed down and turned over.

use axum::http::StatusCode;

use crate::console::scene::{ORDERS, Scene, TIMEOUT};

/// How many rows lead to a timeout.
fn found(page: &str) -> usize {
    page.matches(r#"<th scope="row" class="wide"><a href="/invocations/"#).count()
}

#[tokio::test]
async fn timeouts_are_found_by_function_cause_evidence_and_time() {
    let scene = Scene::with_fleet().await;
    for (query, count) in [
        ("", 2),
        ("?function=orders&account=012345678901&region=eu-west-1", 2),
        ("?function=basket", 0),
        ("?account=999999999999", 0),
        ("?cause=extension", 0),
        ("?evidence=runtime_done", 2),
        ("?to=now-1h", 0),
        ("?limit=1", 1),
    ] {
        let page = scene.get(&format!("/timeouts{query}")).await;
        assert_eq!(
            (page.status, found(&page.body)),
            (StatusCode::OK, count),
            "{query}: {}",
            page.body
        );
        page.assert_clean();
        let said = if query.is_empty() { "?" } else { &format!("{query}&") };
        let limit = if query.contains("limit") { "" } else { "limit=50" };
        let export = format!("/api/v1/timeouts.csv{said}{limit}");
        let export = export.trim_end_matches('&').replace('&', "&#38;");
        assert!(page.body.contains(&export), "{query}: {}", page.body);
    }
    let wrong = scene.get("/timeouts?cause=weather").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.body);
    let nothing = Scene::empty().await.get("/timeouts").await;
    assert!(nothing.body.contains("No timeout is on the list"), "{}", nothing.body);
}

#[tokio::test]
async fn one_page_leads_to_the_next_and_a_row_to_the_timeout() {
    let scene = Scene::with_fleet().await;
    let first = scene.get("/timeouts?limit=1").await;
    assert!(first.body.contains(TIMEOUT) && first.body.contains(ORDERS), "{}", first.body);
    let rest = first.body.split(r#"rel="next""#).next().unwrap();
    let href = rest.rsplit(r#"href=""#).next().unwrap().trim_end_matches("\" ");
    let second = scene.get(&href.replace("&#38;", "&")).await;
    assert_eq!(found(&second.body), 1, "{href}: {}", second.body);
    assert!(!second.body.contains(TIMEOUT), "{}", second.body);
    let overview = scene.get("/").await;
    assert!(overview.body.contains(r#"href="/timeouts""#), "{}", overview.body);
}
