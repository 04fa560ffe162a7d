//! The one way to the aggregator: one batch at a time, each before a deadline.
//!
//! Facts may arrive twice, so a batch that may or may not have arrived is simply sent again ([`peer`]).
//!
//! **Invariant.** Nothing here touches TLS or a resolver before the first send.

pub mod answer;
pub mod circuit;
pub mod obstacle;
pub mod peer;
pub mod proof;
pub mod target;
pub mod tls;

use bytes::Bytes;
use hyper::Method;
use tokio::time::Instant;

use answer::Answer;
use peer::{Parcel, Peer};
use proof::Proof;
use target::Target;
use tls::Tls;

/// The aggregator.
#[derive(Debug)]
pub struct Uplink(Peer);

impl Uplink {
    pub fn new(target: Target, tls: Tls) -> Self {
        Self(Peer::new(target, tls))
    }

    #[must_use]
    pub fn proving(self, proof: Proof) -> Self {
        Self(self.0.proving(proof))
    }

    /// Another way to the same aggregator, with a connection of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self(self.0.sibling())
    }

    /// A snapshot was restored: connection, sessions and credentials are another environment's.
    #[must_use]
    pub fn restored(&self) -> Self {
        Self(self.0.restored())
    }

    /// Opens a connection ahead of a send, in place of one that may have died unseen.
    pub async fn prepare(&mut self, deadline: Instant) {
        self.0.prepare(deadline).await;
    }

    /// Posts a batch, and says what came of it before `deadline`.
    pub async fn post(&mut self, batch: Bytes, deadline: Instant) -> Answer {
        let parcel = Parcel {
            method: Method::POST,
            path: self.0.target().batches_path(),
            content_type: "application/x-protobuf",
            body: batch,
        };
        match self.0.send(&parcel, deadline).await {
            Ok(reply) => answer::read(reply.status, &reply.headers, &reply.body),
            Err(obstacle) => Answer::None(obstacle),
        }
    }
}

#[cfg(test)]
mod tests;
