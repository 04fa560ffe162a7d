//! `GET /api/v1/overview` and its series: the fleet over some time, against the time before.
//!
//! Hours that any function's row still holds are added up from the rows, so that what was heard a moment ago is in; earlier
//! ones are read from the totals that were made of the rows back then.
//!
//! **Invariant.** Of a time in which nothing was heard, nothing is claimed: its counts are null.

pub(crate) mod heat;
mod standing;

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use overtime_wire::{Counts, Losses};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::standing::Standing;
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, ListCaller, Page},
        functions::{Order, Row, last_day, top},
        health::Freshness,
        parameters::Query,
        problem::Problem,
        range::{CoarseText, DAY, Range, Span, Step},
        series::{self, FleetPoint},
        shapes::{Counted, Lost},
        words::{Moment, Text, WhenText},
    },
    domain::{
        fleet::{FleetTotal, totals},
        hour::Hour,
        summary::{HOURS, Summary},
    },
    store::StoreError,
};

/// How many of the functions that timed out most are named.
const TOP: usize = 10;

/// Over which time, and in which steps.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SeriesAsked {
    /// From here on, in whole steps; the last day if it is not said.
    #[param(inline)]
    from: Option<WhenText>,
    /// Up to here; now if it is not said.
    #[param(inline)]
    to: Option<WhenText>,
    /// How much time a point stands for: `1h` or `1d`; what suits the range if it is not said.
    #[param(inline)]
    step: Option<CoarseText>,
}

/// The fleet over some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    pub(crate) freshness: Freshness,
    pub(crate) current: Period,
    /// As many hours right before.
    pub(crate) previous: Period,
    pub(crate) standing: Standing,
    pub(crate) series: Vec<FleetPoint>,
    /// What timed out most in the last day.
    pub(crate) top: Vec<Row>,
    /// What comes closest to its timeout, of what was heard of in the last day.
    pub(crate) closest: Vec<Row>,
}

/// What the fleet did over some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Period {
    /// In whole hours, the last of which may not be over.
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// Null when nothing was heard.
    pub(crate) counts: Option<Counted>,
    /// Timeouts by cause.
    pub(crate) causes: BTreeMap<String, u64>,
    pub(crate) losses: Option<Lost>,
    /// The most functions that were heard of in one hour.
    pub(crate) functions: Option<u64>,
    /// The most functions that timed out in one hour.
    pub(crate) functions_timing_out: Option<u64>,
    /// The most functions that came near their timeout in one hour.
    pub(crate) functions_near_timeout: Option<u64>,
    /// Of how many of its hours anything is known.
    pub(crate) hours_heard: usize,
}

/// The fleet over some time, against the time before.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    operation_id = "show_overview",
    params(Span),
    responses((status = OK, description = "The fleet.", body = Overview))
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &span).await?))
}

pub(crate) async fn read(reader: &Reader, span: &Span) -> Result<Overview, Problem> {
    let horizon = reader.horizon();
    let range = span.range(horizon)?;
    let current = range.whole(Step::Hour);
    let previous = Range { from: current.from.minus(current.length()), to: current.from };
    let both = Range { from: previous.from, to: current.to };
    let rows = reader.store.fleet_lately(horizon.now).await?;
    let totals = hours(reader, &rows, both).await?;
    let within = |range: Range| totals.iter().filter(move |it| covers(range, it));
    let shown: Vec<FleetTotal> = within(current).cloned().collect();
    let step = if current.length() > 7 * DAY { Step::Day } else { Step::Hour };
    let order = Order::asked(None, None);
    Ok(Overview {
        freshness: Freshness::of(&rows, horizon.now),
        current: Period::of(current, within(current)),
        previous: Period::of(previous, within(previous)),
        series: series::of_fleet(&shown, current, step),
        top: top(&rows, (order, last_day(horizon.now)), TOP),
        standing: Standing::of(&rows, horizon.now),
        closest: standing::closest(&rows, horizon.now),
    })
}

/// The fleet, step by step.
#[utoipa::path(
    get,
    path = "/api/v1/overview/series",
    operation_id = "list_overview_series",
    params(SeriesAsked),
    responses((
        status = OK,
        description = "A point for every step, also where nothing was heard.",
        content((Page<FleetPoint> = "application/json"), (String = "text/csv"))
    ))
)]
pub(super) async fn list_series(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<SeriesAsked>,
) -> Result<Response, Problem> {
    let horizon = reader.horizon();
    let range = Range::asked((asked.from.as_ref(), asked.to.as_ref()), horizon)?;
    let step = asked.step.map(|it| Text(it.0.into()));
    let step = Step::asked(step, range, horizon)?.max(Step::Hour);
    let rows = reader.store.fleet_lately(horizon.now).await?;
    let totals = hours(&reader, &rows, range.whole(step)).await?;
    Ok(caller.answer(&Page { items: series::of_fleet(&totals, range, step), next: None }))
}

fn covers(range: Range, total: &FleetTotal) -> bool {
    (range.from..range.to).contains(&total.hour.start())
}

/// The fleet's hours in a range, oldest first.
async fn hours(
    reader: &Reader,
    rows: &[Summary],
    range: Range,
) -> Result<Vec<FleetTotal>, StoreError> {
    let (first, last) = (Hour::of(range.from), Hour::of(range.last()));
    // Every row holds the hours back to here that it knows anything of, whatever its newest is.
    let held = Hour::of((reader.clock)()).minus(HOURS - 2);
    let mut hours = Vec::new();
    if first < held {
        hours = reader.store.fleet_totals(first, last.min(held.minus(1))).await?;
    }
    if last >= held {
        hours.extend(totals(rows, first.max(held), last));
    }
    Ok(hours)
}

impl Period {
    fn of<'a>(range: Range, totals: impl Iterator<Item = &'a FleetTotal>) -> Self {
        let mut counts = None::<Counts>;
        let mut losses = None::<Losses>;
        let mut period = Self {
            from: Text(range.from),
            to: Text(range.to),
            counts: None,
            causes: BTreeMap::new(),
            losses: None,
            functions: None,
            functions_timing_out: None,
            functions_near_timeout: None,
            hours_heard: 0,
        };
        for FleetTotal { view, .. } in totals {
            *counts.get_or_insert_default() += view.counts.0;
            *losses.get_or_insert_default() += view.losses;
            period.functions = period.functions.max(Some(view.functions));
            period.functions_timing_out = period.functions_timing_out.max(Some(view.timing_out));
            let near = period.functions_near_timeout.max(Some(view.near_timeout));
            period.functions_near_timeout = near;
            period.hours_heard += 1;
            for (cause, count) in &view.causes {
                *period.causes.entry(cause.clone()).or_default() += count;
            }
        }
        Self { counts: counts.map(Counted::of), losses: losses.map(Lost::of), ..period }
    }
}
