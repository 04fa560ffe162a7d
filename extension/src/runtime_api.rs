//! The Extensions API: register, ask for the next event, and subscribe to telemetry.
//!
//! Source: AWS's "Lambda Extensions API" and "Telemetry API" guides. The extension registers under its own file name; a GET
//! of `/event/next` blocks for as long as the environment is frozen, so it has no timeout: an extension that stops
//! polling makes every invocation run into its timeout.
//!
//! **Invariant.** `init/error` and `exit/error` are not in here, so nobody can call them: both would fail the function.

pub mod event;

use std::fmt;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, StatusCode};
use tokio::net::TcpStream;

pub use event::{Invoke, Next, Reason, Shutdown};

use crate::{
    http::{Connection, HttpError, Reply},
    json::Fields,
    lambda::ApiAddress,
};

/// Longest answer that is read; events are below 2 KiB.
const ANSWER_MAX: usize = 64 * 1024;

/// Our own file name, under which the platform knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionName(pub String);

/// What the platform gave us at registration, to be shown ever after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionId(String);

/// What events to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    InvokeAndShutdown,
    /// All that Managed Instances offer.
    ShutdownOnly,
}

/// The platform's answer to a registration. Texts are empty when unsaid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub id: ExtensionId,
    pub account: String,
    pub function: String,
    pub version: String,
}

/// Why the API gave no answer that we can use.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the platform answered {0}")]
    Status(StatusCode),
    #[error("the platform gave no extension identifier")]
    NoIdentifier,
}

/// The one connection to the platform.
#[derive(Debug)]
pub struct RuntimeApi {
    address: ApiAddress,
    connection: Option<Connection>,
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    header: (&'static str, &'a str),
    body: String,
}

impl RuntimeApi {
    pub fn new(address: ApiAddress) -> Self {
        Self { address, connection: None }
    }

    pub async fn register(
        &mut self,
        name: &ExtensionName,
        events: Events,
    ) -> Result<Registration, ApiError> {
        let events = match events {
            Events::InvokeAndShutdown => r#"{"events":["INVOKE","SHUTDOWN"]}"#,
            Events::ShutdownOnly => r#"{"events":["SHUTDOWN"]}"#,
        };
        let call = Call {
            method: Method::POST,
            path: "/2020-01-01/extension/register",
            header: ("lambda-extension-name", &name.0),
            body: events.to_owned(),
        };
        let reply = self.call(call).await?;
        if reply.status != StatusCode::OK {
            return Err(ApiError::Status(reply.status));
        }
        let id = header(&reply.headers, "lambda-extension-identifier");
        let text = String::from_utf8_lossy(&reply.body);
        let fields = Fields::parse(&text);
        let said = |name: &str| {
            fields.as_ref().and_then(|it| it.text(name)).unwrap_or_default().into_owned()
        };
        Ok(Registration {
            id: ExtensionId(id.ok_or(ApiError::NoIdentifier)?),
            account: said("accountId"),
            function: said("functionName"),
            version: said("functionVersion"),
        })
    }

    /// Waits for the next event, through any number of freezes.
    pub async fn next(&mut self, id: &ExtensionId) -> Result<Next, ApiError> {
        let call = Call {
            method: Method::GET,
            path: "/2020-01-01/extension/event/next",
            header: ("lambda-extension-identifier", &id.0),
            body: String::new(),
        };
        let reply = self.call(call).await?;
        if reply.status == StatusCode::OK {
            Ok(event::read(&reply.body))
        } else {
            Err(ApiError::Status(reply.status))
        }
    }

    /// Asks for telemetry with the given request, and returns the status of the answer.
    pub async fn subscribe(
        &mut self,
        id: &ExtensionId,
        request: String,
    ) -> Result<StatusCode, ApiError> {
        let call = Call {
            method: Method::PUT,
            path: "/2022-07-01/telemetry",
            header: ("lambda-extension-identifier", &id.0),
            body: request,
        };
        Ok(self.call(call).await?.status)
    }

    async fn call(&mut self, call: Call<'_>) -> Result<Reply, HttpError> {
        let request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header("host", &self.address.0)
            .header(call.header.0, call.header.1)
            // The account comes with the answer to a registration; elsewhere this means nothing.
            .header("lambda-extension-accept-feature", "accountId")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(call.body)))?;
        let mut connection = match self.connection.take().filter(|it| !it.is_closed()) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let reply = connection.exchange(request, ANSWER_MAX).await?;
        self.connection = Some(connection);
        Ok(reply)
    }

    async fn connect(&self) -> Result<Connection, HttpError> {
        let stream = TcpStream::connect(&self.address.0).await?;
        stream.set_nodelay(true)?;
        Connection::open(Box::new(stream)).await
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

impl fmt::Display for ExtensionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
