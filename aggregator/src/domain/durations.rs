//! How long a function's invocations took, over all of its environments.
//!
//! The buckets are the wire's, so adding a sketch loses nothing. The wire's own type is one incarnation's, with counts to
//! match; this one has room for a fleet's, can be stored, and keeps the wire's promise of quantiles within 5 %.
//!
//! **Invariant.** Adding is commutative and associative.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::Durations;
use serde::{Deserialize, Serialize};

const BUCKETS_PER_DOUBLING: f64 = 8.0;

/// A sketch of many durations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sketch {
    #[serde(rename = "b", default, skip_serializing_if = "BTreeMap::is_empty")]
    buckets: BTreeMap<i32, u64>,
    #[serde(rename = "z", default, skip_serializing_if = "is_zero")]
    zeros: u64,
    #[serde(rename = "m", default, skip_serializing_if = "is_zero")]
    max_us: u64,
}

impl Sketch {
    pub fn add(&mut self, durations: &Durations) {
        let mut in_buckets = 0;
        for (index, count) in durations.buckets() {
            *self.buckets.entry(index).or_default() += u64::from(count);
            in_buckets += u64::from(count);
        }
        self.zeros += durations.count().saturating_sub(in_buckets);
        let max = durations.max().unwrap_or_default().as_micros();
        self.max_us = self.max_us.max(u64::try_from(max).unwrap_or(u64::MAX));
    }

    pub fn merge(&mut self, other: &Self) {
        for (index, count) in &other.buckets {
            *self.buckets.entry(*index).or_default() += count;
        }
        self.zeros += other.zeros;
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Becomes the greater of both, bucket by bucket.
    pub fn rise_to(&mut self, other: &Self) {
        for (index, count) in &other.buckets {
            let stands = self.buckets.entry(*index).or_default();
            *stands = (*stands).max(*count);
        }
        self.zeros = self.zeros.max(other.zeros);
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Every bucket that has counts, lowest first: its index and how many. Bucket `i` holds (2^(i/8), 2^((i+1)/8)] seconds.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u64)> {
        self.buckets.iter().map(|(index, count)| (*index, *count))
    }

    /// How many took less than a microsecond.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// What all of them took together, within 5 %: each is taken for the middle of its bucket.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 counts")]
    pub fn sum_secs(&self) -> f64 {
        self.buckets().map(|(index, count)| middle_of(index).as_secs_f64() * count as f64).sum()
    }

    pub fn count(&self) -> u64 {
        self.zeros + self.buckets.values().sum::<u64>()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The longest, exactly; `None` when there is none.
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.max_us))
    }

    /// The duration that a share of all (0 to 1) did not exceed, within 5 %; `None` when there is none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among far fewer than 2^52 counts"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let max = self.max()?;
        let count = self.count();
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = self.zeros;
        if rank <= seen {
            return Some(Duration::ZERO);
        }
        for (index, count) in &self.buckets {
            seen += count;
            if rank <= seen {
                return Some(middle_of(*index).min(max));
            }
        }
        Some(max)
    }
}

fn middle_of(index: i32) -> Duration {
    let base = (1.0 / BUCKETS_PER_DOUBLING).exp2();
    let lower = (f64::from(index) / BUCKETS_PER_DOUBLING).exp2();
    Duration::from_secs_f64(lower * 2.0 * base / (1.0 + base))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn wire(micros: &[u64]) -> Durations {
        let mut durations = Durations::default();
        for it in micros {
            durations.record(Duration::from_micros(*it));
        }
        durations
    }

    fn sketch(of: &[&Durations]) -> Sketch {
        let mut sketch = Sketch::default();
        for it in of {
            sketch.add(it);
        }
        sketch
    }

    proptest! {
        #[test]
        fn it_says_what_the_wire_says(
            left in vec(0u64..=900_000_000, 1..100),
            right in vec(0u64..=900_000_000, 0..100),
            share in 0.0f64..=1.0,
        ) {
            let mut merged = wire(&left);
            merged.merge(&wire(&right));
            let added = sketch(&[&wire(&right), &wire(&left)]);
            prop_assert_eq!(added.quantile(share), merged.quantile(share));
            prop_assert_eq!((added.count(), added.max()), (merged.count(), merged.max()));
        }

        #[test]
        fn it_is_stored_whole(micros in vec(0u64..=900_000_000, 0..100)) {
            let sketch = sketch(&[&wire(&micros)]);
            let json = serde_json::to_string(&sketch).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sketch>(&json).unwrap(), sketch);
        }
    }
}
