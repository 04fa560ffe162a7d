//! The list as it is sent.

use axum::http::StatusCode;
use expect_test::{Expect, expect, expect_file};

use crate::console::scene::Scene;

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&lines(text));
}

/// A file that holds what turns letters around would read backwards itself.
fn lines(text: &str) -> String {
    text.replace(" | ", "\n").replace('\u{202e}', "[RLO]")
}

#[tokio::test]
async fn the_list_says_what_it_knows_and_what_it_does_not() {
    let scene = Scene::with_fleet().await;
    let page = scene.get("/functions").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.assert_clean();
    expect_file!["seen/1.txt"].assert_eq(&lines(&page.text("Counted since", "All times")));
    assert!(page.body.contains(r#"aria-sort="descending""#), "{}", page.body);
    assert!(page.body.contains("&#60;script&#62;"), "{}", page.body);
    assert!(page.body.contains(r#"href="/api/v1/functions.csv?limit=50""#), "{}", page.body);
}

#[tokio::test]
async fn filters_and_orders_are_the_apis() {
    let scene = Scene::with_fleet().await;
    let page = scene.get("/functions?name=bas*&account=&sort=name&refresh=off&unknown=1").await;
    assert!(page.body.contains(">basket<") && !page.body.contains(">orders<"), "{}", page.body);
    assert!(page.body.contains(r#"aria-sort="ascending""#), "{}", page.body);
    assert!(
        page.body.contains("functions.csv?name=bas*&#38;sort=name&#38;limit=50"),
        "{}",
        page.body
    );
    let cause = scene.get("/functions?cause=handler&limit=1").await;
    assert!(cause.body.contains(">orders<") && !cause.body.contains(">basket<"));
    let first = scene.get("/functions?limit=1").await;
    let next = first.body.split(r#"<a href=""#).find_map(|it| it.split_once(r#"" rel="next""#));
    let next = next.unwrap().0.replace("&#38;", "&");
    let second = scene.get(&next).await;
    assert!(
        !second.body.contains(">orders<") && second.body.contains(">First<"),
        "{}",
        second.body
    );
}

#[tokio::test]
async fn a_list_without_functions_says_why() {
    let scene = Scene::with_fleet().await;
    let page = scene.get("/functions?name=nothing*&tag=team").await;
    check(
        &page.text("name nothing", "All times"),
        expect![[r"
            name nothing*
            ✕
            – take away
            tag team
            ✕
            – take away
            Clear all
            No function matches.
            Only functions that report to Overtime are listed; which ones do not is on
            Coverage
            .
            Show all functions"]],
    );
    let page = Scene::empty().await.get("/functions").await;
    check(
        &page.text("No function", "All times"),
        expect![[r"
            No function has reported yet.
            The
            overview
            says how to add the layer and how to make a test timeout."]],
    );
}

#[tokio::test]
async fn a_faulty_filter_is_named() {
    let scene = Scene::empty().await;
    for (query, field) in
        [("account=1", "account"), ("name=a/b", "name"), ("sort=color", "sort"), ("tz=Mars", "tz")]
    {
        let page = scene.get(&format!("/functions?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.body.contains(&format!("{field} is")), "{query}: {}", page.body);
    }
}
