//! `GET /api/v1/overview/heatmap`: who timed out when, by the hour of the last day.
//!
//! The functions that timed out most have a line each, and all others one together, so that it stays small however large the
//! fleet is, and nothing that timed out is missing from it.
//!
//! **Invariant.** An hour of which nothing was heard has no counts, rather than counts of zero.

use axum::{extract::State, response::Response};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::{
            ListCaller, Page,
            table::{self, Tabular},
        },
        functions::last_day,
        parameters::Query,
        problem::Problem,
        shapes::parts,
        words::{AccountText, LimitText, Moment, NameText, RegionText, Text, Word as _},
    },
    domain::{hour::Hour, summary::Summary},
};

/// How many functions have a line of their own when nothing is said.
pub(crate) const LINES: usize = 10;

/// How much of the fleet is told apart.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// How many functions have a line of their own, by timeouts; 10 if it is not said.
    #[param(inline)]
    limit: Option<LimitText>,
}

/// One function, or all others together, in one hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeatCell)]
pub(crate) struct Cell {
    /// Null, as the other two, for all functions together that have no line of their own.
    account: Option<AccountText>,
    region: Option<RegionText>,
    function: Option<NameText>,
    /// When the hour begins.
    at: Moment,
    /// Null when nothing was heard.
    invocations: Option<u64>,
    timeouts: Option<u64>,
}

/// The last day, hour by hour.
#[derive(Debug)]
pub(crate) struct Heat {
    pub(crate) hours: Vec<Hour>,
    /// Those that timed out most, the worst first.
    pub(crate) lines: Vec<Line>,
    /// All others, where there are any.
    pub(crate) rest: Option<Line>,
    /// How many functions the rest is.
    pub(crate) others: usize,
}

#[derive(Debug)]
pub(crate) struct Line {
    /// `None` for all others together.
    pub(crate) function: Option<FunctionKey>,
    /// As many as there are hours.
    pub(crate) cells: Vec<Option<Counted>>,
}

/// What is shown of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    pub(crate) timeouts: u64,
    pub(crate) invocations: u64,
}

/// Who timed out when, by the hour of the last day.
#[utoipa::path(
    get,
    path = "/api/v1/overview/heatmap",
    operation_id = "list_overview_heatmap",
    params(Asked),
    responses((
        status = OK,
        description = "A cell for every function that is told apart, and one for all others, for every hour.",
        content((Page<Cell> = "application/json"), (String = "text/csv"))
    ))
)]
pub(crate) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let heat = read(&reader, asked.limit.map_or(LINES, |it| it.0.into())).await?;
    let lines = heat.lines.iter().chain(&heat.rest);
    let items = lines.flat_map(|it| it.told(&heat.hours)).collect();
    Ok(caller.answer(&Page { items, next: None }))
}

pub(crate) async fn read(reader: &Reader, lines: usize) -> Result<Heat, Problem> {
    let now = reader.now();
    let rows = reader.store.fleet_lately(now).await?;
    Ok(Heat::of(&rows, now, lines))
}

impl Heat {
    fn of(rows: &[Summary], now: EpochMillis, limit: usize) -> Self {
        let (first, last) = (Hour::of(last_day(now)), Hour::of(now));
        let hours: Vec<Hour> = (first.number()..=last.number()).map(Hour::from_number).collect();
        let timeouts = |it: &Summary| -> u64 {
            it.digest.hours.0.range(first..=last).map(|(_, it)| it.counts.timeouts).sum()
        };
        let mut worst: Vec<_> = (0..rows.len()).map(|at| (timeouts(&rows[at]), at)).collect();
        worst.retain(|(count, _)| *count > 0);
        // Rows are in the order of functions, so that equals stay where they are from one look to the next.
        worst.sort_unstable_by_key(|(count, at)| (std::cmp::Reverse(*count), *at));
        worst.truncate(limit);
        let mut lines = Vec::new();
        let mut shown = vec![false; rows.len()];
        for (_, at) in worst {
            shown[at] = true;
            let mut line = Line::empty(Some(rows[at].function.clone()), hours.len());
            line.add(&rows[at], first..=last);
            lines.push(line);
        }
        let others = rows.len() - lines.len();
        let mut rest = Line::empty(None, hours.len());
        for (row, _) in rows.iter().zip(shown).filter(|(_, shown)| !shown) {
            rest.add(row, first..=last);
        }
        Self { hours, lines, rest: (others > 0).then_some(rest), others }
    }

