//! An OpenTelemetry receiver that remembers what it was told, as it was before it was compressed, and may pass it on to another.
//!
//! Invariant: what it passes on are the bytes that came, under the same headers, and what the other answers is its answer.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::http;

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    /// `metrics` or `traces`.
    pub signal: String,
    pub headers: HeaderMap,
    /// Protobuf.
    pub message: Vec<u8>,
    /// What was answered.
    pub status: u16,
}

/// Listening until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    desk: Desk,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug, Clone)]
struct Desk {
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<VecDeque<(u16, u64)>>>,
    onwards: Option<(reqwest::Client, String)>,
}

impl Receiver {
    /// Takes everything, or passes it on to the receiver at that base URL.
    pub async fn open(onwards: Option<String>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = http::client().map_err(std::io::Error::other)?;
        let onwards = onwards.map(|it| (client, it));
        let desk = Desk { heard: Arc::default(), answers: Arc::default(), onwards };
        let router = Router::new().fallback(take).with_state(desk.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, desk, server })
    }

    /// What ends in `/v1/metrics` and `/v1/traces` below it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has the next request refused with that status, and a wish to be asked again after so many seconds.
    pub fn refuse_next(&self, status: u16, retry_after: u64) {
        let mut answers = self.desk.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back((status, retry_after));
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.desk.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = (StatusCode, HeaderMap, Bytes);

async fn take(
    State(desk): State<Desk>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let refusal = desk.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let answer = match (refusal, &desk.onwards) {
        (Some((status, retry_after)), _) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, retry_after.into());
            (StatusCode::from_u16(status).unwrap_or_default(), headers, Bytes::new())
        }
        (None, Some((client, url))) => {
            let url = format!("{url}{}", uri.path());
            passed_on(client.post(url), &headers, body.clone()).await
        }
        (None, None) => (StatusCode::OK, HeaderMap::new(), Bytes::new()),
    };
    let signal = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let message = opened(&headers, &body);
    let heard = Heard { signal, headers, message, status: answer.0.as_u16() };
    desk.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    answer
}

async fn passed_on(mut to: reqwest::RequestBuilder, headers: &HeaderMap, body: Bytes) -> Answer {
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
        if let Some(value) = headers.get(&name) {
            to = to.header(name, value);
        }
    }
    let Ok(answer) = to.body(body).send().await else {
        return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new());
    };
    let status = answer.status();
    (status, HeaderMap::new(), answer.bytes().await.unwrap_or_default())
}

/// What is no gzip is as it came.
fn opened(headers: &HeaderMap, body: &Bytes) -> Vec<u8> {
    let mut message = Vec::new();
    let gzip = headers.get(header::CONTENT_ENCODING).is_some_and(|it| it == "gzip");
    let read = gzip.then(|| flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut message));
    match read {
        Some(Ok(_)) => message,
        Some(Err(_)) | None => body.to_vec(),
    }
}
