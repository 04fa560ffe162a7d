//! One of the aggregator's doors: the real binary as the runtime of an emulated function of its own.
//!
//! Events are given to it one at a time, as Lambda does, by whoever holds it or over HTTP at an invocation endpoint, where a
//! [`Front`](crate::front::Front) posts what it has judged. Invariant: a door is gone, with its process, when it is dropped.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::spec::{Function, Launch};
use crate::{Environment, Fault, Invocation, Outcome, Spec};

/// Long enough for a delivery that is not answered.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A door, and the environment it runs in.
#[derive(Debug, Clone)]
pub struct Door(Arc<Mutex<Environment>>);

/// What came of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    Answered(Value),
    /// The handler said that it failed.
    Failed(Value),
    /// There is no answer: it took too long, or the process ended.
    Ended(Outcome),
}

impl Door {
    /// Starts `overtime` as Lambda would, with settings in its environment, as a function with plenty of time.
    pub async fn open<'a>(
        overtime: &Path,
        door: &str,
        settings: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, Fault> {
        Self::open_for(TIMEOUT, overtime, door, settings).await
    }

    /// The same, as a function with this timeout.
    pub async fn open_for<'a>(
        timeout: Duration,
        overtime: &Path,
        door: &str,
        settings: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, Fault> {
        let function = Function {
            account: "999988887777".to_owned(),
            ..Function::named(&format!("overtime-{door}"))
        };
        let mut spec = Spec::new(function.timeout(timeout), Launch::program(overtime))
            .variable("OVERTIME_DOOR", door);
        for (name, value) in settings {
            spec = spec.variable(name, value);
        }
        Ok(Self(Arc::new(Mutex::new(Environment::start(spec).await?))))
    }

    pub async fn take(&self, event: Value) -> Result<Taken, Fault> {
        let ended = self.0.lock().await.invoke(Invocation::of(event)).await?;
        let Some(answer) = ended.answer.filter(|_| ended.outcome == Outcome::Success) else {
            return Ok(Taken::Ended(ended.outcome));
        };
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Ok(if answer.error_type.is_none() { Taken::Answered(body) } else { Taken::Failed(body) })
    }

    /// The process that answers, if there is one.
    pub async fn pid(&self) -> Option<u32> {
        self.0.lock().await.observer().runtime_pid()
    }

    /// What it logged, as far as it is JSON.
    pub async fn lines(&self) -> Vec<Value> {
        let lines = self.0.lock().await.observer().lines();
        lines.iter().filter_map(|it| serde_json::from_str(&it.text).ok()).collect()
    }

    /// Answers events that are posted to an address of its own.
    pub async fn endpoint(&self) -> io::Result<Endpoint> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let path = "/2015-03-31/functions/function/invocations";
        let url = format!("http://{}{path}", listener.local_addr()?);
        let router = Router::new()
            .route(path, post(invoke))
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Endpoint { url, server })
    }
}

/// Listening until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    pub url: String,
    server: JoinHandle<io::Result<()>>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// As Lambda's own `Invoke` answers: a failed handler is an answer with a header.
async fn invoke(State(door): State<Door>, Json(event): Json<Value>) -> Response {
    let failed = |body: Value| {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("x-amz-function-error"),
            axum::http::HeaderValue::from_static("Unhandled"),
        )]);
        (headers, Json(body)).into_response()
    };
    match door.take(event).await {
        Ok(Taken::Answered(body)) => Json(body).into_response(),
        Ok(Taken::Failed(body)) => failed(body),
        Ok(Taken::Ended(outcome)) => failed(Value::String(format!("{outcome:?}"))),
        Err(fault) => (StatusCode::INTERNAL_SERVER_ERROR, fault.to_string()).into_response(),
    }
}
