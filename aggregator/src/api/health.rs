//! `GET /api/v1/health`: how far everything else is to be believed; and `GET /healthz`: whether the store answers.
//!
//! A fleet in which detection is broken looks like one in good health. So this says when anything was last heard, how many
//! functions were heard of lately against how many in the last day, how far evaluation lags behind, what extensions lost,
//! and what the door refused and from whom.
//!
//! **Invariant.** What is not known is null. Zero is only said where somebody counted to zero.

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::State, response::Response};
use futures::future::try_join3;
use overtime_wire::{EpochMillis, Losses};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::JsonCaller,
        parameters::Query,
        problem::Problem,
        range::DAY,
        shapes::{Lost, millis},
        words::{Moment, Text},
    },
    domain::{rejection::Totals, summary::Summary},
};

/// Without anything new for this long, what is shown may be incomplete.
const STALE_AFTER: Duration = Duration::from_mins(5);

/// How far everything else is to be believed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    pub(crate) freshness: Freshness,
    pub(crate) reporting: Reporting,
    pub(crate) evaluation: Evaluation,
    pub(crate) delivery: Delivery,
    /// What extensions could not tell in the last day, by reason; null when nothing was heard in it.
    pub(crate) losses: Option<Lost>,
    pub(crate) rejections: Rejections,
}

/// When anything was last heard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Freshness {
    /// `never`, `current`, or `stale` after five minutes of silence.
    #[schema(pattern = "^(never|current|stale)$")]
    pub(crate) state: &'static str,
    /// The end of the last minute in which anything was counted.
    pub(crate) heard_at: Option<Moment>,
}

/// How many functions were heard of lately.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reporting {
    pub(crate) last_15_minutes: usize,
    pub(crate) last_hour: usize,
    pub(crate) last_day: usize,
    /// Whose row is still kept.
    pub(crate) ever: usize,
}

/// How far what was taken in has been made into what is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Evaluation {
    /// How long ago the earliest fact came in that has not been evaluated; null when this process cannot tell.
    pub(crate) lag_ms: Option<u64>,
}

/// Whether messages leave.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryHealth)]
pub(crate) struct Delivery {
    /// For how long the most urgent message has been due; 0 when none is.
    pub(crate) overdue_ms: u64,
}

/// What the door refused in the last day. Counters are written with a delay of some seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rejections {
    /// A reason that is missing has not occurred, as far as was counted.
    pub(crate) by_reason: BTreeMap<&'static str, u64>,
    /// By the account that called, or `loopback`, `unknown`, `others`.
    pub(crate) by_caller: BTreeMap<String, u64>,
}

/// No parameters.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Nothing {}

/// Whether the store answers.
pub(super) async fn ready(State(reader): State<Reader>) -> Result<&'static str, Problem> {
    reader.store.next_due().await?;
    Ok("ok\n")
}

/// How far everything else is to be believed.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    operation_id = "show_health",
    responses((status = OK, description = "How it stands.", body = Health))
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader).await?))
}

/// How it stands.
pub(crate) async fn read(reader: &Reader) -> Result<Health, Problem> {
    let now = (reader.clock)();
    let lag = reader.lag(now);
    let (rows, refused, due) = try_join3(
        reader.store.fleet_lately(now),
        reader.store.rejections(now.minus(DAY), now),
        reader.store.next_due(),
    )
    .await?;
    let lag = lag.await?;
    Ok(Health {
        freshness: Freshness::of(&rows, now),
        reporting: Reporting::of(&rows, now),
        evaluation: Evaluation { lag_ms: lag.map(millis) },
        delivery: Delivery { overdue_ms: due.map_or(0, |it| millis(now.since(it))) },
        losses: losses(&rows, now).map(Lost::of),
        rejections: Rejections::of(refused.into_iter().collect()),
    })
}

impl Freshness {
    pub(super) fn of(rows: &[Summary], now: EpochMillis) -> Self {
        let heard = rows.iter().filter_map(Summary::last_seen).max();
        let heard = heard.map(|it| it.plus(Duration::from_mins(1)).min(now));
        let state = match heard {
            None => "never",
            Some(at) if now.since(at) > STALE_AFTER => "stale",
            Some(_) => "current",
        };
        Self { state, heard_at: heard.map(Text) }
    }
}

impl Reporting {
    fn of(rows: &[Summary], now: EpochMillis) -> Self {
        // A row knows the minute in which something was last heard; its end is the latest that can be meant.
        let heard =
            |it: &Summary| it.last_seen().map(|it| now.since(it.plus(Duration::from_mins(1))));
        let within = |length: Duration| {
            rows.iter().filter(|it| heard(it).is_some_and(|it| it <= length)).count()
        };
        Self {
            last_15_minutes: within(Duration::from_mins(15)),
            last_hour: within(Duration::from_hours(1)),
            last_day: within(DAY),
            ever: rows.len(),
        }
    }
}

fn losses(rows: &[Summary], now: EpochMillis) -> Option<Losses> {
    let from = now.minus(DAY);
    let heard = rows.iter().filter(|it| it.hours_since(from).next().is_some());
    heard.map(|it| it.losses_since(from)).reduce(|mut sum, more| {
        sum += more;
        sum
    })
}

impl Rejections {
    fn of(totals: Totals) -> Self {
        let Totals { by_reason, by_caller } = totals;
        Self {
            by_reason: by_reason.into_iter().map(|(it, count)| (it.as_str(), count)).collect(),
            by_caller: by_caller.into_iter().map(|(it, count)| (it.to_string(), count)).collect(),
        }
    }
}
