//! What the proxy does with everything that arrives.

use std::io::ErrorKind;
use std::time::Duration;

use sandbox::proxy::{Reply, Traffic, Weather};
use tokio::time::{Instant, timeout};

use super::stage::{A_WHILE, Line, REQUEST, SOON, behind_a_proxy};

#[tokio::test]
async fn in_clear_weather_everything_passes_and_is_counted() {
    let (server, proxy) = behind_a_proxy().await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    for _ in 0..3 {
        let answer = line.ask().await.unwrap();
        assert_eq!((answer.status(), &answer.body[..]), (200, &b"served"[..]));
    }
    let traffic = proxy.traffic();
    assert_eq!(server.came().len(), 3);
    assert_eq!(traffic.bytes_up, 3 * REQUEST.len() as u64, "{traffic:?}");
    assert!(traffic.bytes_down > 3 * 6, "{traffic:?}");
    let counts = Traffic { bytes_up: 0, bytes_down: 0, ..traffic };
    let expected = Traffic { connections: 1, open: 1, requests: 3, ..Traffic::default() };
    assert_eq!(counts, expected);
    drop(line);
    timeout(SOON, proxy.until(|traffic| traffic.open == 0)).await.unwrap();
}

#[tokio::test]
async fn a_refusing_port_refuses_newcomers_only_and_opens_again() {
    let (_server, proxy) = behind_a_proxy().await;
    let mut early = Line::to(proxy.address()).await.unwrap();
    early.ask().await.unwrap();
    proxy.set(Weather::Refusing).await;
    let refused = Line::to(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(early.ask().await.unwrap().status(), 200);
    proxy.set(Weather::Clear).await;
    assert_eq!(Line::to(proxy.address()).await.unwrap().ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_unreachable_port_lets_newcomers_wait_and_lets_them_in_later() {
    let (_server, proxy) = behind_a_proxy().await;
    let mut early = Line::to(proxy.address()).await.unwrap();
    proxy.set(Weather::Unreachable).await;
    let mut late = tokio::spawn(Line::to(proxy.address()));
    assert!(timeout(A_WHILE, &mut late).await.is_err(), "nothing answers its SYN");
    assert_eq!(early.ask().await.unwrap().status(), 200);
    proxy.set(Weather::Clear).await;
    let mut late = timeout(SOON, late).await.unwrap().unwrap().unwrap();
    assert_eq!(late.ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_says_nothing() {
    let (server, proxy) = behind_a_proxy().await;
    let mut early = Line::to(proxy.address()).await.unwrap();
    early.ask().await.unwrap();
    proxy.set(Weather::BlackHole).await;
    let mut late = Line::to(proxy.address()).await.unwrap();
    for line in [&mut early, &mut late] {
        line.send().await.unwrap();
        assert!(line.is_silent().await);
    }
    let swallowed = timeout(SOON, proxy.until(|traffic| traffic.requests == 3)).await;
    assert_eq!(swallowed.unwrap().open, 2);
    proxy.set(Weather::Clear).await;
    late.send().await.unwrap();
    assert!(late.is_silent().await, "what was swallowed stays lost");
    assert_eq!(server.came().len(), 1);
    assert_eq!(Line::to(proxy.address()).await.unwrap().ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_are_late_by_what_was_ordered() {
    let (_server, proxy) = behind_a_proxy().await;
    let delay = Duration::from_millis(300);
    proxy.set(Weather::Slow(delay)).await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    let asked = Instant::now();
    assert_eq!(line.ask().await.unwrap().status(), 200);
    assert!(asked.elapsed() >= delay);
}

#[tokio::test]
async fn requests_can_be_answered_without_the_server() {
    let (server, proxy) = behind_a_proxy().await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    for status in [500, 403, 413] {
        proxy.set(Weather::Answering(Reply::status(status))).await;
        let answer = line.ask().await.unwrap();
        assert_eq!((answer.status(), answer.header("retry-after")), (status, ""));
    }
    let patience = Reply { status: 429, retry_after: Some(7) };
    proxy.set(Weather::Answering(patience)).await;
    let answer = line.ask().await.unwrap();
    assert_eq!((answer.status(), answer.header("retry-after")), (429, "7"));
    assert!(server.came().is_empty());
    proxy.set(Weather::Clear).await;
    assert_eq!(line.ask().await.unwrap().status(), 200);
    let traffic = proxy.traffic();
    assert_eq!((traffic.requests, traffic.answered, traffic.connections), (5, 4, 1));
}
