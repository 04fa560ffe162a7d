//! The HTTP interface, JSON in and out: the list of routes reads as the API.
//!
//! One router for the laptop and for the Lambda doors, which mount the part they are for. Handlers parse, ask the store and
//! write down; what an error means to a caller is [`problem`]'s business alone, and what every answer carries, whoever
//! gives it, is [`shield`]'s.

mod answer;
pub mod batches;
mod functions;
mod health;
mod openapi;
mod parameters;
pub mod problem;
mod shapes;
pub mod shield;
mod timeout;
mod timeouts;
mod words;

use axum::{Router, routing::get};
use overtime_wire::EpochMillis;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{batches::Inlet, problem::Problem},
    store::Store,
};

/// What the read API needs.
#[derive(Debug, Clone)]
pub struct Reader {
    pub store: Store,
    pub clock: fn() -> EpochMillis,
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
        .routes(routes!(timeout::show))
        .routes(routes!(functions::show));
    let router = openapi::list(router, routes!(timeouts::list));
    openapi::finish(router.with_state(reader))
}

async fn nothing() -> Problem {
    Problem::not_found("nothing is served under this path")
}

async fn not_allowed() -> Problem {
    Problem::not_allowed()
}
