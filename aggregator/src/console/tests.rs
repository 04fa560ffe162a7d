//! What is around every page: tags, paths, failures, and nothing inline.

use axum::{
    body::{Body, to_bytes},
    http::{
        Request, StatusCode,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LOCATION, SET_COOKIE,
        },
    },
    response::Response,
};
use tower::ServiceExt as _;

use super::*;
use crate::store::laboratory::at;

/// The pages over an empty store, below a path or not.
async fn asked(base: &str, request: Request<Body>) -> Response {
    let laboratory = crate::store::laboratory::Laboratory::open().await;
    let reader = Reader::new(laboratory.store.clone(), || at(0));
    let api = crate::api::read(reader.clone());
    let router = beside(api, Console::new(reader));
    let router = crate::api::below::below(router, &base.parse().unwrap());
    router.oneshot(request).await.unwrap()
}

fn get_request(path: &str) -> axum::http::request::Builder {
    Request::get(path).header("host", "127.0.0.1").header(ACCEPT, "text/html")
}

async fn body(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1_000_000).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let first = asked("", get_request("/").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (first.status(), first.headers()[CACHE_CONTROL].as_bytes()),
        (StatusCode::OK, &b"private, no-cache"[..])
    );
    let etag = first.headers()[ETAG].clone();
    let again = get_request("/").header(IF_NONE_MATCH, &etag);
    let second = asked("", again.body(Body::empty()).unwrap()).await;
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(body(second).await, "");
    let other = get_request("/").header(IF_NONE_MATCH, &etag).header(COOKIE, "overtime_theme=dark");
    let third = asked("", other.body(Body::empty()).unwrap()).await;
    assert_eq!(third.status(), StatusCode::OK);
    assert!(body(third).await.contains(r#"data-theme="dark""#));
}

#[tokio::test]
async fn below_a_path_every_link_begins_with_it() {
    let page = asked("/overtime", get_request("/overtime/").body(Body::empty()).unwrap()).await;
    let html = body(page).await;
    for attribute in ["href=\"", "src=\"", "action=\"", "hx-get=\""] {
        for link in html.split(attribute).skip(1) {
            assert!(link.starts_with("/overtime/") || link.starts_with('#'), "{link:.60}");
        }
    }
    let kept = "/overtime/preferences/keep?theme=dark&back=/functions?tz%3DUTC%26sort%3Dname";
    let kept = asked("/overtime", get_request(kept).body(Body::empty()).unwrap()).await;
    assert_eq!(kept.status(), StatusCode::SEE_OTHER);
    assert_eq!(kept.headers()[LOCATION], "/overtime/functions?sort=name");
    let cookie = kept.headers()[SET_COOKIE].to_str().unwrap();
    assert_eq!(
        cookie,
        "overtime_theme=dark; Path=/overtime/; Max-Age=31536000; SameSite=Lax; HttpOnly"
    );
}

#[tokio::test]
async fn what_cannot_be_shown_is_said_on_a_page_with_the_requests_id() {
    let nowhere = asked("", get_request("/nowhere").body(Body::empty()).unwrap()).await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    let id = nowhere.headers()["x-request-id"].to_str().unwrap().to_owned();
    let html = body(nowhere).await;
    assert!(html.contains("There is no such page") && html.contains(&id), "{html}");
    let invalid = asked("", get_request("/?tz=Mars").body(Body::empty()).unwrap()).await;
    assert_eq!(invalid.status(), StatusCode::BAD_REQUEST);
    assert!(body(invalid).await.contains("tz is not a time zone such as UTC or Europe/Berlin"));
    let machine = Request::get("/nowhere").body(Body::empty()).unwrap();
    let machine = asked("", machine).await;
    assert_eq!(machine.headers()[CONTENT_TYPE], "application/problem+json");
    let api = asked("", get_request("/api/v1/nowhere").body(Body::empty()).unwrap()).await;
    assert_eq!(api.headers()[CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for path in ["/", "/preferences", "/nowhere", "/?tz=Mars"] {
        let html = body(asked("", get_request(path).body(Body::empty()).unwrap()).await).await;
        for forbidden in ["style=", "<style", " onclick", "javascript:", "src=\"http", "<script>"] {
            assert!(!html.contains(forbidden), "{path}: {forbidden}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        let landmarks = ["<main", "<header", "<footer", "<nav", "class=\"skip\""];
        assert!(landmarks.iter().all(|it| html.contains(it)), "{path}");
    }
}

#[tokio::test]
async fn without_scripts_a_page_is_shown_anew_as_often_as_was_asked() {
    for (path, seconds) in [("/", Some(30)), ("/?refresh=60s", Some(60)), ("/?refresh=off", None)] {
        let html = body(asked("", get_request(path).body(Body::empty()).unwrap()).await).await;
        let meta = seconds.map(|it: u8| format!("http-equiv=\"refresh\" content=\"{it}\""));
        assert_eq!(html.contains("http-equiv"), meta.is_some(), "{path}");
        assert!(meta.is_none_or(|it| html.contains(&it)), "{path}");
    }
    let still =
        body(asked("", get_request("/preferences").body(Body::empty()).unwrap()).await).await;
    assert!(!still.contains("http-equiv") && !still.contains("hx-get"), "forms are left alone");
}
