//! `GET /api/v1/functions/{account}/{region}/{name}` and its series: what one function did, and how it was set up.
//!
//! A short range is counted by the minute, from blocks; a long one by the hour. Either way the answer says from when to when
//! it really counts.

pub(crate) mod analyses;
pub(crate) mod past;
pub(crate) mod phases;

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::State, response::Response};
use futures::future::try_join3;
use overtime_wire::{Block, Counts, EpochMillis, FunctionKey, Losses};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::{past::Past, phases::Phases};
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, ListCaller, Page},
        parameters::{Path, Query},
        problem::Problem,
        range::{Range, Span, Step, StepText},
        series::{self, Point},
        shapes::{Counted, Described, Lost, Quantiles, Shares, Which, known, parts},
        words::{AccountText, Moment, NameText, RegionText, Text, WhenText},
    },
    domain::{
        durations::Sketch,
        hour::{Hour, StandingHour},
        phases as domain_phases,
        summary::Summary,
        versions::Versions,
        view::BlockView,
    },
    store::{Consistency, Store, StoreError},
};

/// Up to this length a range is counted by the minute.
const MINUTES_UP_TO: Duration = Duration::from_hours(48);

/// Over which time, and in which steps.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesAsked {
    /// From here on; the last day if it is not said.
    #[param(inline)]
    pub(crate) from: Option<WhenText>,
    /// Up to here; now if it is not said.
    #[param(inline)]
    pub(crate) to: Option<WhenText>,
    /// How much time a point stands for; what suits the range if it is not said. At most 1,500 points.
    #[param(inline)]
    pub(crate) step: Option<StepText>,
}

/// One function over some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Function {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) name: NameText,
    /// From when on it is counted, in whole minutes, or hours where the range is longer than two days.
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// As its environments last described themselves.
    pub(crate) profile: Described,
    pub(crate) counts: Counted,
    /// Whether anything was heard at all. If not, counts of zero mean nothing.
    pub(crate) heard: bool,
    /// Kept by the quarter of an hour.
    pub(crate) duration_ms: Quantiles,
    pub(crate) duration_of_timeout: Shares,
    /// Timeouts by cause, by the quarter of an hour.
    pub(crate) causes: BTreeMap<String, u64>,
    /// By the quarter of an hour; the busiest, and all others together.
    pub(crate) versions: Vec<Version>,
    /// What cold starts cost, and what extensions take.
    pub(crate) phases: Phases,
    pub(crate) losses: Lost,
    pub(crate) last_timeout_at: Option<Moment>,
    pub(crate) last_seen_at: Option<Moment>,
    /// How it was set up before; null when nothing is known of it.
    pub(crate) history: Option<Past>,
}

/// What one version did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    pub(crate) version: Option<String>,
    pub(crate) counts: Counted,
}

/// What one function did, and how it is set up.
#[utoipa::path(
    get,
    path = "/api/v1/functions/{account}/{region}/{name}",
    operation_id = "show_function",
    params(Which, Span),
    responses(
        (status = OK, description = "The function.", body = Function),
        (status = NOT_FOUND, description = "No such function has reported.")
    )
)]
pub(crate) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Path(which): Path<Which>,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &which.into(), &span).await?))
}

/// What a function did over that time, and how it is set up.
pub(crate) async fn read(
    reader: &Reader,
    function: &FunctionKey,
    span: &Span,
) -> Result<Function, Problem> {
    let horizon = reader.horizon();
    let range = span.range(horizon)?;
    let fine = range.length() <= MINUTES_UP_TO && range.has_minutes(horizon);
    let step = if fine { Step::Minute } else { Step::Hour };
    let range = range.whole(step);
    let (summary, kept, history) = try_join3(
        reader.store.summary(function),
        Kept::read(&reader.store, function, (range, step)),
        reader.store.history(function, Consistency::Eventual),
    )
    .await?;
    let summary = summary.ok_or_else(unknown)?;
    let past = history.as_ref().map(Past::of);
    Ok(Function::of(&summary, (&kept.sum(range), range), past))
}

/// What one function did, step by step.
#[utoipa::path(
    get,
    path = "/api/v1/functions/{account}/{region}/{name}/series",
    operation_id = "list_function_series",
    params(Which, SeriesAsked),
    responses(
        (
            status = OK,
            description = "A point for every step, also where nothing was heard.",
            content((Page<Point> = "application/json"), (String = "text/csv"))
        ),
        (status = NOT_FOUND, description = "No such function has reported.")
    )
)]
pub(crate) async fn list_series(
    State(reader): State<Reader>,
    caller: ListCaller,
    Path(which): Path<Which>,
    Query(asked): Query<SeriesAsked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read_series(&reader, &which.into(), &asked).await?))
}

