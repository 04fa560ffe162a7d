//! `/api/v1/{subscriptions,channels,silences}`, each with the same verbs, and `/api/v1/configuration`, which is all of them.
//!
//! A version is a tag: `if-match` says what a change is made for, and a change of something else is refused (412). What is replaced
//! without saying is refused too (428), unless it would stay as it is. Everything that is wrong with a body is said at once (422).
//!
//! **Invariant.** Nothing here follows a reference to a secret, and every change has an author.

mod body;
mod describe;
mod file;
mod idle;
mod preconditions;

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
        answer::JsonCaller,
        author::{self, Author},
        parameters::{Path, Query},
        problem::Problem,
        words::{StateText, Text},
    },
    domain::configuration::{
        Change, Configuration, Entity, Expects, Faults, Id, Kind, SilenceState, Versioned,
    },
    store::configuration::By,
};

/// One of them, as it is answered.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    entity: Versioned<Entity>,
    /// Whether nobody can change it.
    built_in: bool,
    /// Of a silence: whether it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<SilenceState>,
    /// Of a silence in a list, that is not over: whether nothing was heard of within a day that it could be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    matches_nothing: Option<bool>,
}

#[derive(Debug, Serialize)]
struct List {
    items: Vec<Shown>,
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
        let mut routes = Router::new().route(&path, many).route(&format!("{path}/{{id}}"), one);
        if kind == Kind::Silence {
            routes = routes.route(&format!("{path}/{{id}}/end"), post(end));
        }
        router.merge(routes.layer(Extension(kind)))
    });
    let whole = get(file::show).put(file::replace);
    let router = router.route("/api/v1/configuration", whole);
    router.layer(middleware::from_fn(author::meant)).with_state(reader)
}

async fn list(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    caller: JsonCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let now = (reader.clock)();
    let configuration = reader.store.configuration_now().await?;
    let shown = configuration.all(kind).into_iter().map(|it| Shown::of(it, now));
    let wanted = asked.state.map(|it| it.0);
    if wanted.is_some() && kind != Kind::Silence {
        return Err(Problem::invalid("state", "is a parameter of silences only"));
    }
    let mut items: Vec<_> = shown.filter(|it| wanted.is_none() || it.state == wanted).collect();
    if kind == Kind::Silence {
        idle::flag(&reader, &configuration, &mut items, now).await?;
    }
    Ok(caller.answer(&List { items }))
}

async fn show(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    _: JsonCaller,
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    let configuration = reader.store.configuration_now().await?;
    answer(&configuration, (kind, &which.id.0), (reader.clock)())
}

async fn create(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    author: Author,
    Given(body): Given,
) -> Result<Response, Problem> {
    let now = (reader.clock)();
    let entity = kind.read(&body, Some(now)).map_err(Problem::unfit)?;
    let entity = alive(entity.made_by(None, &author.0), now)?;
    let id = entity.id().clone();
    if reader.store.configuration_now().await?.entity(kind, &id).is_some() {
        return Err(Problem::conflict(format!("there is a {} {id} already", kind.as_str())));
    }
    let change = Change { kind, id: id.clone(), to: Some(entity), expects: Expects::Nothing };
    let configuration = made(&reader, change, &author).await?;
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location(kind, &id))],
        answer(&configuration, (kind, &id), now)?,
    )
        .into_response())
}

