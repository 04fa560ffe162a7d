//! What was sent where and what came of it; one message with what it says, and the way to have it sent again.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};

use super::{
    Console,
    alerts::named,
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    notice::{self, Notice},
    table::{self, Listing},
};
use crate::{
    api::{
        author::Author,
        deliveries::{self, Asked, Which, item::Item},
        viewer::Role,
        words::DeliveryStatus,
    },
    domain::configuration::Id,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/deliveries", get(list))
        .route("/deliveries/{id}", get(one))
        .route("/deliveries/{id}/replay", post(replay))
}

#[derive(Debug, Template)]
#[template(path = "deliveries.html")]
struct List<'a> {
    frame: Frame<'a>,
    listing: Listing<'a>,
    deliveries: &'a [Item],
    channels: BTreeSet<Id>,
    next: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "delivery.html")]
struct One<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    it: &'a Item,
    /// What it says, as JSON.
    body: Option<String>,
    /// Whether it is done with, so that it can be sent again.
    done: bool,
    api: String,
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let asked: Asked = table::asked(&look)?;
    let page = deliveries::read(&console.reader, &asked).await?;
    let configuration = console.reader.store().configuration(look.now).await?;
    let mut channels: BTreeSet<Id> =
        configuration.channels.iter().map(|it| it.value.id.clone()).collect();
    // One that is gone was told things while it was there.
    channels.extend(asked.channel.as_ref().map(|it| it.0.clone()));
    let listing = Listing::new::<Asked>(&look, "/api/v1/deliveries");
    let list = List {
        frame: Frame::new(&look, Section::Deliveries, "Deliveries"),
        next: listing.next(page.next.as_deref()),
        listing,
        deliveries: &page.items,
        channels,
    };
    Ok(frame::page(&look, &headers, &list))
}

async fn one(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let which = Which { id: named("id", &id)? };
    let shown = deliveries::read_one(&console.reader, &which).await?;
    let it = &shown.delivery;
    let title = it.summary.clone().unwrap_or_else(|| format!("A message to {}", it.channel));
    let one = One {
        frame: Frame::new(&look, Section::Deliveries, title),
        notice: Notice::of(&look),
        body: shown.notification.as_ref().and_then(|it| serde_json::to_string_pretty(it).ok()),
        done: it.next_attempt_at.is_none(),
        api: look.base.href(&it.url),
        it,
    };
    Ok(frame::page(&look, &headers, &one))
}

async fn replay(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let which = Which { id: named("id", &id)? };
    deliveries::send_again(&console.reader, &Author::from(&look.viewer), &which).await?;
    Ok(notice::see(&look, &format!("/deliveries/{id}"), Notice::Replayed))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
