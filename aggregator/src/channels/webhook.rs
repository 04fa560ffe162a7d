//! Posts messages as [Standard Webhooks](https://www.standardwebhooks.com/) 1.0.0.
//!
//! The id is the outbox entry's and stays the same over retries, the timestamp is the attempt's, and the signature covers
//! both and the body. Redirects are not followed and proxies from the environment are not used, because either would lead
//! around the [`guard`](super::guard).
//!
//! `reqwest` trims to HTTP/1.1 and rustls with ring; root certificates are Mozilla's, compiled in, so that the same binary
//! works in a Lambda function and on a laptop.

use std::{error::Error, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use overtime_wire::EpochMillis;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signer,
};

use super::{
    guard::{Guard, Refused},
    secret::{Secret, SecretError},
};
use crate::domain::delivery::Reply;

const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer is kept for whoever looks into a failure.
const EXCERPT_MAX: usize = 1024;

/// A receiver of signed messages.
pub struct Webhook {
    client: Client,
    guard: Guard,
    url: Url,
    signer: Signer,
}

/// Where to post, and how it is protected.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: Url,
    pub secret: Secret,
    pub guard: Guard,
}

/// Why there is no webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("target refused")]
    Refused(#[from] Refused),
    #[error("secret unusable")]
    Secret(#[from] SecretError),
    #[error("no http client")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

/// What came of an attempt, for the schedule and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub reply: Reply,
    /// Status and the beginning of the answer, or why there was none.
    pub account: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Paths of webhooks are secrets at many receivers.
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Webhook {
    pub fn new(target: Target) -> Result<Self, WebhookError> {
        let Target { url, secret, guard } = target;
        guard.check(&url)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(Arc::new(guard.resolver_for(&url)))
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("overtime/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| WebhookError::Client(error.into()))?;
        Ok(Self { client, guard, url, signer: signer(&secret)? })
    }

    /// Attempts to deliver `body` under `id`.
    pub async fn send(&self, id: &str, body: &str, now: EpochMillis) -> Attempt {
        if let Err(refused) = self.guard.check(&self.url) {
            return Attempt { reply: Reply::Forbidden, account: refused.to_string() };
        }
        let timestamp = now.0.div_euclid(1_000);
        // Signing fails only for bodies that are not text, which a `str` is.
        let signature = self.signer.sign(id, timestamp, body.as_bytes()).unwrap_or_default();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body.to_owned());
        match request.send().await {
            Ok(response) => read(response, now).await,
            Err(error) => unanswered(&error),
        }
    }
}

async fn read(mut response: Response, now: EpochMillis) -> Attempt {
    let status = response.status();
    let retry_after = retry_after(response.headers(), now);
    let mut excerpt = Vec::new();
    // The status is the answer; a body that breaks off or never ends changes nothing.
    while excerpt.len() < EXCERPT_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        excerpt.extend_from_slice(&chunk[..chunk.len().min(EXCERPT_MAX - excerpt.len())]);
    }
    let reply = Reply::Status { code: status.as_u16(), retry_after };
    Attempt { reply, account: account(status, &excerpt) }
}

fn account(status: StatusCode, excerpt: &[u8]) -> String {
    let text = String::from_utf8_lossy(excerpt);
    let text = text.trim();
    if text.is_empty() { status.to_string() } else { format!("{status}: {text}") }
}

fn unanswered(error: &reqwest::Error) -> Attempt {
    let refused = causes(error).find_map(|it| it.downcast_ref::<Refused>());
    if let Some(refused) = refused {
        return Attempt { reply: Reply::Forbidden, account: refused.to_string() };
    }
    let account = if error.is_timeout() {
        format!("no answer within {} s", TIMEOUT.as_secs())
    } else {
        // The outermost error repeats the URL, whose path may be a secret.
        causes(error).skip(1).map(ToString::to_string).last().unwrap_or("no answer".to_owned())
    };
    Attempt { reply: Reply::None, account }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let outermost: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |it| (*it).source())
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: EpochMillis) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(EpochMillis(date.timestamp().as_millisecond()).since(now))
}

/// The key that signs. The specification asks for 24 to 64 bytes.
fn signer(secret: &Secret) -> Result<Signer, SecretError> {
    let encoded = secret.expose().strip_prefix("whsec_").ok_or(SecretError::Shape)?;
    let key = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Shape)?;
    if !(24..=64).contains(&key.len()) {
        return Err(SecretError::Shape);
    }
    Signer::from_bytes(key).map_err(|_| SecretError::Shape)
}

fn tls() -> Result<rustls::ClientConfig, WebhookError> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| WebhookError::Client(error.into()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests;
