//! `GET /api/v1/functions` and `GET /api/v1/functions/{account}/{region}/{name}`: who reports, and what one of them did.

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::State, response::Response};
use overtime_wire::{Block, Counts, EpochMillis, FunctionKey, Losses};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::JsonCaller,
        parameters::{Path, Query},
        problem::Problem,
        shapes::{Counted, Described, Lost, Quantiles, Which, parts},
        words::{AccountText, Moment, NameText, RegionText, Text, WhenText},
    },
    domain::{durations::Sketch, summary::Summary, view::BlockView},
    store::schema::BLOCKS_LIVE,
};

const DAY: Duration = Duration::from_hours(24);
/// Clocks differ a little.
const AHEAD: Duration = Duration::from_hours(1);

/// One function over some time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Function {
    account: AccountText,
    region: RegionText,
    name: NameText,
    from: Moment,
    to: Moment,
    profile: Described,
    counts: Counted,
    duration_ms: Quantiles,
    causes: BTreeMap<String, u64>,
    losses: Lost,
    last_timeout_at: Option<Moment>,
    last_seen_at: Option<Moment>,
}

/// Over which time.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    #[param(inline)]
    from: Option<WhenText>,
    #[param(inline)]
    to: Option<WhenText>,
}

/// One function over some time.
#[utoipa::path(
    get,
    path = "/api/v1/functions/{account}/{region}/{name}",
    operation_id = "show_function",
    params(Which, Asked),
    responses(
        (status = OK, description = "The function.", body = Function),
        (status = NOT_FOUND, description = "No such function has reported.")
    )
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Path(which): Path<Which>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let now = (reader.clock)();
    let function = FunctionKey::from(which);
    let at = |when: Option<WhenText>| when.map(|it| it.0.resolve(now));
    let (oldest, newest) = (now.minus(BLOCKS_LIVE), now.plus(AHEAD));
    let from = at(asked.from).unwrap_or(now.minus(DAY)).max(oldest);
    let to = at(asked.to).unwrap_or(now).min(newest);
    if to < from {
        return Err(Problem::invalid("to", "lies before from"));
    }
    let summary = reader.store.summary(&function).await?;
    let summary = summary.ok_or_else(|| Problem::not_found("no such function has reported"))?;
    let views = reader.store.blocks(&function, Block::of(from), Block::of(to)).await?;
    Ok(caller.answer(&Function::of(&summary, &views, (from, to))))
}

impl Function {
    /// Minutes are counted when any of their time lies between `from` and `to`; durations are kept by block, so theirs are
    /// those of the blocks that do.
    fn of(summary: &Summary, views: &[BlockView], (from, to): (EpochMillis, EpochMillis)) -> Self {
        let (account, region, name) = parts(&summary.function);
        let mut counts = Counts::default();
        let mut durations = Sketch::default();
        let mut causes = BTreeMap::new();
        let mut losses = Losses::default();
        for view in views {
            for (minute, counted) in view.minutes() {
                let start = view.block.start().plus(Duration::from_mins(minute.into()));
                if start <= to && start.plus(Duration::from_mins(1)) > from {
                    counts += counted;
                }
            }
            if let Some(tally) = &view.tally {
                durations.merge(&tally.durations);
                losses += tally.losses;
            }
            for (cause, count) in view.verdict.iter().flat_map(|it| &it.causes) {
                *causes.entry(cause.clone()).or_default() += count;
            }
        }
        Self {
            account,
            region,
            name,
            from: Text(from),
            to: Text(to),
            profile: Described::of(&summary.digest.profile),
            counts: Counted::of(counts),
            duration_ms: Quantiles::of(&durations),
            causes,
            losses: Lost::of(losses),
            last_timeout_at: summary.last_timeout().map(Text),
            last_seen_at: summary.last_seen().map(Text),
        }
    }
}
