//! Posting over HTTP, to nobody the [`guard`](super::guard) does not admit.
//!
//! Redirects are not followed and proxies from the environment are not used, because either would lead around the guard.
//!
//! `reqwest` trims to HTTP/1.1 and rustls with ring; root certificates are Mozilla's, compiled in, so that the same binary
//! works in a Lambda function and on a laptop.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use overtime_wire::EpochMillis;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};

use super::guard::{Guard, Refused};
use crate::domain::delivery::Reply;

/// How long an answer may take: Standard Webhooks asks for 15 to 30 seconds.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const ANSWER_MAX: usize = 16 * 1024;
/// How much of it is kept for whoever looks into a failure.
const EXCERPT_MAX: usize = 1024;

/// Posts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Poster {
    guard: Guard,
    /// One for each scheme, because the scheme decides which addresses names may lead to.
    secure: Client,
    plain: Client,
}

/// What is posted, and where.
#[derive(Clone)]
pub struct Post {
    pub url: Url,
    pub content_type: &'static str,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// There is no HTTP client to be had.
#[derive(Debug, thiserror::Error)]
#[error("no http client")]
pub struct NoClient(#[source] Box<dyn Error + Send + Sync>);

/// What came of an attempt, for the schedule and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub reply: Reply,
    /// Status and the beginning of the answer, or why there was none.
    pub account: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Paths of webhooks are secrets at many receivers, and so are headers and bodies.
        f.debug_struct("Post").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Attempt {
    /// Nothing was sent, and nothing will get better by itself.
    pub fn refused(why: impl ToString) -> Self {
        Self { reply: Reply::Forbidden, account: why.to_string() }
    }

    /// Nothing was sent, and it may be otherwise in a while.
    pub fn unanswered(why: impl ToString) -> Self {
        Self { reply: Reply::None, account: why.to_string() }
    }
}

impl Poster {
    pub fn new(guard: Guard) -> Result<Self, NoClient> {
        let secure = client(&guard, "https://localhost")?;
        let plain = client(&guard, "http://localhost")?;
        Ok(Self { guard, secure, plain })
    }

    /// What a URL alone tells about whether it may be posted to.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        self.guard.check(url)
    }

    pub async fn post(&self, post: Post, now: EpochMillis) -> Attempt {
        self.exchange(post, now).await.0
    }

    /// The same, with the beginning of the answer as it came.
    pub async fn exchange(&self, post: Post, now: EpochMillis) -> (Attempt, Vec<u8>) {
        if let Err(refused) = self.guard.check(&post.url) {
            return (Attempt::refused(refused), Vec::new());
        }
        let client = if post.url.scheme() == "https" { &self.secure } else { &self.plain };
        let request = client
            .post(post.url)
            .headers(post.headers)
            .header(CONTENT_TYPE, HeaderValue::from_static(post.content_type))
            .body(post.body);
        match request.send().await {
            Ok(response) => read(response, now).await,
            Err(error) => (unanswered(&error), Vec::new()),
        }
    }
}

fn client(guard: &Guard, scheme: &str) -> Result<Client, NoClient> {
    let url = scheme.parse().map_err(|error: url::ParseError| NoClient(error.into()))?;
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(Arc::new(guard.resolver_for(&url)))
        .redirect(Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .user_agent(concat!("overtime/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| NoClient(error.into()))
}

/// A client for addresses that nobody but the operator of this process can choose.
pub fn unguarded(timeout: Duration) -> Result<Client, NoClient> {
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(Policy::none())
        .timeout(timeout)
        .build()
        .map_err(|error| NoClient(error.into()))
}

async fn read(mut response: Response, now: EpochMillis) -> (Attempt, Vec<u8>) {
    let status = response.status();
    let retry_after = retry_after(response.headers(), now);
    let mut answer = Vec::new();
    // The status is the answer; a body that breaks off or never ends changes nothing.
    while answer.len() < ANSWER_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        answer.extend_from_slice(&chunk[..chunk.len().min(ANSWER_MAX - answer.len())]);
    }
    let reply = Reply::Status { code: status.as_u16(), retry_after };
    let account = account(status, &answer[..answer.len().min(EXCERPT_MAX)]);
    (Attempt { reply, account }, answer)
}

fn account(status: StatusCode, excerpt: &[u8]) -> String {
    let text = String::from_utf8_lossy(excerpt);
    let text = text.trim();
    if text.is_empty() { status.to_string() } else { format!("{status}: {text}") }
}

fn unanswered(error: &reqwest::Error) -> Attempt {
    let refused = causes(error).find_map(|it| it.downcast_ref::<Refused>());
    if let Some(refused) = refused {
        return Attempt::refused(refused);
    }
    if error.is_timeout() {
        return Attempt::unanswered(format_args!("no answer within {} s", TIMEOUT.as_secs()));
    }
    // The outermost error repeats the URL, whose path may be a secret.
    let innermost = causes(error).skip(1).map(ToString::to_string).last();
    Attempt::unanswered(innermost.unwrap_or("no answer".to_owned()))
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

fn tls() -> Result<rustls::ClientConfig, NoClient> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NoClient(error.into()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests;
