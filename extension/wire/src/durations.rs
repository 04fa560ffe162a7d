//! How long a block's invocations took, in a few bytes and within 5 %.
//!
//! An OpenTelemetry exponential histogram of seconds at scale 3: bucket `i` holds (2^(i/8), 2^((i+1)/8)], so naming a
//! bucket by its middle errs by at most (2^(1/8) - 1) / (2^(1/8) + 1) = 4.4 %. The counts are exact, merging adds them, and
//! they can be exported to OpenTelemetry as they are.
//!
//! Why not `sketches-ddsketch`: it neither exposes its bins nor promises their encoding, and a fact's bytes must be the
//! same for the same counts, because they are part of the order of facts. The bucket arithmetic is a dozen lines.

use std::time::Duration;

use crate::{fact::Malformed, v1};

const BUCKETS_PER_DOUBLING: f64 = 8.0;
/// A microsecond and a little less; nothing shorter is told apart.
const INDEX_MIN: i32 = -160;
/// 1,024 seconds: beyond Lambda's longest timeout.
const INDEX_MAX: i32 = 80;

/// A mergeable sketch of durations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durations {
    /// Index of `counts[0]`. Without counts it is 0, so that equal sketches are equal.
    first: i32,
    /// Neither its first nor its last is 0.
    counts: Vec<u32>,
    zeros: u32,
    max: Duration,
}

