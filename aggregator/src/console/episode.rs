//! One stretch of an alert: what opened it, what was told to whom and what came of it, and how it ended.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use overtime_wire::EpochMillis;

use super::{
    Console,
    alerts::{
        named,
        row::{Function, Past, Sample, rough},
    },
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
};
use crate::api::{alerts::show, deliveries::item::Item, words::DeliveryStatus};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/alerts/{fingerprint}/{episode}", get(one))
}

/// Something that happened in it.
#[derive(Debug)]
struct Event<'a> {
    at: EpochMillis,
    /// What it is marked by.
    class: &'static str,
    what: String,
    note: String,
    message: Option<&'a Item>,
}

#[derive(Debug, Template)]
#[template(path = "episode.html")]
struct Page<'a> {
    frame: Frame<'a>,
    past: &'a Past,
    events: Vec<Event<'a>>,
    samples: Vec<Sample>,
    members: Vec<Function>,
    deliveries: &'a [Item],
    api: String,
    alert: String,
}

async fn one(
    State(console): State<Console>,
    look: Look,
    Path((fingerprint, episode)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let which = show::WhichEpisode {
        fingerprint: named("fingerprint", &fingerprint)?,
        episode: named("episode", &episode)?,
    };
    let shown = show::read_episode(&console.reader, &which).await?;
    let past = Past::of(shown.episode);
    let title = format!("{}: {}", past.about.name, past.item.subscription_name);
    let page = Page {
        frame: Frame::new(&look, Section::Alerts, title),
        events: events(&past, &shown.deliveries),
        samples: Sample::all(shown.timeouts),
        members: Function::all(shown.members),
        deliveries: &shown.deliveries,
        api: look.base.href(&past.item.url),
        alert: format!("/alerts/{fingerprint}"),
        past: &past,
    };
    Ok(frame::page(&look, &headers, &page))
}

/// What happened, in its order.
fn events<'a>(past: &Past, deliveries: &'a [Item]) -> Vec<Event<'a>> {
    let Past { item, .. } = past;
    let event = |at, class, what: &str, note: String| Event {
        at,
        class,
        what: what.to_owned(),
        note,
        message: None,
    };
    let (first, opened) = (item.starts_at.0, item.opened_at.0);
    let mut events =
        vec![event(first, "bad", "First breach", "by the function's clock".to_owned())];
    let after = format!("{} after the first breach", rough(opened.since(first)));
    events.push(event(opened, "bad", "The alert opened", after));
    events.extend(deliveries.iter().map(told));
    if let Some(at) = item.ended_at {
        events.push(event(at.0, "good", "It ended", past.because.unwrap_or_default().to_owned()));
    }
    // What has the same time stays in the order in which one follows from the other.
    events.sort_by_key(|it| it.at);
    events
}

fn told(message: &Item) -> Event<'_> {
    let kind = message.transition.as_deref().unwrap_or("message");
    let Item { channel, .. } = message;
    let (class, what) = match message.status.0 {
        DeliveryStatus::Delivered => ("told", format!("Told {channel}: {kind}")),
        DeliveryStatus::Suppressed => ("held", format!("Not told to {channel}: {kind}")),
        DeliveryStatus::Dead => ("bad", format!("{channel} could not be told: {kind}")),
        DeliveryStatus::Digested => {
            ("told", format!("Told {channel} as a line of a digest: {kind}"))
        }
        DeliveryStatus::Waiting | DeliveryStatus::Claimed => {
            ("held", format!("On its way to {channel}: {kind}"))
        }
    };
    let tried = message.log.last().filter(|_| message.status.0 == DeliveryStatus::Delivered);
    Event {
        at: tried.map_or(message.queued_at.0, |it| it.at.0),
        class,
        what,
        note: message.problem.clone().or_else(|| message.summary.clone()).unwrap_or_default(),
        message: Some(message),
    }
}
