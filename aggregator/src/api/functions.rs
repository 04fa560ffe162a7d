//! `GET /api/v1/functions` and `GET /api/v1/functions/{account}/{region}/{name}`: who reports, and what one of them did.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use overtime_wire::{Block, Counts, EpochMillis, FunctionKey, InvalidFunction, Losses, Profile};
use serde::Serialize;

use crate::{
    api::{Reader, parameters::Parameters, problem::Problem, timeouts::bytes},
    domain::{durations::Sketch, instant::rfc3339, summary::Summary, view::BlockView},
    store::schema::BLOCKS_LIVE,
};

const DAY: Duration = Duration::from_hours(24);
/// Clocks differ a little.
const AHEAD: Duration = Duration::from_hours(1);

#[derive(Debug, Serialize)]
pub(super) struct Fleet {
    items: Vec<Row>,
    /// Always null: the list is whole.
    next: Option<String>,
}

/// One function over the last day.
#[derive(Debug, Serialize)]
struct Row {
    account: String,
    region: String,
    name: String,
    profile: Described,
    counts: Counted,
    last_timeout_at: Option<String>,
    last_seen_at: Option<String>,
}

/// One function over some time.
#[derive(Debug, Serialize)]
pub(super) struct Function {
    account: String,
    region: String,
    name: String,
    from: String,
    to: String,
    profile: Described,
    counts: Counted,
    duration_ms: Quantiles,
    causes: BTreeMap<String, u64>,
    losses: Lost,
    last_timeout_at: Option<String>,
    last_seen_at: Option<String>,
}

/// As the function's environments describe themselves. What is not known is null.
#[derive(Debug, Serialize)]
struct Described {
    runtime: Option<String>,
    architecture: Option<String>,
    memory_bytes: Option<u64>,
    timeout_ms: Option<u64>,
    version: Option<String>,
    initialization_type: Option<String>,
    extension_version: Option<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Counted {
    invocations: u64,
    timeouts: u64,
    errors: u64,
    out_of_memory: u64,
    near_timeouts: u64,
    cold_starts: u64,
    init_timeouts: u64,
    init_failures: u64,
}

/// What its environments know that they could not tell, by block as durations are.
#[derive(Debug, Serialize)]
struct Lost {
    unreadable_records: u32,
    dropped_records: u32,
    overflowed_facts: u32,
    refused_facts: u32,
    unfinished_invocations: u32,
    failed_sends: u32,
    ignored_journals: u32,
}

/// Of invocations that never had a verdict. Null when there was none.
#[derive(Debug, Serialize)]
struct Quantiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

pub(super) async fn list(State(reader): State<Reader>) -> Result<Json<Fleet>, Problem> {
    let from = (reader.clock)().minus(DAY);
    let rows = reader.store.fleet().await?;
    Ok(Json(Fleet { items: rows.iter().map(|it| Row::of(it, from)).collect(), next: None }))
}

pub(super) async fn show(
    State(reader): State<Reader>,
    Path((account, region, name)): Path<(String, String, String)>,
    parameters: Parameters,
) -> Result<Json<Function>, Problem> {
    let now = (reader.clock)();
    let function = FunctionKey {
        account: part("account", account.parse())?,
        region: part("region", region.parse())?,
        name: part("name", name.parse())?,
    };
    let (oldest, newest) = (now.minus(BLOCKS_LIVE), now.plus(AHEAD));
    let from = parameters.instant("from", now)?.unwrap_or(now.minus(DAY)).max(oldest);
    let to = parameters.instant("to", now)?.unwrap_or(now).min(newest);
    if to < from {
        return Err(Problem::invalid("to", "lies before from"));
    }
    let summary = reader.store.summary(&function).await?;
    let summary = summary.ok_or_else(|| Problem::not_found("no such function has reported"))?;
    let views = reader.store.blocks(&function, Block::of(from), Block::of(to)).await?;
    Ok(Json(Function::of(&summary, &views, (from, to))))
}

fn part<T>(field: &'static str, parsed: Result<T, InvalidFunction>) -> Result<T, Problem> {
    parsed.map_err(|why| Problem::invalid(field, format!("is not valid: {why}")))
}

impl Row {
    fn of(summary: &Summary, from: EpochMillis) -> Self {
        let FunctionKey { account, region, name } = &summary.function;
        Self {
            account: account.to_string(),
            region: region.to_string(),
            name: name.to_string(),
            profile: Described::of(&summary.digest.profile),
            counts: Counted::of(summary.counts_since(from)),
            last_timeout_at: summary.last_timeout().map(rfc3339),
            last_seen_at: summary.last_seen().map(rfc3339),
        }
    }
}

impl Function {
    /// Minutes are counted when any of their time lies between `from` and `to`; durations are kept by block, so theirs are
    /// those of the blocks that do.
    fn of(summary: &Summary, views: &[BlockView], (from, to): (EpochMillis, EpochMillis)) -> Self {
        let FunctionKey { account, region, name } = &summary.function;
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
            account: account.to_string(),
            region: region.to_string(),
            name: name.to_string(),
            from: rfc3339(from),
            to: rfc3339(to),
            profile: Described::of(&summary.digest.profile),
            counts: Counted::of(counts),
            duration_ms: Quantiles::of(&durations),
            causes,
            losses: Lost::of(losses),
            last_timeout_at: summary.last_timeout().map(rfc3339),
            last_seen_at: summary.last_seen().map(rfc3339),
        }
    }
}

impl Described {
    fn of(profile: &Profile) -> Self {
        let known = |it: &str| (!it.is_empty()).then(|| it.to_owned());
        let timeout_ms = u64::try_from(profile.timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            runtime: known(&profile.runtime),
            architecture: known(&profile.architecture),
            memory_bytes: bytes(profile.memory_mb),
            timeout_ms: (timeout_ms > 0).then_some(timeout_ms),
            version: known(&profile.version),
            initialization_type: known(&profile.initialization_type),
            extension_version: known(&profile.extension_version),
            tags: profile.tags.clone(),
        }
    }
}

impl Counted {
    fn of(counts: Counts) -> Self {
        let Counts {
            invocations,
            timeouts,
            errors,
            out_of_memory,
            near_timeouts,
            cold_starts,
            init_timeouts,
            init_failures,
        } = counts;
        Self {
            invocations,
            timeouts,
            errors,
            out_of_memory,
            near_timeouts,
            cold_starts,
            init_timeouts,
            init_failures,
        }
    }
}

impl Lost {
    fn of(losses: Losses) -> Self {
        let Losses {
            unreadable_records,
            dropped_records,
            overflowed_facts,
            refused_facts,
            unfinished_invocations,
            failed_sends,
            ignored_journals,
        } = losses;
        Self {
            unreadable_records,
            dropped_records,
            overflowed_facts,
            refused_facts,
            unfinished_invocations,
            failed_sends,
            ignored_journals,
        }
    }
}

impl Quantiles {
    fn of(durations: &Sketch) -> Self {
        // Microseconds are all that was measured, and milliseconds what is asked for.
        let millis = |it: Duration| (it.as_secs_f64() * 1e6).round() / 1e3;
        let quantile = |share| durations.quantile(share).map(millis);
        Self {
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: durations.max().map(millis),
        }
    }
}
