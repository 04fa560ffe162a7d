//! Keeping what a form asks for, whatever it is about: made anew, put in the place of what stood, or refused and shown again.
//!
//! A form is made of a version and is kept only where that version still stands. Where somebody else was first, nothing is written and the
//! form comes back with what they changed, made of what stands now, so that saving again is a decision and not an accident.

use axum::http::StatusCode;
use serde_json::Value;

use super::{field::Fields, form::Form};
use crate::{
    api::{
        Reader,
        author::Author,
        configuration::{
            Shown,
            desk::{self, Draft},
            preconditions::Preconditions,
        },
        problem::Problem,
    },
    domain::configuration::{
        Id, Kind,
        plan::{Difference, differences},
    },
};

/// How forms of a kind are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Editor {
    pub(crate) kind: Kind,
    /// The body that the API takes.
    pub(crate) body: fn(&Fields) -> Value,
    /// The field that a pointer into it means.
    pub(crate) field: fn(&str) -> String,
}

/// What a form is about.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// Something that is not there.
    New,
    /// Something that is, as of a version; none where it is gone by now.
    Standing { id: Id, version: Option<u64> },
}

/// What came of a form.
#[derive(Debug)]
pub(crate) enum Kept {
    Done(Id),
    Refused(Box<Again>),
}

/// A form that is shown again.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) status: StatusCode,
    pub(crate) about: About,
    pub(crate) fields: Fields,
    pub(crate) conflict: Option<Conflict>,
}

/// What somebody else did while a form was filled in.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Nothing where it is gone.
    pub(crate) standing: Option<Shown>,
    /// In what it differs from what the form asks for.
    pub(crate) differences: Vec<Difference>,
}

impl About {
    pub(crate) fn id(&self) -> Option<&Id> {
        match self {
            Self::New => None,
            Self::Standing { id, .. } => Some(id),
        }
    }

    pub(crate) fn version(&self) -> Option<u64> {
        match self {
            Self::New => None,
            Self::Standing { version, .. } => *version,
        }
    }

    /// What a form says that it is about, where its address does not.
    pub(crate) fn said(form: &Form) -> Self {
        let version = form.text("version").parse().ok();
        match form.text("standing").parse() {
            Ok(id) => Self::Standing { id, version },
            Err(_) => Self::New,
        }
    }
}

impl Editor {
    pub(crate) async fn create(
        self,
        reader: &Reader,
        form: &Form,
        author: &Author,
    ) -> Result<Kept, Problem> {
        let fields = form.fields();
        let created = desk::create(reader, self.kind, &(self.body)(&fields), author).await;
        match created {
            Ok(shown) => Ok(Kept::Done(shown.entity.value.id().clone())),
            Err(problem) => self.refused(reader, (About::New, fields), problem).await,
        }
    }

    pub(crate) async fn replace(
        self,
        reader: &Reader,
        (id, form): (Id, &Form),
        author: &Author,
    ) -> Result<Kept, Problem> {
        let fields = form.fields();
        let version = form.text("version").parse().ok();
        let preconditions = Preconditions::of(version);
        let draft = Draft { id: id.clone(), body: self.of(&fields, &id), preconditions };
        match desk::replace(reader, self.kind, draft, author).await {
            Ok(_) => Ok(Kept::Done(id)),
            Err(problem) => {
                let about = About::Standing { id, version };
                self.refused(reader, (about, fields), problem).await
            }
        }
    }

    fn of(self, fields: &Fields, id: &Id) -> Value {
        let mut body = (self.body)(fields);
        body["id"] = id.as_str().into();
        body
    }

    /// The form again, with what is wrong with it, or what somebody else has made of what it is about.
    async fn refused(
        self,
        reader: &Reader,
        (about, fields): (About, Fields),
        problem: Problem,
    ) -> Result<Kept, Problem> {
        let status = problem.status();
        let again = match (about, status) {
            (
                About::Standing { id, .. },
                StatusCode::PRECONDITION_FAILED | StatusCode::PRECONDITION_REQUIRED,
            ) => {
                let conflict = self.overtaken(reader, &id, &fields).await?;
                let version = conflict.standing.as_ref().map(|it| it.entity.version);
                let about = About::Standing { id, version };
                Again { status, about, fields, conflict: Some(conflict) }
            }
            (about, StatusCode::UNPROCESSABLE_ENTITY) => {
                let fields = fields.faulted(&problem, self.field);
                Again { status, about, fields, conflict: None }
            }
            (About::New, StatusCode::CONFLICT) => {
                let fields = fields.faulted(&problem, |_| "id".to_owned());
                Again { status, about: About::New, fields, conflict: None }
            }
            (About::New | About::Standing { .. }, _) => return Err(problem),
        };
        Ok(Kept::Refused(Box::new(again)))
    }

    /// What stands now, and in what it differs from what the form asks for.
    async fn overtaken(
        self,
        reader: &Reader,
        id: &Id,
        fields: &Fields,
    ) -> Result<Conflict, Problem> {
        let all = desk::all(reader, self.kind, None).await?;
        let standing = all.items.into_iter().find(|it| it.entity.value.id() == id);
        let wanted = self.kind.read(&self.of(fields, id), None).ok();
        let found = standing.as_ref().zip(wanted);
        let compared = found.map(|(it, wanted)| differences(&it.entity.value, &wanted));
        Ok(Conflict { differences: compared.and_then(Result::ok).unwrap_or_default(), standing })
    }
}

/// The id in a path; what cannot be one names nothing.
pub(crate) fn named(id: &str) -> Result<Id, Problem> {
    id.parse().map_err(|_| Problem::not_found("nothing has such an id"))
}
