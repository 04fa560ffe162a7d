//! Takes a message to its channel, whatever kind that is.
//!
//! What a channel needs — an address, secrets, a client — is put together for each attempt from what the configuration says then, so that
//! changes take effect with the next one.
//!
//! **Invariant.** What goes wrong is an [`Attempt`], never an error: the schedule decides what becomes of it.

use std::{fmt, sync::Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use overtime_wire::EpochMillis;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{
    alertmanager,
    aws::Aws,
    otlp::Collector,
    pagerduty::{self, Action},
    post::{Attempt, Post, Poster},
    secret::{Origin, Secret, SecretError, Vault},
    slack,
    story::Story,
    webhook::{self, Keys},
};
use crate::domain::{
    configuration::{
        Address, Channel, ChannelKind, SecretRef,
        channel::{Basic, PagerdutyHost, WebhookFormat},
    },
    delivery::{Outcome, classify},
};

/// The webhook that the environment names.
#[derive(Clone)]
pub struct Environment {
    pub url: Url,
    pub secret: SecretRef,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths of webhooks are secrets at many receivers.
        f.debug_struct("Environment").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// A message as it leaves the outbox.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    pub id: &'a str,
    /// When it was composed.
    pub at: EpochMillis,
    /// The canonical payload.
    pub data: &'a Value,
    /// What earlier messages of the episode were sent by, see [`Sent::pin`].
    pub pin: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub attempt: Attempt,
    /// What those that follow must be sent by, though the channel changes: a reference, never a secret.
    pub pin: Option<String>,
}

impl From<Attempt> for Sent {
    fn from(attempt: Attempt) -> Self {
        Self { attempt, pin: None }
    }
}

/// Sends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Courier {
    pub(super) poster: Poster,
    pub(super) vault: Vault,
    environment: Option<Environment>,
    aws: Option<Aws>,
    pub(super) collector: Option<Collector>,
}

impl Courier {
    pub fn new(poster: Poster, vault: Vault) -> Self {
        Self { poster, vault, environment: None, aws: None, collector: None }
    }

    /// The same, with a webhook that the environment names.
    #[must_use]
    pub fn with_environment(self, environment: Option<Environment>) -> Self {
        Self { environment, ..self }
    }

    /// The same, with topics and buses.
    #[must_use]
    pub fn with_aws(self, aws: Option<Aws>) -> Self {
        Self { aws, ..self }
    }

    /// The same, with a receiver of what functions did.
    #[must_use]
    pub fn with_collector(self, collector: Option<Collector>) -> Self {
        Self { collector, ..self }
    }

    /// Whether the environment names a webhook.
    pub fn has_environment(&self) -> bool {
        self.environment.is_some()
    }

    /// Attempts to deliver a message.
    pub async fn send(&self, channel: &Channel, parcel: Parcel<'_>, now: EpochMillis) -> Sent {
        let story = match Story::read(parcel.id, parcel.at, parcel.data) {
            Ok(story) => story,
            Err(why) => {
                return Attempt::refused(format_args!("message is unreadable: {why}")).into();
            }
        };
        let origin = match channel.kind {
            ChannelKind::Environment {} => Origin::Settings,
            ChannelKind::Webhook { .. }
            | ChannelKind::Slack { .. }
            | ChannelKind::Pagerduty { .. }
            | ChannelKind::Sns { .. }
            | ChannelKind::Eventbridge { .. }
            | ChannelKind::Alertmanager { .. } => Origin::Channel,
        };
        let opened = Mutex::default();
        let outing = Outing { courier: self, story: &story, now, origin, opened };
        let mut sent = self.go(channel, &outing, parcel.pin).await;
        sent.attempt.account = outing.without_secrets(sent.attempt.account);
        sent
    }

    async fn go(&self, channel: &Channel, outing: &Outing<'_>, pin: Option<&str>) -> Sent {
        let story = outing.story;
        match &channel.kind {
            ChannelKind::Webhook { url, secret, previous_secret, format } => {
                let secrets = [Some(secret), previous_secret.as_ref()];
                outing.webhook((url.as_str(), *format), &secrets).await.into()
            }
            ChannelKind::Slack { url } => outing.slack(url).await.into(),
            ChannelKind::Pagerduty { routing_key, host, endpoint } => {
                outing.pagerduty(routing_key, (*host, endpoint.as_ref()), pin).await
            }
            ChannelKind::Sns { topic_arn, chat } => match &self.aws {
                Some(aws) => aws.publish(topic_arn, &super::sns::render(story, *chat)).await.into(),
                None => no_aws().into(),
            },
            ChannelKind::Eventbridge { bus } => match &self.aws {
                Some(aws) => aws.put(bus, &super::eventbridge::render(story)).await.into(),
                None => no_aws().into(),
            },
            ChannelKind::Alertmanager { url, basic, bearer } => {
                outing.alertmanager(url, basic.as_ref(), bearer.as_ref()).await.into()
            }
            ChannelKind::Environment {} => match &self.environment {
                Some(Environment { url, secret }) => {
                    let shape = (url.as_str(), WebhookFormat::Standard);
                    outing.webhook(shape, &[Some(secret)]).await.into()
                }
                None => Attempt::refused("no receiver: OVERTIME_WEBHOOK_URL is not set").into(),
            },
        }
    }
}

pub(super) fn no_aws() -> Attempt {
    Attempt::refused("there are no AWS settings to send this by: no region or no credentials")
}

