//! The page as it is sent.

use axum::http::StatusCode;
use expect_test::{ExpectFile, expect_file};

use crate::{
    api::viewer::Role,
    console::scene::{ORDERS, Scene},
};

#[track_caller]
fn check(text: &str, expected: ExpectFile) {
    // A file that holds it would read backwards itself.
    expected.assert_eq(&text.replace(" | ", "\n").replace('\u{202e}', "[RLO]"));
}

#[tokio::test]
async fn a_person_woken_at_night_finds_since_when_at_which_version_and_why() {
    let scene = Scene::with_fleet().await;
    let page = scene.get(ORDERS).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.assert_clean();
    check(&page.text("Since when", "Timeouts and invocations"), expect_file!["seen/1.txt"]);
    check(&page.text("Latest timeouts", "All times"), expect_file!["seen/2.txt"]);
}

#[tokio::test]
async fn what_one_may_do_about_it_depends_on_ones_role() {
    let scene = Scene::with_fleet().await;
    let silence = "/silences/new?functions=orders&#38;accounts=012345678901&#38;regions=eu-west-1";
    for (role, may) in [
        (Role::Viewer, [false, false]),
        (Role::Operator, [true, false]),
        (Role::Admin, [true, true]),
    ] {
        let page = scene.get_as(ORDERS, role).await;
        let found = [
            page.body.contains(silence),
            page.body.contains("/subscriptions/new?functions=orders"),
        ];
        assert_eq!(found, may, "{role}: {}", page.body);
    }
}

#[tokio::test]
async fn links_into_aws_go_through_the_portal() {
    let page = Scene::with_fleet().await.get(ORDERS).await;
    let link = "https://p.example/?a=012345678901&#38;to=https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Flambda";
    assert!(page.body.contains(link), "{}", page.body);
}

#[tokio::test]
async fn a_time_of_which_nothing_is_known_is_not_a_time_without_timeouts() {
    let scene = Scene::with_fleet().await;
    let page = scene.get(&format!("{ORDERS}?from=now-3h&to=now-2h")).await;
    let text = page.text("Nothing was heard", "Latest timeouts");
    assert!(
        text.contains("nothing is known of that time") && !text.contains("No timeout was seen"),
        "{text}"
    );
    let calm = scene.get("/functions/012345678901/eu-west-1/basket").await;
    calm.text("No timeout was seen", "Timeouts and invocations");
}

#[tokio::test]
async fn what_is_not_there_or_not_a_name_is_a_page_that_says_so() {
    let scene = Scene::empty().await;
    for (path, status, words) in [
        (ORDERS, StatusCode::NOT_FOUND, "no such function has reported"),
        ("/functions/1/eu-west-1/orders", StatusCode::BAD_REQUEST, "account"),
        ("/functions/012345678901/eu-west-1/a%22b", StatusCode::BAD_REQUEST, "name"),
    ] {
        let page = scene.get(path).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        assert!(page.body.contains("<html") && page.body.contains(words), "{path}: {}", page.body);
    }
    let scene = Scene::with_fleet().await;
    let page = scene.get(&format!("{ORDERS}?from=now&to=now-1h")).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    let unchanged = scene.get(ORDERS).await;
    assert!(unchanged.headers.contains_key("etag"));
}
