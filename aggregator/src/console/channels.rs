//! Channels: where alerts go, whether what was sent there arrived, and a test of each.
//!
//! What is secret about a channel is a reference, here as everywhere. Whether it is well is read from what became of the last messages,
//! and of one that was disabled it is said who disabled it: an operator, or the receiver that answered that it is gone.

mod draft;
mod editor;
mod health;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};

use self::health::{Health, Recent};
use super::{
    Console,
    editor::named,
    failure::Failure,
    form::Form,
    frame::{self, Frame, Section},
    look::Look,
    notice::{self, Notice},
};
use crate::{
    api::{
        author::Author,
        configuration::{
            Shown,
            desk::{all, delete, one},
            preconditions::Preconditions,
        },
        problem::Problem,
        trial,
        viewer::Role,
    },
    domain::configuration::{Channel, ChannelKind, Entity, Kind},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/channels", get(list).post(editor::create))
        .route("/channels/new", get(editor::new))
        .route("/channels/{id}", get(show).post(editor::replace))
        .route("/channels/{id}/edit", get(editor::edit))
        .route("/channels/{id}/delete", post(remove))
        .route("/channels/{id}/test", post(test))
}

/// One of a list.
struct Row {
    shown: Shown,
    channel: Channel,
    health: Health,
    /// What subscriptions name it.
    subscriptions: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct List<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "channel.html")]
struct One<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    row: Row,
    facts: Vec<(&'static str, String)>,
    recent: Vec<Recent>,
}

impl Row {
    fn of(shown: Shown, health: Health, subscriptions: &[Shown]) -> Result<Self, Problem> {
        let Entity::Channel(channel) = shown.entity.value.clone() else {
            return Err(Problem::not_found("there is no such channel"));
        };
        let naming = subscriptions.iter().filter_map(|it| match &it.entity.value {
            Entity::Subscription(it) if it.channels.contains(&channel.id) => {
                Some((it.id.to_string(), it.name.clone()))
            }
            Entity::Subscription(_) | Entity::Channel(_) | Entity::Silence(_) => None,
        });
        let subscriptions = naming.collect();
        Ok(Self { shown, channel, health, subscriptions })
    }

    fn kind(&self) -> &'static str {
        name(&self.channel.kind)
    }

    /// Whether the receiver said that it is gone.
    fn is_gone(&self) -> bool {
        !self.channel.enabled && self.shown.entity.updated_by.starts_with("overtime:")
    }
}

/// A kind as people call it.
fn name(kind: &ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Webhook { .. } | ChannelKind::Environment {} => "Webhook",
        ChannelKind::Slack { .. } => "Slack",
        ChannelKind::Pagerduty { .. } => "PagerDuty",
        ChannelKind::Sns { .. } => "SNS",
        ChannelKind::Eventbridge { .. } => "EventBridge",
        ChannelKind::Alertmanager { .. } => "Alertmanager",
    }
}

/// What a channel is made of; of secrets, where they lie.
fn facts(channel: &Channel) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut say = |what: &'static str, said: String| facts.push((what, said));
    match &channel.kind {
        ChannelKind::Webhook { url, secret, previous_secret, format } => {
            say("URL", url.to_string());
            say("Secret", secret.to_string());
            if let Some(previous) = previous_secret {
                say("Previous secret", previous.to_string());
            }
            say("Format", written(format));
        }
        ChannelKind::Slack { url } => say("URL, a secret", url.to_string()),
        ChannelKind::Pagerduty { routing_key, host, endpoint } => {
            say("Routing key", routing_key.to_string());
            say("Region", written(host));
            if let Some(endpoint) = endpoint {
                say("Endpoint", endpoint.to_string());
            }
        }
        ChannelKind::Sns { topic_arn, chat } => {
            say("Topic", topic_arn.clone());
            let text = if *chat {
                "JSON, text, and what Amazon Q Developer shows"
            } else {
                "JSON and text"
            };
            say("Messages", text.to_owned());
        }
        ChannelKind::Eventbridge { bus } => say("Bus", bus.clone()),
        ChannelKind::Alertmanager { url, basic, bearer } => {
            say("URL", url.to_string());
            if let Some(basic) = basic {
                say("User", basic.username.clone());
                say("Password", basic.password.to_string());
            }
            if let Some(bearer) = bearer {
                say("Bearer token", bearer.to_string());
            }
        }
        ChannelKind::Environment {} => say("URL", "what OVERTIME_WEBHOOK_URL says".to_owned()),
    }
    facts
}

/// A word as the API writes it.
fn written(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let subscriptions = all(&console.reader, Kind::Subscription, None).await?.items;
    let shown = all(&console.reader, Kind::Channel, None).await?.items;
    let latest = health::latest(&console.reader).await?;
    let mut rows = Vec::new();
    for it in shown {
        let health = Health::of(it.entity.value.id().as_str(), &latest);
        rows.push(Row::of(it, health, &subscriptions)?);
    }
    let frame = Frame::new(&look, Section::Channels, "Channels");
    let notice = Notice::of(&look);
    Ok(frame::page(&look, &headers, &List { frame, notice, rows }))
}

async fn show(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = named(&id)?;
    let subscriptions = all(&console.reader, Kind::Subscription, None).await?.items;
    let shown = one(&console.reader, Kind::Channel, &id).await?;
    let recent = health::of(&console.reader, &id).await?;
    let health = Health::of(id.as_str(), &recent);
    let row = Row::of(shown, health, &subscriptions)?;
    let frame = Frame::new(&look, Section::Channels, row.channel.name.clone());
    let (facts, notice) = (facts(&row.channel), Notice::of(&look));
    Ok(frame::page(&look, &headers, &One { frame, notice, row, facts, recent }))
}

async fn remove(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let seen = Preconditions::of(form.text("version").parse().ok());
    let author = Author::from(&look.viewer);
    delete(&console.reader, (Kind::Channel, named(&id)?), &seen, &author).await?;
    Ok(notice::see(&look, "/channels", Notice::Deleted))
}

/// Sends a test and leads to what becomes of it.
async fn test(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let id = named(&id)?;
    trial::fire(&console.reader, &id, &Author::from(&look.viewer)).await?;
    Ok(notice::see(&look, &format!("/channels/{id}"), Notice::Tested))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
