//! Tells an OpenTelemetry receiver what functions did: OTLP over HTTP, as compressed protobuf.
//!
//! Unlike a channel it is named by the settings alone, and takes no alerts. What stands in the head of each request, a key nearly always, is
//! a secret like any other: a reference, followed anew each time.

use std::{fmt, io::Write as _};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use overtime_wire::EpochMillis;
use reqwest::{
    Url,
    header::{ACCEPT, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    courier::Courier,
    post::{Attempt, Post},
    secret::{Origin, Secret, SecretError},
};
use crate::domain::{
    configuration::SecretRef,
    delivery::{Outcome, Reply},
    otlp::{
        Signal,
        answer::{self, Partial},
    },
};

const PROTOBUF: &str = "application/x-protobuf";

/// Where it is, and what stands in the head of requests.
#[derive(Clone)]
pub struct Collector {
    /// `/v1/metrics` and `/v1/traces` are below it.
    pub base: Url,
    pub headers: Option<SecretRef>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

impl Collector {
    fn address(&self, signal: Signal) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/{}", self.base.path().trim_end_matches('/'), signal.as_str()));
        url
    }
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub attempt: Attempt,
    /// What was not taken, though the request was.
    pub partial: Option<Partial>,
}

impl From<Attempt> for Told {
    fn from(attempt: Attempt) -> Self {
        Self { attempt, partial: None }
    }
}

impl Courier {
    /// Whether there is a receiver.
    pub fn has_collector(&self) -> bool {
        self.collector.is_some()
    }

    /// Attempts to tell the receiver.
    pub async fn tell(&self, (signal, message): (Signal, &[u8]), now: EpochMillis) -> Told {
        let Some(collector) = &self.collector else {
            return Attempt::refused("no receiver: OVERTIME_OTLP_ENDPOINT is not set").into();
        };
        let secret = match &collector.headers {
            Some(it) => match self.vault.open((it, Origin::Settings), now).await {
                Ok(secret) => Some(secret),
                Err(why) if why.passes() => return Attempt::unanswered(why).into(),
                Err(why) => return Attempt::refused(format_args!("headers {why}")).into(),
            },
            None => None,
        };
        let headers = secret.as_ref().map_or_else(|| Ok(HeaderMap::new()), headers);
        let mut headers = match headers {
            Ok(headers) => headers,
            Err(why) => return Attempt::refused(format_args!("headers {why}")).into(),
        };
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(ACCEPT, HeaderValue::from_static(PROTOBUF));
        let Some(body) = gzip(message) else {
            return Attempt::refused("there is no memory to compress it in").into();
        };
        let url = collector.address(signal);
        let post = Post { url, content_type: PROTOBUF, headers: headers.clone(), body };
        let (attempt, answer) = self.poster.exchange(post, now).await;
        let Told { mut attempt, partial } = read((signal, attempt), &answer);
        for secret in headers.values().filter(|it| it.is_sensitive()) {
            let secret = secret.to_str().unwrap_or_default();
            attempt.account = attempt.account.replace(secret, "***");
        }
        Told { attempt, partial }
    }
}

/// What an answer says in protobuf, in words.
fn read((signal, mut attempt): (Signal, Attempt), answer: &[u8]) -> Told {
    let Reply::Status { code, .. } = attempt.reply else { return attempt.into() };
    if answer::classify(attempt.reply) != Outcome::Delivered {
        if let Some(message) = answer::failure(answer) {
            attempt.account = format!("{code}: {message}");
        }
        return attempt.into();
    }
    let partial = answer::partial(signal, answer);
    attempt.account = match &partial {
        Some(Partial { rejected, message }) => format!("{code}: {rejected} not taken: {message}"),
        None => code.to_string(),
    };
    Told { attempt, partial }
}

fn gzip(message: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// What a text such as `name=value,name=value` puts into the head of requests. Values may be percent-encoded, as OpenTelemetry's own settings
/// have them.
pub fn headers(secret: &Secret) -> Result<HeaderMap, SecretError> {
    const UNFIT: SecretError = SecretError::Unfit("headers such as name=value,name=value");
    let mut headers = HeaderMap::new();
    for header in secret.expose().split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let (name, value) = header.split_once('=').ok_or(UNFIT)?;
        let name: HeaderName = name.trim().parse().map_err(|_| UNFIT)?;
        let mut value = HeaderValue::from_bytes(&decoded(value.trim())).map_err(|_| UNFIT)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// A percent sign that no number follows is one.
fn decoded(text: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let number = (*first == b'%').then(|| after.get(..2)).flatten();
        let number = number.and_then(|it| std::str::from_utf8(it).ok());
        let byte = number.and_then(|it| u8::from_str_radix(it, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    decoded
}

#[cfg(test)]
mod tests;
