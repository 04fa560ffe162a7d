//! Posts messages as [Standard Webhooks](https://www.standardwebhooks.com/) 1.0.0.
//!
//! The id is the outbox entry's and stays the same over retries, the timestamp is the attempt's, and the signature covers
//! both and the body. While a key is being changed, both sign: the header holds a signature of each, and a receiver that knows
//! either is content.

use base64::{Engine, prelude::BASE64_STANDARD};
use overtime_wire::EpochMillis;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signer,
};

use super::{
    bodies,
    post::Post,
    secret::{Secret, SecretError},
    story::Story,
};
use crate::domain::configuration::channel::WebhookFormat;

/// Keys that sign: the one in use, and the one before it while receivers change theirs.
pub(super) struct Keys(Vec<Signer>);

impl Keys {
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, SecretError> {
        secrets.iter().map(signer).collect::<Result<_, _>>().map(Self)
    }

    /// A signature by each, as the header holds them.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        // Signing fails only for bodies that are not text, which a `str` is.
        let sign = |it: &Signer| it.sign(id, timestamp, body.as_bytes()).ok();
        self.0.iter().filter_map(sign).collect::<Vec<_>>().join(" ")
    }
}

/// The attempt at `now`.
pub(super) fn post(
    story: &Story,
    (url, format): (Url, WebhookFormat),
    keys: &Keys,
    now: EpochMillis,
) -> Post {
    let (body, content_type) = match format {
        WebhookFormat::Standard => (bodies::standard(story), "application/json"),
        WebhookFormat::Cloudevents => {
            (bodies::cloudevents(story), "application/cloudevents+json; charset=utf-8")
        }
        WebhookFormat::Alertmanager => (bodies::alertmanager(story), "application/json"),
    };
    let body = body.to_string();
    let timestamp = now.0.div_euclid(1_000);
    let signature = keys.sign(&story.id, timestamp, &body);
    let mut headers = HeaderMap::new();
    let values = [
        (HEADER_WEBHOOK_ID, story.id.clone()),
        (HEADER_WEBHOOK_TIMESTAMP, timestamp.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature),
    ];
    for (name, value) in values {
        // Ids are ours and of ASCII, and so is everything else here.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Post { url, content_type, headers, body: body.into() }
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

#[cfg(test)]
mod tests;
