//! A silence that nobody has made yet: the form, what it would cover, and making it.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{Reach, draft};
use crate::{
    api::{author::Author, configuration::desk, problem::Problem, viewer::Role},
    console::{
        Console,
        failure::Failure,
        field::Fields,
        form::Form,
        frame::{self, Frame, Section},
        look::Look,
        notice::{self, Notice},
    },
    domain::configuration::{Kind, Severity, silence::Matchers},
};

#[derive(Debug, Template)]
#[template(path = "silence-form.html")]
struct Page<'a> {
    frame: Frame<'a>,
    fields: Fields,
    subscriptions: Vec<String>,
    lasts: [(u32, &'static str); 9],
    /// What it would cover; nothing where it asks for nothing yet, or for what cannot be read.
    reach: Option<Reach>,
}

/// A form as the address fills it in.
pub(super) async fn show(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let fields = draft::prefilled(&look);
    let page = page(&console, &look, (fields, None)).await?;
    Ok(frame::page(&look, &headers, &page))
}

/// The same form with what it would cover.
pub(super) async fn preview(
    State(console): State<Console>,
    look: Look,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let page = page(&console, &look, (form.fields(), None)).await?;
    Ok(frame::page(&look, &HeaderMap::new(), &page))
}

pub(super) async fn create(
    State(console): State<Console>,
    look: Look,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let fields = form.fields();
    let author = Author::from(&look.viewer);
    let random = getrandom::u32()
        .unwrap_or_else(|_| u32::try_from(look.now.0 & 0xffff_ffff).unwrap_or_default());
    let body = draft::body(&fields, &draft::id(&fields, random), &look);
    match desk::create(&console.reader, Kind::Silence, &body, &author).await {
        Ok(shown) => {
            let id = shown.entity.value.id();
            Ok(notice::see(&look, &format!("/silences/{id}"), Notice::Silenced))
        }
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let page = page(&console, &look, (fields, Some(problem))).await?;
            let shown = frame::page(&look, &HeaderMap::new(), &page);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The form, with what is wrong with it: what is known, or else what is wrong with what it would cover.
async fn page<'a>(
    console: &Console,
    look: &'a Look,
    (fields, known): (Fields, Option<Problem>),
) -> Result<Page<'a>, Problem> {
    let configuration = console.reader.store().configuration(look.now).await?;
    let subscriptions = configuration.subscriptions.iter().map(|it| it.value.id.to_string());
    let matchers = Matchers::draft(&draft::matchers(&fields));
    let reach = match &matchers {
        Ok(matchers) => Some(Reach::of(console, matchers).await?),
        Err(_) => None,
    };
    let fields = match (known, matchers) {
        (Some(problem), _) => fields.faulted(&problem, draft::field),
        (None, Err(faults)) if !draft::is_blank(&fields) => {
            // A pointer into the matchers alone lacks the name that they have in a silence.
            let field = |it: &str| draft::field(&format!("/matchers{it}"));
            fields.faulted(&Problem::unfit(faults), field)
        }
        (None, Ok(_) | Err(_)) => fields,
    };
    Ok(Page {
        frame: Frame::new(look, Section::Silences, "New silence").still(),
        fields,
        subscriptions: subscriptions.collect(),
        lasts: draft::LASTS,
        reach,
    })
}
