//! What a function has been: its versions and settings over time.
//!
//! Each value that was seen — a version, a memory size, a configured timeout, … — is kept with when it was first and last seen,
//! once per period of 32 days. A value that goes on from one period into the next is one run, so the history says since when,
//! and what comes and goes may be seen side by side, as it is while two versions share the traffic.
//!
//! **Invariant.** Merging is commutative, associative and idempotent, also where it forgets: what is forgotten is chosen by
//! keys alone, the oldest period first, so what has been pushed out once is pushed out in every order. First is to the
//! hour, last to the day, so that a function that stays as it is has its history written once a day.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Block, Profile, Tally};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{fact::Standing, hour::Hour, timeout::Timeout};

/// How many hours share an entry: 32 days.
const PERIOD_HOURS: u32 = 32 * 24;
const DAY_HOURS: u32 = 24;
/// Most entries of a timeline.
const ENTRIES_MAX: usize = 24;

/// A function's versions and settings over time, as far as they were ever known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The earliest hour that anything is known of.
    pub first_seen: Option<Hour>,
    /// The first hour of the latest day that anything is known of.
    pub last_seen: Option<Hour>,
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub versions: Timeline,
    /// In MiB.
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub memory_mb: Timeline,
    /// The configured timeout.
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub timeout_ms: Timeline,
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub runtimes: Timeline,
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub architectures: Timeline,
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub extension_versions: Timeline,
    /// As `key=value`.
    #[serde(skip_serializing_if = "Timeline::is_empty")]
    pub tags: Timeline,
}

/// Which values something had, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline(BTreeMap<(u32, String), Span>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: Hour,
    last: Hour,
}

/// A value without a gap of a whole period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub value: String,
    /// To the hour.
    pub first_seen: Hour,
    /// To the day: the first hour of it.
    pub last_seen: Hour,
}

impl History {
    /// What these facts of a block know. What they do not know says nothing.
    pub fn of(block: Block, tallies: &[Standing<Tally>], timeouts: &[Timeout]) -> Self {
        let hour = Hour::of_block(block);
        let mut history = Self::default();
        if !tallies.is_empty() || !timeouts.is_empty() {
            history.first_seen = Some(hour);
            history.last_seen = Some(day(hour));
        }
        for standing in tallies {
            history.add(hour, &standing.recorded.fact.profile);
        }
        for timeout in timeouts {
            let verdict = &timeout.verdict;
            let number = |it: u64| if it > 0 { it.to_string() } else { String::new() };
            history.versions.add(hour, verdict.version.clone());
            history.memory_mb.add(hour, number(verdict.memory_mb.into()));
            history.timeout_ms.add(hour, number(millis(verdict.timeout)));
        }
        history
    }

    fn add(&mut self, hour: Hour, profile: &Profile) {
        let number = |it: u64| if it > 0 { it.to_string() } else { String::new() };
        self.versions.add(hour, profile.version.clone());
        self.memory_mb.add(hour, number(profile.memory_mb.into()));
        self.timeout_ms.add(hour, number(millis(profile.timeout)));
        self.runtimes.add(hour, profile.runtime.clone());
        self.architectures.add(hour, profile.architecture.clone());
        self.extension_versions.add(hour, profile.extension_version.clone());
        for (key, value) in &profile.tags {
            self.tags.add(hour, format!("{key}={value}"));
        }
    }

    /// Takes over what the other knows.
    pub fn merge(&mut self, other: &Self) {
        self.first_seen = earliest(self.first_seen, other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        let pairs = [
            (&mut self.versions, &other.versions),
            (&mut self.memory_mb, &other.memory_mb),
            (&mut self.timeout_ms, &other.timeout_ms),
            (&mut self.runtimes, &other.runtimes),
            (&mut self.architectures, &other.architectures),
            (&mut self.extension_versions, &other.extension_versions),
            (&mut self.tags, &other.tags),
        ];
        for (one, other) in pairs {
            one.merge(other);
        }
    }
}

impl Timeline {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every value with when it was first and last seen, earliest first.
    pub fn runs(&self) -> Vec<Run> {
        let mut by_value: Vec<_> = self.0.iter().map(|((_, value), span)| (value, span)).collect();
        by_value.sort_by_key(|(value, span)| (*value, span.first));
        let mut runs: Vec<Run> = Vec::new();
        for (value, span) in by_value {
            match runs.last_mut() {
                Some(run)
                    if run.value == *value && period(span.first) <= period(run.last_seen) + 1 =>
                {
                    run.last_seen = span.last;
                }
                _ => runs.push(Run {
                    value: value.clone(),
                    first_seen: span.first,
                    last_seen: span.last,
                }),
            }
        }
        runs.sort_by(|one, other| {
            (one.first_seen, &one.value).cmp(&(other.first_seen, &other.value))
        });
        runs
    }

    /// An empty value is one that is not known.
    fn add(&mut self, hour: Hour, value: String) {
        if !value.is_empty() {
            self.put((period(hour), value), Span { first: hour, last: day(hour) });
            self.bound();
        }
    }

    fn merge(&mut self, other: &Self) {
        for (key, span) in &other.0 {
            self.put(key.clone(), *span);
        }
        self.bound();
    }

    fn put(&mut self, key: (u32, String), span: Span) {
        let known = self.0.entry(key).or_insert(span);
        known.first = known.first.min(span.first);
        known.last = known.last.max(span.last);
    }

    fn bound(&mut self) {
        while self.0.len() > ENTRIES_MAX {
            self.0.pop_first();
        }
    }
}

/// As a list of value, first hour and last: the period follows from them.
impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|((_, value), span)| (value, span.first, span.last)))
    }
}

impl<'de> Deserialize<'de> for Timeline {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut timeline = Self::default();
        for (value, first, last) in Vec::<(String, Hour, Hour)>::deserialize(from)? {
            timeline.put((period(first), value), Span { first, last });
        }
        Ok(timeline)
    }
}

fn period(hour: Hour) -> u32 {
    hour.number() / PERIOD_HOURS
}

/// The first hour of its day.
fn day(hour: Hour) -> Hour {
    hour.minus(hour.number() % DAY_HOURS)
}

fn earliest(one: Option<Hour>, other: Option<Hour>) -> Option<Hour> {
    one.into_iter().chain(other).min()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
