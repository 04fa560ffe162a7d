//! The form of a subscription, and what its draft would have told.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{Html, IntoResponse as _, Response},
};
use overtime_wire::Cause;
use serde_json::Value;

use super::draft;
use crate::{
    api::{
        author::Author,
        configuration::desk::{all, one},
        parameters,
        preview::{self, Shown as Preview},
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
    domain::configuration::{Channel, Condition, Entity, Id, Kind, Severity, Span, Subscription},
};

/// How far back a preview may look.
const RANGES: [(&str, &str); 3] =
    [("now-24h", "the last day"), ("now-7d", "the last 7 days"), ("now-14d", "the last 14 days")];

const EDITOR: Editor = Editor { kind: Kind::Subscription, body: draft::body, field: draft::field };

/// A channel that can be ticked.
struct Choice {
    id: String,
    name: String,
    /// What is the matter with it.
    note: &'static str,
}

impl Choice {
    fn of(id: &str, channel: Option<&Channel>) -> Self {
        let (name, note) = match channel {
            Some(it) if it.enabled => (it.name.as_str(), ""),
            Some(it) => (it.name.as_str(), "disabled"),
            None => (id, "not there yet"),
        };
        Self { id: id.to_owned(), name: name.to_owned(), note }
    }
}

#[derive(Template)]
#[template(path = "subscription-form.html")]
struct Page<'a> {
    frame: Frame<'a>,
    about: About,
    fields: Fields,
    channels: Vec<Choice>,
    conflict: Option<Conflict>,
    preview: Option<Result<Preview, Problem>>,
}

/// What a draft would have told, as a part of the page.
#[derive(Template)]
#[template(path = "part/preview.html")]
struct Part<'a> {
    frame: Frame<'a>,
    preview: Option<Result<Preview, Problem>>,
}

impl Page<'_> {
    fn action(&self) -> String {
        match &self.about {
            About::New => self.frame.href("/subscriptions"),
            About::Standing { id, .. } => self.frame.href(&format!("/subscriptions/{id}")),
        }
    }

    fn severities(&self) -> [&'static str; 4] {
        Severity::ALL.map(Severity::as_str)
    }

    fn causes(&self) -> &'static [Cause] {
        Cause::ALL
    }

    fn ranges(&self) -> [(&'static str, &'static str); 3] {
        RANGES
    }

    fn is_over(&self, from: &str) -> bool {
        let given = self.fields.value("preview_from");
        given == from || (given.is_empty() && from == RANGES[1].0)
    }

    /// Whether something is said, or wrong, of what most need not look at.
    fn has_more(&self) -> bool {
        let names = [
            "group_wait",
            "group_interval",
            "repeat_interval",
            "resolve_after",
            "expire_after",
            "m",
            "n",
            "causes",
            "group_by",
            "labels",
            "annotations",
        ];
        let said = ["m", "n", "causes", "labels", "annotations"];
        names.iter().any(|it| self.fields.fault(it).is_some())
            || said.iter().any(|it| !self.fields.value(it).is_empty())
    }
}

/// An empty form, with what the address fills in.
pub(super) async fn new(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let form = draft::prefilled(draft::filled(&empty()), look.query());
    let page = page(&console, &look, (About::New, Fields::of(form))).await?;
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
    let shown = one(&console.reader, Kind::Subscription, &id).await?;
    if shown.built_in {
        return Err(Problem::conflict("it is built in, and cannot be changed").into());
    }
    let fields = Fields::of(draft::filled(&written(&shown.entity.value)));
    let about = About::Standing { id, version: Some(shown.entity.version) };
    let page = page(&console, &look, (about, fields)).await?;
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
        Kept::Done(id) => return Ok(notice::see(look, &format!("/subscriptions/{id}"), notice)),
        Kept::Refused(again) => again,
    };
    let Again { status, about, fields, conflict } = *again;
    let page = page(console, look, (about, fields)).await?;
    let mut response = frame::page(look, &HeaderMap::new(), &Page { conflict, ..page });
    *response.status_mut() = status;
    Ok(response)
}

/// What a draft would have told: as a part where a script asks for it, else as the page with it.
pub(super) async fn preview(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Admin)?;
    let fields = form.fields();
    let preview = Some(tried(&console, &fields).await);
    if headers.contains_key("hx-request") {
        let frame = Frame::new(&look, Section::Subscriptions, "Preview");
        let part = Part { frame, preview }.render();
        let part = part.map_err(|_| Problem::unavailable("the preview cannot be shown"))?;
        return Ok(Html(part).into_response());
    }
    let page = page(&console, &look, (About::said(&form), fields)).await?;
    Ok(frame::page(&look, &headers, &Page { preview, ..page }))
}

/// Tries a draft out. What it is called does not matter yet.
async fn tried(console: &Console, fields: &Fields) -> Result<Preview, Problem> {
    let mut body = draft::body(fields);
    for (name, value) in [("id", "draft"), ("name", "Draft")] {
        body[name] = value.into();
    }
    let range = RANGES.iter().find(|(from, _)| *from == fields.value("preview_from"));
    let from = range.map_or(RANGES[1].0, |(from, _)| from);
    let asked: preview::Asked = parameters::read(&format!("from={from}"))?;
    preview::read(&console.reader, &asked, &body).await
}

async fn page<'a>(
    console: &Console,
    look: &'a Look,
    (about, fields): (About, Fields),
) -> Result<Page<'a>, Problem> {
    let shown = all(&console.reader, Kind::Channel, None).await?.items;
    let known = shown.iter().filter_map(|it| match &it.entity.value {
        Entity::Channel(it) => Some(it),
        Entity::Subscription(_) | Entity::Silence(_) => None,
    });
    let known: Vec<_> = known.collect();
    // Those that are ticked come first, in the order in which they are named, so that saving does not turn it round.
    let mut channels: Vec<_> = fields
        .all("channels")
        .map(|id| Choice::of(id, known.iter().copied().find(|it| it.id.as_str() == id)))
        .collect();
    for it in known {
        if !channels.iter().any(|ticked| ticked.id == it.id.as_str()) {
            channels.push(Choice::of(it.id.as_str(), Some(it)));
        }
    }
    let title = about.id().map_or("New subscription".to_owned(), |id| format!("Edit {id}"));
    let frame = Frame::new(look, Section::Subscriptions, title).still();
    Ok(Page { frame, about, fields, channels, conflict: None, preview: None })
}

/// What an empty form is filled in with: every default.
fn empty() -> Value {
    let window = Span::from_mins(5);
    let condition = Condition::TimeoutRate { percent: 5.0, window, min_invocations: 20 };
    let id: Option<Id> = "draft".parse().ok();
    let mut value = id.map_or(Value::Null, |id| {
        written(&Entity::Subscription(Subscription::new((id, ""), condition, Vec::new())))
    });
    value["id"] = "".into();
    value
}

fn written(entity: &Entity) -> Value {
    serde_json::to_value(entity).unwrap_or_default()
}
