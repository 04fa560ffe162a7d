//! Answers in the form that a caller takes, and not at all when the caller has them already.
//!
//! Every answer is JSON; a list is also CSV, by `accept: text/csv` or by `.csv` after its path, for spreadsheets. Each
//! carries a tag made of its bytes, so that whoever asks again every few seconds is told that nothing changed.
//!
//! **Invariant.** A form that cannot be had is refused before anything is read from the store.

mod accept;
pub(crate) mod table;

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK,
            VARY,
        },
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::accept::quality;
use self::table::Tabular;
use crate::{
    api::problem::Problem,
    domain::{base::Base, digest},
};

pub(crate) const JSON: &str = "application/json";
pub(crate) const CSV: &str = "text/csv";
/// What is added to a list's path to have it as CSV.
pub(crate) const CSV_SUFFIX: &str = ".csv";

/// Who asks: in which form, from where, and with what already in hand.
#[derive(Debug)]
struct Caller {
    form: Form,
    known: Option<HeaderValue>,
    /// Path and query, for the link to the next page.
    target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// A caller of something that is JSON.
#[derive(Debug)]
pub(crate) struct JsonCaller(Caller);

/// A caller of a list.
#[derive(Debug)]
pub(crate) struct ListCaller(Caller);

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to pass as `cursor` for the part that follows; null when there is none.
    pub(crate) next: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for JsonCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if quality(parts.headers.get_all(ACCEPT), JSON) == 0 {
            return Err(Problem::not_acceptable(format!("this is {JSON}, and nothing else")));
        }
        Ok(Self(Caller::of(parts, Form::Json)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wants = |media_type| quality(parts.headers.get_all(ACCEPT), media_type);
        let form = match (wants(JSON), wants(CSV)) {
            // Whoever names the file means the file.
            _ if parts.uri.path().ends_with(CSV_SUFFIX) => Form::Csv,
            (0, 0) => {
                return Err(Problem::not_acceptable(format!("this is {JSON} or {CSV}")));
            }
            (json, csv) if csv > json => Form::Csv,
            _ => Form::Json,
        };
        Ok(Self(Caller::of(parts, form)))
    }
}

impl JsonCaller {
    pub(crate) fn answer(&self, value: &impl Serialize) -> Response {
        match serde_json::to_vec(value) {
            Ok(body) => self.0.tagged(JSON, body),
            Err(error) => unwritten(&error),
        }
    }
}

impl ListCaller {
    pub(crate) fn answer<T: Serialize + Tabular>(&self, page: &Page<T>) -> Response {
        let written = match self.0.form {
            Form::Json => serde_json::to_vec(page).map_err(|error| unwritten(&error)),
            Form::Csv => table::write(&page.items).map_err(|error| unwritten(&error)),
        };
        let mut response = match (written, self.0.form) {
            (Ok(body), Form::Json) => self.0.tagged(JSON, body),
            (Ok(body), Form::Csv) => self.0.tagged("text/csv; charset=utf-8; header=present", body),
            (Err(failure), _) => return failure,
        };
        let link = page.next.as_ref().and_then(|next| self.0.link_to(next));
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        if self.0.form == Form::Csv {
            let attachment = HeaderValue::from_static("attachment");
            response.headers_mut().insert(CONTENT_DISPOSITION, attachment);
        }
        response
    }
}

impl Caller {
    fn of(parts: &Parts, form: Form) -> Self {
        let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
        let base = parts.extensions.get::<Base>().cloned().unwrap_or_default();
        let target = base.href(target);
        Self { form, known: parts.headers.get(IF_NONE_MATCH).cloned(), target }
    }

    /// The body with its tag, or the news that the caller has it.
    fn tagged(&self, content_type: &'static str, body: Vec<u8>) -> Response {
        let etag = format!("\"{}\"", digest::hex(&body));
        let mut headers = HeaderMap::new();
        // Asked again each time, and kept by nobody but the caller: what fails is nobody else's business.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        let known = self.known.as_ref().and_then(|it| it.to_str().ok()).unwrap_or_default();
        let is_known = known.split(',').map(str::trim).any(|it| {
            // Weak comparison, as RFC 9110 asks for here: a proxy may have weakened it.
            it == "*" || it.strip_prefix("W/").unwrap_or(it) == etag
        });
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(ETAG, etag);
        }
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        (headers, body).into_response()
    }

    /// The next page under the same query, as RFC 8288 writes it.
    fn link_to(&self, cursor: &str) -> Option<HeaderValue> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let kept = query.split('&').filter(|it| !it.is_empty() && !it.starts_with("cursor="));
        let mut query: Vec<&str> = kept.collect();
        let cursor = format!("cursor={cursor}");
        query.push(&cursor);
        let link = format!("<{path}?{}>; rel=\"next\"", query.join("&"));
        HeaderValue::try_from(link).ok()
    }
}

fn unwritten(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "an answer could not be written");
    Problem::internal().into_response()
}
