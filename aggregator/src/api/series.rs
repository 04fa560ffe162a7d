//! What happened step by step: points of time, and nothing in them where nothing was heard.
//!
//! **Invariant.** A step of which nothing is known has no counts, rather than counts of zero.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Counts, EpochMillis};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        range::{Range, Step},
        shapes::{Counted, Quantiles, Shares, set},
        words::{Moment, Text},
    },
    domain::{durations::Sketch, fleet::FleetTotal, hour::StandingHour, view::BlockView},
};

/// One step of one function.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Point {
    /// When the step begins.
    pub(crate) at: Moment,
    /// Null when nothing was heard.
    pub(crate) counts: Option<Counted>,
    pub(crate) duration_ms: Quantiles,
    /// As it was configured then.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) duration_of_timeout: Shares,
}

/// One step of the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FleetPoint {
    /// When the step begins.
    pub(crate) at: Moment,
    /// Null when nothing was heard.
    pub(crate) counts: Option<Counted>,
    /// Functions of which anything was heard; of a day, the most in any of its hours.
    pub(crate) functions: Option<u64>,
    /// Functions that timed out; of a day, the most in any of its hours.
    pub(crate) functions_timing_out: Option<u64>,
}

/// What is known of a step.
#[derive(Debug, Default)]
struct Known {
    counts: Option<Counts>,
    durations: Sketch,
    timeout: Duration,
}

/// Points by their beginning.
#[derive(Debug)]
struct Steps {
    step: Step,
    range: Range,
    known: BTreeMap<i64, Known>,
}

impl Steps {
    fn new(range: Range, step: Step) -> Self {
        Self { step, range: range.whole(step), known: BTreeMap::new() }
    }

    /// The step that `at` lies in, if it is one of these.
    fn at(&mut self, at: EpochMillis) -> Option<&mut Known> {
        let within = (self.range.from..self.range.to).contains(&at);
        within.then(|| self.known.entry(self.step.begin(at).0).or_default())
    }

    fn points(mut self) -> Vec<Point> {
        let begins = begins(self.range, self.step);
        begins.map(|at| Point::of(at, &self.known.remove(&at.0).unwrap_or_default())).collect()
    }
}

fn begins(range: Range, step: Step) -> impl Iterator<Item = EpochMillis> {
    std::iter::successors(Some(range.from), move |it| Some(it.plus(step.length())))
        .take_while(move |it| *it < range.to)
}

/// A function's series from its blocks, in minutes or blocks. Durations are kept by the block, so minutes have none.
pub(crate) fn of_blocks(views: &[BlockView], range: Range, step: Step) -> Vec<Point> {
    let mut steps = Steps::new(range, step);
    for view in views {
        for (minute, counts) in view.minutes() {
            let at = view.block.start().plus(Duration::from_mins(minute.into()));
            let Some(known) = steps.at(at) else { continue };
            *known.counts.get_or_insert_default() += counts;
            if let Some(tally) = &view.tally {
                known.timeout = tally.profile.timeout;
            }
        }
        let whole = step != Step::Minute;
        if let (Some(tally), true) = (&view.tally, whole)
            && let Some(known) = steps.at(view.block.start())
        {
            known.durations.merge(&tally.durations);
        }
    }
    steps.points()
}

/// A function's series from its hours, in hours or days.
pub(crate) fn of_hours(hours: &[StandingHour], range: Range, step: Step) -> Vec<Point> {
    let mut steps = Steps::new(range, step);
    for StandingHour { hour, view, .. } in hours {
        let Some(known) = steps.at(hour.start()) else { continue };
        *known.counts.get_or_insert_default() += view.counts.0;
        known.durations.merge(&view.durations);
        if !view.profile.timeout.is_zero() {
            known.timeout = view.profile.timeout;
        }
    }
    steps.points()
}

/// The fleet's series, in hours or days.
pub(crate) fn of_fleet(totals: &[FleetTotal], range: Range, step: Step) -> Vec<FleetPoint> {
    let range = range.whole(step);
    let mut known = BTreeMap::<i64, FleetPoint>::new();
    let mut sums = BTreeMap::<i64, Counts>::new();
    for FleetTotal { hour, view, .. } in totals {
        let at = step.begin(hour.start());
        let point = known.entry(at.0).or_insert_with(|| FleetPoint::empty(at));
        let sum = sums.entry(at.0).or_default();
        *sum += view.counts.0;
        point.counts = Some(Counted::of(*sum));
        point.functions = point.functions.max(Some(view.functions));
        point.functions_timing_out = point.functions_timing_out.max(Some(view.timing_out));
    }
    begins(range, step)
        .map(|at| known.remove(&at.0).unwrap_or_else(|| FleetPoint::empty(at)))
        .collect()
}

impl Point {
    fn of(at: EpochMillis, known: &Known) -> Self {
        let duration_ms = Quantiles::of(&known.durations);
        Self {
            at: Text(at),
            counts: known.counts.map(Counted::of),
            duration_ms,
            timeout_ms: set(known.timeout),
            duration_of_timeout: Shares::of(duration_ms, known.timeout),
        }
    }
}

impl FleetPoint {
    fn empty(at: EpochMillis) -> Self {
        Self { at: Text(at), counts: None, functions: None, functions_timing_out: None }
    }
}

impl Tabular for Point {
    const COLUMNS: &'static [&'static [&'static str]] = &[
        &["at"],
        Counted::COLUMNS,
        &["p50_ms", "p95_ms", "p99_ms", "max_ms", "timeout_ms", "p99_of_timeout"],
    ];

    fn cells(&self) -> Vec<Cell> {
        let Quantiles { p50, p95, p99, max } = self.duration_ms;
        let mut cells = vec![Cell::from(&self.at)];
        cells.extend(Counted::cells(self.counts));
        cells.extend([p50, p95, p99, max].map(Cell::from));
        cells.extend([self.timeout_ms.into(), self.duration_of_timeout.p99.into()]);
        cells
    }
}

impl Tabular for FleetPoint {
    const COLUMNS: &'static [&'static [&'static str]] =
        &[&["at"], Counted::COLUMNS, &["functions", "functions_timing_out"]];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![Cell::from(&self.at)];
        cells.extend(Counted::cells(self.counts));
        cells.extend([self.functions.into(), self.functions_timing_out.into()]);
        cells
    }
}

#[cfg(test)]
mod tests;
