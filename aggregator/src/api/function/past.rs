//! How a function was set up over time.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::words::{Moment, Text},
    domain::history::{History, Run, Timeline},
};

/// Which versions and settings it had, earliest first. What was never known is an empty list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub(crate) struct Past {
    /// To the hour.
    pub(crate) first_seen_at: Option<Moment>,
    /// To the day.
    pub(crate) last_seen_on: Option<Moment>,
    pub(crate) versions: Vec<Had>,
    pub(crate) memory_bytes: Vec<HadNumber>,
    pub(crate) timeout_ms: Vec<HadNumber>,
    pub(crate) runtimes: Vec<Had>,
    pub(crate) architectures: Vec<Had>,
    pub(crate) extension_versions: Vec<Had>,
    /// As `key=value`.
    pub(crate) tags: Vec<Had>,
}

/// A value, and when it was seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Had {
    pub(crate) value: String,
    /// To the hour.
    pub(crate) first_seen_at: Moment,
    /// To the day.
    pub(crate) last_seen_on: Moment,
}

/// A number, and when it was seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HadNumber {
    pub(crate) value: u64,
    /// To the hour.
    pub(crate) first_seen_at: Moment,
    /// To the day.
    pub(crate) last_seen_on: Moment,
}

impl Past {
    pub(crate) fn of(history: &History) -> Self {
        Self {
            first_seen_at: history.first_seen.map(|it| Text(it.start())),
            last_seen_on: history.last_seen.map(|it| Text(it.start())),
            versions: values(&history.versions),
            memory_bytes: numbers(&history.memory_mb, 1024 * 1024),
            timeout_ms: numbers(&history.timeout_ms, 1),
            runtimes: values(&history.runtimes),
            architectures: values(&history.architectures),
            extension_versions: values(&history.extension_versions),
            tags: values(&history.tags),
        }
    }
}

fn values(timeline: &Timeline) -> Vec<Had> {
    let had = |Run { value, first_seen, last_seen }: Run| Had {
        value,
        first_seen_at: Text(first_seen.start()),
        last_seen_on: Text(last_seen.start()),
    };
    timeline.runs().into_iter().map(had).collect()
}

/// Only numbers are ever put there; anything else is left out.
fn numbers(timeline: &Timeline, unit: u64) -> Vec<HadNumber> {
    let number = |it: Had| {
        let value = it.value.parse::<u64>().ok()?.saturating_mul(unit);
        let Had { first_seen_at, last_seen_on, .. } = it;
        Some(HadNumber { value, first_seen_at, last_seen_on })
    };
    values(timeline).into_iter().filter_map(number).collect()
}
