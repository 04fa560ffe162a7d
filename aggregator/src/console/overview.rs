//! The overview: how far to believe it, what is wrong now, where, and since when.
//!
//! Everything on it is what the API says of the fleet, of its health, of what is open and of what timed out last; the fleet's rows
//! are read once for all of it.
//!
//! **Invariant.** When nothing has come in lately the page says so before anything else, and what is not known is no zero.

mod fresh;
mod kpi;
mod rows;
mod welcome;

use std::time::Duration;

use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use futures::future::{try_join, try_join3};

use self::{
    fresh::Fresh,
    kpi::Kpi,
    rows::{Alert, Close, Latest, Offender},
    welcome::Welcome,
};
use super::{
    Console,
    chart::{
        bars::{Bars, Step},
        heat::{By, Grid},
    },
    failure::Failure,
    figures::grouped,
    frame::{Frame, Section, page},
    look::Look,
    table::{Listing, asked},
};
use crate::api::{
    alerts, health,
    overview::{self, heat::Heat},
    range::Span,
    series::FleetPoint,
    timeouts,
    viewer::LogTails,
    words::{Limit, LimitText, Text},
};

const DAY: Duration = Duration::from_hours(24);
/// More alerts than this are counted as "more than".
const ALERTS_COUNTED: u16 = 200;
const ALERTS_SHOWN: usize = 8;
const TIMEOUTS_SHOWN: u16 = 10;
/// Over how much time the page can count.
const RANGES: [(&str, &str); 3] = [("24 hours", ""), ("7 days", "now-7d"), ("30 days", "now-30d")];

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/", get(show))
}

/// What the API says, all of it.
#[derive(Debug)]
struct Said {
    fleet: overview::Overview,
    heat: Heat,
    health: health::Health,
    alerts: Vec<alerts::item::Item>,
    /// Whether there are more alerts than these.
    more_alerts: bool,
    timeouts: Vec<timeouts::item::Item>,
}

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    frame: Frame<'a>,
    /// Which time is counted, for whoever chooses another.
    ranges: Vec<Choice>,
    fresh: Fresh,
    kpis: Vec<Kpi>,
    alerts: Vec<Alert<'a>>,
    firing: String,
    alerts_total: String,
    bars: Bars,
    series_csv: String,
    series_json: String,
    grid: Grid<'a>,
    by: Vec<Choice>,
    top: Vec<Offender<'a>>,
    closest: Vec<Close<'a>>,
    latest: Vec<Latest<'a>>,
}

/// One of a few ways to look at the page.
#[derive(Debug)]
struct Choice {
    name: &'static str,
    href: String,
    current: bool,
}

async fn show(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let said = Said::read(&console, &asked::<Span>(&look)?).await?;
    let frame = Frame::new(&look, Section::Overview, "Overview");
    if said.is_nothing() {
        return Ok(page(&look, &headers, &Welcome::new(frame)));
    }
    let listing = Listing::new::<Span>(&look, "/api/v1/overview");
    Ok(page(&look, &headers, &Overview::of(&said, &frame, &listing)))
}

impl Said {
    async fn read(console: &Console, span: &Span) -> Result<Self, Failure> {
        let reader = &console.reader;
        let open = alerts::Asked { limit: Some(limit(ALERTS_COUNTED)), ..alerts::Asked::default() };
        let last =
            timeouts::Asked { limit: Some(limit(TIMEOUTS_SHOWN)), ..timeouts::Asked::default() };
        let fleet = try_join3(
            overview::read(reader, span),
            overview::heat::read(reader, overview::heat::LINES),
            health::read(reader),
        );
        let lists =
            try_join(alerts::read(reader, &open), timeouts::read(reader, &last, LogTails::Hidden));
        let ((fleet, heat, health), (alerts, timeouts)) = try_join(fleet, lists).await?;
        Ok(Self {
            fleet,
            heat,
            health,
            more_alerts: alerts.next.is_some(),
            alerts: alerts.items,
            timeouts: timeouts.items,
        })
    }

