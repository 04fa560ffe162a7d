//! Many measurements of one thing, told by two of them, and whether two such heaps differ.
//!
//! A p99 on a shared machine is the machine's mood as much as the subject's. So subjects are measured in rounds, one after
//! the other within each, and a difference counts only if it stands out among those that come about when each round's
//! measurements are dealt to the two sides by a coin: a permutation test, which keeps together what a moment's noise hit.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn of(mut measurements: Vec<Duration>) -> Self {
        measurements.sort_unstable();
        Self(measurements)
    }

    pub(crate) fn p50_ms(&self) -> f64 {
        self.percentile_ms(50)
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.percentile_ms(99)
    }

    /// Not a number where nothing was measured.
    fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(at).map_or(f64::NAN, |it| it.as_secs_f64() * 1e3)
    }

    pub(crate) fn in_words(&self) -> String {
        format!("p50 {:.1}, p99 {:.1}", self.p50_ms(), self.p99_ms())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// What one subject showed in each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Vec<Duration>>);

/// How often the rounds are dealt.
const DEALS: u32 = 2_000;

impl Rounds {
    pub(crate) fn spread(&self) -> Spread {
        Spread::of(self.0.concat())
    }

    /// The share of deals whose p99s differ at least as much, in the same direction, as those of `self` and `floor` do.
    /// One in twenty or less says that they differ; with one heap split in two it is as often small as large.
    pub(crate) fn chance_of_being(&self, floor: &Self) -> f64 {
        let difference = |ours: Vec<Duration>, floors: Vec<Duration>| {
            Spread::of(ours).p99_ms() - Spread::of(floors).p99_ms()
        };
        let seen = difference(self.0.concat(), floor.0.concat());
        // Marsaglia's xorshift, from a constant: the same measurements give the same answer.
        let mut coin = 0x9E37_79B9_7F4A_7C15_u64;
        let as_much = (0..DEALS).filter(|_| {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for (ours, floors) in self.0.iter().zip(&floor.0) {
                coin ^= coin << 13;
                coin ^= coin >> 7;
                coin ^= coin << 17;
                let (ours, floors) = if coin >> 63 == 0 { (ours, floors) } else { (floors, ours) };
                left.extend_from_slice(ours);
                right.extend_from_slice(floors);
            }
            difference(left, right) >= seen
        });
        f64::from(u32::try_from(as_much.count()).unwrap_or(DEALS)) / f64::from(DEALS)
    }
}
