//! `GET /api/v1/functions/{account}/{region}/{name}/analyses`: why it times out, as far as what is kept can tell.

use axum::{extract::State, response::Response};
use futures::future::try_join4;
use overtime_wire::FunctionKey;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::JsonCaller,
        parameters::{Path, Query},
        problem::Problem,
        range::{DAY, Span},
        shapes::Which,
        words::{Moment, Text},
    },
    domain::{
        analysis::{self, Conclusion, Kind, Seen, spent::Spent},
        hour::Hour,
        timeout::Filter,
    },
    store::Consistency,
};

use super::unknown;

/// How many timeouts are looked at, the latest first.
const TIMEOUTS_MAX: usize = 500;
/// How far back hours are read, whatever is asked for: what comes back every week must come back to be seen.
const HOURS_BACK: u32 = 28 * 24;

/// Why a function times out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Analyses {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// How many timeouts were looked at.
    pub(crate) timeouts: usize,
    /// Whether these are all that there were.
    pub(crate) complete: bool,
    /// What the time of those timeouts cost.
    pub(crate) spent: Cost,
    pub(crate) items: Vec<Analysis>,
}

/// Time that was paid for and came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cost {
    /// Of how many timeouts: those of which the memory is known.
    pub(crate) timeouts: u64,
    pub(crate) gigabyte_seconds: f64,
    /// By the list price of us-east-1 as of November 2026, in US dollars.
    pub(crate) usd: f64,
}

/// One thing that was looked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Analysis {
    #[schema(
        pattern = "^(change|doom_loop|cold_start|memory|retries|silence|time_of_week|right_size)$"
    )]
    pub(crate) kind: &'static str,
    #[schema(pattern = "^(found|not_found|unknown)$")]
    pub(crate) conclusion: &'static str,
    /// How sure it is: `low`, `medium`, `high`; null unless something was found.
    pub(crate) confidence: Option<&'static str>,
    /// What was found, or why nothing can be told.
    pub(crate) says: Option<String>,
    /// What it rests on.
    pub(crate) evidence: Vec<String>,
    /// What may help.
    pub(crate) advice: Option<&'static str>,
}

/// Why a function times out, each with what it rests on.
#[utoipa::path(
    get,
    path = "/api/v1/functions/{account}/{region}/{name}/analyses",
    operation_id = "list_function_analyses",
    params(Which, Span),
    responses(
        (status = OK, description = "What was looked for, and what came of it.", body = Analyses),
        (status = NOT_FOUND, description = "No such function has reported.")
    )
)]
pub(in crate::api) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Path(which): Path<Which>,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &FunctionKey::from(which), &span).await?))
}

/// What is found in the timeouts of a time, and in the weeks before its end.
pub(crate) async fn read(
    reader: &Reader,
    function: &FunctionKey,
    span: &Span,
) -> Result<Analyses, Problem> {
    let range = span.range(reader.horizon())?;
    let filter = Filter {
        account: Some(function.account),
        region: Some(function.region.clone()),
        function: Some(function.name.clone()),
        ..Filter::between(range.from, range.to)
    };
    let last = Hour::of(range.last());
    let first = last.minus(HOURS_BACK).min(Hour::of(range.from.minus(DAY)));
    let (summary, page, hours, history) = try_join4(
        reader.store.summary(function),
        reader.store.timeouts(&filter, None, TIMEOUTS_MAX),
        reader.store.hours(function, (first, last), Consistency::Eventual),
        reader.store.history(function, Consistency::Eventual),
    )
    .await?;
    let summary = summary.ok_or_else(unknown)?;
    let complete = page.next.is_none();
    let mut timeouts = page.items;
    timeouts.reverse();
    let history = history.as_ref();
    let seen =
        Seen { timeouts: &timeouts, complete, hours: &hours, since: Hour::of(range.from), history };
    let spent = Spent::of(&seen);
    Ok(Analyses {
        from: Text(range.from),
        to: Text(range.to),
        timeouts: timeouts.len(),
        complete,
        spent: Cost {
            timeouts: spent.timeouts,
            gigabyte_seconds: spent.gigabyte_seconds,
            usd: spent.usd(&summary.digest.profile.architecture),
        },
        items: analysis::conclusions(&seen).into_iter().map(Analysis::of).collect(),
    })
}

impl Analysis {
    fn of((kind, conclusion): (Kind, Conclusion)) -> Self {
        let kind = kind.as_str();
        let none = Self {
            kind,
            conclusion: "not_found",
            confidence: None,
            says: None,
            evidence: Vec::new(),
            advice: None,
        };
        match conclusion {
            Conclusion::NotFound => none,
            Conclusion::Unknown(why) => {
                Self { conclusion: "unknown", says: Some(why.to_owned()), ..none }
            }
            Conclusion::Found(finding) => Self {
                kind,
                conclusion: "found",
                confidence: Some(finding.confidence.as_str()),
                says: Some(finding.says),
                evidence: finding.evidence,
                advice: Some(finding.advice),
            },
        }
    }
}
