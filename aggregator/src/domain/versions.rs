//! Counts by the version that ran: what tells a bad deployment from a bad day.
//!
//! **Invariant.** Bounded: the busiest few by name, the others together. Adding is commutative and associative before it is
//! bounded, and what is bounded is chosen from the whole, so equal facts give equal bytes.

use std::{cmp::Reverse, collections::BTreeMap};

use overtime_wire::Counts;
use serde::{Deserialize, Serialize};

use crate::domain::serial::Counted;

/// Counts by version. A version that is unknown has the empty name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, Counted>);

/// What all beyond the busiest are counted under.
pub const OTHERS: &str = "others";
/// Most versions that are told apart.
const NAMED_MAX: usize = 8;

impl Versions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.0.iter().map(|(version, counted)| (version.as_str(), counted.0))
    }

    /// The counts of all versions, each under its own name.
    pub fn of(all: BTreeMap<&str, Counts>) -> Self {
        let named = all.into_iter().filter(|(_, counts)| *counts != Counts::default());
        let mut versions =
            Self(named.map(|(name, counts)| (name.to_owned(), Counted(counts))).collect());
        versions.bound();
        versions
    }

    pub fn merge(&mut self, other: &Self) {
        for (version, counted) in &other.0 {
            self.0.entry(version.clone()).or_default().0 += counted.0;
        }
        self.bound();
    }

    fn bound(&mut self) {
        let mut names: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| *name != OTHERS)
            .map(|(name, it)| (Reverse((it.0.timeouts, it.0.invocations)), name.clone()))
            .collect();
        if names.len() <= NAMED_MAX {
            return;
        }
        names.sort();
        for (_, name) in names.drain(NAMED_MAX..) {
            let counted = self.0.remove(&name).unwrap_or_default();
            self.0.entry(OTHERS.to_owned()).or_default().0 += counted.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(invocations: u64, timeouts: u64) -> Counts {
        Counts { invocations, timeouts, ..Counts::default() }
    }

    #[test]
    fn the_busiest_are_named_and_nothing_is_lost() {
        let numbers: Vec<String> = (0..30).map(|it| it.to_string()).collect();
        let all = numbers.iter().zip(1..).map(|(name, it)| (name.as_str(), counts(it, 0)));
        let mut all: BTreeMap<&str, Counts> = all.collect();
        all.insert("3", counts(1, 5));
        all.insert("4", Counts::default());
        let versions = Versions::of(all.clone());
        let named: Vec<_> = versions.iter().map(|(name, _)| name).collect();
        assert_eq!(named, ["23", "24", "25", "26", "27", "28", "29", "3", OTHERS]);
        let sum = |versions: &Versions| versions.iter().map(|(_, it)| it.invocations).sum::<u64>();
        assert_eq!(sum(&versions), all.values().map(|it| it.invocations).sum::<u64>());
        let mut twice = versions.clone();
        twice.merge(&versions);
        assert_eq!((twice.iter().count(), sum(&twice)), (9, 2 * sum(&versions)));
    }
}