/// What a function did over that time, step by step.
pub(crate) async fn read_series(
    reader: &Reader,
    function: &FunctionKey,
    asked: &SeriesAsked,
) -> Result<Page<Point>, Problem> {
    let horizon = reader.horizon();
    let range = Range::asked((asked.from.as_ref(), asked.to.as_ref()), horizon)?;
    let step = Step::asked(asked.step, range, horizon)?;
    reader.store.summary(function).await?.ok_or_else(unknown)?;
    let kept = Kept::read(&reader.store, function, (range.whole(step), step)).await?;
    let items = match &kept {
        Kept::Blocks(views) => series::of_blocks(views, range, step),
        Kept::Hours(hours) => series::of_hours(hours, range, step),
    };
    Ok(Page { items, next: None })
}

fn unknown() -> Problem {
    Problem::not_found("no such function has reported")
}

/// What a range is answered from.
enum Kept {
    Blocks(Vec<BlockView>),
    Hours(Vec<StandingHour>),
}

impl Kept {
    async fn read(
        store: &Store,
        function: &FunctionKey,
        (range, step): (Range, Step),
    ) -> Result<Self, StoreError> {
        let (first, last) = (range.from, range.last());
        match step {
            Step::Minute | Step::Block => {
                let views = store.blocks(function, Block::of(first), Block::of(last)).await?;
                Ok(Self::Blocks(views))
            }
            Step::Hour | Step::Day => {
                let hours = (Hour::of(first), Hour::of(last));
                Ok(Self::Hours(store.hours(function, hours, Consistency::Eventual).await?))
            }
        }
    }

    fn sum(&self, range: Range) -> Sum {
        let mut sum = Sum::default();
        match self {
            Self::Blocks(views) => views.iter().for_each(|it| sum.add_block(it, range)),
            Self::Hours(hours) => hours.iter().for_each(|it| sum.add_hour(it)),
        }
        sum
    }
}

/// What a range adds up to.
#[derive(Debug, Default)]
struct Sum {
    heard: bool,
    counts: Counts,
    durations: Sketch,
    causes: BTreeMap<String, u64>,
    versions: Versions,
    phases: domain_phases::Phases,
    losses: Losses,
}

impl Sum {
    /// Minutes are those of the range; all else is kept by the block, and belongs to the blocks that any of it lies in.
    fn add_block(&mut self, view: &BlockView, range: Range) {
        for (minute, counts) in view.minutes() {
            let at = view.block.start().plus(Duration::from_mins(minute.into()));
            if (range.from..range.to).contains(&at) {
                self.counts += counts;
                self.heard = true;
            }
        }
        if let Some(tally) = &view.tally {
            self.durations.merge(&tally.durations);
            self.versions.merge(&tally.versions);
            self.phases.merge(&tally.phases);
            self.losses += tally.losses;
        }
        if let Some(verdict) = &view.verdict {
            self.versions.merge(&verdict.versions);
            self.add_causes(&verdict.causes);
        }
    }

    fn add_hour(&mut self, StandingHour { view, .. }: &StandingHour) {
        self.heard = true;
        self.counts += view.counts.0;
        self.durations.merge(&view.durations);
        self.versions.merge(&view.versions);
        self.phases.merge(&view.phases);
        self.losses += view.losses;
        self.add_causes(&view.causes);
    }

    fn add_causes(&mut self, causes: &BTreeMap<String, u64>) {
        for (cause, count) in causes {
            *self.causes.entry(cause.clone()).or_default() += count;
        }
    }
}

impl Function {
    fn of(summary: &Summary, (sum, range): (&Sum, Range), history: Option<Past>) -> Self {
        let (account, region, name) = parts(&summary.function);
        let profile = &summary.digest.profile;
        let duration_ms = Quantiles::of(&sum.durations);
        let at = |it: Option<EpochMillis>| it.map(Text);
        let version = |(version, counts): (&str, Counts)| Version {
            version: known(version),
            counts: Counted::of(counts),
        };
        Self {
            account,
            region,
            name,
            from: Text(range.from),
            to: Text(range.to),
            profile: Described::of(profile),
            counts: Counted::of(sum.counts),
            heard: sum.heard,
            duration_ms,
            duration_of_timeout: Shares::of(duration_ms, profile.timeout),
            causes: sum.causes.clone(),
            versions: sum.versions.iter().map(version).collect(),
            phases: Phases::of(&sum.phases),
            losses: Lost::of(sum.losses),
            last_timeout_at: at(summary.last_timeout()),
            last_seen_at: at(summary.last_seen()),
            history,
        }
    }
}
