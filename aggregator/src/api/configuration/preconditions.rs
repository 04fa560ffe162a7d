//! What a caller takes for granted: `if-match` and `if-none-match`, as RFC 9110 has them.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderValue,
        header::{IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
};

use crate::{api::problem::Problem, domain::configuration::Expects};

/// A version as a tag.
pub(super) fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

/// What a change is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preconditions {
    /// Nothing where it is not said.
    matching: Option<Match>,
    /// That it is not there.
    fresh: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    Any,
    OneOf(Vec<String>),
}

impl Match {
    fn admits(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(&tag(version)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = |it: &HeaderValue| it.to_str().unwrap_or_default().trim().to_owned();
        let matching = parts.headers.get(IF_MATCH).map(text).map(|it| match it.as_str() {
            "*" => Match::Any,
            tags => Match::OneOf(tags.split(',').map(|it| it.trim().to_owned()).collect()),
        });
        let fresh = parts.headers.get(IF_NONE_MATCH).map(text);
        if fresh.as_ref().is_some_and(|it| it != "*") {
            return Err(Problem::invalid("if-none-match", "can only be * here"));
        }
        Ok(Self { matching, fresh: fresh.is_some() })
    }
}

impl Preconditions {
    /// What was seen under this version, as a page's form remembers it; nothing where it was not there.
    pub(crate) fn of(version: Option<u64>) -> Self {
        Self { matching: version.map(|it| Match::OneOf(vec![tag(it)])), fresh: false }
    }

    /// For what is put where `standing` is; `same` is whether it would stay as it is.
    pub(super) fn of_put(&self, standing: Option<u64>, same: bool) -> Result<Expects, Problem> {
        match (standing, &self.matching) {
            (Some(_), _) if self.fresh => Err(Problem::stale("it is there already")),
            (None, Some(_)) => Err(Problem::stale("it is not there")),
            (None, None) => Ok(Expects::Nothing),
            (Some(0), _) => Err(super::built_in()),
            (Some(version), Some(it)) if it.admits(version) => Ok(Expects::Version(version)),
            (Some(_), Some(_)) => Err(Problem::stale("it is another version")),
            (Some(version), None) if same => Ok(Expects::Version(version)),
            (Some(_), None) => Err(Problem::unconditional()),
        }
    }

    /// For what is deleted, or ended: whoever does not say which version means whatever stands.
    pub(super) fn of_delete(&self, standing: u64) -> Result<Expects, Problem> {
        match &self.matching {
            Some(it) if !it.admits(standing) => Err(Problem::stale("it is another version")),
            Some(_) | None => Ok(Expects::Version(standing)),
        }
    }

    /// For the configuration as a whole, which is always there.
    pub(super) fn of_whole(&self, revision: u64, same: bool) -> Result<u64, Problem> {
        match &self.matching {
            Some(it) if !it.admits(revision) => {
                Err(Problem::stale("the configuration has changed"))
            }
            None if !same => Err(Problem::unconditional()),
            Some(_) | None => Ok(revision),
        }
    }
}
