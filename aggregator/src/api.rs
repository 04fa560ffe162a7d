//! The HTTP interface, JSON in and out: the list of routes reads as the API.
//!
//! One router for the laptop and for the Lambda doors, which mount the part they are for. Handlers parse, ask the store and
//! write down; what an error means to a caller is [`problem`]'s business alone, and what every answer carries, whoever
//! gives it, is [`shield`]'s.

pub mod batches;
mod functions;
mod health;
pub mod identity;
mod parameters;
pub mod problem;
pub mod shield;
mod timeouts;

use axum::{Router, routing::get};
use overtime_wire::EpochMillis;

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
    batches::routes(inlet).merge(read(reader)).fallback(nothing)
}

/// The way in alone.
pub fn ingest(inlet: Inlet) -> Router {
    batches::routes(inlet).fallback(nothing)
}

/// Everything a machine may ask.
pub fn read(reader: Reader) -> Router {
    Router::new()
        .route("/healthz", get(health::show))
        .route("/api/v1/timeouts", get(timeouts::list))
        .route("/api/v1/functions", get(functions::list))
        .route("/api/v1/functions/{account}/{region}/{name}", get(functions::show))
        .with_state(reader)
}

async fn nothing() -> Problem {
    Problem::not_found("nothing is served under this path")
}
