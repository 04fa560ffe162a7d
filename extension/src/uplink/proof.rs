//! Whose requests they are: signed where the aggregator asks for it, each attempt anew.
//!
//! [`crate::signing`] knows how; here are its clock and its socket. What it learns, of the clock and of credentials, is
//! shared by all ways to the aggregator, so a send that is overtaken leaves it to the next one.
//!
//! **Invariant.** The lock is never held while something is waited for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use overtime_wire::EpochMillis;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    clock,
    http::{Connection, HttpError, Reply},
    signing::{
        self, Signer, SigningError,
        container::{Fetch, FetchError},
        region::Region,
        skew::{Refusal, Remedy},
    },
};

/// The endpoint is on this machine.
const FETCH_PATIENCE: Duration = Duration::from_millis(500);
const CREDENTIALS_MAX: usize = 16 * 1024;

/// How requests prove whose they are; not at all by default.
#[derive(Debug, Clone, Default)]
pub struct Proof(Option<Arc<Mutex<Signer>>>);

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFault {
    #[error("the credential endpoint could not be asked")]
    Unreachable(#[from] HttpError),
    #[error("the credential endpoint did not answer in time")]
    TooSlow,
    #[error(transparent)]
    Answer(#[from] FetchError),
}

impl Proof {
    pub fn by(signer: Signer) -> Self {
        Self(Some(Arc::new(Mutex::new(signer))))
    }

    fn signer(&self) -> Option<MutexGuard<'_, Signer>> {
        // Every change of it is one assignment.
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches credentials where they are due. Fails only where there are none to go on with.
    pub(super) async fn renew(&self) -> Result<(), CredentialsFault> {
        let due = self.signer().and_then(|it| it.fetch(clock::now()));
        let Some(due) = due else { return Ok(()) };
        let fetched = match timeout(FETCH_PATIENCE, fetch(due)).await {
            Ok(Ok(reply)) => self.fetched(&reply).map_err(CredentialsFault::from),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(CredentialsFault::TooSlow),
        };
        let has_some = self.signer().is_some_and(|it| it.can_sign(clock::now()));
        if has_some { Ok(()) } else { fetched }
    }

    fn fetched(&self, reply: &Reply) -> Result<(), FetchError> {
        match self.signer() {
            Some(mut signer) => signer.fetched(reply.status, &reply.body, clock::now()),
            None => Ok(()),
        }
    }

    /// Adds what proves the request, whose body this is. Returns when that was.
    pub(super) fn sign(
        &self,
        request: &mut Request<Full<Bytes>>,
        body: &[u8],
    ) -> Result<EpochMillis, SigningError> {
        let now = clock::now();
        if let Some(signer) = self.signer() {
            let (method, uri, headers) = (request.method(), request.uri(), request.headers());
            let proof = signer.sign(&signing::Request { method, uri, headers, body }, now)?;
            request.headers_mut().extend(proof);
        }
        Ok(now)
    }

    /// What an answer says about the signature that was made then.
    pub(super) fn judged(&self, reply: &Reply, signed_at: EpochMillis) -> Remedy {
        if !matches!(reply.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
            return Remedy::Nothing;
        }
        let Some(mut signer) = self.signer() else { return Remedy::Nothing };
        let Reply { status, headers, body } = reply;
        let (status, now) = (*status, clock::now());
        signer.refused(&Refusal { status, headers, body, signed_at, now })
    }

    /// The bucket turned out to be in another region.
    pub fn relocate(&self, region: Region) {
        if let Some(mut signer) = self.signer() {
            signer.relocate(region);
        }
    }

    /// A snapshot was restored.
    pub(super) fn restored(&self) {
        if let Some(mut signer) = self.signer() {
            signer.restored();
        }
    }
}

async fn fetch(fetch: Fetch) -> Result<Reply, HttpError> {
    let tcp = TcpStream::connect(fetch.address).await?;
    let mut request = Request::get(fetch.path).body(Full::default())?;
    *request.headers_mut() = fetch.headers;
    Connection::open(Box::new(tcp)).await?.exchange(request, CREDENTIALS_MAX).await
}

#[cfg(test)]
mod tests;
