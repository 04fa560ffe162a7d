//! Coverage: who should report and does not, and how far the lists that this is known from are to be believed.

use std::{borrow::Borrow, cmp::Reverse};

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use overtime_wire::EpochMillis;

use super::{
    Console,
    failure::Failure,
    figures::grouped,
    frame::{self, Frame, Section},
    look::Look,
    notice::{self, Notice},
    table::{Listing, asked},
};
use crate::{
    api::{
        author::Author,
        coverage::{
            Asked, Row, look as compared,
            summary::{Standing, Summary},
        },
        inventory::drop_list,
        problem::Problem,
        viewer::Role,
    },
    domain::{coverage::State as Stands, inventory::Place},
};

/// An inventory that is older than this is not to be trusted with what was made since.
const OLD_DAYS: u64 = 7;
/// How many accounts and regions are shown.
const PLACES_SHOWN: usize = 50;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/coverage", get(show))
        .route("/coverage/{account}/{region}/forget", post(forget))
}

/// How many functions stand so, and where they are listed.
struct Figure {
    name: &'static str,
    about: &'static str,
    number: String,
    class: &'static str,
    href: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "coverage.html")]
struct Page<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    listing: Listing<'a>,
    figures: Vec<Figure>,
    summary: Summary,
    rows: Vec<Row>,
    next: Option<String>,
}

impl Page<'_> {
    /// The places that are shown: an organisation has thousands, and those where most is not watched come first.
    fn places(&self) -> Vec<&Standing> {
        let mut places: Vec<&Standing> = self.summary.places.iter().collect();
        places.sort_by_key(|it| Reverse(it.counts.without_layer + it.counts.silent));
        places.truncate(PLACES_SHOWN);
        places
    }

    /// What the list of places is called.
    fn places_shown(&self) -> String {
        let all = self.summary.places.len();
        if all <= PLACES_SHOWN {
            return "By account and region".to_owned();
        }
        format!("By account and region, the {PLACES_SHOWN} of {all} where most is not watched")
    }

    fn now(&self) -> EpochMillis {
        self.frame.look.now
    }

    /// Whether nobody has brought a list yet.
    fn is_unlisted(&self) -> bool {
        self.summary.oldest_inventory_at.is_none()
    }

    /// For how many days a list has stood.
    fn days(&self, at: impl Borrow<EpochMillis>) -> u64 {
        self.now().since(*at.borrow()).as_secs() / 86_400
    }

    fn is_old(&self, at: impl Borrow<EpochMillis>) -> bool {
        self.days(at) >= OLD_DAYS
    }

    /// The newest version of a function's layer, where it has another.
    fn newer(&self, row: &Row) -> Option<u64> {
        row.newest_layer_version.filter(|it| Some(*it) != row.layer_version)
    }

    /// Whether silence begins after so long.
    fn begins_after(&self, span: &str) -> bool {
        let given = self.listing.value("silent_after");
        given == span || (given.is_empty() && span == "24h")
    }

    fn is_wanted(&self, state: impl Borrow<Stands>) -> bool {
        self.listing.value("state") == state.borrow().as_str()
    }

    fn number(&self, number: impl Borrow<u64>) -> String {
        grouped(*number.borrow())
    }

    fn badge(&self, state: impl Borrow<Stands>) -> &'static str {
        match *state.borrow() {
            Stands::WithoutLayer | Stands::Silent => "badge-bad",
            Stands::Old => "badge-warn",
            Stands::Unknown | Stands::Unsupported => "badge-unknown",
            Stands::Covered => "badge-ok",
        }
    }

    fn word(&self, state: impl Borrow<Stands>) -> &'static str {
        name(*state.borrow()).0
    }

    fn silent_after(&self) -> String {
        let hours = self.summary.silent_after_ms / 3_600_000;
        if hours >= 48 && hours.is_multiple_of(24) {
            format!("{} days", hours / 24)
        } else {
            format!("{hours} hours")
        }
    }
}

/// A state as people call it, and what it means.
fn name(state: Stands) -> (&'static str, &'static str) {
    match state {
        Stands::WithoutLayer => ("without the layer", "could be watched, and are not"),
        Stands::Silent => ("silent", "have it, and are not heard of"),
        Stands::Old => ("old", "report by an older version"),
        Stands::Unknown => ("unlisted", "report, and are in no list"),
        Stands::Unsupported => ("unsupported", "take no layer"),
        Stands::Covered => ("covered", "report by the newest"),
    }
}

async fn show(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let asked: Asked = asked(&look)?;
    let found = compared(&console.reader, asked.silent_after.as_ref()).await?;
    let summary = Summary::of(&found);
    let page = asked.page(&found.coverage);
    let listing = Listing::new::<Asked>(&look, "/api/v1/coverage");
    let figures = Stands::ALL.map(|state| {
        let number = summary.counts.of(state);
        let (name, about) = name(state);
        let is_chosen = listing.value("state") == state.as_str();
        let is_bad = number > 0 && matches!(state, Stands::WithoutLayer | Stands::Silent);
        Figure {
            name,
            about,
            number: grouped(number),
            class: if is_bad {
                "bad"
            } else if number > 0 && state == Stands::Old {
                "near"
            } else {
                ""
            },
            href: listing.with(&[("state", if is_chosen { "" } else { state.as_str() })]),
            is_chosen,
        }
    });
    let next = listing.next(page.next.as_deref());
    let frame = Frame::new(&look, Section::Coverage, "Coverage");
    let page = Page {
        frame,
        notice: Notice::of(&look),
        listing,
        figures: figures.into(),
        summary,
        rows: page.items,
        next,
    };
    Ok(frame::page(&look, &headers, &page))
}

/// Forgets the list of an account and region.
async fn forget(
    State(console): State<Console>,
    look: Look,
    Path((account, region)): Path<(String, String)>,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let place = account.parse().ok().zip(region.parse().ok());
    let (account, region) =
        place.ok_or_else(|| Problem::not_found("there is no such account and region"))?;
    let author = Author::from(&look.viewer);
    drop_list(&console.reader, &Place { account, region }, (&author, look.now)).await?;
    Ok(notice::see(&look, "/coverage", Notice::Forgotten))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
