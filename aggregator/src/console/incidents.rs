//! Many functions at once: the fleet incidents that are open, each with its functions, and those that are over.

use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use futures::future::try_join_all;

use super::{
    Console,
    alerts::row::{Function, Past, Row, Told},
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    table::{self, Listing},
};
use crate::{
    api::{
        Reader,
        alerts::{self, episodes, show},
        health::{self, Freshness},
        problem::Problem,
        words::{ConditionName, Fingerprint, Text},
    },
    domain::configuration::{Condition, Subscription},
};

/// How many that are open are shown with their functions. More of them at once are one more thing that is wrong.
const OPEN_MAX: usize = 10;
/// How many functions of each are shown; its page has the others.
const MEMBERS_MAX: usize = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/incidents", get(list))
}

/// One that is open.
#[derive(Debug)]
struct Open {
    row: Row,
    members: Vec<Function>,
    /// How many more there are.
    more: usize,
}

#[derive(Debug, Template)]
#[template(path = "incidents.html")]
struct Page<'a> {
    frame: Frame<'a>,
    open: Vec<Open>,
    /// Those that are open and not shown with their functions.
    others: usize,
    fresh: Option<Freshness>,
    /// Subscriptions that open any.
    watching: Vec<&'a Subscription>,
    listing: Listing<'a>,
    over: Vec<Past>,
    next: Option<String>,
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let reader = &console.reader;
    let asked: episodes::Asked = table::asked(&look)?;
    let condition = Some(Text(ConditionName::FleetIncident));
    let over = episodes::Asked { condition, open: Some(Text(false)), ..asked };
    let over = episodes::read(reader, &over).await?;
    let found = alerts::read(reader, &alerts::Asked { condition, ..alerts::Asked::most() }).await?;
    let count = found.items.len();
    let reads = found.items.into_iter().take(OPEN_MAX).map(|it| open(reader, it));
    let open = try_join_all(reads).await?;
    let fresh = if open.is_empty() { Some(health::read(reader).await?.freshness) } else { None };
    let configuration = reader.store().configuration(look.now).await?;
    let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
    let is_it = |it: &&Subscription| matches!(it.condition, Condition::FleetIncident { .. });
    let listing = Listing::new::<episodes::Asked>(&look, "/api/v1/episodes")
        .implying("condition", "fleet_incident")
        .implying("open", "false");
    let page = Page {
        frame: Frame::new(&look, Section::Incidents, "Incidents"),
        others: count - open.len(),
        open,
        fresh,
        watching: subscriptions.filter(is_it).filter(|it| it.enabled).collect(),
        next: listing.next(over.next.as_deref()),
        listing,
        over: Past::all(over.items),
    };
    Ok(frame::page(&look, &headers, &page))
}

/// One with its functions.
async fn open(reader: &Reader, item: alerts::item::Item) -> Result<Open, Problem> {
    let which = show::Which { fingerprint: Text(Fingerprint(item.fingerprint.clone())) };
    let shown = show::read(reader, &which, &show::Asked::default()).await?;
    let mut members = Function::all(shown.members);
    let more = members.len().saturating_sub(MEMBERS_MAX);
    members.truncate(MEMBERS_MAX);
    Ok(Open { row: Row::of(item), members, more })
}
