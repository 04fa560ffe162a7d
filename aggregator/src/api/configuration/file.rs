//! `GET` and `PUT /api/v1/configuration`: everything as one file, for Git.

use axum::{
    extract::State,
    http::header::ETAG,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{body::Given, preconditions, preconditions::Preconditions};
use crate::{
    api::{
        Reader, answer::JsonCaller, author::Author, parameters::Query, problem::Problem,
        words::Flag,
    },
    domain::configuration::plan::{File, Step},
    store::configuration::By,
};

/// How the file is taken.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct How {
    /// Whether what the file does not have, of a list that it has, is deleted. It is not, if it is not said.
    #[param(inline)]
    prune: Option<Flag>,
    /// Whether it is only said what would be done.
    #[param(inline)]
    dry_run: Option<Flag>,
}

/// What was done, or would be.
#[derive(Debug, Serialize)]
struct Applied {
    /// The configuration's revision after that, or the one that it would be done to.
    revision: u64,
    changes: Vec<Step>,
}

pub(super) async fn show(
    State(reader): State<Reader>,
    _: JsonCaller,
    Query(_): Query<super::Nothing>,
) -> Result<Response, Problem> {
    let configuration = reader.store.configuration_now().await?;
    let file = configuration.export((reader.clock)()).map_err(|error| unwritten(&error))?;
    let tag = preconditions::tag(configuration.revision);
    Ok(([(ETAG, tag)], axum::Json(file)).into_response())
}

pub(super) async fn replace(
    State(reader): State<Reader>,
    (author, preconditions): (Author, Preconditions),
    Query(how): Query<How>,
    Given(body): Given,
) -> Result<Response, Problem> {
    let file = File::read(&body).map_err(Problem::unfit)?;
    let is = |flag: Option<Flag>| flag.is_some_and(|it| it.0);
    let standing = reader.store.configuration_now().await?;
    let changes = file.changes(&standing, is(how.prune), &author.0);
    let steps = standing.steps(&changes).map_err(|error| unwritten(&error))?;
    let same = changes.is_empty() || is(how.dry_run);
    let revision = preconditions.of_whole(standing.revision, same)?;
    let revision = if same {
        revision
    } else {
        let by = By { author: &author.0, at: (reader.clock)() };
        reader.store.change(&changes, Some(revision), by).await?.revision
    };
    let tag = preconditions::tag(revision);
    Ok(([(ETAG, tag)], axum::Json(Applied { revision, changes: steps })).into_response())
}

fn unwritten(error: &serde_json::Error) -> Problem {
    let cause: &dyn std::error::Error = error;
    tracing::error!(cause, "an answer could not be written");
    Problem::internal()
}
