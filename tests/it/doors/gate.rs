//! What stands between the doors and their tables, and lets through what the deployment allows.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sandbox::http;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::permits;

/// What was refused so far.
type Refused = Arc<Mutex<Vec<String>>>;

/// Listening until it is dropped. A test in which anything was refused fails then, also where a door made light of it.
#[derive(Debug)]
pub(super) struct Gate {
    url: String,
    refused: Refused,
    server: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Clone)]
struct Post {
    engine: String,
    client: reqwest::Client,
    refused: Refused,
}

impl Gate {
    pub(super) async fn before(engine: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let refused = Refused::default();
        let post = Post { engine, client: http::client().unwrap(), refused: Arc::clone(&refused) };
        let router = Router::new().fallback(pass).with_state(post);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, refused, server }
    }

    /// Where a door finds DynamoDB.
    pub(super) fn url(&self, door: &str) -> String {
        format!("{}/{door}", self.url)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(std::thread::panicking() || refused.is_empty(), "{}", refused.join("\n"));
    }
}

async fn pass(State(post): State<Post>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let door = head.uri.path().trim_matches('/');
    let target = head.headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    let operation = target.and_then(|it| it.rsplit('.').next()).unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(refusal) = permits::refusal(door, operation, &asked) {
        let kind = "com.amazon.coral.service#AccessDeniedException";
        let answer = json!({ "__type": kind, "Message": refusal }).to_string();
        post.refused.lock().unwrap_or_else(PoisonError::into_inner).push(refusal);
        return (StatusCode::BAD_REQUEST, answer).into_response();
    }
    let sent = post.client.post(&post.engine).headers(head.headers).body(body).send();
    let answer = sent.await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
