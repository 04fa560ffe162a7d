//! How long to leave the aggregator alone after it failed.
//!
//! Each failure doubles the rest, up to a bound, and chance spreads it, so that a fleet does not come back all at once. A
//! fresh verdict does not ask ([`crate::flush`]).

use std::time::Duration;

use overtime_wire::EpochMillis;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Closed while all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circuit {
    failures: u32,
    until: Option<EpochMillis>,
}

impl Circuit {
    pub fn resting_until(&self) -> Option<EpochMillis> {
        self.until
    }

    /// In a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Rests after a failure: at least as long as the aggregator asked for, which it asked of others too. `chance` is any
    /// number.
    pub fn failed(&mut self, now: EpochMillis, asked: Option<Duration>, chance: u8) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let chance = f64::from(chance) / 255.0;
        let asked = asked.unwrap_or_default().mul_f64(1.0 + chance / 4.0);
        self.until = Some(now.plus(doubled.mul_f64(0.5 + chance).max(asked)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_a_bound_and_end_with_a_success() {
        let (now, mut circuit) = (EpochMillis(0), Circuit::default());
        let mut rest = |asked, chance| {
            circuit.failed(now, asked, chance);
            circuit.resting_until().unwrap().0
        };
        assert_eq!([rest(None, 0), rest(None, 0), rest(None, 255)], [500, 1_000, 6_000]);
        assert_eq!(rest(Some(Duration::from_mins(9)), 0), 540_000);
        assert_eq!(rest(Some(Duration::from_mins(8)), 255), 600_000);
        for _ in 0..40 {
            rest(None, 0);
        }
        assert_eq!(rest(None, 255), 450_000);
        circuit.succeeded();
        assert_eq!(circuit.resting_until(), None);
    }
}
