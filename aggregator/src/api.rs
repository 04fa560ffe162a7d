//! The HTTP interface, JSON in and out: the list of routes reads as the API.
//!
//! One router for the laptop and for the Lambda doors, which mount the part they are for. Handlers parse, ask the store and
//! write down; what an error means to a caller is [`problem`]'s business alone, and what every answer carries, whoever
//! gives it, is [`shield`]'s.

mod answer;
pub mod batches;
mod fleet;
mod function;
mod functions;
mod health;
mod openapi;
mod overview;
mod parameters;
pub mod problem;
mod range;
mod series;
mod shapes;
pub mod shield;
mod timeout;
mod timeouts;
mod words;

use axum::{Router, routing::get};
use overtime_wire::EpochMillis;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{batches::Inlet, fleet::Fleet, problem::Problem, range::Horizon},
    store::{Store, changes::Changes},
};

/// What the read API needs.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
    clock: fn() -> EpochMillis,
    fleet: Fleet,
    /// The facts' stream, where this process can tell how far it has been followed.
    changes: Option<Changes>,
}

impl Reader {
    pub fn new(store: Store, clock: fn() -> EpochMillis) -> Self {
        Self { store, clock, fleet: Fleet::default(), changes: None }
    }

    fn horizon(&self) -> Horizon {
        Horizon::of((self.clock)(), &self.store.retention())
    }

    /// The same, which can also tell how far the facts' stream has been followed.
    #[must_use]
    pub fn following(self, changes: Changes) -> Self {
        Self { changes: Some(changes), ..self }
    }
}

/// Everything a machine may ask or say.
pub fn router(inlet: Inlet, reader: Reader) -> Router {
    let ready = Router::new().route("/healthz", get(health::ready)).with_state(reader.clone());
    batches::routes(inlet)
        .merge(ready)
        .merge(read(reader))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
}

/// What `/api/v1` answers, each route with its description.
fn read(reader: Reader) -> Router {
    let router = OpenApiRouter::with_openapi(openapi::describe())
        .routes(routes!(overview::show))
        .routes(routes!(function::show))
        .routes(routes!(timeout::show))
        .routes(routes!(health::show));
    let router = [
        routes!(overview::list_series),
        routes!(functions::list),
        routes!(function::list_series),
        routes!(timeouts::list),
    ]
    .into_iter()
    .fold(router, openapi::list);
    openapi::finish(router.with_state(reader))
}

async fn nothing() -> Problem {
    Problem::not_found("nothing is served under this path")
}

async fn not_allowed() -> Problem {
    Problem::not_allowed()
}

#[cfg(test)]
mod tests;
