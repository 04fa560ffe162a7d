//! Proofs over real sockets: an aggregator that knows whose credentials are good, and an endpoint that gives them out.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::Instant,
};

use super::*;
use crate::uplink::{Uplink, answer::Answer, obstacle::Obstacle, tls::Tls};

const PATIENCE: Duration = Duration::from_secs(5);

/// A server that answers each request, alone on its connection, with a status and a body.
async fn serve<F>(answer: F) -> SocketAddr
where
    F: Fn(&str) -> (u16, String) + Send + 'static,
{
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let mut buffer = [0; 4096];
            // Each request of these tests arrives in one piece.
            let read = stream.read(&mut buffer).await.unwrap();
            let (status, body) = answer(&String::from_utf8_lossy(&buffer[..read]));
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: ");
            let _ =
                stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    address
}

/// Gives out `key-1`, then `key-2` and so on, and counts them.
async fn endpoint() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&asked);
    let address = serve(move |_| {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let fields = r#""SecretAccessKey":"b","Token":"c","Expiration":"2999-01-01T00:00:00Z""#;
        (200, format!(r#"{{"AccessKeyId":"key-{number}",{fields}}}"#))
    });
    (address.await, asked)
}

/// Takes what is signed with a key that begins so; the session of any other is over.
async fn aggregator(key: &'static str) -> SocketAddr {
    serve(move |request| {
        if request.contains(&format!("Credential={key}")) {
            return (200, "{}".to_owned());
        }
        let words = "The security token included in the request is expired";
        (403, format!(r#"{{"message":"{words}"}}"#))
    })
    .await
}

fn uplink(aggregator: SocketAddr, endpoint: SocketAddr) -> Uplink {
    let signer = Signer::read("127.0.0.1", |name| match name {
        "OVERTIME_SIGNING_REGION" => Some("eu-west-1".to_owned()),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(format!("http://{endpoint}/x")),
        _ => None,
    });
    let url = format!("http://{aggregator}");
    Uplink::new(url.parse().unwrap(), Tls::default()).proving(Proof::by(signer.unwrap()))
}

async fn post(uplink: &mut Uplink) -> Answer {
    uplink.post(Bytes::from_static(b"batch"), Instant::now() + PATIENCE).await
}

#[tokio::test]
async fn credentials_are_fetched_once_and_shared() {
    let (endpoint, asked) = endpoint().await;
    let mut uplink = uplink(aggregator("key-1").await, endpoint);
    let mut sibling = uplink.sibling();
    for way in [&mut uplink, &mut sibling] {
        assert!(matches!(post(way).await, Answer::Accepted { .. }));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_once_in_a_post() {
    let (endpoint, asked) = endpoint().await;
    let mut uplink = uplink(aggregator("key-2").await, endpoint);
    assert!(matches!(post(&mut uplink).await, Answer::Accepted { .. }));
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let (endpoint, asked) = self::endpoint().await;
    let mut uplink = self::uplink(aggregator("nobody").await, endpoint);
    assert!(matches!(post(&mut uplink).await, Answer::Refused { .. }));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn after_a_restore_nothing_is_left_of_the_snapshot() {
    let (endpoint, asked) = endpoint().await;
    let mut uplink = uplink(aggregator("key-").await, endpoint);
    assert!(matches!(post(&mut uplink).await, Answer::Accepted { .. }));
    let mut restored = uplink.restored();
    post(&mut restored).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_endpoint_that_has_none_or_is_silent_costs_the_post_and_no_more() {
    let refusing = serve(|_| (404, "not for you".to_owned())).await;
    let lengthy = serve(|_| (200, " ".repeat(CREDENTIALS_MAX + 1))).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let aggregator = aggregator("key-1").await;
    for endpoint in [refusing, lengthy, silent.local_addr().unwrap()] {
        let begun = Instant::now();
        let answer = post(&mut uplink(aggregator, endpoint)).await;
        assert!(matches!(answer, Answer::None(Obstacle::NoCredentials(_))), "{answer:?}");
        assert!(begun.elapsed() < FETCH_PATIENCE + Duration::from_secs(2));
    }
}
