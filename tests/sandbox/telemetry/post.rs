//! One POST to a subscriber's listener, over a connection that is kept while it works.

use std::io;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::request::Target;

/// Why a POST was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("could not connect")]
    Connect(#[from] io::Error),
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    #[error("could not be put into a request")]
    Unsendable(#[from] hyper::http::Error),
    #[error("was answered with {0}")]
    Status(StatusCode),
    #[error("was not answered in time")]
    Silence,
}

/// A way to one listener.
#[derive(Debug)]
pub(crate) struct Line {
    target: Target,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    pub(crate) fn to(target: Target) -> Self {
        Self { target, connection: None }
    }

    /// Sends one body. A connection that failed is not used again.
    pub(crate) async fn post(&mut self, body: Bytes) -> Result<(), Refused> {
        let mut connection = match self.connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.connect().await?,
        };
        connection.ready().await?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.target.path.as_str())
            .header(HOST, self.target.authority.as_str())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.connection = Some(connection);
        if status.is_success() { Ok(()) } else { Err(Refused::Status(status)) }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Refused> {
        let stream = TcpStream::connect(self.target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with the sender, and what went wrong is told to the sender as well.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
