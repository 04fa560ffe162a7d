//! The page as it is sent.

use axum::http::StatusCode;
use expect_test::{ExpectFile, expect_file};

use crate::{
    api::viewer::Role,
    console::scene::{Scene, TIMEOUT},
};

#[track_caller]
fn check(text: &str, expected: ExpectFile) {
    expected.assert_eq(&text.replace(" | ", "\n"));
}

#[tokio::test]
async fn a_timeout_is_told_from_its_beginning_to_its_end() {
    let scene = Scene::with_fleet().await;
    let page = scene.get(TIMEOUT).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.assert_clean();
    check(&page.text("Timed out at", "All times"), expect_file!["seen/1.txt"]);
    assert!(page.body.contains("logsV2%3Alogs-insights"), "{}", page.body);
}

#[tokio::test]
async fn the_end_of_a_log_is_for_operators() {
    let scene = Scene::with_fleet().await;
    let tail = "&#60;b&#62;waiting for the ledger&#60;/b&#62;";
    for (role, sees) in [(Role::Viewer, false), (Role::Operator, true), (Role::Admin, true)] {
        let page = scene.get_as(TIMEOUT, role).await;
        assert_eq!(
            (page.body.contains(tail), page.body.contains("The end of its log")),
            (sees, sees),
            "{role}"
        );
        let block = TIMEOUT.replace("/invocations/", "/api/v1/functions/");
        let api = block.replace("/1992768/", "/timeouts/1992768/");
        for path in [api.as_str(), "/api/v1/timeouts"] {
            let answer = scene.get_json(path, role).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
            assert_eq!(answer.body.contains("waiting for the ledger"), sees, "{role} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let scene = Scene::with_fleet().await;
    for (path, status) in [
        (TIMEOUT.replace("-2", "-7"), StatusCode::NOT_FOUND),
        (TIMEOUT.replace("1992768", "x"), StatusCode::BAD_REQUEST),
    ] {
        let page = scene.get(&path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.contains("<html"), "{path}: {}", page.body);
    }
}
