//! The one way to the aggregator: one batch at a time, each before a deadline.
//!
//! The connection is kept between sends. While the environment is frozen it can die in two ways: the peer closes it, which
//! shows at once, or the network forgets it, which shows only in silence. Either costs a reused connection one retry on a
//! fresh one, and never a fact, because facts may arrive twice.
//!
//! **Invariant.** Nothing here touches TLS or a resolver before the first send.

pub mod answer;
pub mod circuit;
pub mod target;
pub mod tls;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use crate::http::{Connection, HttpError, Reply, Stream};

use answer::Answer;
use target::Target;
use tls::Tls;

/// Longest answer that is read: a thousand refusals are below it.
const ANSWER_MAX: usize = 256 * 1024;
/// How long a reused connection may be silent before it is taken for dead.
const SILENCE: Duration = Duration::from_millis(700);

/// The aggregator, and the connection to it if there is one.
#[derive(Debug)]
pub struct Uplink {
    target: Arc<Target>,
    tls: Tls,
    connection: Option<Connection>,
}

impl Uplink {
    pub fn new(target: Target, tls: Tls) -> Self {
        Self { target: Arc::new(target), tls, connection: None }
    }

    /// Another way to the same aggregator, with a connection of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self { target: Arc::clone(&self.target), tls: self.tls.clone(), connection: None }
    }

    /// Opens a connection ahead of a send, in place of one that may have died unseen.
    pub async fn prepare(&mut self, deadline: Instant) {
        if let Ok(Ok(connection)) = timeout_at(deadline, self.connect()).await {
            self.connection = Some(connection);
        }
    }

    /// Posts a batch, and says what came of it before `deadline`.
    pub async fn post(&mut self, batch: Bytes, deadline: Instant) -> Answer {
        match timeout_at(deadline, self.try_post(&batch, deadline)).await {
            Ok(Ok(reply)) => answer::read(reply.status, &reply.headers, &reply.body),
            Ok(Err(error)) => {
                self.connection = None;
                Answer::Unreachable(error)
            }
            Err(_) => {
                self.connection = None;
                Answer::TooSlow
            }
        }
    }

    async fn try_post(&mut self, batch: &Bytes, deadline: Instant) -> Result<Reply, HttpError> {
        if let Some(mut connection) = self.connection.take().filter(|it| !it.is_closed()) {
            let patience = SILENCE.min((deadline - Instant::now()) / 2);
            let reply = connection.exchange(self.request(batch)?, ANSWER_MAX);
            if let Ok(Ok(reply)) = timeout(patience, reply).await {
                self.connection = Some(connection);
                return Ok(reply);
            }
        }
        let mut connection = self.connect().await?;
        let reply = connection.exchange(self.request(batch)?, ANSWER_MAX).await?;
        self.connection = Some(connection);
        Ok(reply)
    }

    fn request(&self, batch: &Bytes) -> Result<Request<Full<Bytes>>, HttpError> {
        let request = Request::post(self.target.batches_path())
            .header("host", self.target.authority())
            .header("content-type", "application/x-protobuf")
            .body(Full::new(batch.clone()))?;
        Ok(request)
    }

    async fn connect(&self) -> Result<Connection, HttpError> {
        let tcp = self.dial().await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match self.target.tls_name() {
            None => Box::new(tcp),
            Some(name) => Box::new(self.tls.connector()?.connect(name.clone(), tcp).await?),
        };
        Connection::open(stream).await
    }

    /// An address needs no resolver, and a resolver needs a thread.
    async fn dial(&self) -> Result<TcpStream, HttpError> {
        let port = self.target.port();
        Ok(match self.target.address() {
            Some(address) => TcpStream::connect((address, port)).await?,
            None => TcpStream::connect((self.target.host(), port)).await?,
        })
    }
}

#[cfg(test)]
mod tests;
