//! What cold starts cost, and what extensions take: by how environments are initialised, over all of them.
//!
//! An incarnation is initialised in one way, which its profile says, so the wire tells kinds of inits alone. Whatever word a
//! sender uses, there are only so many ways here, so that what is stored does not grow with what is told.
//!
//! **Invariant.** Adding is commutative and associative, and loses nothing but what is above the numbers' range.

use std::{collections::BTreeMap, fmt};

use overtime_wire::{Overhead, Phase, Tally};
use serde::{Deserialize, Serialize};

use crate::domain::durations::Sketch;

/// How an environment was initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Initialization {
    OnDemand,
    ProvisionedConcurrency,
    SnapStart,
    ManagedInstances,
    /// A word that nobody knew when this was written.
    Other,
    /// It was not told.
    Unknown,
}

/// Which inits: of which kind, in environments initialised in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Start {
    pub phase: Phase,
    pub initialization: Initialization,
}

/// A text is no start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no kind of init")]
pub struct InvalidStart;

/// Inits of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Starts {
    /// Seen to begin, however they ended.
    #[serde(rename = "n", default)]
    pub count: u64,
    /// Of those that ended well, where it was told.
    #[serde(rename = "d", default, skip_serializing_if = "Sketch::is_empty")]
    pub durations: Sketch,
}

/// How long extensions held invocations after the function was done, where it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extensions {
    #[serde(rename = "n")]
    pub invocations: u64,
    #[serde(rename = "t")]
    pub total_us: u64,
    #[serde(rename = "m")]
    pub max_us: u64,
    /// How long these invocations took, this time included.
    #[serde(rename = "of")]
    pub of_us: u64,
}

/// What lies around a function's own code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub starts: BTreeMap<Start, Starts>,
    #[serde(skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

impl Initialization {
    pub const ALL: [Self; 6] = [
        Self::OnDemand,
        Self::ProvisionedConcurrency,
        Self::SnapStart,
        Self::ManagedInstances,
        Self::Other,
        Self::Unknown,
    ];

    /// As the platform names it, where it does.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
            Self::ManagedInstances => "lambda-managed-instances",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    /// What a profile's word means.
    pub fn of(word: &str) -> Self {
        let said = Self::ALL.into_iter().find(|it| it.as_str() == word);
        said.unwrap_or(if word.is_empty() { Self::Unknown } else { Self::Other })
    }

    /// `None` where it was not told.
    pub fn known(self) -> Option<Self> {
        (self != Self::Unknown).then_some(self)
    }
}

impl fmt::Display for Initialization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Start> for String {
    fn from(start: Start) -> Self {
        format!("{} {}", start.phase.as_str(), start.initialization)
    }
}

impl TryFrom<String> for Start {
    type Error = InvalidStart;

    fn try_from(text: String) -> Result<Self, InvalidStart> {
        let (phase, initialization) = text.split_once(' ').ok_or(InvalidStart)?;
        let phase = Phase::parse(phase).ok_or(InvalidStart)?;
        Ok(Self { phase, initialization: Initialization::of(initialization) })
    }
}

impl Phases {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what one incarnation counted.
    pub fn add(&mut self, tally: &Tally) {
        let initialization = Initialization::of(&tally.profile.initialization_type);
        for phase in Phase::ALL {
            let begun = tally.phases.of(phase);
            if begun.count > 0 || !begun.durations.is_empty() {
                let starts = self.starts.entry(Start { phase, initialization }).or_default();
                starts.count = starts.count.saturating_add(begun.count.into());
                starts.durations.add(&begun.durations);
            }
        }
        self.extensions.merge(&Extensions::of(&tally.phases.extensions));
    }

    pub fn merge(&mut self, other: &Self) {
        for (start, more) in &other.starts {
            let starts = self.starts.entry(*start).or_default();
            starts.count = starts.count.saturating_add(more.count);
            starts.durations.merge(&more.durations);
        }
        self.extensions.merge(&other.extensions);
    }
}

