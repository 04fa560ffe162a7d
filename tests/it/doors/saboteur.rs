//! What stands between a door and its tables, and lets through what it likes.

use std::sync::{Arc, Mutex, PoisonError};
use std::{future, io};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sandbox::http;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What becomes of a request that is not liked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trick {
    /// It fails at once.
    Refuse,
    /// It is not answered, until whoever asked gives up.
    Swallow,
}

/// Listening until it is dropped.
#[derive(Debug)]
pub(super) struct Saboteur {
    url: String,
    plot: Plot,
    server: JoinHandle<io::Result<()>>,
}

/// What is done to requests that hold a text.
type Plot = Arc<Mutex<Option<(Trick, &'static str)>>>;

#[derive(Debug, Clone)]
struct Post {
    engine: String,
    client: reqwest::Client,
    plot: Plot,
}

impl Saboteur {
    pub(super) async fn before(engine: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let plot = Plot::default();
        let post = Post { engine, client: http::client().unwrap(), plot: Arc::clone(&plot) };
        let router = Router::new().fallback(pass).with_state(post);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, plot, server }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Does this from now on to every request that holds the text.
    pub(super) fn play(&self, trick: Trick, text: &'static str) {
        *self.plot.lock().unwrap_or_else(PoisonError::into_inner) = Some((trick, text));
    }

    /// Lets everything through again.
    pub(super) fn rest(&self) {
        *self.plot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Saboteur {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(post): State<Post>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let plot = *post.plot.lock().unwrap_or_else(PoisonError::into_inner);
    match plot.filter(|(_, text)| String::from_utf8_lossy(&body).contains(text)) {
        Some((Trick::Refuse, _)) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response();
        }
        Some((Trick::Swallow, _)) => future::pending().await,
        None => {}
    }
    let sent = post.client.post(&post.engine).headers(head.headers).body(body).send();
    let answer = sent.await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
