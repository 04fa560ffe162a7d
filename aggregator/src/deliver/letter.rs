//! A message as it lies in the outbox, and what it is about.

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    domain::{configuration::ENVIRONMENT, delivery::id::DeliveryId, instant::When, overflow},
    store::outbox::entry::Claim,
};

/// What is in an entry: the canonical payload, and for whom it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letter {
    pub(super) channel: String,
    pub(super) at: EpochMillis,
    pub(super) data: Value,
    pub(super) is_digest: bool,
}

/// A body says for which channel it is, or is what was posted before there were channels.
#[derive(Debug, Deserialize)]
struct Body {
    channel: Option<String>,
    notification: Option<Value>,
    data: Option<Value>,
    timestamp: Option<String>,
}

/// The body of a message that is put in by delivery itself.
#[derive(Debug, Serialize)]
struct Own<'a> {
    channel: &'a str,
    notification: &'a Value,
}

impl Letter {
    /// Reads a claimed entry. `console` is where a digest's link leads.
    pub(super) fn open(claim: &Claim, console: &str) -> Result<Self, serde_json::Error> {
        let body: Body = serde_json::from_str(&claim.body)?;
        let named = DeliveryId::parse(&claim.id).map(|it| it.channel.to_owned());
        let channel = body.channel.or(named).unwrap_or_else(|| ENVIRONMENT.to_owned());
        if let Some(folded) = claim.folded {
            let folded = (folded, claim.lines.as_slice());
            let data = overflow::compose_digest(&channel, folded, console, claim.enqueued_at);
            return Ok(Self { channel, at: claim.enqueued_at, data, is_digest: true });
        }
        let data = body.notification.or(body.data).unwrap_or_default();
        let said = body.timestamp.as_deref().or_else(|| data["at"].as_str());
        let at = match said.and_then(When::parse) {
            Some(When::At(at)) => at,
            Some(When::Ago(_)) | None => claim.enqueued_at,
        };
        Ok(Self { channel, at, data, is_digest: false })
    }

    /// The same for another channel, as a body.
    pub(super) fn towards(&self, channel: &str) -> String {
        own(channel, &self.data)
    }

    /// One line about it.
    pub(super) fn line(&self) -> String {
        let summary = self.data["annotations"]["summary"].as_str().unwrap_or("an alert");
        summary.chars().take(200).collect()
    }
}

/// The body of a message of our own.
pub(super) fn own(channel: &str, data: &Value) -> String {
    serde_json::to_string(&Own { channel, notification: data })
        .unwrap_or_else(|_| json!({ "channel": channel }).to_string())
}
