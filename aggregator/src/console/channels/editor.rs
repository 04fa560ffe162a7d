//! The form of a channel.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::json;

use super::draft;
use crate::{
    api::{
        author::Author,
        configuration::desk::{all, one},
        problem::Problem,
        viewer::Role,
    },
    console::{
        Console,
        editor::{About, Again, Conflict, Editor, Kept, named},
        failure::Failure,
        field::Fields,
        form::Form,
        frame::{self, Frame, Section},
        look::Look,
        notice::{self, Notice},
    },
    domain::configuration::{Entity, Kind},
};

const EDITOR: Editor = Editor { kind: Kind::Channel, body: draft::body, field: draft::field };

#[derive(Template)]
#[template(path = "channel-form.html")]
struct Page<'a> {
    frame: Frame<'a>,
    about: About,
    fields: Fields,
    /// Other channels, which may hear that this one fails.
    others: Vec<(String, String)>,
    conflict: Option<Conflict>,
}

impl Page<'_> {
    fn action(&self) -> String {
        match &self.about {
            About::New => self.frame.href("/channels"),
            About::Standing { id, .. } => self.frame.href(&format!("/channels/{id}")),
        }
    }
}

pub(super) async fn new(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    // What subscriptions name before anybody has made it is called this.
    let wanted = form_urlencoded::parse(look.query().as_bytes()).find(|(name, _)| name == "id");
    let id = wanted.map_or(String::new(), |(_, id)| id.into_owned());
    let empty = json!({"id": id, "enabled": true, "rate_limit": 30, "kind": {"slack": {}}});
    let fields = Fields::of(draft::filled(&empty));
    let page = page(&console, &look, (About::New, fields)).await?;
    Ok(frame::page(&look, &headers, &page))
}

pub(super) async fn edit(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let id = named(&id)?;
    let shown = one(&console.reader, Kind::Channel, &id).await?;
    if shown.built_in {
        return Err(Problem::conflict("it is built in, and cannot be changed").into());
    }
    let value = serde_json::to_value(&shown.entity.value).unwrap_or_default();
    let about = About::Standing { id, version: Some(shown.entity.version) };
    let page = page(&console, &look, (about, Fields::of(draft::filled(&value)))).await?;
    Ok(frame::page(&look, &headers, &page))
}

pub(super) async fn create(
    State(console): State<Console>,
    look: Look,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let author = Author::from(&look.viewer);
    let kept = EDITOR.create(&console.reader, &form, &author).await?;
    answer(&console, &look, (kept, Notice::Created)).await
}

pub(super) async fn replace(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let author = Author::from(&look.viewer);
    let kept = EDITOR.replace(&console.reader, (named(&id)?, &form), &author).await?;
    answer(&console, &look, (kept, Notice::Saved)).await
}

async fn answer(
    console: &Console,
    look: &Look,
    (kept, notice): (Kept, Notice),
) -> Result<Response, Failure> {
    let again = match kept {
        Kept::Done(id) => return Ok(notice::see(look, &format!("/channels/{id}"), notice)),
        Kept::Refused(again) => again,
    };
    let Again { status, about, fields, conflict } = *again;
    let page = page(console, look, (about, fields)).await?;
    let mut response = frame::page(look, &HeaderMap::new(), &Page { conflict, ..page });
    *response.status_mut() = status;
    Ok(response)
}

async fn page<'a>(
    console: &Console,
    look: &'a Look,
    (about, fields): (About, Fields),
) -> Result<Page<'a>, Problem> {
    let shown = all(&console.reader, Kind::Channel, None).await?.items;
    let others = shown.iter().filter_map(|it| match &it.entity.value {
        Entity::Channel(it) if about.id() != Some(&it.id) => {
            Some((it.id.to_string(), it.name.clone()))
        }
        Entity::Channel(_) | Entity::Subscription(_) | Entity::Silence(_) => None,
    });
    let others = others.collect();
    let title = about.id().map_or("New channel".to_owned(), |id| format!("Edit {id}"));
    let frame = Frame::new(look, Section::Channels, title).still();
    Ok(Page { frame, about, fields, others, conflict: None })
}
