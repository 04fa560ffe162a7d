//! `GET /healthz`: ready means that the store answers.

use axum::extract::State;

use crate::api::{Reader, problem::Problem};

pub(super) async fn ready(State(reader): State<Reader>) -> Result<&'static str, Problem> {
    reader.store.next_due().await?;
    Ok("ok\n")
}