/// One attempt on its way.
struct Outing<'a> {
    courier: &'a Courier,
    story: &'a Story,
    now: EpochMillis,
    /// Who wrote the references.
    origin: Origin,
    /// Secrets that were looked at.
    opened: Mutex<Vec<Secret>>,
}

impl Outing<'_> {
    /// What is kept of an answer, without secrets that the receiver repeats in it.
    fn without_secrets(&self, account: String) -> String {
        let Ok(opened) = self.opened.lock() else { return String::new() };
        let secrets = opened.iter().map(Secret::expose).filter(|it| !it.is_empty());
        secrets.fold(account, |account, secret| account.replace(secret, "***"))
    }

    async fn webhook(
        &self,
        (url, format): (&str, WebhookFormat),
        references: &[Option<&SecretRef>],
    ) -> Attempt {
        let Ok(url) = url.parse() else { return Attempt::refused("url is none") };
        let mut secrets = Vec::new();
        for reference in references.iter().flatten() {
            match self.secret("secret", reference).await {
                Ok(secret) => secrets.push(secret),
                Err(attempt) => return attempt,
            }
        }
        let keys = match Keys::new(&secrets) {
            Ok(keys) => keys,
            Err(why) => return Attempt::refused(format_args!("secret {why}")),
        };
        let post = webhook::post(self.story, (url, format), &keys, self.now);
        self.courier.poster.post(post, self.now).await
    }

    async fn slack(&self, url: &SecretRef) -> Attempt {
        let url = match self.secret("url", url).await {
            Ok(secret) => secret,
            Err(attempt) => return attempt,
        };
        let Ok(url) = url.expose().parse() else {
            let why = SecretError::Unfit("a URL");
            return Attempt::refused(format_args!("url {why}"));
        };
        self.json(url, HeaderMap::new(), &slack::render(self.story)).await
    }

    async fn pagerduty(
        &self,
        routing_key: &SecretRef,
        (host, endpoint): (PagerdutyHost, Option<&Address>),
        pin: Option<&str>,
    ) -> Sent {
        let own = match host {
            PagerdutyHost::Us => "https://events.pagerduty.com/v2/enqueue",
            PagerdutyHost::Eu => "https://events.eu.pagerduty.com/v2/enqueue",
        };
        let current = (endpoint.map_or(own, Address::as_str), routing_key.clone());
        let pinned = pin.and_then(|it| it.split_once(' '));
        let pinned = pinned.and_then(|(url, key)| Some((url, key.parse::<SecretRef>().ok()?)));
        let (url, reference) = pinned.unwrap_or(current);
        let pin = format!("{url} {reference}");
        let Ok(url) = url.parse::<Url>() else {
            return Attempt::refused("endpoint is no URL").into();
        };
        let key = match self.secret("routing_key", &reference).await {
            Ok(key) => key,
            Err(attempt) => return attempt.into(),
        };
        let mut attempt = Attempt::refused("there is nothing to do");
        for action in pagerduty::actions(self.story) {
            let event = pagerduty::render(self.story, *action, key.expose());
            attempt = self.json(url.clone(), HeaderMap::new(), &event).await;
            if classify(attempt.reply) != Outcome::Delivered {
                return attempt.into();
            }
        }
        let resolves = pagerduty::actions(self.story).contains(&Action::Resolve);
        Sent { attempt, pin: (!resolves).then_some(pin) }
    }

    async fn alertmanager(
        &self,
        base: &Address,
        basic: Option<&Basic>,
        bearer: Option<&SecretRef>,
    ) -> Attempt {
        let url = format!("{}/api/v2/alerts", base.as_str().trim_end_matches('/'));
        let Ok(url) = url.parse() else { return Attempt::refused("url is none") };
        let proof = match (basic, bearer) {
            (Some(basic), _) => {
                let secret = self.secret("basic.password", &basic.password).await;
                secret
                    .map(|it| format!("{}:{}", basic.username, it.expose()))
                    .map(|it| Some(format!("Basic {}", BASE64_STANDARD.encode(it))))
            }
            (None, Some(bearer)) => {
                let secret = self.secret("bearer", bearer).await;
                secret.map(|it| Some(format!("Bearer {}", it.expose())))
            }
            (None, None) => Ok(None),
        };
        let mut headers = HeaderMap::new();
        match proof.map(|it| it.map(|it| HeaderValue::from_str(&it))) {
            Err(attempt) => return attempt,
            Ok(Some(Err(_))) => {
                return Attempt::refused("the credentials are no text for a header");
            }
            Ok(Some(Ok(mut value))) => {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Ok(None) => {}
        }
        self.json(url, headers, &alertmanager::render(self.story)).await
    }

    async fn json(&self, url: Url, headers: HeaderMap, body: &Value) -> Attempt {
        let content_type = "application/json";
        let post = Post { url, content_type, headers, body: body.to_string().into() };
        self.courier.poster.post(post, self.now).await
    }

    async fn secret(&self, field: &str, reference: &SecretRef) -> Result<Secret, Attempt> {
        let opened = self.courier.vault.open((reference, self.origin), self.now).await;
        if let (Ok(secret), Ok(mut seen)) = (&opened, self.opened.lock()) {
            seen.push(secret.clone());
        }
        opened.map_err(|why| {
            let account = format!("{field} {why}");
            if why.passes() { Attempt::unanswered(account) } else { Attempt::refused(account) }
        })
    }
}

#[cfg(test)]
mod tests;