    /// The most timeouts that any function's own cell has.
    pub(crate) fn most(&self) -> u64 {
        let cells = self.lines.iter().flat_map(|it| &it.cells).flatten();
        cells.map(|it| it.timeouts).max().unwrap_or(0)
    }
}

impl Line {
    fn empty(function: Option<FunctionKey>, hours: usize) -> Self {
        Self { function, cells: vec![None; hours] }
    }

    fn add(&mut self, row: &Summary, hours: std::ops::RangeInclusive<Hour>) {
        let first = hours.start().number();
        for (hour, hourly) in row.digest.hours.0.range(hours) {
            let at = usize::try_from(hour.number() - first).unwrap_or(usize::MAX);
            let Some(cell) = self.cells.get_mut(at) else { continue };
            let cell = cell.get_or_insert_default();
            cell.timeouts += hourly.counts.timeouts;
            cell.invocations += hourly.counts.invocations;
        }
    }

    fn told(&self, hours: &[Hour]) -> Vec<Cell> {
        let cells = self.cells.iter().zip(hours);
        cells
            .map(|(counted, hour)| {
                let parts = self.function.as_ref().map(parts);
                let (account, region, function) = match parts {
                    Some((account, region, name)) => (Some(account), Some(region), Some(name)),
                    None => (None, None, None),
                };
                Cell {
                    account,
                    region,
                    function,
                    at: Text(hour.start()),
                    invocations: counted.map(|it| it.invocations),
                    timeouts: counted.map(|it| it.timeouts),
                }
            })
            .collect()
    }
}

impl Tabular for Cell {
    const COLUMNS: &'static [&'static [&'static str]] =
        &[&["account", "region", "function", "at", "invocations", "timeouts"]];

    fn cells(&self) -> Vec<table::Cell> {
        let text = |it: Option<String>| it.map_or_else(table::Cell::empty, table::Cell::text);
        vec![
            text(self.account.as_ref().map(|it| it.0.to_string())),
            text(self.region.as_ref().map(|it| it.0.write())),
            text(self.function.as_ref().map(|it| it.0.write())),
            table::Cell::from(&self.at),
            self.invocations.into(),
            self.timeouts.into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            ring::{Hourly, Ring},
            summary::{Basis, Digest},
        },
        store::laboratory::{at, function},
    };

    /// A function by what it did so many hours ago: timeouts and invocations.
    fn row(name: &str, did: &[(u32, u64, u64)]) -> Summary {
        let newest = Hour::of(at(0));
        let hours = did.iter().map(|(ago, timeouts, invocations)| {
            let mut hourly = Hourly { seen: 1, ..Hourly::default() };
            hourly.counts.timeouts = *timeouts;
            hourly.counts.invocations = *invocations;
            (newest.minus(*ago), hourly)
        });
        let digest = Digest { hours: Ring(hours.collect()), ..Digest::default() };
        let basis = Basis { generation: 1, newest, writes: 1 };
        Summary { function: function(name), basis, digest: digest.into() }
    }

    #[test]
    fn the_worst_have_lines_and_nobody_is_left_out() {
        let rows = [
            row("calm", &[(0, 0, 9), (1, 0, 9)]),
            row("once", &[(0, 1, 5)]),
            row("often", &[(1, 3, 4), (27, 50, 50)]),
        ];
        let heat = Heat::of(&rows, at(0), 1);
        assert_eq!(heat.hours.len(), 25);
        let names: Vec<_> =
            heat.lines.iter().map(|it| it.function.as_ref().unwrap().name.as_str()).collect();
        assert_eq!((names.as_slice(), heat.most(), heat.others), (&["often"][..], 3, 2));
        let of = |timeouts, invocations| Some(Counted { timeouts, invocations });
        assert_eq!(
            heat.lines[0].cells[22..],
            [None, of(3, 4), None],
            "before the day is not in it"
        );
        let rest = heat.rest.unwrap();
        assert_eq!(rest.cells[22..], [None, of(0, 9), of(1, 14)]);
        let told = rest.told(&heat.hours);
        assert!(told[24].function.is_none() && told[0].invocations.is_none());
    }

    #[test]
    fn a_fleet_that_is_told_apart_whole_has_no_rest() {
        let heat = Heat::of(&[row("once", &[(0, 1, 5)])], at(0), 10);
        assert!(heat.rest.is_none() && heat.lines.len() == 1);
        let empty = Heat::of(&[], at(0), 10);
        assert!(empty.rest.is_none() && empty.lines.is_empty() && empty.most() == 0);
    }
}
