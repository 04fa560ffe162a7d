//! A function in one small row: what the fleet's pages show.
//!
//! It is made from the function's hours and holds a ring of them, so that readers choose by time and nothing has to shrink
//! when a function falls silent. The ring reaches back far enough that every hour that can still change lies in it, which is
//! why the fleet's totals can be made from rows.
//!
//! **Invariant.** A function of the hours in the window that the newest of them determines: equal hours give equal bytes, and
//! a row's basis — newest hour, then sum — orders rows by how much they have seen.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use overtime_wire::{Counts, EpochMillis, FunctionKey, Losses, Profile};
use serde::{Deserialize, Serialize};

use crate::domain::{
    durations::Sketch,
    hour::{Hour, StandingHour},
    ring::{Hourly, Ring},
    serial::ProfileJson,
    view::GENERATION,
};

/// How many hours a row remembers: what a block may still change within, a clock that runs ahead, and an hour for sweeps.
pub const HOURS: u32 = 28;

/// One function, for the pages of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub function: FunctionKey,
    pub basis: Basis,
    /// Shared by everybody who holds the row: it is most of it, and rows are handed on.
    pub digest: Arc<Digest>,
}

/// How much a row has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Basis {
    pub generation: u32,
    pub newest: Hour,
    /// The sum of what the window's hours had seen.
    pub writes: u64,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digest {
    /// At most [`HOURS`].
    pub hours: Ring,
    /// As the newest tallies said it: memory, timeout, version, tags, …
    #[serde(with = "ProfileJson")]
    pub profile: Profile,
    /// What 99 of 100 of the window's invocations without a verdict did not exceed, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<u64>,
    /// The longest of them, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_us: Option<u64>,
    /// The latest deadline among the window's timeouts, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_timeout_ms: Option<i64>,
    /// When the last minute in which anything was counted begins, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
}

impl Summary {
    /// The row that these hours, of one function, add up to; `None` without any. Hours outside the newest one's window
    /// are left out, so more of them than needed do no harm.
    pub fn of(function: &FunctionKey, hours: &[StandingHour]) -> Option<Self> {
        let newest = hours.iter().map(|it| it.hour).max()?;
        let mut window: Vec<_> =
            hours.iter().filter(|it| it.hour >= window_start(newest)).collect();
        window.sort_by_key(|it| it.hour);
        let mut digest = Digest::default();
        let mut durations = Sketch::default();
        for StandingHour { hour, basis, view } in window {
            let hourly = Hourly {
                seen: basis.weight(),
                counts: view.counts.0,
                causes: view.causes.clone(),
                losses: view.losses,
            };
            digest.hours.0.insert(*hour, hourly);
            digest.last_seen_ms = digest.last_seen_ms.max(view.last_seen_ms);
            digest.last_timeout_ms = digest.last_timeout_ms.max(view.last_timeout_ms);
            durations.merge(&view.durations);
            if view.profile != Profile::default() {
                digest.profile.clone_from(&view.profile);
            }
        }
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        digest.p99_us = durations.quantile(0.99).map(micros);
        digest.max_us = durations.max().map(micros);
        let writes = digest.hours.0.values().map(|it| it.seen).sum();
        let basis = Basis { generation: GENERATION, newest, writes };
        Some(Self { function: function.clone(), basis, digest: Arc::new(digest) })
    }

    /// The hours that end after `from`, oldest first.
    pub fn hours_since(&self, from: EpochMillis) -> impl Iterator<Item = (Hour, &Hourly)> {
        self.digest.hours.0.range(Hour::of(from)..).map(|(hour, hourly)| (*hour, hourly))
    }

    /// What was counted in the hours that end after `from`.
    pub fn counts_since(&self, from: EpochMillis) -> Counts {
        let mut counts = Counts::default();
        self.hours_since(from).for_each(|(_, it)| counts += it.counts);
        counts
    }

    /// Timeouts by the word for their cause, in the hours that end after `from`.
    pub fn causes_since(&self, from: EpochMillis) -> BTreeMap<&str, u64> {
        let mut causes = BTreeMap::new();
        for (cause, count) in self.hours_since(from).flat_map(|(_, it)| &it.causes) {
            *causes.entry(cause.as_str()).or_default() += count;
        }
        causes
    }

    /// What could not be seen or said, in the hours that end after `from`.
    pub fn losses_since(&self, from: EpochMillis) -> Losses {
        let mut losses = Losses::default();
        self.hours_since(from).for_each(|(_, it)| losses += it.losses);
        losses
    }

    /// What 99 of 100 invocations without a verdict did not exceed, within 5 %.
    pub fn p99(&self) -> Option<Duration> {
        self.digest.p99_us.map(Duration::from_micros)
    }

    /// The latest deadline among the window's timeouts.
    pub fn last_timeout(&self) -> Option<EpochMillis> {
        self.digest.last_timeout_ms.map(EpochMillis)
    }

    /// When the last minute in which anything was counted begins.
    pub fn last_seen(&self) -> Option<EpochMillis> {
        self.digest.last_seen_ms.map(EpochMillis)
    }
}

/// The earliest hour that a row whose newest hour is `newest` is made from.
pub fn window_start(newest: Hour) -> Hour {
    newest.minus(HOURS - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{hour::HourView, view};

    fn function() -> FunctionKey {
        FunctionKey {
            account: "012345678901".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        }
    }

    fn hour(number: u32, invocations: u64) -> StandingHour {
        let mut view = HourView::default();
        view.counts.0.invocations = invocations;
        view.profile.version = number.to_string();
        view.causes.insert("handler".to_owned(), 1);
        view.last_timeout_ms = Some(number.into());
        StandingHour { hour: Hour::from_number(number), basis: view::Basis::of(2), view }
    }

    #[test]
    fn a_row_is_the_window_of_its_newest_hour_whatever_else_was_read() {
        let newest = 498_192;
        let oldest = window_start(Hour::from_number(newest)).number();
        assert_eq!(newest - oldest, HOURS - 1);
        let window = [hour(newest, 1), hour(oldest, 10), hour(newest - 1, 100)];
        let more = [window.as_slice(), &[hour(oldest - 1, 1_000)]].concat();
        let row = Summary::of(&function(), &window).unwrap();
        assert_eq!(Summary::of(&function(), &more).unwrap(), row);
        let weight = view::Basis::of(2).weight();
        assert_eq!((row.basis.newest.number(), row.basis.writes), (newest, 3 * weight));
        assert_eq!(row.digest.profile.version, newest.to_string());
        assert_eq!(row.causes_since(EpochMillis(0))["handler"], 3);
        assert_eq!(row.last_timeout(), Some(EpochMillis(newest.into())));
        assert_eq!(Summary::of(&function(), &[]), None);
    }

    #[test]
    fn readers_choose_by_time() {
        let newest = Hour::from_number(498_192);
        let row = Summary::of(&function(), &[hour(498_192, 1), hour(498_191, 10)]).unwrap();
        assert_eq!(row.counts_since(EpochMillis(0)).invocations, 11);
        assert_eq!(row.counts_since(newest.start()).invocations, 1);
        let later = newest.end().plus(Duration::from_hours(1));
        assert_eq!(row.counts_since(later).invocations, 0);
    }
}
