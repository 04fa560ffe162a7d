//! What is done with the configuration, whoever asks for it: the API's handlers, or the console's pages.
//!
//! **Invariant.** Every change is made for a version that somebody has seen, and has an author.

use overtime_wire::EpochMillis;
use serde_json::Value;

use super::{Shown, idle, preconditions::Preconditions};
use crate::{
    api::{Reader, answer::Page, author::Author, problem::Problem},
    domain::configuration::{
        Change, Configuration, Entity, Expects, Faults, Id, Kind, SilenceState,
    },
    store::configuration::By,
};

/// What is to stand under an id, and in whose place.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: Id,
    pub(crate) body: Value,
    pub(crate) preconditions: Preconditions,
}

/// All of a kind; of silences, those in a state where one is wanted.
pub(crate) async fn all(
    reader: &Reader,
    kind: Kind,
    wanted: Option<SilenceState>,
) -> Result<Page<Shown>, Problem> {
    let now = (reader.clock)();
    if wanted.is_some() && kind != Kind::Silence {
        return Err(Problem::invalid("state", "is a parameter of silences only"));
    }
    let configuration = reader.store.configuration_now().await?;
    let shown = configuration.all(kind).into_iter().map(|it| Shown::of(it, now));
    let mut items: Vec<_> = shown.filter(|it| wanted.is_none() || it.state == wanted).collect();
    if kind == Kind::Silence {
        idle::flag(reader, &configuration, &mut items, now).await?;
    }
    Ok(Page { items, next: None })
}

/// One of them.
pub(crate) async fn one(reader: &Reader, kind: Kind, id: &Id) -> Result<Shown, Problem> {
    let configuration = reader.store.configuration_now().await?;
    shown(&configuration, (kind, id), (reader.clock)())
}

/// Makes one that is not there.
pub(crate) async fn create(
    reader: &Reader,
    kind: Kind,
    body: &Value,
    author: &Author,
) -> Result<Shown, Problem> {
    let now = (reader.clock)();
    let entity = kind.read(body, Some(now)).map_err(Problem::unfit)?;
    let entity = alive(entity.made_by(None, &author.0), now)?;
    let id = entity.id().clone();
    if reader.store.configuration_now().await?.entity(kind, &id).is_some() {
        return Err(Problem::conflict(format!("there is a {} {id} already", kind.as_str())));
    }
    let change = Change { kind, id: id.clone(), to: Some(entity), expects: Expects::Nothing };
    shown(&made(reader, change, author).await?, (kind, &id), now)
}

/// Puts one where it shall stand, and says whether there was one.
pub(crate) async fn replace(
    reader: &Reader,
    kind: Kind,
    draft: Draft,
    author: &Author,
) -> Result<(Shown, bool), Problem> {
    let Draft { id, mut body, preconditions } = draft;
    let now = (reader.clock)();
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
    let configuration = made(reader, change, author).await?;
    Ok((shown(&configuration, (kind, &id), now)?, standing.is_some()))
}

/// Deletes one.
pub(crate) async fn delete(
    reader: &Reader,
    (kind, id): (Kind, Id),
    preconditions: &Preconditions,
    author: &Author,
) -> Result<(), Problem> {
    let now = (reader.clock)();
    let standing = reader.store.configuration_now().await?.entity(kind, &id);
    let standing = standing.ok_or_else(|| missing(kind, &id))?;
    if standing.is_built_in() {
        return Err(super::built_in());
    }
    if matches!(&standing.value, Entity::Silence(it) if it.is_active(now)) {
        return Err(Problem::conflict("the silence is active: end it first"));
    }
    let expects = preconditions.of_delete(standing.version)?;
    made(reader, Change { kind, id, to: None, expects }, author).await?;
    Ok(())
}

/// Ends a silence before its time; it is kept as history.
pub(crate) async fn end(
    reader: &Reader,
    id: Id,
    preconditions: &Preconditions,
    author: &Author,
) -> Result<Shown, Problem> {
    let now = (reader.clock)();
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
    shown(&made(reader, change, author).await?, (Kind::Silence, &id), now)
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

fn shown(
    configuration: &Configuration,
    (kind, id): (Kind, &Id),
    now: EpochMillis,
) -> Result<Shown, Problem> {
    let entity = configuration.entity(kind, id).ok_or_else(|| missing(kind, id))?;
    Ok(Shown::of(entity, now))
}

fn missing(kind: Kind, id: &Id) -> Problem {
    Problem::not_found(format!("there is no {} {id}", kind.as_str()))
}
