//! The HTTP interface, JSON in and out: the list of routes reads as the API.
//!
//! One router for the laptop and for the Lambda doors, which mount the part they are for. Handlers parse, ask the store and
//! write down; what an error means to a caller is [`problem`]'s business alone, and what every answer carries, whoever
//! gives it, is [`shield`]'s.

mod alerts;
mod answer;
mod audit;
pub mod author;
pub mod batches;
mod configuration;
mod deliveries;
mod function;
mod functions;
mod health;
pub mod identity;
pub mod metrics;
mod openapi;
mod overview;
mod parameters;
mod preview;
pub mod problem;
mod range;
mod series;
mod shapes;
pub mod shield;
mod timeout;
mod timeouts;
mod trial;
mod words;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use overtime_wire::EpochMillis;
use tokio::sync::Notify;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{batches::Inlet, problem::Problem, range::Horizon},
    store::{Store, StoreError},
};

#[cfg(feature = "embedded")]
use crate::store::changes::Changes;

/// What the read API needs.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
    clock: fn() -> EpochMillis,
    /// Rung when messages were written, where whoever delivers them listens.
    bell: Option<Arc<Notify>>,
    /// The facts' stream, where this process can tell how far it has been followed.
    #[cfg(feature = "embedded")]
    changes: Option<Changes>,
}

impl Reader {
    pub fn new(store: Store, clock: fn() -> EpochMillis) -> Self {
        Self {
            store,
            clock,
            bell: None,
            #[cfg(feature = "embedded")]
            changes: None,
        }
    }

    fn horizon(&self) -> Horizon {
        Horizon::of((self.clock)(), &self.store.retention())
    }

    /// The same, which rings when it has written messages.
    #[must_use]
    pub fn ringing(self, bell: Arc<Notify>) -> Self {
        Self { bell: Some(bell), ..self }
    }

    /// Tells whoever delivers; where nobody listens, they look by themselves.
    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.notify_one();
        }
    }

    /// The same, which can also tell how far the facts' stream has been followed.
    #[cfg(feature = "embedded")]
    #[must_use]
    pub fn following(self, changes: Changes) -> Self {
        Self { changes: Some(changes), ..self }
    }

    /// How far evaluation is behind the facts, where this process can tell.
    #[cfg(feature = "embedded")]
    async fn lag(&self, now: EpochMillis) -> Result<Option<Duration>, StoreError> {
        match &self.changes {
            Some(changes) => changes.lag(&self.store, now).await,
            None => Ok(None),
        }
    }

    /// On Lambda the platform follows the stream, and its metric `IteratorAge` tells.
    #[cfg(not(feature = "embedded"))]
    #[expect(clippy::unused_async, reason = "the other one asks the stream")]
    async fn lag(&self, _: EpochMillis) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
}

/// Everything a machine may ask or say.
pub fn router(inlet: Inlet, reader: Reader) -> Router {
    otherwise(batches::routes(inlet).merge(asked(reader)))
}

/// The way in alone.
pub fn ingest(inlet: Inlet) -> Router {
    otherwise(batches::routes(inlet))
}

/// Everything a machine may ask.
pub fn read(reader: Reader) -> Router {
    otherwise(asked(reader))
}

fn asked(reader: Reader) -> Router {
    let ready = Router::new().route("/healthz", get(health::ready)).with_state(reader.clone());
    ready.merge(described(reader))
}

fn otherwise(router: Router) -> Router {
    router.fallback(nothing).method_not_allowed_fallback(not_allowed)
}

/// What `/api/v1` answers, each route with its description.
fn described(reader: Reader) -> Router {
    let router = OpenApiRouter::with_openapi(openapi::describe())
        .routes(routes!(overview::show))
        .routes(routes!(function::show))
        .routes(routes!(timeout::show))
        .routes(routes!(alerts::show::show))
        .routes(routes!(alerts::show::show_episode))
        .routes(routes!(deliveries::show))
        .routes(routes!(audit::list))
        .routes(routes!(health::show));
    let router = [
        routes!(overview::list_series),
        routes!(functions::list),
        routes!(function::list_series),
        routes!(timeouts::list),
        routes!(alerts::list),
        routes!(alerts::episodes::list),
        routes!(deliveries::list),
    ]
    .into_iter()
    .fold(router, openapi::list);
    let router = router.merge(done());
    openapi::finish(router.with_state(reader.clone())).merge(configuration::routes(reader))
}

/// What is done by hand, and changes nothing of the configuration.
fn done() -> OpenApiRouter<Reader> {
    OpenApiRouter::new()
        .routes(routes!(deliveries::replay))
        .routes(routes!(trial::send))
        .routes(routes!(preview::show))
        .layer(middleware::from_fn(author::meant))
}

async fn nothing() -> Problem {
    Problem::not_found("nothing is served under this path")
}

async fn not_allowed() -> Problem {
    Problem::not_allowed()
}

#[cfg(test)]
mod tests;
