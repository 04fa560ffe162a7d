//! What invocations that timed out have cost: time that was paid for and came to nothing.

use std::time::Duration;

use super::Seen;

/// US dollars for a gigabyte-second of `x86_64` and of `arm64`: us-east-1, first tier, as of 2026-11. Other regions are dearer by up to
/// a third, and a savings plan is cheaper by as much.
const USD_X86_64: f64 = 0.000_016_666_7;
const USD_ARM64: f64 = 0.000_013_333_4;
const MB_PER_GB: f64 = 1024.0;

/// Memory held, over the time it was held for, by invocations that timed out.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    pub gigabyte_seconds: f64,
    /// How many timeouts that is of: those of which memory is known.
    pub timeouts: u64,
}

impl Spent {
    /// Of the timeouts that were read. One whose duration is not known had its whole timeout.
    pub fn of(seen: &Seen<'_>) -> Self {
        let mut spent = Self::default();
        for verdict in seen.timeouts.iter().map(|it| &it.verdict) {
            let lasted = verdict.duration.unwrap_or(verdict.timeout);
            if verdict.memory_mb > 0 && lasted > Duration::ZERO {
                spent.gigabyte_seconds +=
                    f64::from(verdict.memory_mb) / MB_PER_GB * lasted.as_secs_f64();
                spent.timeouts += 1;
            }
        }
        spent
    }

    /// In US dollars, by list price.
    pub fn usd(self, architecture: &str) -> f64 {
        self.gigabyte_seconds * if architecture == "arm64" { USD_ARM64 } else { USD_X86_64 }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::story::Story, *};

    #[test]
    fn a_gigabyte_for_a_second_is_one() {
        let mut story = Story::short_of_memory();
        for timeout in &mut story.timeouts {
            timeout.verdict.memory_mb = 512;
        }
        story.timeouts[0].verdict.duration = None;
        story.timeouts[3].verdict.memory_mb = 0;
        let spent = Spent::of(&story.seen());
        assert_eq!(spent, Spent { gigabyte_seconds: 4.5, timeouts: 3 });
        let dollars = |architecture| format!("{:.7}", spent.usd(architecture));
        assert_eq!((dollars("x86_64"), dollars("arm64")), ("0.0000750".into(), "0.0000600".into()));
    }
}
