//! Subscriptions: the list, one with what it says, and its form, which says what it would have told before it wakes anybody.
//!
//! A form is read into the body that the API takes, and whatever is wrong with that is said at the form's fields. A change is made for
//! the version that the form was made of; where somebody else was first, the form comes back with what they changed.

mod draft;
mod editor;
mod words;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};

use super::{
    Console,
    editor::named,
    failure::Failure,
    frame::{self, Frame, Section},
    look::Look,
    notice::{self, Notice},
};
use crate::{
    api::{
        author::Author,
        configuration::{
            Shown,
            desk::{all, delete, one},
            preconditions::Preconditions,
        },
        problem::Problem,
        viewer::Role,
    },
    domain::configuration::{Entity, Id, Kind, Subscription},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/subscriptions", get(list).post(editor::create))
        .route("/subscriptions/new", get(editor::new))
        .route("/subscriptions/preview", post(editor::preview))
        .route("/subscriptions/{id}", get(show).post(editor::replace))
        .route("/subscriptions/{id}/edit", get(editor::edit))
        .route("/subscriptions/{id}/delete", post(remove))
}

/// One of a list.
struct Row {
    shown: Shown,
    subscription: Subscription,
    condition: String,
    scope: String,
    /// Those that it names, and whether they are there.
    channels: Vec<(Id, Reach)>,
}

/// Whether anything goes to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Open,
    Disabled,
    Missing,
}

#[derive(Template)]
#[template(path = "subscriptions.html")]
struct List<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "subscription.html")]
struct One<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    row: Row,
    telling: String,
}

impl Row {
    fn of(shown: Shown, channels: &[Shown]) -> Result<Self, Problem> {
        let Entity::Subscription(subscription) = shown.entity.value.clone() else {
            return Err(Problem::not_found("there is no such subscription"));
        };
        let reach = |id: &Id| {
            let found = channels.iter().find(|it| it.entity.value.id() == id);
            match found.map(|it| &it.entity.value) {
                Some(Entity::Channel(it)) if it.enabled => Reach::Open,
                Some(Entity::Channel(_)) => Reach::Disabled,
                Some(Entity::Subscription(_) | Entity::Silence(_)) | None => Reach::Missing,
            }
        };
        let named = subscription.channels.iter().map(|it| (it.clone(), reach(it))).collect();
        Ok(Self {
            condition: words::condition(&subscription.condition),
            scope: words::scope(&subscription.scope),
            channels: named,
            subscription,
            shown,
        })
    }

    fn version(&self) -> u64 {
        self.shown.entity.version
    }

    fn badge(&self) -> &'static str {
        words::badge(self.subscription.severity)
    }

    /// Whether it can tell anybody anything.
    fn reaches(&self) -> bool {
        self.channels.iter().any(|(_, reach)| *reach == Reach::Open)
    }
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let channels = all(&console.reader, Kind::Channel, None).await?.items;
    let shown = all(&console.reader, Kind::Subscription, None).await?.items;
    let rows = shown.into_iter().map(|it| Row::of(it, &channels)).collect::<Result<_, _>>()?;
    let frame = Frame::new(&look, Section::Subscriptions, "Subscriptions");
    let notice = Notice::of(&look);
    Ok(frame::page(&look, &headers, &List { frame, notice, rows }))
}

async fn show(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let channels = all(&console.reader, Kind::Channel, None).await?.items;
    let shown = one(&console.reader, Kind::Subscription, &named(&id)?).await?;
    let row = Row::of(shown, &channels)?;
    let frame = Frame::new(&look, Section::Subscriptions, row.subscription.name.clone());
    let telling = words::telling(&row.subscription);
    let notice = Notice::of(&look);
    Ok(frame::page(&look, &headers, &One { frame, notice, row, telling }))
}

async fn remove(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    form: super::form::Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let seen = Preconditions::of(form.text("version").parse().ok());
    let author = Author::from(&look.viewer);
    delete(&console.reader, (Kind::Subscription, named(&id)?), &seen, &author).await?;
    Ok(notice::see(&look, "/subscriptions", Notice::Deleted))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
