//! One HTTP/1.1 client connection, over whatever carries bytes.
//!
//! The aggregator is one peer that is asked one thing at a time, so there is no pool: whoever owns a [`Connection`] keeps it,
//! and opens another when an exchange fails.
//!
//! **Invariant.** Bodies are read no further than their limit, and buffers stay as small as hyper allows.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    client::conn::http1::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// What hyper may buffer of a peer's head or body at a time.
const BUFFER_MAX: usize = 16 * 1024;

/// What carries bytes: a TCP connection, with or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection to one peer.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the peer could not be reached")]
    Unreachable(#[from] std::io::Error),
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the request could not be written")]
    Request(#[from] hyper::http::Error),
}

impl Connection {
    pub async fn open(stream: Box<dyn Stream>) -> Result<Self, HttpError> {
        let (requests, connection) =
            Builder::new().max_buf_size(BUFFER_MAX).handshake(TokioIo::new(stream)).await?;
        // Its end shows in the next exchange.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { requests })
    }

    /// Whether the peer has closed, as far as we have heard.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Sends a request and reads the answer, however long the peer takes.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<Reply, HttpError> {
        self.requests.ready().await?;
        let (head, body) = self.requests.send_request(request).await?.into_parts();
        Ok(Reply { status: head.status, headers: head.headers, body: collect(body, limit).await? })
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("closed", &self.is_closed()).finish()
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, HttpError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if read.len() + data.len() > limit {
                return Err(HttpError::TooLong(limit));
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}
