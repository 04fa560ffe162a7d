//! The webhook against a real receiver on the loopback.

use std::net::SocketAddr;

use overtime_wire::EpochMillis;
use standardwebhooks::Webhook as Verifier;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"type":"test","timestamp":"2026-10-31T20:00:00.000Z","data":{}}"#;

fn secret(text: &str) -> Secret {
    let reference: crate::channels::secret::SecretRef = "env:S".parse().unwrap();
    reference.resolve(|_| Some(text.to_owned())).unwrap()
}

fn webhook(url: &str, allowed: &str) -> Result<Webhook, WebhookError> {
    Webhook::new(Target {
        url: Url::parse(url).unwrap(),
        secret: secret(SECRET),
        guard: allowed.parse().unwrap(),
    })
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
async fn attempt(answer: &'static str, now: EpochMillis) -> (Attempt, String) {
    let (address, request) = receiver(answer).await;
    let webhook = webhook(&format!("http://{address}/hook"), "127.0.0.0/8").unwrap();
    let attempt = webhook.send("msg_1", BODY, now).await;
    (attempt, request.await.unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the verifier holds the timestamp against the clock")]
fn now() -> EpochMillis {
    EpochMillis(jiff::Timestamp::now().as_millisecond())
}

#[tokio::test]
async fn a_message_arrives_signed() {
    let (attempt, request) = attempt("HTTP/1.1 204 No Content\r\n\r\n", now()).await;
    assert_eq!(attempt.reply, Reply::Status { code: 204, retry_after: None });
    assert_eq!(attempt.account, "204 No Content");

    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["webhook-id"], "msg_1");
    Verifier::new(SECRET).unwrap().verify(body.as_bytes(), &headers).unwrap();
}

#[tokio::test]
async fn an_answer_says_when_to_come_again() {
    let (it, _) =
        attempt("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 6\r\n\r\nlater\n", now())
            .await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(it.reply, Reply::Status { code: 429, retry_after });
    assert_eq!(it.account, "429 Too Many Requests: later");

    let answer = "HTTP/1.1 503 No\r\nretry-after: Sun, 01 Nov 2026 00:01:00 GMT\r\n\r\n";
    let (it, _) = attempt(answer, EpochMillis(1_793_491_200_000)).await;
    let Reply::Status { retry_after, .. } = it.reply else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n";
    let (it, _) = attempt(answer, now()).await;
    assert_eq!(it.reply, Reply::Status { code: 302, retry_after: None });
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let answer: &'static str = format!("HTTP/1.1 500 No\r\n\r\n{}", "x".repeat(100_000)).leak();
    let (it, _) = attempt(answer, now()).await;
    assert_eq!(it.account.len(), "500 Internal Server Error: ".len() + EXCERPT_MAX);
}

#[tokio::test]
async fn nobody_there_is_no_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a-secret-path", listener.local_addr().unwrap());
    drop(listener);
    let it = webhook(&url, "127.0.0.0/8").unwrap().send("msg_1", BODY, now()).await;
    assert_eq!(it.reply, Reply::None);
    assert!(!it.account.contains("secret"), "{}", it.account);
}

#[tokio::test]
async fn a_name_that_leads_home_is_forbidden() {
    // The list is not empty, so the name passes; what it resolves to does not.
    let it =
        webhook("https://localhost:9/", "10.0.0.0/8").unwrap().send("msg_1", BODY, now()).await;
    assert_eq!(it.reply, Reply::Forbidden);
    assert!(it.account.contains("is not a public address"), "{}", it.account);
}

#[test]
fn a_target_or_secret_that_cannot_be_right_is_refused_at_once() {
    assert!(matches!(webhook("https://10.0.0.1/", ""), Err(WebhookError::Refused(_))));
    for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%"] {
        assert!(matches!(signer(&secret(text)), Err(SecretError::Shape)), "{text}");
    }
    let shown =
        format!("{:?}", webhook("https://hooks.example.com/services/T0/B0/XYZ", "").unwrap());
    assert!(!shown.contains("XYZ") && !shown.contains("MfKQ"), "{shown}");
}
