//! A function's counts as a meter has them: since a moment that is kept, and never less than before.
//!
//! Counts here are views of hours, which come and go; OpenTelemetry wants to be told the same sum again and again as it grows, with the
//! moment it began at. So a meter folds the hours that can no longer change into one sum and adds those that can:
//!
//! ```text
//!   begun ───── folded ─────▶│◀── hours that may still change ──▶ now
//!                         through
//! ```
//!
//! What it has said is kept as well: a timeout that is taken back makes the sum smaller, and a counter that falls is taken for one that
//! began anew. It stays where it is until the sum has caught up with it.
//!
//! **Invariant.** No number that is said ever falls. Hours that were seen before, in whatever state, change nothing.

use overtime_wire::{EpochMillis, Phase};
use serde::{Deserialize, Serialize};

use crate::domain::{
    durations::Sketch,
    hour::{Hour, HourView, StandingHour},
    serial::Counted,
    summary::window_start,
};

/// What is added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    #[serde(rename = "c")]
    pub counts: Counted,
    /// Of invocations that never had a verdict.
    #[serde(rename = "d")]
    pub durations: Sketch,
    /// Of inits, those inside invocations too, and not of restores.
    #[serde(rename = "i", skip_serializing_if = "Sketch::is_empty")]
    pub inits: Sketch,
}

/// A function's meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// Since when it counts, in milliseconds since 1970.
    begun_ms: i64,
    /// Everything before [`Self::through`].
    folded: Totals,
    through: Hour,
    /// The most that each number was.
    said: Totals,
    /// How much it has seen: the newest hour, and what that hour's window had seen.
    newest: Hour,
    seen: u64,
}

impl Totals {
    fn add(&mut self, hour: &HourView) {
        self.counts.0 += hour.counts.0;
        self.durations.merge(&hour.durations);
        for (start, starts) in &hour.phases.starts {
            if start.phase != Phase::Restore {
                self.inits.merge(&starts.durations);
            }
        }
    }

    fn rise_to(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.counts.0, other.counts.0);
        let pairs = [
            (&mut mine.invocations, theirs.invocations),
            (&mut mine.timeouts, theirs.timeouts),
            (&mut mine.errors, theirs.errors),
            (&mut mine.out_of_memory, theirs.out_of_memory),
            (&mut mine.near_timeouts, theirs.near_timeouts),
            (&mut mine.cold_starts, theirs.cold_starts),
            (&mut mine.init_timeouts, theirs.init_timeouts),
            (&mut mine.init_failures, theirs.init_failures),
        ];
        for (it, other) in pairs {
            *it = (*it).max(other);
        }
        self.durations.rise_to(&other.durations);
        self.inits.rise_to(&other.inits);
    }
}

impl Meter {
    /// The first hour that must be read to advance a meter; of none yet, of one that begins at `now`.
    pub fn reads_from(meter: Option<&Self>, now: EpochMillis) -> Hour {
        meter.map_or(window_start(Hour::of(now)), |it| it.through)
    }

    /// The meter when these hours, of one function, are what there is from [`Meter::reads_from`] on; `None` when they say nothing that
    /// `before` has not seen.
    pub fn advance(before: Option<&Self>, hours: &[StandingHour]) -> Option<Self> {
        let newest = hours.iter().map(|it| it.hour).max()?;
        let window = window_start(newest);
        let seen = hours.iter().filter(|it| it.hour >= window).map(|it| it.basis.weight()).sum();
        if before.is_some_and(|it| (it.newest, it.seen) >= (newest, seen)) {
            return None;
        }
        let mut meter = before.cloned().unwrap_or_else(|| Self::begin(hours, window));
        (meter.newest, meter.seen) = (newest, seen);
        let mut sum = meter.folded.clone();
        for StandingHour { hour, view, .. } in hours.iter().filter(|it| it.hour >= meter.through) {
            sum.add(view);
            if *hour < window {
                meter.folded.add(view);
            }
        }
        meter.through = meter.through.max(window);
        meter.said.rise_to(&sum);
        Some(meter)
    }

    /// With the first hour that anything is known of, because it counts what is known.
    fn begin(hours: &[StandingHour], window: Hour) -> Self {
        let first = hours.iter().map(|it| it.hour).filter(|it| *it >= window).min();
        Self {
            begun_ms: first.unwrap_or(window).start().0,
            folded: Totals::default(),
            through: window,
            said: Totals::default(),
            newest: Hour::default(),
            seen: 0,
        }
    }

    /// Since when it counts.
    pub fn begun(&self) -> EpochMillis {
        EpochMillis(self.begun_ms)
    }

    /// What it says.
    pub fn said(&self) -> &Totals {
        &self.said
    }

    /// How much it has seen: of two meters of a function, the one with more stands.
    pub fn seen(&self) -> (Hour, u64) {
        (self.newest, self.seen)
    }
}

#[cfg(test)]
mod tests;