impl Durations {
    pub fn record(&mut self, duration: Duration) {
        self.max = self.max.max(duration);
        if duration.as_micros() == 0 {
            self.zeros = self.zeros.saturating_add(1);
        } else {
            self.add(index_of(duration), 1);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.max = self.max.max(other.max);
        self.zeros = self.zeros.saturating_add(other.zeros);
        for (index, count) in other.buckets() {
            self.add(index, count);
        }
    }

    pub fn count(&self) -> u64 {
        u64::from(self.zeros) + self.counts.iter().copied().map(u64::from).sum::<u64>()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The longest, exactly; `None` when nothing was recorded.
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The duration that a share of all (0 to 1) did not exceed, within 5 %; `None` when nothing was recorded.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among at most 2^40 counts"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = u64::from(self.zeros);
        if rank <= seen {
            return Some(Duration::ZERO);
        }
        for (index, count) in self.buckets() {
            seen += u64::from(count);
            if rank <= seen {
                return Some(middle_of(index).min(self.max));
            }
        }
        Some(self.max)
    }

    /// Every bucket that has counts: its index and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u32)> + '_ {
        (self.first..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Folds the lowest buckets into one until at most `keep` remain, which leaves the high quantiles as they were.
    pub(crate) fn collapse_lowest(&mut self, keep: usize) {
        let excess = self.counts.len().saturating_sub(keep.max(1));
        let folded = self.counts.drain(..excess).fold(0, u32::saturating_add);
        self.first += i32::try_from(excess).unwrap_or(0);
        if let Some(lowest) = self.counts.first_mut() {
            *lowest = lowest.saturating_add(folded);
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.counts.len()
    }

    fn add(&mut self, index: i32, count: u32) {
        if self.counts.is_empty() {
            self.first = index;
        }
        let missing = usize::try_from(self.first - index).unwrap_or(0);
        if missing > 0 {
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = index;
        }
        let at = usize::try_from(index - self.first).unwrap_or(0);
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(count);
    }

    /// `None` when there is nothing to say.
    pub(crate) fn to_wire(&self) -> Option<v1::Durations> {
        (!self.is_empty()).then(|| v1::Durations {
            first: self.first,
            counts: self.counts.clone(),
            zeros: self.zeros,
            max_us: u64::try_from(self.max.as_micros()).unwrap_or(u64::MAX),
        })
    }

    pub(crate) fn from_wire(wire: v1::Durations) -> Result<Self, Malformed> {
        let width = i32::try_from(wire.counts.len()).unwrap_or(i32::MAX);
        let last = wire.first.saturating_add(width).saturating_sub(1);
        if width > 0 && (wire.first < INDEX_MIN || last > INDEX_MAX) {
            let problem = format!(
                "spans buckets {} to {last}, beyond {INDEX_MIN} to {INDEX_MAX}",
                wire.first
            );
            return Err(Malformed::field("durations.first", problem));
        }
        let mut durations =
            Self { zeros: wire.zeros, max: Duration::from_micros(wire.max_us), ..Self::default() };
        // Counts first: without any, nobody has looked where they would begin, and it may be where numbers end.
        for (count, index) in wire.counts.into_iter().zip(wire.first..).filter(|it| it.0 > 0) {
            durations.add(index, count);
        }
        Ok(durations)
    }
}

/// By one logarithm for every machine, rather than the C library's: the same duration is in the same bucket everywhere.
#[expect(clippy::cast_possible_truncation, reason = "clamped to a few hundred")]
fn index_of(duration: Duration) -> i32 {
    let index = (libm::log2(duration.as_secs_f64()) * BUCKETS_PER_DOUBLING).ceil() - 1.0;
    index.clamp(f64::from(INDEX_MIN), f64::from(INDEX_MAX)) as i32
}

fn middle_of(index: i32) -> Duration {
    let base = (1.0 / BUCKETS_PER_DOUBLING).exp2();
    let lower = (f64::from(index) / BUCKETS_PER_DOUBLING).exp2();
    Duration::from_secs_f64(lower * 2.0 * base / (1.0 + base))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn sketch(micros: &[u64]) -> Durations {
        let mut durations = Durations::default();
        for it in micros {
            durations.record(Duration::from_micros(*it));
        }
        durations
    }

    proptest! {
        #[test]
        fn every_quantile_is_within_five_percent(
            mut micros in vec(1u64..=900_000_000, 1..300),
            share in 0.0f64..=1.0,
        ) {
            let estimate = sketch(&micros).quantile(share).unwrap().as_secs_f64();
            micros.sort_unstable();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let rank = ((share * micros.len() as f64).ceil() as usize).clamp(1, micros.len());
            let exact = Duration::from_micros(micros[rank - 1]).as_secs_f64();
            prop_assert!((estimate - exact).abs() <= 0.05 * exact, "{estimate} for {exact}");
        }

        #[test]
        fn merging_is_recording_everything_in_one(
            left in vec(0u64..=900_000_000, 0..100),
            right in vec(0u64..=900_000_000, 0..100),
        ) {
            let mut merged = sketch(&left);
            merged.merge(&sketch(&right));
            prop_assert_eq!(merged, sketch(&[left, right].concat()));
        }

        #[test]
        fn the_wire_carries_all_of_it(micros in vec(0u64..=900_000_000, 1..100)) {
            let durations = sketch(&micros);
            let wire = durations.to_wire().unwrap();
            prop_assert_eq!(Durations::from_wire(wire).unwrap(), durations);
        }
    }

    #[test]
    fn collapsing_keeps_the_count_and_the_high_end() {
        let mut durations = sketch(&[10, 100, 1_000, 10_000, 1_000_000]);
        let highest = durations.quantile(1.0);
        durations.collapse_lowest(4);
        assert_eq!((durations.count(), durations.width()), (5, 4));
        assert_eq!(durations.quantile(1.0), highest);
    }

    #[test]
    fn a_border_belongs_to_the_bucket_below_it() {
        for (micros, index) in [(500_000, -9), (1_000_000, -1), (1_000_001, 0), (2_000_000, 7)] {
            assert_eq!(index_of(Duration::from_micros(micros)), index, "{micros}");
        }
    }

    #[test]
    fn buckets_beyond_what_lambda_can_take_are_refused() {
        for first in [i32::MIN, i32::MAX, 81] {
            let wire = v1::Durations { first, counts: vec![1], zeros: 0, max_us: 1 };
            assert!(Durations::from_wire(wire).is_err(), "{first}");
        }
        assert_eq!(Durations::default().to_wire(), None);
    }

    #[test]
    fn where_nothing_begins_is_of_no_interest() {
        for first in [i32::MIN, i32::MAX] {
            let wire = v1::Durations { first, counts: Vec::new(), zeros: 2, max_us: 0 };
            assert_eq!(Durations::from_wire(wire), Ok(sketch(&[0, 0])), "{first}");
        }
    }
}