async fn replace(
    State(reader): State<Reader>,
    (Extension(kind), Path(which)): (Extension<Kind>, Path<Which>),
    (author, preconditions): (Author, Preconditions),
    Given(mut body): Given,
) -> Result<Response, Problem> {
    let (now, id) = ((reader.clock)(), which.id.0);
    if let Some(fields) = body.as_object_mut() {
        fields.entry("id").or_insert_with(|| id.as_str().into());
    }
    let entity = kind.read(&body, Some(now)).map_err(Problem::unfit)?;
    if *entity.id() != id {
        return Err(Problem::unfit(Faults::one("/id", "is not the one in the path")));
    }
    let standing = reader.store.configuration_now().await?.entity(kind, &id);
    let entity = entity.made_by(standing.as_ref().map(|it| &it.value), &author.0);
    let same = standing.as_ref().is_some_and(|it| it.value == entity);
    let expects = preconditions.of_put(standing.as_ref().map(|it| it.version), same)?;
    let entity = if same { entity } else { alive(entity, now)? };
    let change = Change { kind, id: id.clone(), to: Some(entity), expects };
    let configuration = made(&reader, change, &author).await?;
    let answered = answer(&configuration, (kind, &id), now)?;
    if standing.is_some() {
        return Ok(answered);
    }
    Ok((StatusCode::CREATED, [(LOCATION, location(kind, &id))], answered).into_response())
}

async fn delete(
    State(reader): State<Reader>,
    Extension(kind): Extension<Kind>,
    (author, preconditions): (Author, Preconditions),
    Path(which): Path<Which>,
) -> Result<StatusCode, Problem> {
    let (now, id) = ((reader.clock)(), which.id.0);
    let standing = reader.store.configuration_now().await?.entity(kind, &id);
    let standing = standing.ok_or_else(|| missing(kind, &id))?;
    if standing.is_built_in() {
        return Err(built_in());
    }
    if matches!(&standing.value, Entity::Silence(it) if it.is_active(now)) {
        return Err(Problem::conflict("the silence is active: end it first"));
    }
    let expects = preconditions.of_delete(standing.version)?;
    made(&reader, Change { kind, id, to: None, expects }, &author).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a silence before its time; it is kept as history.
async fn end(
    State(reader): State<Reader>,
    (author, preconditions): (Author, Preconditions),
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    let (now, id) = ((reader.clock)(), which.id.0);
    let standing = reader.store.configuration_now().await?.silence(&id).cloned();
    let standing = standing.ok_or_else(|| missing(Kind::Silence, &id))?;
    let mut silence = standing.value;
    if silence.state(now) == SilenceState::Expired {
        return Err(Problem::conflict("the silence is over already"));
    }
    silence.ended_early_at = Some(now);
    let expects = preconditions.of_delete(standing.version)?;
    let to = Some(Entity::Silence(silence));
    let change = Change { kind: Kind::Silence, id: id.clone(), to, expects };
    answer(&made(&reader, change, &author).await?, (Kind::Silence, &id), now)
}

async fn made(reader: &Reader, change: Change, author: &Author) -> Result<Configuration, Problem> {
    let by = By { author: &author.0, at: (reader.clock)() };
    Ok(reader.store.change(&[change], None, by).await?)
}

/// A silence that is over before it begins, or over already, silences nothing, and whoever writes one means something else.
fn alive(entity: Entity, now: EpochMillis) -> Result<Entity, Problem> {
    match &entity {
        Entity::Silence(it) if it.ended_early_at.is_some() => {
            Err(Problem::conflict("the silence was ended: make another"))
        }
        Entity::Silence(it) if it.ends_at <= now => {
            Err(Problem::unfit(Faults::one("/ends_at", "is in the past")))
        }
        Entity::Subscription(_) | Entity::Channel(_) | Entity::Silence(_) => Ok(entity),
    }
}

fn answer(
    configuration: &Configuration,
    (kind, id): (Kind, &Id),
    now: EpochMillis,
) -> Result<Response, Problem> {
    let entity = configuration.entity(kind, id).ok_or_else(|| missing(kind, id))?;
    let tag = preconditions::tag(entity.version);
    Ok(([(ETAG, tag)], axum::Json(Shown::of(entity, now))).into_response())
}

fn missing(kind: Kind, id: &Id) -> Problem {
    Problem::not_found(format!("there is no {} {id}", kind.as_str()))
}

fn built_in() -> Problem {
    Problem::conflict("it is built in while OVERTIME_WEBHOOK_URL is set, and cannot be changed")
}

fn location(kind: Kind, id: &Id) -> String {
    format!("/api/v1/{}/{id}", kind.plural())
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
