//! What people see: pages, rendered here, complete without scripts.
//!
//! A page is made of the read API's own answers, so that page, JSON and CSV never disagree, and of how somebody looks at it. A page
//! asks for itself every few seconds and is told that nothing changed, by its tag, as long as nothing did. Everything a page loads is compiled in.
//!
//! **Invariant.** What was not seen is never shown as zero: hours without data look different, and when nothing has come in
//! lately the page says so before anything else.

mod about;
mod alerts;
mod assets;
mod channels;
mod chart;
mod coverage;
mod deliveries;
mod editor;
mod episode;
mod failure;
mod field;
mod figures;
mod form;
mod frame;
mod function;
mod functions;
mod incidents;
mod invocation;
mod links;
mod look;
mod moment;
mod notice;
mod overview;
mod preferences;
#[cfg(feature = "embedded")]
#[cfg(test)]
mod scene;
mod sighting;
mod sign_in;
mod silences;
mod subscriptions;
mod table;
mod timeouts;
#[cfg(feature = "embedded")]
#[cfg(test)]
mod visitor;

use axum::{Router, middleware};

use crate::{api::Reader, domain::portal::Portal};

/// What the pages are made from.
#[derive(Debug, Clone)]
pub struct Console {
    pub(crate) reader: Reader,
    /// How people get into the accounts that functions are in, where there is a portal for it.
    pub(crate) portal: Option<Portal>,
}

impl Console {
    pub fn new(reader: Reader) -> Self {
        Self { reader, portal: None }
    }

    /// The same, whose links into the AWS console go through a portal.
    #[must_use]
    pub fn through(self, portal: Option<Portal>) -> Self {
        Self { portal, ..self }
    }
}

/// The pages beside the API. Whoever looks for what neither has is told so in their own language.
pub fn beside(api: Router, console: Console) -> Router {
    api.merge(framed(pages(), &console))
        .fallback_service(framed(Router::new().fallback(failure::lost), &console))
}

/// Pages with what is around all of them.
fn framed(pages: Router<Console>, console: &Console) -> Router {
    let show = middleware::from_fn_with_state(console.clone(), failure::show);
    pages.layer(middleware::from_fn(form::meant)).layer(show).with_state(console.clone())
}

/// Every page, by what is on it.
fn pages() -> Router<Console> {
    Router::new()
        .merge(overview::routes())
        .merge(alerts::routes())
        .merge(episode::routes())
        .merge(incidents::routes())
        .merge(silences::routes())
        .merge(deliveries::routes())
        .merge(functions::routes())
        .merge(function::routes())
        .merge(invocation::routes())
        .merge(timeouts::routes())
        .merge(preferences::routes())
        .merge(about::routes())
        .merge(channels::routes())
        .merge(coverage::routes())
        .merge(subscriptions::routes())
        .merge(sign_in::routes())
        .merge(assets::routes())
}

#[cfg(test)]
mod tests;