    fn is_nothing(&self) -> bool {
        self.health.reporting.ever == 0 && self.timeouts.is_empty()
    }
}

fn limit(count: u16) -> LimitText {
    Text(Limit::at_most(count))
}

impl<'a> Overview<'a> {
    fn of(said: &'a Said, frame: &'a Frame<'a>, listing: &Listing<'_>) -> Self {
        let look = frame.look;
        let by = if param(look, "heat") == "rate" { By::Rate } else { By::Count };
        let series = Listing::new::<Span>(look, "/api/v1/overview/series");
        let firing = said.alerts.iter().filter(|it| rows::is_firing(it)).count();
        let mut open: Vec<&alerts::item::Item> = said.alerts.iter().collect();
        open.sort_by_key(|it| rows::urgency(it));
        Self {
            frame: frame.clone(),
            ranges: ranges(listing),
            fresh: Fresh::of(&said.health, look),
            kpis: kpi::all(said, firing),
            alerts: open.into_iter().take(ALERTS_SHOWN).map(|it| Alert::of(it, frame)).collect(),
            firing: firing_words(firing),
            alerts_total: counted(said.alerts.len(), said.more_alerts),
            bars: bars(&said.fleet, look),
            series_csv: series.csv(),
            series_json: series.json(),
            grid: Grid { heat: &said.heat, by, frame },
            by: choices(look, by),
            top: said.fleet.top.iter().map(|it| Offender::of(it, frame)).collect(),
            closest: said.fleet.closest.iter().map(|it| Close::of(it, frame)).collect(),
            latest: said.timeouts.iter().map(|it| Latest::of(it, frame)).collect(),
        }
    }
}

fn firing_words(firing: usize) -> String {
    match firing {
        0 => String::new(),
        1 => "1 alert is firing".to_owned(),
        more => format!("{more} alerts are firing"),
    }
}

fn counted(count: usize, more: bool) -> String {
    let count = grouped(u64::try_from(count).unwrap_or(u64::MAX));
    if more { format!("more than {count}") } else { count }
}

fn ranges(listing: &Listing<'_>) -> Vec<Choice> {
    let asked = listing.value("from");
    let choice = |(name, from): (&'static str, &'static str)| Choice {
        name,
        // What is empty is not said.
        href: listing.with(&[("from", from), ("to", "")]),
        current: asked == from && listing.value("to").is_empty(),
    };
    RANGES.into_iter().map(choice).collect()
}

fn choices(look: &Look, by: By) -> Vec<Choice> {
    let href = |heat: Option<&str>| {
        let rest = super::table::without(&look.target, &["heat"]);
        let joint = if rest.contains('?') { '&' } else { '?' };
        let target = heat.map_or_else(|| rest.clone(), |it| format!("{rest}{joint}heat={it}"));
        look.base.href(&target)
    };
    vec![
        Choice { name: "Count", href: href(None), current: by == By::Count },
        Choice { name: "Share", href: href(Some("rate")), current: by == By::Rate },
    ]
}

/// A parameter that is the page's alone.
fn param(look: &Look, name: &str) -> String {
    let pairs = form_urlencoded::parse(look.query().as_bytes());
    pairs.filter(|(it, _)| it == name).map(|(_, it)| it.into_owned()).last().unwrap_or_default()
}

fn bars(fleet: &overview::Overview, look: &Look) -> Bars {
    let step = |it: &FleetPoint| Step {
        at: it.at.0,
        counted: it.counts.map(|it| (it.timeouts, it.invocations)),
    };
    let steps: Vec<Step> = fleet.series.iter().map(step).collect();
    let length = match steps.as_slice() {
        [one, next, ..] => next.at.since(one.at),
        _ => DAY / 24,
    };
    Bars::of(&steps, length, &look.zone)
}

#[cfg(test)]
mod tests;
