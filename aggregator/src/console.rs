//! What people see: one page, rendered here, complete without scripts.
//!
//! The page is a function of what the store says and of the time; a small script of our own asks for its inner part every few
//! seconds and is told that nothing changed, by its tag, as long as nothing did. Everything a page loads is compiled in.
//!
//! **Invariant.** What was not seen is never shown as zero: hours without data look different, and when nothing has come in
//! lately the page says so before anything else.

mod assets;
mod chart;
mod figures;
mod moment;
mod overview;
mod rows;

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{
        HeaderMap, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::{try_join, try_join_all};
use overtime_wire::EpochMillis;

use self::{
    assets::Assets,
    overview::{Freshness, Overview, Seen},
};
use crate::{
    domain::{
        alert::{Episode, book::Book},
        digest,
        timeout::{Filter, Timeout},
    },
    store::{Store, StoreError},
};

const DAY: Duration = Duration::from_hours(24);
/// Clocks differ: a deadline may lie a little ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);
const TIMEOUTS_MAX: usize = 30;
/// More alerts than this are not even counted.
const ALERTS_MAX: usize = 100;

/// What the page is made from.
#[derive(Debug, Clone)]
pub struct Console {
    pub store: Store,
    pub clock: fn() -> EpochMillis,
}

pub fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/overview", get(fragment))
        .route("/functions/{account}/{region}/{name}", get(function))
        .route("/assets/{file}", get(assets::serve))
        .with_state(console)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    overview: &'a Overview,
    assets: &'static Assets,
    /// Whether a browser without scripts should reload the page by itself.
    reloading: bool,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Fragment<'a> {
    overview: &'a Overview,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    assets: &'static Assets,
}

async fn page(
    State(console): State<Console>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let reloading = !query.is_some_and(|it| it.split('&').any(|it| it == "refresh=off"));
    match console.overview().await {
        Ok(overview) => {
            let page = Page { overview: &overview, assets: &assets::ASSETS, reloading };
            html(page.render(), &headers)
        }
        Err(error) => failure(&error),
    }
}

async fn fragment(State(console): State<Console>, headers: HeaderMap) -> Response {
    match console.overview().await {
        Ok(overview) => html(Fragment { overview: &overview }.render(), &headers),
        Err(error) => failure(&error),
    }
}

/// Links in alerts lead to a function. Until it has a page of its own, that is its row.
async fn function(
    Path((account, region, name)): Path<(String, String, String)>,
) -> impl IntoResponse {
    let plain = |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
    let known = plain(&account) && plain(&region) && plain(&name);
    let row = if known { format!("/#f-{account}-{region}-{name}") } else { "/".to_owned() };
    (StatusCode::SEE_OTHER, [(LOCATION, row)])
}

impl Console {
    async fn overview(&self) -> Result<Overview, StoreError> {
        let now = (self.clock)();
        let filter = Filter::between(now.minus(DAY), now.plus(AHEAD));
        let lists = try_join(self.store.fleet_lately(now), self.latest(&filter));
        let ((fleet, timeouts), alerts) = try_join(lists, self.firing()).await?;
        Ok(Overview::of(&Seen { fleet: &fleet, timeouts: &timeouts, alerts: &alerts, now }))
    }

    async fn latest(&self, filter: &Filter) -> Result<Vec<Timeout>, StoreError> {
        let mut page = self.store.timeouts(filter, None, TIMEOUTS_MAX).await?;
        self.store.join_log_tails(&mut page).await?;
        Ok(page.items)
    }

    /// Episodes that are not over: every alert that is not at rest wants to be looked at again some time.
    async fn firing(&self) -> Result<Vec<Episode>, StoreError> {
        let keys = self.store.waking_alerts(EpochMillis(i64::MAX), ALERTS_MAX).await?;
        let states = keys.iter().map(|it| self.store.alert_state::<Book>(it));
        let states = try_join_all(states).await?;
        // Several subscriptions may tell of the same timeouts: a function is one row.
        let firing = states.iter().filter_map(|book| {
            book.open().filter_map(|(_, it)| it.episode()).max_by_key(|it| it.timeouts())
        });
        Ok(firing.cloned().collect())
    }
}

/// A page with a tag made of its bytes, or the news that the reader has it.
fn html(rendered: askama::Result<String>, headers: &HeaderMap) -> Response {
    let Ok(body) = rendered else {
        tracing::error!("a page could not be rendered");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let etag = format!("\"{}\"", digest::hex(body.as_bytes()));
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    let headers = [(ETAG, etag.as_str()), (CACHE_CONTROL, "no-cache")];
    if known.is_some_and(|it| it.split(',').any(|it| it.trim() == etag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

fn failure(error: &StoreError) -> Response {
    tracing::error!(error = error as &dyn std::error::Error, "the page could not be read");
    let body = Failure { assets: &assets::ASSETS }.render().unwrap_or_default();
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

#[cfg(test)]
mod tests;
