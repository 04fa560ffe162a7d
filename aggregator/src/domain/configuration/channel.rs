//! Where alerts go. What is secret about it is a reference.

use serde::Serialize;

use super::{
    read::{Fields, Node},
    secret::{self, SecretRef},
    text::{Address, Id},
};

/// A receiver of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    pub id: Id,
    pub name: String,
    pub enabled: bool,
    pub kind: ChannelKind,
    /// Notifications a minute; what is more is put together. 0 is no limit.
    pub rate_limit: u32,
    /// Who hears that this one fails.
    pub fallback: Option<Id>,
}

/// Written as an object with one field: `{"slack": {"url": "env:OVERTIME_SECRET_SLACK"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A signed POST, as Standard Webhooks writes it.
    Webhook {
        url: Address,
        secret: SecretRef,
        /// The key that was before, while receivers change theirs: both sign.
        previous_secret: Option<SecretRef>,
        format: WebhookFormat,
    },
    /// An incoming webhook, whose URL is its secret.
    Slack { url: SecretRef },
    /// Events API v2.
    Pagerduty {
        routing_key: SecretRef,
        host: PagerdutyHost,
        /// Another place that speaks the same protocol.
        endpoint: Option<Address>,
    },
    /// A topic: for e-mail, and for chat where `chat` adds what Amazon Q Developer reads.
    Sns { topic_arn: String, chat: bool },
    /// A bus, by ARN or by name.
    Eventbridge { bus: String },
    /// An Alertmanager's `/api/v2/alerts`.
    Alertmanager { url: Address, basic: Option<Basic>, bearer: Option<SecretRef> },
    /// The webhook that settings of the environment name, which only deliver knows. Built in, never written by anybody.
    Environment {},
}

/// How somebody proves themselves to an Alertmanager's proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basic {
    pub username: String,
    pub password: SecretRef,
}

/// What a webhook's body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    Standard,
    Cloudevents,
    Alertmanager,
}

/// Which of PagerDuty's regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PagerdutyHost {
    Us,
    Eu,
}

const RATE_LIMIT: u32 = 30;
const RATE_LIMIT_MAX: u32 = 10_000;

impl ChannelKind {
    /// What it is called where it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Pagerduty { .. } => "pagerduty",
            Self::Sns { .. } => "sns",
            Self::Eventbridge { .. } => "eventbridge",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Environment {} => "environment",
        }
    }

    fn read(node: Node<'_>) -> Option<Self> {
        let place = node.place();
        let (name, node) = node.variant()?;
        match name {
            "webhook" => node.object(webhook),
            "slack" => {
                node.object(|it| Some(Self::Slack { url: secret::of_channel(it.at("url"))? }))
            }
            "pagerduty" => node.object(pagerduty),
            "sns" => node.object(sns),
            "eventbridge" => node.object(|it| Some(Self::Eventbridge { bus: bus(it.at("bus"))? })),
            "alertmanager" => node.object(alertmanager),
            _ => place
                .fault("is none of webhook, slack, pagerduty, sns, eventbridge and alertmanager"),
        }
    }
}

impl Channel {
    pub(super) fn read(node: Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let id: Option<Id> = fields.at("id").parsed();
            let name = fields.at("name").text(1..=200);
            let enabled = fields.at("enabled").or(true, Node::boolean);
            let kind = ChannelKind::read(fields.at("kind"));
            let rate_limit =
                fields.at("rate_limit").or(RATE_LIMIT, |it| it.number(0..=RATE_LIMIT_MAX));
            let fallback: Option<Option<Id>> = fields.at("fallback").optional(Node::parsed);
            if id.is_some() && fallback.as_ref() == Some(&id) {
                return fields.fault("fallback", "is the channel itself");
            }
            Some(Self {
                id: id?,
                name: name?,
                enabled: enabled?,
                kind: kind?,
                rate_limit: rate_limit?,
                fallback: fallback?,
            })
        })
    }
}

fn webhook(fields: &mut Fields<'_>) -> Option<ChannelKind> {
    let url = fields.at("url").parsed();
    let secret = secret::of_channel(fields.at("secret"));
    let previous_secret = fields.at("previous_secret").optional(secret::of_channel);
    let format = fields.at("format").or(WebhookFormat::Standard, Node::parsed);
    Some(ChannelKind::Webhook {
        url: url?,
        secret: secret?,
        previous_secret: previous_secret?,
        format: format?,
    })
}

fn pagerduty(fields: &mut Fields<'_>) -> Option<ChannelKind> {
    let routing_key = secret::of_channel(fields.at("routing_key"));
    let host = fields.at("host").or(PagerdutyHost::Us, Node::parsed);
    let endpoint = fields.at("endpoint").optional(Node::parsed);
    Some(ChannelKind::Pagerduty { routing_key: routing_key?, host: host?, endpoint: endpoint? })
}

fn sns(fields: &mut Fields<'_>) -> Option<ChannelKind> {
    let topic = fields.at("topic_arn");
    let place = topic.place();
    let topic_arn = topic.text(1..=400).and_then(|it| {
        let fits = names(&it, "sns").is_some();
        if fits {
            Some(it)
        } else {
            place.fault("is not of the form arn:aws:sns:REGION:ACCOUNT:TOPIC")
        }
    });
    let chat = fields.at("chat").or(false, Node::boolean);
    Some(ChannelKind::Sns { topic_arn: topic_arn?, chat: chat? })
}

fn bus(node: Node<'_>) -> Option<String> {
    let place = node.place();
    let text = node.text(1..=400)?;
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"._-/".contains(&it);
    let name =
        names(&text, "events").map_or(Some(text.as_str()), |it| it.strip_prefix("event-bus/"));
    let fits = name.is_some_and(|it| (1..=256).contains(&it.len()) && it.bytes().all(allowed));
    if fits {
        return Some(text);
    }
    place.fault(
        "is neither a bus's name nor of the form arn:aws:events:REGION:ACCOUNT:event-bus/NAME",
    )
}

/// What an ARN of a service names.
fn names<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let [scheme, partition, of, region, account, name] = arn.splitn(6, ':').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let account = account.parse::<overtime_wire::AccountId>().is_ok();
    let region = !region.is_empty() && region.parse::<overtime_wire::Region>().is_ok();
    let known =
        scheme == "arn" && partition.parse::<overtime_wire::Partition>().is_ok() && of == service;
    (known && account && region && !name.is_empty() && !name.contains(':')).then_some(name)
}

fn alertmanager(fields: &mut Fields<'_>) -> Option<ChannelKind> {
    let url = fields.at("url").parsed();
    let basic = fields.at("basic").optional(|it| {
        it.object(|fields| {
            let username = fields.at("username").text(1..=200);
            let password = secret::of_channel(fields.at("password"));
            Some(Basic { username: username?, password: password? })
        })
    });
    let bearer = fields.at("bearer").optional(secret::of_channel);
    let (basic, bearer) = (basic?, bearer?);
    if basic.is_some() && bearer.is_some() {
        return fields.fault("bearer", "cannot be there beside basic");
    }
    Some(ChannelKind::Alertmanager { url: url?, basic, bearer })
}

super::words! {
    WebhookFormat: "standard" => Standard, "cloudevents" => Cloudevents, "alertmanager" => Alertmanager;
    PagerdutyHost: "us" => Us, "eu" => Eu;
}
