//! `GET /api/v1/coverage`: who should report and does not, and who reports and is in no list.
//!
//! It is made when it is asked for, from the inventories that were brought and the rows of who was heard of. What an inventory says may be
//! old; every answer says how old.

mod row;
pub(crate) mod summary;

use std::time::Duration;

use axum::{extract::State, response::Response};
use overtime_wire::EpochMillis;
use serde::Deserialize;
use tokio::task::spawn_blocking;

pub(crate) use self::row::Row;
use self::summary::Summary;
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, ListCaller, Page},
        functions::filter::GlobText,
        parameters::Query,
        problem::Problem,
        words::{
            AccountText, CoverageCursor, CoverageCursorText, CoverageStateText, LimitText,
            RegionText, SpanText, Text, Word as _,
        },
    },
    domain::{
        configuration::Span,
        coverage::{Coverage, Finding, compare},
        inventory::Standing,
    },
};

/// After how long without a word a function counts as silent where nobody says otherwise.
const SILENT_AFTER: Span = Span::from_hours(24);

/// Which functions are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Asked {
    /// Only functions in this account.
    #[param(inline)]
    pub(crate) account: Option<AccountText>,
    /// Only functions in this region.
    #[param(inline)]
    pub(crate) region: Option<RegionText>,
    /// Only functions whose name matches: `*` is anything, `?` one character.
    #[param(inline)]
    pub(crate) name: Option<GlobText>,
    /// Only functions that stand so. May be repeated; any of them will do.
    #[param(inline)]
    pub(crate) state: Vec<CoverageStateText>,
    /// After how long without a word a function counts as silent, from an hour to thirty days; `24h` if it is not said.
    #[param(inline)]
    pub(crate) silent_after: Option<SpanText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    pub(crate) limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    pub(crate) cursor: Option<CoverageCursorText>,
}

/// What counts as silence.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Silence {
    /// After how long without a word a function counts as silent, from an hour to thirty days; `24h` if it is not said.
    #[param(inline)]
    silent_after: Option<SpanText>,
}

/// Who should report, held against who does, by account, region and name.
#[utoipa::path(
    get,
    path = "/api/v1/coverage",
    operation_id = "list_coverage",
    params(Asked),
    responses((
        status = OK,
        description = "A part of the list.",
        content((Page<Row> = "application/json"), (String = "text/csv"))
    ))
)]
pub(super) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let found = look(&reader, asked.silent_after.as_ref()).await?;
    Ok(caller.answer(&asked.page(&found.coverage)))
}

/// How many functions stand how, altogether and by account and region, and how old the inventories are that this is held against.
#[utoipa::path(
    get,
    path = "/api/v1/coverage/summary",
    operation_id = "show_coverage",
    params(Silence),
    responses((status = OK, description = "How it stands.", body = Summary))
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Query(asked): Query<Silence>,
) -> Result<Response, Problem> {
    let found = look(&reader, asked.silent_after.as_ref()).await?;
    Ok(caller.answer(&Summary::of(&found)))
}

/// What was compared, and what came of it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) lists: Vec<Standing>,
    pub(crate) coverage: Coverage,
    pub(crate) silent_after: Duration,
}

/// Holds the inventories against the rows as they stand.
pub(crate) async fn look(
    reader: &Reader,
    silent_after: Option<&SpanText>,
) -> Result<Found, Problem> {
    let now: EpochMillis = (reader.clock)();
    let silent_after = silent_after.map_or(SILENT_AFTER, |it| it.0).0;
    let lists = reader.store.inventories().await?;
    let rows = reader.store.fleet_lately(now).await?;
    // Tens of thousands of functions take a while, and others are waiting to be answered.
    let compared = spawn_blocking(move || {
        let coverage = compare(&lists, &rows, (now, silent_after));
        Found { lists, coverage, silent_after }
    });
    compared.await.map_err(|_| Problem::internal())
}

impl Asked {
    /// The part of the list that is asked for.
    pub(crate) fn page(&self, coverage: &Coverage) -> Page<Row> {
        let after = self.cursor.as_ref().map(|it| &it.0);
        let limit: usize = self.limit.unwrap_or_default().0.into();
        let wanted = coverage.findings.iter().filter(|it| self.covers(it));
        let mut rest = wanted.filter(|it| after.is_none_or(|after| after.lies_before(it)));
        let items: Vec<&Finding> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let next = items.last().filter(|_| more).map(|it| CoverageCursor::of(it).write());
        let newest = coverage.newest_extension.as_deref();
        Page { items: items.into_iter().map(|it| Row::of(it, newest)).collect(), next }
    }

    fn covers(&self, finding: &Finding) -> bool {
        let function = &finding.function;
        self.account.as_ref().is_none_or(|it| it.0 == function.account)
            && self.region.as_ref().is_none_or(|it| it.0 == function.region)
            && self.name.as_ref().is_none_or(|it| it.0.matches(function.name.as_str()))
            && (self.state.is_empty() || self.state.contains(&Text(finding.state())))
    }
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
