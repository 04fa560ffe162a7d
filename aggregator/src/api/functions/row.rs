//! One function over the last day, as the list shows it.

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::rate;
use crate::{
    api::{
        answer::table::{Cell, Tabular},
        shapes::{Counted, Described, fine_millis, parts, share_of},
        words::{AccountText, Moment, NameText, RegionText, Text, Word as _},
    },
    domain::{hour::Hour, summary::Summary},
};

/// One function over the last day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FunctionRow)]
pub(crate) struct Row {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) name: NameText,
    pub(crate) profile: Described,
    /// From when on it is counted.
    pub(crate) from: Moment,
    /// Null when nothing was heard since then, which is not the same as nothing having happened.
    pub(crate) counts: Option<Counted>,
    /// Timeouts in an invocation; null without invocations.
    pub(crate) timeout_rate: Option<f64>,
    /// Timeouts by cause.
    pub(crate) causes: BTreeMap<String, u64>,
    /// What 99 of 100 invocations without a verdict did not exceed, within 5 %, in the last day that it reported.
    pub(crate) p99_ms: Option<f64>,
    /// The same as a share of the configured timeout.
    pub(crate) p99_of_timeout: Option<f64>,
    /// Timeouts in each hour from `from` on, up to the last in which anything was heard; null where nothing was.
    pub(crate) hourly_timeouts: Vec<Option<u64>>,
    pub(crate) last_timeout_at: Option<Moment>,
    pub(crate) last_seen_at: Option<Moment>,
}

impl Row {
    pub(crate) fn of(summary: &Summary, from: EpochMillis) -> Self {
        let (account, region, name) = parts(&summary.function);
        let heard = summary.hours_since(from).next().is_some();
        let counts = heard.then(|| summary.counts_since(from));
        let p99_ms = summary.p99().map(fine_millis);
        let causes = summary.causes_since(from);
        Self {
            account,
            region,
            name,
            profile: Described::of(&summary.digest.profile),
            from: Text(from),
            counts: counts.map(Counted::of),
            timeout_rate: counts.and_then(rate),
            causes: causes.into_iter().map(|(cause, count)| (cause.to_owned(), count)).collect(),
            p99_ms,
            p99_of_timeout: p99_ms.and_then(|it| share_of(it, summary.digest.profile.timeout)),
            hourly_timeouts: hourly(summary, from),
            last_timeout_at: summary.last_timeout().map(Text),
            last_seen_at: summary.last_seen().map(Text),
        }
    }
}

/// Of hours in which nothing was heard nothing is known, also between two of which something is.
fn hourly(summary: &Summary, from: EpochMillis) -> Vec<Option<u64>> {
    let first = Hour::of(from).number();
    let mut hours = Vec::new();
    for (hour, hourly) in summary.hours_since(from) {
        let at = usize::try_from(hour.number().saturating_sub(first)).unwrap_or(0);
        hours.resize(at, None);
        hours.push(Some(hourly.counts.timeouts));
    }
    hours
}

impl Tabular for Row {
    const COLUMNS: &'static [&'static [&'static str]] = &[
        &["account", "region", "name", "runtime", "architecture", "memory_bytes", "timeout_ms"],
        &["version", "extension_version", "tags", "from"],
        Counted::COLUMNS,
        &["timeout_rate", "causes", "p99_ms", "p99_of_timeout", "last_timeout_at", "last_seen_at"],
    ];

    fn cells(&self) -> Vec<Cell> {
        let profile = &self.profile;
        let mut cells = vec![
            Cell::plain(self.account.0),
            Cell::text(self.region.0.write()),
            Cell::text(self.name.0.write()),
            profile.runtime.as_ref().into(),
            profile.architecture.as_ref().into(),
            profile.memory_bytes.into(),
            profile.timeout_ms.into(),
            profile.version.as_ref().into(),
            profile.extension_version.as_ref().into(),
            Cell::text(joined(&profile.tags)),
            Cell::from(&self.from),
        ];
        cells.extend(Counted::cells(self.counts));
        cells.extend([
            self.timeout_rate.into(),
            Cell::text(joined(&self.causes)),
            self.p99_ms.into(),
            self.p99_of_timeout.into(),
            self.last_timeout_at.as_ref().into(),
            self.last_seen_at.as_ref().into(),
        ]);
        cells
    }
}

fn joined<V: std::fmt::Display>(pairs: &BTreeMap<String, V>) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";")
}
