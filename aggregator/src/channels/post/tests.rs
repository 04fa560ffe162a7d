//! Posting to real receivers on the loopback.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

const BODY: &str = r#"{"type":"test","timestamp":"2026-10-31T20:00:00.000Z","data":{}}"#;
const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

async fn post(url: &str, allowed: &str) -> Attempt {
    let poster = Poster::new(allowed.parse().unwrap()).unwrap();
    let post = Post {
        url: url.parse().unwrap(),
        content_type: "application/json",
        headers: HeaderMap::new(),
        body: BODY.into(),
    };
    poster.post(post, NOW).await
}

/// Answers one request with `answer`, and hands back the request.
async fn receiver(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(BODY.as_bytes()) {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, request)
}

/// Sends to a receiver that answers so.
async fn attempt(answer: &'static str) -> (Attempt, String) {
    let (address, request) = receiver(answer).await;
    let attempt = post(&format!("http://{address}/hook"), "127.0.0.0/8").await;
    (attempt, request.await.unwrap())
}

#[tokio::test]
async fn a_post_arrives_and_is_answered() {
    let (attempt, request) = attempt("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(attempt.reply, Reply::Status { code: 204, retry_after: None });
    assert_eq!(attempt.account, "204 No Content");
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
}

#[tokio::test]
async fn an_answer_says_when_to_come_again() {
    let (it, _) =
        attempt("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 6\r\n\r\nlater\n").await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(it.reply, Reply::Status { code: 429, retry_after });
    assert_eq!(it.account, "429 Too Many Requests: later");

    let (it, _) =
        attempt("HTTP/1.1 503 No\r\nretry-after: Sun, 01 Nov 2026 00:01:00 GMT\r\n\r\n").await;
    let Reply::Status { retry_after, .. } = it.reply else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (it, _) = attempt("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n").await;
    assert_eq!(it.reply, Reply::Status { code: 302, retry_after: None });
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let answer: &'static str = format!("HTTP/1.1 500 No\r\n\r\n{}", "x".repeat(100_000)).leak();
    let (it, _) = attempt(answer).await;
    assert_eq!(it.account.len(), "500 Internal Server Error: ".len() + EXCERPT_MAX);
}

#[tokio::test]
async fn nobody_there_is_no_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a-secret-path", listener.local_addr().unwrap());
    drop(listener);
    let it = post(&url, "127.0.0.0/8").await;
    assert_eq!(it.reply, Reply::None);
    assert!(!it.account.contains("secret"), "{}", it.account);
}

#[tokio::test]
async fn a_name_that_leads_home_is_forbidden() {
    // The list is not empty, so the name passes; what it resolves to does not.
    let it = post("https://localhost:9/", "10.0.0.0/8").await;
    assert_eq!(it.reply, Reply::Forbidden);
    assert!(it.account.contains("is not a public address"), "{}", it.account);
    assert_eq!(post("https://10.0.0.1/", "").await.reply, Reply::Forbidden);
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let post = Post {
        url: "https://hooks.example.com/services/T0/B0/XYZ".parse().unwrap(),
        content_type: "application/json",
        headers: HeaderMap::new(),
        body: "body".into(),
    };
    let shown = format!("{post:?}");
    assert!(shown.contains("hooks.example.com") && !shown.contains("XYZ"), "{shown}");
}
