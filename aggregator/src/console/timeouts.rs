//! `/timeouts`: what timed out, newest deadline first, as far back as it is kept.

use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use overtime_wire::{Cause, Evidence};

use super::{
    Console,
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    sighting::Sighting,
    table::{self, Listing},
};
use crate::api::{
    timeouts::{self, Asked},
    viewer::LogTails,
    words::{Limit, Text},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/timeouts", get(list))
}

#[derive(Debug, Template)]
#[template(path = "timeouts.html")]
struct List<'a> {
    frame: Frame<'a>,
    listing: Listing<'a>,
    timeouts: Vec<Sighting>,
    next: Option<String>,
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut asked: Asked = table::asked(&look)?;
    asked.limit.get_or_insert(Text(Limit::at_most(table::ROWS)));
    // A row has no room for what a function wrote.
    let page = timeouts::read(&console.reader, &asked, LogTails::Hidden).await?;
    let frame = Frame::new(&look, Section::Functions, "Timeouts");
    let listing =
        Listing::new::<Asked>(&look, "/api/v1/timeouts").implying("limit", table::ROWS_TEXT);
    let list = List {
        timeouts: page.items.iter().map(|it| Sighting::of(it, &frame)).collect(),
        next: listing.next(page.next.as_deref()),
        listing,
        frame,
    };
    Ok(frame::page(&look, &headers, &list))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
