//! `/api/v1/{subscriptions,channels,silences}`, each with the same verbs, and `/api/v1/configuration`, which is all of them.
//!
//! A version is a tag: `if-match` says what a change is made for, and a change of something else is refused (412). What is replaced
//! without saying is refused too (428), unless it would stay as it is. Everything that is wrong with a body is said at once (422).
//!
//! What is done is [`desk`]'s, for whoever asks: these handlers, or the console's pages.
//!
//! **Invariant.** Nothing here follows a reference to a secret, and every change has an author.

mod body;
mod describe;
pub(crate) mod desk;
mod file;
mod idle;
pub(crate) mod preconditions;
pub(crate) mod reach;
mod row;

use axum::{
    Extension, Router,
    extract::State,
    http::{
        StatusCode,
        header::{ETAG, LOCATION},
    },
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use overtime_wire::EpochMillis;
use serde::Serialize;

use self::preconditions::Preconditions;
pub(super) use self::{body::Given, describe::describe};
use crate::{
    api::{
        Reader,
        answer::{CSV_SUFFIX, JsonCaller, ListCaller},
        author::{self, Author},
        parameters::{Path, Query},
        problem::Problem,
        viewer::{self, Role},
        words::{StateText, Text},
    },
    domain::configuration::{Entity, Id, Kind, SilenceState, Versioned},
};

/// One of them, as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) entity: Versioned<Entity>,
    /// Whether nobody can change it.
    pub(crate) built_in: bool,
    /// Of a silence: whether it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<SilenceState>,
    /// Of a silence in a list, that is not over: whether nothing was heard of within a day that it could be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) matches_nothing: Option<bool>,
}

/// Which of a kind.
#[derive(Debug, serde::Deserialize)]
struct Which {
    id: Text<Id>,
}

/// No parameters.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Nothing {}

/// Which silences.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Only silences in this state.
    #[param(inline)]
    state: Option<StateText>,
}

/// Everything under these paths.
pub(super) fn routes(reader: Reader) -> Router {
    let router = Kind::ALL.into_iter().fold(Router::new(), |router, kind| {
        let path = format!("/api/v1/{}", kind.plural());
        let many = get(list).post(create);
        let one = get(show).put(replace).delete(delete);
        let file = format!("{path}{CSV_SUFFIX}");
        let mut routes = Router::new().route(&path, many).route(&file, get(list));
        routes = routes.route(&format!("{path}/{{id}}"), one);
        if kind == Kind::Silence {
            routes = routes.route(&format!("{path}/{{id}}/end"), post(end));
        }
        let role = Role::that_changes(kind);
        let routes = routes.layer(middleware::from_fn_with_state(role, viewer::changes));
        router.merge(routes.layer(Extension(kind)))
    });
    let whole = get(file::show).put(file::replace);
    let whole = whole.layer(middleware::from_fn_with_state(Role::Admin, viewer::changes));
    let router = router.route("/api/v1/configuration", whole);
    router.layer(middleware::from_fn(author::meant)).with_state(reader)
}

async fn list(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&desk::all(&reader, kind, asked.state.map(|it| it.0)).await?))
}

async fn show(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    _: JsonCaller,
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    Ok(answer(desk::one(&reader, kind, &which.id.0).await?))
}

async fn create(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    author: Author,
    Given(body): Given,
) -> Result<Response, Problem> {
    Ok(created(kind, desk::create(&reader, kind, &body, &author).await?))
}

async fn replace(
    State(reader): State<Reader>,
    (Extension(kind), Path(which)): (Extension<Kind>, Path<Which>),
    (author, preconditions): (Author, Preconditions),
    Given(body): Given,
) -> Result<Response, Problem> {
    let draft = desk::Draft { id: which.id.0, body, preconditions };
    let (shown, was_there) = desk::replace(&reader, kind, draft, &author).await?;
    Ok(if was_there { answer(shown) } else { created(kind, shown) })
}

async fn delete(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    (author, preconditions): (Author, Preconditions),
    Path(which): Path<Which>,
) -> Result<StatusCode, Problem> {
    desk::delete(&reader, (kind, which.id.0), &preconditions, &author).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a silence before its time; it is kept as history.
async fn end(
    State(reader): State<Reader>,
    (author, preconditions): (Author, Preconditions),
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    Ok(answer(desk::end(&reader, which.id.0, &preconditions, &author).await?))
}

/// One of them with its version as a tag.
fn answer(shown: Shown) -> Response {
    let tag = preconditions::tag(shown.entity.version);
    ([(ETAG, tag)], axum::Json(shown)).into_response()
}

fn created(kind: Kind, shown: Shown) -> Response {
    let location = format!("/api/v1/{}/{}", kind.plural(), shown.entity.value.id());
    (StatusCode::CREATED, [(LOCATION, location)], answer(shown)).into_response()
}

fn built_in() -> Problem {
    Problem::conflict("it is built in while OVERTIME_WEBHOOK_URL is set, and cannot be changed")
}

impl Shown {
    fn of(entity: Versioned<Entity>, now: EpochMillis) -> Self {
        let state = match &entity.value {
            Entity::Silence(it) => Some(it.state(now)),
            Entity::Subscription(_) | Entity::Channel(_) => None,
        };
        Self { built_in: entity.is_built_in(), state, matches_nothing: None, entity }
    }
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
