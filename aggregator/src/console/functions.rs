//! `/functions`: who reports, filtered, sorted and cut into pages; the way to each.

mod row;

use std::collections::BTreeSet;

use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use overtime_wire::Cause;

use self::row::Line;
pub(super) use self::row::word;
use super::{
    Console,
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    table::{self, Direction, Heading, Listing},
};
use crate::api::{
    alerts::standing,
    functions::{
        self, Asked, Order,
        order::{Direction as Way, Sort},
    },
    words::{Limit, Text, Word as _},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/functions", get(show))
}

#[derive(Debug, Template)]
#[template(path = "functions.html")]
struct Page<'a> {
    frame: Frame<'a>,
    listing: Listing<'a>,
    headings: Headings,
    lines: Vec<Line>,
    /// From when on is counted, where there is anything.
    from: Option<super::moment::Time>,
    first: Option<String>,
    next: Option<String>,
    /// As they are asked for, and as they are called.
    causes: Vec<(&'static str, String)>,
    /// Tags beyond the one that the form has a field for.
    more_tags: Vec<String>,
}

/// What the list can be sorted by, above its columns.
#[derive(Debug)]
struct Headings {
    name: Heading,
    timeouts: Heading,
    rate: Heading,
    invocations: Heading,
    errors: Heading,
    p99: Heading,
    last_timeout: Heading,
}

async fn show(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut asked: Asked = table::asked(&look)?;
    asked.limit.get_or_insert(Text(Limit::at_most(table::ROWS)));
    let page = functions::read(&console.reader, &asked).await?;
    let shown: BTreeSet<_> = page.items.iter().map(row::key).collect();
    let alerts = standing::worst(&console.reader, &shown).await?;
    let listing =
        Listing::new::<Asked>(&look, "/api/v1/functions").implying("limit", table::ROWS_TEXT);
    let frame = Frame::new(&look, Section::Functions, "Functions");
    let line = |row| Line::of(row, alerts.get(&row::key(row)).copied(), &frame);
    let template = Page {
        headings: Headings::of(&listing, &asked),
        lines: page.items.iter().map(line).collect(),
        from: page.items.first().map(|it| frame.time(it.from.0)),
        first: listing.first(),
        next: listing.next(page.next.as_deref()),
        causes: Cause::ALL.iter().map(|it| (it.as_str(), it.as_str().replace('_', " "))).collect(),
        more_tags: asked.tag.iter().skip(1).map(|it| it.0.write()).collect(),
        listing,
        frame: frame.clone(),
    };
    Ok(frame::page(&look, &headers, &template))
}

impl Headings {
    fn of(listing: &Listing<'_>, asked: &Asked) -> Self {
        let Order { sort, direction } = Order::asked(asked.sort.as_ref(), asked.order.as_ref());
        let sort = sort.write();
        let direction = match direction {
            Way::Upwards => Direction::Upwards,
            Way::Downwards => Direction::Downwards,
        };
        let by =
            |label, sorted: Sort| listing.heading((label, &sorted.write()), (&sort, direction));
        Self {
            name: by("Function", Sort::Name),
            timeouts: by("Timeouts", Sort::Timeouts),
            rate: by("Rate", Sort::Rate),
            invocations: by("Invocations", Sort::Invocations),
            errors: by("Errors", Sort::Errors),
            p99: by("p99 of timeout", Sort::P99OfTimeout),
            last_timeout: by("Last timeout", Sort::LastTimeout),
        }
    }
}

#[cfg(test)]
mod tests;
