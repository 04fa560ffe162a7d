//! The one way to the bucket: an object at a time, each before a deadline.
//!
//! The bucket is looked for in the region that was set, or the function's own, and followed to where it says it is; that is
//! remembered for as long as the process lives.

use bytes::Bytes;
use hyper::Method;
use tokio::time::Instant;

use super::{
    Settings,
    answer::{self, Answer},
    bucket::Place,
    key::encoded,
};
use crate::{
    signing::region::Region,
    uplink::{
        peer::{Parcel, Peer},
        tls::Tls,
    },
};

/// Whoever is sent on twice is sent in circles.
const MOVES_MAX: u32 = 2;

/// The bucket, and the connection to it if there is one.
#[derive(Debug)]
pub struct Store {
    settings: Settings,
    /// What paths begin with.
    root: String,
    peer: Peer,
}

impl Store {
    /// `None` where no address can be made of the settings.
    pub fn new(settings: Settings, tls: Tls) -> Option<Self> {
        let Place { target, root } =
            settings.bucket.place(&settings.region, settings.endpoint.as_ref())?;
        let peer = Peer::new(target, tls).proving(settings.proof.clone());
        Some(Self { settings, root, peer })
    }

    pub fn prefix(&self) -> &str {
        &self.settings.bucket.prefix
    }

    /// Another way to the same bucket, with a connection of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        let (settings, root) = (self.settings.clone(), self.root.clone());
        Self { settings, root, peer: self.peer.sibling() }
    }

    /// A snapshot was restored.
    #[must_use]
    pub fn restored(&self) -> Self {
        Self { peer: self.peer.restored(), ..self.sibling() }
    }

    /// Puts an object there, and says what came of it before `deadline`.
    pub async fn put(&mut self, key: &str, body: Bytes, deadline: Instant) -> Answer {
        for _ in 0..MOVES_MAX {
            let answer = self.put_here(key, body.clone(), deadline).await;
            let Answer::Elsewhere(region) = answer else { return answer };
            if !self.follow(region) {
                break;
            }
        }
        self.put_here(key, body, deadline).await
    }

    async fn put_here(&mut self, key: &str, body: Bytes, deadline: Instant) -> Answer {
        let path = encoded(&format!("{}/{key}", self.root));
        let parcel = Parcel { method: Method::PUT, path, content_type: "application/gzip", body };
        match self.peer.send(&parcel, deadline).await {
            Ok(reply) => {
                answer::read(reply.status, &reply.headers, &reply.body, &self.settings.region)
            }
            Err(obstacle) => Answer::None(obstacle),
        }
    }

    fn follow(&mut self, region: Region) -> bool {
        let settings = &mut self.settings;
        let Some(place) = settings.bucket.place(&region, settings.endpoint.as_ref()) else {
            return false;
        };
        settings.proof.relocate(region.clone());
        settings.region = region;
        self.root = place.root;
        self.peer = self.peer.towards(place.target);
        true
    }
}

#[cfg(test)]
mod tests;
