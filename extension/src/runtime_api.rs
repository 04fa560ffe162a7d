//! The Extensions API: register, ask for the next event, and subscribe to telemetry.
//!
//! Source: AWS's "Lambda Extensions API" and "Telemetry API" guides. The extension registers under its own file name; a GET
//! of `/event/next` blocks for as long as the environment is frozen, so it has no timeout: an extension that stops
//! polling makes every invocation run into its timeout.
//!
//! **Invariant.** `init/error` and `exit/error` are not in here, so nobody can call them: both would fail the function.

pub mod event;
mod reply;

use std::{fmt, io};

use hyper::StatusCode;
use tokio::{io::AsyncWriteExt, net::TcpStream};

pub use event::{Invoke, Next, Reason, Shutdown};

use crate::{json::Fields, lambda::ApiAddress, message::Messages};

use reply::Reply;

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
    #[error("the platform cannot be reached, or not understood")]
    Unreachable(#[from] io::Error),
    #[error("the platform answered {0}")]
    Status(StatusCode),
    #[error("the platform gave no extension identifier")]
    NoIdentifier,
}

/// The one connection to the platform.
#[derive(Debug)]
pub struct RuntimeApi {
    address: ApiAddress,
    connection: Option<Messages>,
}

struct Call<'a> {
    /// Method and path.
    line: &'static str,
    header: (&'static str, &'a str),
    body: &'a str,
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
        // A file can have any name, and no name ends a header.
        let name: String = name.0.chars().filter(|it| !it.is_control()).collect();
        let call = Call {
            line: "POST /2020-01-01/extension/register",
            header: ("lambda-extension-name", &name),
            body: events,
        };
        let reply = self.call(&call).await?;
        if reply.status != StatusCode::OK {
            return Err(ApiError::Status(reply.status));
        }
        let text = String::from_utf8_lossy(&reply.body);
        let fields = Fields::parse(&text);
        let said = |name: &str| {
            fields.as_ref().and_then(|it| it.text(name)).unwrap_or_default().into_owned()
        };
        Ok(Registration {
            id: ExtensionId(reply.identifier.ok_or(ApiError::NoIdentifier)?),
            account: said("accountId"),
            function: said("functionName"),
            version: said("functionVersion"),
        })
    }

    /// Waits for the next event, through any number of freezes.
    pub async fn next(&mut self, id: &ExtensionId) -> Result<Next, ApiError> {
        let call = Call {
            line: "GET /2020-01-01/extension/event/next",
            header: ("lambda-extension-identifier", &id.0),
            body: "",
        };
        let reply = self.call(&call).await?;
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
        request: &str,
    ) -> Result<StatusCode, ApiError> {
        let call = Call {
            line: "PUT /2022-07-01/telemetry",
            header: ("lambda-extension-identifier", &id.0),
            body: request,
        };
        Ok(self.call(&call).await?.status)
    }

    /// Asks on the connection there is; where the platform has closed it meanwhile, once more on another.
    async fn call(&mut self, call: &Call<'_>) -> io::Result<Reply> {
        let request = call.request(&self.address);
        if let Some(connection) = self.connection.take()
            && let Ok(reply) = self.exchange(connection, request.as_bytes()).await
        {
            return Ok(reply);
        }
        let connection = self.connect().await?;
        self.exchange(connection, request.as_bytes()).await
    }

    async fn exchange(&mut self, mut connection: Messages, request: &[u8]) -> io::Result<Reply> {
        connection.stream().write_all(request).await?;
        let reply = reply::read(&mut connection).await?;
        self.connection = (!reply.is_last).then_some(connection);
        Ok(reply)
    }

    async fn connect(&self) -> io::Result<Messages> {
        let stream = TcpStream::connect(&self.address.0).await?;
        stream.set_nodelay(true)?;
        Ok(Messages::of(stream))
    }
}

impl Call<'_> {
    /// As it is written, in one piece. The account comes with the answer to a registration; elsewhere the header that asks
    /// for it means nothing.
    fn request(&self, address: &ApiAddress) -> String {
        let ((name, value), length) = (self.header, self.body.len().to_string());
        [
            self.line,
            " HTTP/1.1\r\nhost: ",
            &address.0,
            "\r\n",
            name,
            ": ",
            value,
            "\r\nlambda-extension-accept-feature: accountId\r\n",
            "content-type: application/json\r\ncontent-length: ",
            &length,
            "\r\n\r\n",
            self.body,
        ]
        .concat()
    }
}

impl fmt::Display for ExtensionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Answers one request, and returns its head.
    async fn answer(peer: &mut TcpStream, said: &str) -> String {
        let mut request = vec![0; 4096];
        let length = peer.read(&mut request).await.unwrap();
        let said = format!("HTTP/1.1 200 OK\r\n{said}");
        peer.write_all(said.as_bytes()).await.unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        request.lines().take_while(|it| !it.is_empty()).collect::<Vec<_>>().join("|")
    }

    #[tokio::test]
    async fn a_connection_is_kept_and_one_that_was_closed_is_replaced_at_once() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut api = RuntimeApi::new(ApiAddress(server.local_addr().unwrap().to_string()));
        let platform = tokio::spawn(async move {
            let registered = "lambda-extension-identifier: an-id\r\ncontent-length: 2\r\n\r\n{}";
            let invoke = "content-length: 22\r\n\r\n{\"eventType\":\"INVOKE\"}";
            let (mut first, _) = server.accept().await.unwrap();
            let register = answer(&mut first, registered).await;
            answer(&mut first, invoke).await;
            drop(first);
            let (mut second, _) = server.accept().await.unwrap();
            [register, answer(&mut second, invoke).await]
        });
        let name = ExtensionName("over\r\ntime".to_owned());
        let registration = api.register(&name, Events::InvokeAndShutdown).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(api.next(&registration.id).await, Ok(Next::Invoke(_))));
        }
        let [register, next] = platform.await.unwrap();
        assert!(
            register.starts_with("POST /2020-01-01/extension/register HTTP/1.1|"),
            "{register}"
        );
        assert!(register.contains("|lambda-extension-name: overtime|"), "{register}");
        assert!(next.starts_with("GET /2020-01-01/extension/event/next HTTP/1.1|"), "{next}");
        assert!(next.contains("|lambda-extension-identifier: an-id|"), "{next}");
    }
}
