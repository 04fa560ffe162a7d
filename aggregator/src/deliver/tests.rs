//! The outbox against a receiver on the loopback.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{
    channels::{secret::SecretRef, webhook::Target},
    store::{
        alerts::{AlertKey, Step},
        laboratory::{Laboratory, at, function},
        outbox::Entry,
    },
};

/// The clock stands still, so that a retry's moment is known.
fn clock() -> EpochMillis {
    at(1_000)
}

async fn enqueue(store: &Store, ids: &[&str]) {
    let key = AlertKey { rule: "any-timeout".to_owned(), function: function("orders") };
    let entry = |id: &&str| Entry { id: (*id).to_owned(), due: at(1_000), body: "{}".to_owned() };
    let step = |state: &u32| Step {
        state: state + 1,
        wake: None,
        entries: ids.iter().map(entry).collect(),
    };
    store.step_alert(&key, step).await.unwrap();
}

/// A receiver that gives these answers, one a connection, and then is gone.
async fn receiver(answers: &'static [&'static str]) -> Webhook {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            let answer =
                format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let secret = "env:S".parse::<SecretRef>().unwrap();
    let secret = secret.resolve(|_| Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
    let guard = "127.0.0.0/8".parse().unwrap();
    Webhook::new(Target { url: url.parse().unwrap(), secret: secret.unwrap(), guard }).unwrap()
}

/// Attempts everything that is due once, and says when something is due next.
async fn once(deliverer: &Deliverer) -> Option<EpochMillis> {
    let mut attempts = JoinSet::new();
    deliverer.start_due(&mut attempts).await.unwrap();
    while attempts.join_next().await.is_some() {}
    deliverer.store.next_due().await.unwrap()
}

#[tokio::test]
async fn what_was_delivered_is_not_due_again() {
    let lab = Laboratory::open().await;
    let webhook = receiver(&["204 No Content", "200 OK"]).await;
    let deliverer = Deliverer::new(lab.store.clone(), Some(webhook), clock);
    enqueue(&lab.store, &["msg_1", "msg_2"]).await;
    assert_eq!(once(&deliverer).await, None);
}

#[tokio::test]
async fn a_failure_is_due_again_after_its_pause() {
    let lab = Laboratory::open().await;
    let webhook = receiver(&["503 Service Unavailable"]).await;
    let deliverer = Deliverer::new(lab.store.clone(), Some(webhook), clock);
    enqueue(&lab.store, &["msg_1"]).await;
    let due = once(&deliverer).await.unwrap();
    assert!((at(6_000)..=at(7_000)).contains(&due), "{due:?}");
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let lab = Laboratory::open().await;
    let webhook = receiver(&["410 Gone"]).await;
    let deliverer = Deliverer::new(lab.store.clone(), Some(webhook), clock);
    enqueue(&lab.store, &["msg_1"]).await;
    assert_eq!(once(&deliverer).await, None);
    // The receiver answers once only: another attempt would fail and be retried.
    enqueue(&lab.store, &["msg_2"]).await;
    assert_eq!(once(&deliverer).await, None);
}

#[tokio::test]
async fn without_a_receiver_messages_are_given_up_at_once() {
    let lab = Laboratory::open().await;
    let deliverer = Deliverer::new(lab.store.clone(), None, clock);
    enqueue(&lab.store, &["msg_1"]).await;
    assert_eq!(once(&deliverer).await, None);
}

#[tokio::test]
async fn what_was_committed_before_a_crash_is_delivered_by_the_next_process() {
    let lab = Laboratory::open().await;
    enqueue(&lab.store, &["msg_1"]).await;
    let webhook = receiver(&["204 No Content"]).await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let deliverer = Deliverer::new(lab.store.clone(), Some(webhook), clock);
    let until = async move { drop(stopped.wait_for(|it| *it).await) };
    // Nobody rings.
    let running = tokio::spawn(deliverer.run(Arc::default(), until));
    while lab.store.next_due().await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
}
