//! Parameters of a path and of a query, each parsed once and faulted by name.
//!
//! A query's type says which parameters there are; the API's description is made of the same type. One that is not there is
//! refused by its name, because a filter that is silently ignored answers another question than the one that was asked.

use std::{borrow::Cow, collections::BTreeSet};

use axum::{
    extract::{FromRequestParts, rejection::PathRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use utoipa::{
    IntoParams,
    openapi::{RefOr, path::Parameter, schema::Schema},
};

use crate::api::problem::Problem;

/// A query, whole or refused.
#[derive(Debug)]
pub(crate) struct Query<Q>(pub(crate) Q);

/// The parameters of a path.
#[derive(Debug)]
pub(crate) struct Path<P>(pub(crate) P);

impl<S, Q> FromRequestParts<S> for Query<Q>
where
    S: Send + Sync,
    Q: DeserializeOwned + IntoParams,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<S, P> FromRequestParts<S> for Path<P>
where
    S: Send + Sync,
    P: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let given = axum::extract::Path::<P>::from_request_parts(parts, state).await;
        given.map(|it| Self(it.0)).map_err(|rejection| misguided(&rejection))
    }
}

/// Reads a query, its parameters in any order.
pub(crate) fn read<Q: DeserializeOwned + IntoParams>(query: &str) -> Result<Q, Problem> {
    let known = Q::into_params(|| None);
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut seen = BTreeSet::new();
    for (name, _) in pairs {
        let Some(parameter) = known.iter().find(|it| it.name == name) else {
            let names: Vec<&str> = known.iter().map(|it| it.name.as_str()).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let why = format!("is not a parameter of this path, which has {there}");
            return Err(Problem::invalid(clipped(&name), why));
        };
        if !seen.insert(&parameter.name) && !is_list(parameter) {
            return Err(Problem::invalid(parameter.name.clone(), "is given more than once"));
        }
    }
    let mut path = serde_path_to_error::Track::new();
    let given = serde_html_form::Deserializer::new(pairs);
    Q::deserialize(serde_path_to_error::Deserializer::new(given, &mut path)).map_err(|error| {
        // The first step of the path: a repeated parameter's faulty element is not of interest.
        let path = path.path().to_string();
        let name = path.split(['[', '.']).next().unwrap_or_default();
        Problem::invalid(name.to_owned(), error)
    })
}

fn is_list(parameter: &Parameter) -> bool {
    matches!(parameter.schema, Some(RefOr::T(Schema::Array(_))))
}

/// A name as long as a name should be.
fn clipped(name: &str) -> String {
    name.chars().take(64).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "axum may add to them")]
fn misguided(rejection: &PathRejection) -> Problem {
    use axum::extract::path::ErrorKind;

    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(error) => error.kind(),
        _ => return Problem::not_found("nothing is served under this path"),
    };
    let (key, why): (_, Cow<'_, str>) = match kind {
        ErrorKind::DeserializeError { key, message, .. } => (key, message.into()),
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            (key, format!("is not {expected_type}").into())
        }
        ErrorKind::InvalidUtf8InPathParam { key } => (key, "is not UTF-8".into()),
        _ => return Problem::not_found("nothing is served under this path"),
    };
    Problem::invalid(key.clone(), why)
}

#[cfg(test)]
mod tests;
