//! What somebody should look at now: the alerts that are open, and one of them with its past.

pub(super) mod row;

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};

use self::row::{About, Function, Past, Row, Sample, Told};
use super::{
    Console,
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    table::{self, Listing},
};
use crate::{
    api::{
        Reader,
        alerts::{self, Asked, episodes, show},
        health::{self, Freshness},
        problem::Problem,
        words::{AlertState, Limit, Text},
    },
    domain::{configuration::Severity, instant::When},
};

const DAY: Duration = Duration::from_hours(24);
/// How many alerts that are over are shown below those that are open.
const OVER_MAX: u16 = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/alerts", get(list)).route("/alerts/{fingerprint}", get(one))
}

#[derive(Debug, Template)]
#[template(path = "alerts.html")]
struct List<'a> {
    frame: Frame<'a>,
    listing: Listing<'a>,
    rows: Vec<Row>,
    next: Option<String>,
    firing: usize,
    /// How fresh it is that nothing fires; nothing where something does.
    fresh: Option<Freshness>,
    /// What was over lately; nothing on further pages.
    over: Option<(Listing<'a>, Vec<Past>)>,
}

#[derive(Debug, Template)]
#[template(path = "alert.html")]
struct One<'a> {
    frame: Frame<'a>,
    fingerprint: &'a str,
    name: String,
    about: About,
    /// Nothing while it is at rest.
    row: Option<Row>,
    samples: Vec<Sample>,
    members: Vec<Function>,
    episodes: Vec<Past>,
    listing: Listing<'a>,
    next: Option<String>,
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let asked: Asked = table::asked(&look)?;
    let page = alerts::read(&console.reader, &asked).await?;
    let firing = page.items.iter().filter(|it| it.state.0 == AlertState::Firing).count();
    let fresh =
        if firing == 0 { Some(health::read(&console.reader).await?.freshness) } else { None };
    let over =
        if asked.cursor.is_none() { Some(over(&console.reader, &asked).await?) } else { None };
    let listing = Listing::new::<Asked>(&look, "/api/v1/alerts");
    let list = List {
        frame: Frame::new(&look, Section::Alerts, "Alerts"),
        next: listing.next(page.next.as_deref()),
        listing,
        rows: Row::all(page.items),
        firing,
        fresh,
        over: over.map(|it| (lately(&look), Past::all(it))),
    };
    Ok(frame::page(&look, &headers, &list))
}

/// What was over in the last day, of what is asked for.
async fn over(reader: &Reader, asked: &Asked) -> Result<Vec<alerts::episode::Item>, Problem> {
    let of = episodes::Asked {
        account: asked.account,
        region: asked.region.clone(),
        function: asked.function.clone(),
        subscription: asked.subscription.clone(),
        severity: asked.severity,
        condition: asked.condition,
        open: Some(Text(false)),
        from: Some(Text(When::Ago(DAY))),
        limit: Some(Text(Limit::at_most(OVER_MAX))),
        ..episodes::Asked::default()
    };
    Ok(episodes::read(reader, &of).await?.items)
}

/// The list of what was over, as the API has it.
fn lately(look: &Look) -> Listing<'_> {
    let listing = Listing::new::<episodes::Asked>(look, "/api/v1/episodes");
    listing.implying("open", "false").implying("from", "now-24h")
}

async fn one(
    State(console): State<Console>,
    look: Look,
    Path(fingerprint): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let which = show::Which { fingerprint: named("fingerprint", &fingerprint)? };
    let asked: show::Asked = table::asked(&look)?;
    let shown = show::read(&console.reader, &which, &asked).await?;
    let episodes = Past::all(shown.episodes.items);
    let newest = episodes.first().ok_or_else(|| Problem::not_found("it has never opened"))?;
    let name = newest.item.subscription_name.clone();
    let place = (newest.item.account.as_ref(), newest.item.region.as_ref());
    let about = About::of(place, newest.item.function.as_ref(), &newest.item.group);
    let title = format!("{}: {name}", about.name);
    let listing = Listing::new::<show::Asked>(&look, format!("/api/v1/alerts/{fingerprint}"));
    let one = One {
        frame: Frame::new(&look, Section::Alerts, title),
        fingerprint: &fingerprint,
        name,
        about,
        row: shown.alert.map(Row::of),
        samples: Sample::all(shown.samples),
        members: Function::all(shown.members),
        next: listing.next(shown.episodes.next.as_deref()),
        listing,
        episodes,
    };
    Ok(frame::page(&look, &headers, &one))
}

/// A part of a path.
pub(super) fn named<T: crate::api::words::Word>(
    parameter: &'static str,
    text: &str,
) -> Result<Text<T>, Problem> {
    T::read(text).map(Text).map_err(|why| Problem::invalid(parameter, why))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