impl Extensions {
    fn of(overhead: &Overhead) -> Self {
        let micros = |it: std::time::Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        Self {
            invocations: overhead.invocations.into(),
            total_us: micros(overhead.total),
            max_us: micros(overhead.max),
            of_us: micros(overhead.of),
        }
    }

    fn is_empty(&self) -> bool {
        self.invocations == 0
    }

    fn merge(&mut self, other: &Self) {
        self.invocations = self.invocations.saturating_add(other.invocations);
        self.total_us = self.total_us.saturating_add(other.total_us);
        self.max_us = self.max_us.max(other.max_us);
        self.of_us = self.of_us.saturating_add(other.of_us);
    }

    /// The part of the time that was paid for and was extensions'; `None` where nothing is known of it.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn share(&self) -> Option<f64> {
        (self.invocations > 0 && self.of_us > 0).then(|| self.total_us as f64 / self.of_us as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use overtime_wire::{Block, Profile};
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    fn tally(word: &str, phase: Phase, took: Option<u64>, overhead: u64) -> Tally {
        let profile = Profile { initialization_type: word.to_owned(), ..Profile::default() };
        let mut tally = Tally::new(Block::from_number(1), profile);
        let begun = tally.phases.of_mut(phase);
        begun.count = 1;
        if let Some(took) = took {
            begun.durations.record(Duration::from_millis(took));
        }
        let (overhead, of) = (Duration::from_millis(overhead), Duration::from_millis(100));
        tally.phases.extensions.record(overhead, of);
        tally
    }

    fn sum(tallies: &[Tally]) -> Phases {
        let mut phases = Phases::default();
        for tally in tallies {
            phases.add(tally);
        }
        phases
    }

    #[test]
    fn kinds_and_ways_are_told_apart_and_stored_in_few_bytes() {
        let phases = sum(&[
            tally("on-demand", Phase::Init, Some(240), 4),
            tally("on-demand", Phase::Init, None, 2),
            tally("on-demand", Phase::Suppressed, Some(1_900), 0),
            tally("snap-start", Phase::Restore, Some(90), 0),
            tally("", Phase::Init, Some(90), 0),
            tally("a word of tomorrow", Phase::Init, Some(90), 0),
        ]);
        let json = serde_json::to_string(&phases).unwrap();
        expect![[r#"{"starts":{"init on-demand":{"n":2,"d":{"b":{"-17":1},"m":240000}},"init other":{"n":1,"d":{"b":{"-28":1},"m":90000}},"init unknown":{"n":1,"d":{"b":{"-28":1},"m":90000}},"restore snap-start":{"n":1,"d":{"b":{"-28":1},"m":90000}},"suppressed_init on-demand":{"n":1,"d":{"b":{"7":1},"m":1900000}}},"extensions":{"n":6,"t":6000,"m":4000,"of":600000}}"#]].assert_eq(&json);
        assert_eq!(serde_json::from_str::<Phases>(&json).unwrap(), phases);
        assert_eq!(phases.extensions.share(), Some(0.01));
        assert_eq!(Extensions::default().share(), None);
        assert!(serde_json::from_str::<Start>(r#""init""#).is_err());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_order_or_by_which_steps_it_is_added(
            told in vec((select(vec!["on-demand", "snap-start", "", "x", "y"]), select(Phase::ALL.to_vec()), proptest::option::of(0u64..20_000), 0u64..90), 0..20),
            at in any::<prop::sample::Index>(),
        ) {
            let tallies: Vec<_> = told.into_iter().map(|(word, phase, took, over)| tally(word, phase, took, over)).collect();
            let whole = sum(&tallies);
            let (one, other) = tallies.split_at(at.index(tallies.len() + 1));
            let mut merged = sum(other);
            merged.merge(&sum(one));
            prop_assert_eq!(&merged, &whole);
            let reversed: Vec<_> = tallies.into_iter().rev().collect();
            prop_assert_eq!(sum(&reversed), whole);
        }
    }
}
