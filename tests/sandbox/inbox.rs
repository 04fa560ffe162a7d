//! A webhook receiver that remembers its deliveries.
//!
//! It answers 204 unless it was told otherwise, keeps headers and body as they came, and says when each came, so that a test
//! can check a signature over the very bytes and measure from a deadline to an arrival.

use std::collections::VecDeque;
use std::future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time};

use crate::clock;

/// One POST, as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub at: Timestamp,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Delivery {
    /// The header's value; empty when there is none that is text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// The body; null when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What a sender hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Status(StatusCode),
    /// Nothing, until the sender gives up.
    Silence,
}

/// Listening until it is dropped.
#[derive(Debug)]
pub struct Inbox {
    url: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    count: watch::Receiver<usize>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug, Clone)]
struct Shelf {
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    count: watch::Sender<usize>,
}

impl Inbox {
    pub async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/alerts", listener.local_addr()?);
        let (counter, count) = watch::channel(0);
        let (deliveries, answers) = (Arc::default(), Arc::default());
        let shelf = Shelf {
            deliveries: Arc::clone(&deliveries),
            answers: Arc::clone(&answers),
            count: counter,
        };
        let router = Router::new().route("/alerts", post(keep)).with_state(shelf);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, deliveries, answers, count, server })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has the next delivery answered like this, after those that were asked for before.
    pub fn answer_next(&self, answer: Answer) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are at least so many; says whether they came in time.
    pub async fn until(&self, count: usize, patience: time::Duration) -> bool {
        let mut counted = self.count.clone();
        time::timeout(patience, counted.wait_for(|it| *it >= count))
            .await
            .is_ok_and(|it| it.is_ok())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn keep(State(shelf): State<Shelf>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match shelf.take(Delivery { at: clock::now(), headers, body }) {
        Answer::Status(status) => status,
        Answer::Silence => future::pending().await,
    }
}

impl Shelf {
    fn take(&self, delivery: Delivery) -> Answer {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.push(delivery);
        self.count.send_replace(deliveries.len());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.pop_front().unwrap_or(Answer::Status(StatusCode::NO_CONTENT))
    }
}
