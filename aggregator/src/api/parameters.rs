//! Parameters of a query, each parsed once and faulted by name.
//!
//! Unknown ones are ignored, so that links outlive versions; an empty one counts as absent, which is how forms send what
//! nobody filled in.

use std::{collections::HashMap, convert::Infallible, fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use overtime_wire::EpochMillis;

use crate::{api::problem::Problem, domain::instant};

#[derive(Debug, Default)]
pub(super) struct Parameters(pub(super) HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let Ok(Query(given)) = Query::try_from_uri(&parts.uri) else { return Ok(Self::default()) };
        Ok(Self(given))
    }
}

impl Parameters {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|it| !it.is_empty())
    }

    pub(super) fn parsed<T>(&self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |it: &str| {
            it.parse().map_err(|why| Problem::invalid(name, format!("is not valid: {why}")))
        };
        self.text(name).map(parse).transpose()
    }

    /// One of a fixed set of words.
    pub(super) fn word<T>(
        &self,
        name: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let parse =
            |it| parse(it).ok_or_else(|| Problem::invalid(name, "is none of the words it may be"));
        self.text(name).map(parse).transpose()
    }

    /// An instant, absolute or from now.
    pub(super) fn instant(
        &self,
        name: &'static str,
        now: EpochMillis,
    ) -> Result<Option<EpochMillis>, Problem> {
        let read = |it| {
            instant::parse(it, now).ok_or_else(|| {
                Problem::invalid(name, "is neither RFC 3339 nor of the form now-24h")
            })
        };
        self.text(name).map(read).transpose()
    }

    /// A number between 1 and `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let outside = || Problem::invalid("limit", format!("is not a number from 1 to {max}"));
        let Some(text) = self.text("limit") else { return Ok(default) };
        text.parse().ok().filter(|it| (1..=max).contains(it)).ok_or_else(outside)
    }
}
