//! Whether a function's configured timeout fits how long its invocations take, as a hint with its evidence.
//!
//! Two mistakes cost money and sleep. A timeout close to the slowest ordinary invocations cuts off what would have succeeded a moment
//! later; one far beyond them lets an invocation that hangs be paid for minutes after anybody waits for it. Which of the two it is can
//! be told from how long invocations took that ended by themselves, and from how many were cut off.
//!
//! ```text
//!   too few invocations, or no timeout known ─────────────────────────▶ unknown
//!   p99 within a fifth of the timeout ────────────────────────────────▶ raise
//!   timed out, with p99 far below the timeout ────────────────────────▶ leave: they hang, more time would not help
//!   the slowest far below the timeout, and none timed out for it ─────▶ lower
//!   otherwise ────────────────────────────────────────────────────────▶ leave
//! ```
//!
//! **Invariant.** Pure, and never a guess: below [`ENOUGH`] invocations that ended by themselves it says that it does not know.

use std::time::Duration;

/// What a window of time has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// As it is configured now.
    pub timeout: Option<Duration>,
    /// Whether it was configured otherwise within the window: durations then say less.
    pub changed: bool,
    /// Invocations that ended by themselves.
    pub ended: u64,
    pub timeouts: u64,
    /// Of those, how many the function's own code was running in.
    pub by_handler: u64,
    pub p99: Option<Duration>,
    /// The slowest that ended by itself.
    pub max: Option<Duration>,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggestion {
    Raise { to: Duration, why: Raise },
    Lower { to: Duration },
    Leave(Leave),
    Unknown(Unknown),
}

/// Why it should be higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raise {
    /// Some were cut off, and those that were not came close to it.
    CutOff,
    /// None was cut off yet.
    Close,
}

/// Why it is well as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// There is room, and not too much of it.
    Fits,
    /// What timed out took many times as long as what did not: it hangs, and would hang longer.
    Hangs,
    /// What timed out did so for another reason than its own code.
    NotItsCode,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Fewer than [`ENOUGH`] ended by themselves.
    TooFew,
    NoTimeout,
    /// It was configured otherwise within the window.
    Changed,
}

/// So many invocations must have ended by themselves before their p99 means anything.
pub const ENOUGH: u64 = 200;
/// From this share of the timeout on, in percent, p99 is close to it.
const CLOSE_PERCENT: u128 = 80;
/// Up to this share, in percent, what timed out is of another kind than what ended.
const HANGS_PERCENT: u128 = 40;
/// Up to this share, in percent, the slowest leaves more room than anybody needs.
const ROOMY_PERCENT: u128 = 25;
/// Shorter timeouts are not worth lowering.
const LOWER_FROM: Duration = Duration::from_secs(10);
/// The longest that Lambda allows.
pub const LONGEST: Duration = Duration::from_mins(15);

/// What these figures suggest.
pub fn suggest(shown: &Shown) -> Suggestion {
    let Some(timeout) = shown.timeout.filter(|it| !it.is_zero()) else {
        return Suggestion::Unknown(Unknown::NoTimeout);
    };
    if shown.changed {
        return Suggestion::Unknown(Unknown::Changed);
    }
    let (Some(p99), Some(max)) = (shown.p99, shown.max) else {
        return Suggestion::Unknown(Unknown::TooFew);
    };
    if shown.ended < ENOUGH {
        return Suggestion::Unknown(Unknown::TooFew);
    }
    if percent(p99, timeout) >= CLOSE_PERCENT {
        return raise(shown, timeout, p99);
    }
    if shown.timeouts > 0 {
        if shown.by_handler == 0 {
            return Suggestion::Leave(Leave::NotItsCode);
        }
        let hangs = percent(p99, timeout) <= HANGS_PERCENT;
        return Suggestion::Leave(if hangs { Leave::Hangs } else { Leave::Fits });
    }
    let to = rounded(max.saturating_mul(2)).max(Duration::from_secs(3));
    if percent(max, timeout) <= ROOMY_PERCENT && timeout >= LOWER_FROM && to < timeout {
        return Suggestion::Lower { to };
    }
    Suggestion::Leave(Leave::Fits)
}

/// Half as much again as what 99 of 100 need, and no less than a quarter more than now.
fn raise(shown: &Shown, timeout: Duration, p99: Duration) -> Suggestion {
    let why = if shown.timeouts > 0 { Raise::CutOff } else { Raise::Close };
    if timeout >= LONGEST {
        return Suggestion::Leave(Leave::Fits);
    }
    let wanted = (p99 * 3 / 2).max(timeout * 5 / 4);
    Suggestion::Raise { to: rounded(wanted).min(LONGEST), why }
}

fn percent(part: Duration, whole: Duration) -> u128 {
    (part.as_micros() * 100).checked_div(whole.as_micros()).unwrap_or(0)
}

/// Upwards to what people configure: whole seconds, then fives, tens, half minutes and minutes.
fn rounded(duration: Duration) -> Duration {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let step = match seconds {
        0..=10 => 1,
        11..=30 => 5,
        31..=60 => 10,
        61..=300 => 30,
        _ => 60,
    };
    Duration::from_secs(seconds.next_multiple_of(step))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Milliseconds of the timeout, p99 and the slowest, invocations that ended, and timeouts with those in its own code.
    #[track_caller]
    fn check(durations: [u64; 3], counts: [u64; 3], expected: Expect) {
        let [timeout, p99, max] = durations.map(|it| (it > 0).then(|| Duration::from_millis(it)));
        let [ended, timeouts, by_handler] = counts;
        let shown = Shown { timeout, changed: false, ended, timeouts, by_handler, p99, max };
        expected.assert_eq(&format!("{:?}", suggest(&shown)));
    }

    #[test]
    fn few_invocations_say_nothing() {
        check([3_000, 2_900, 2_990], [199, 40, 40], expect!["Unknown(TooFew)"]);
        check([3_000, 0, 0], [0, 40, 40], expect!["Unknown(TooFew)"]);
        check([0, 2_900, 2_990], [10_000, 0, 0], expect!["Unknown(NoTimeout)"]);
        let shown =
            Shown { timeout: Some(LONGEST), changed: true, ended: 10_000, ..Shown::default() };
        assert_eq!(suggest(&shown), Suggestion::Unknown(Unknown::Changed));
    }

    #[test]
    fn what_is_close_to_its_timeout_needs_more() {
        check([3_000, 2_700, 2_990], [5_000, 12, 12], expect!["Raise { to: 5s, why: CutOff }"]);
        check([30_000, 24_000, 29_000], [5_000, 0, 0], expect!["Raise { to: 40s, why: Close }"]);
        check(
            [600_000, 590_000, 599_000],
            [5_000, 1, 1],
            expect!["Raise { to: 900s, why: CutOff }"],
        );
        check([900_000, 890_000, 899_000], [5_000, 1, 1], expect!["Leave(Fits)"]);
    }

    #[test]
    fn what_hangs_is_not_helped_by_more_time() {
        check([30_000, 400, 900], [5_000, 12, 12], expect!["Leave(Hangs)"]);
        check([30_000, 15_000, 29_000], [5_000, 12, 12], expect!["Leave(Fits)"]);
        check([30_000, 400, 900], [5_000, 12, 0], expect!["Leave(NotItsCode)"]);
    }

    #[test]
    fn far_more_time_than_anybody_takes_is_too_much() {
        check([900_000, 4_000, 7_100], [5_000, 0, 0], expect!["Lower { to: 15s }"]);
        check([900_000, 400, 900], [5_000, 0, 0], expect!["Lower { to: 3s }"]);
        check([3_000, 20, 30], [5_000, 0, 0], expect!["Leave(Fits)"]);
        check([30_000, 9_000, 12_000], [5_000, 0, 0], expect!["Leave(Fits)"]);
    }

    proptest! {
        #[test]
        fn a_suggestion_is_a_change_in_its_direction_that_lambda_allows(
            timeout in 1u64..=900,
            p99_ms in 0u64..=900_000,
            beyond_ms in 0u64..=100_000,
            timeouts in 0u64..5,
        ) {
            let timeout = Duration::from_secs(timeout);
            let p99 = Duration::from_millis(p99_ms);
            let max = p99 + Duration::from_millis(beyond_ms);
            let shown = Shown {
                timeout: Some(timeout),
                ended: ENOUGH,
                timeouts,
                by_handler: timeouts,
                p99: Some(p99),
                max: Some(max),
                ..Shown::default()
            };
            match suggest(&shown) {
                Suggestion::Raise { to, .. } => prop_assert!(to > timeout && to <= LONGEST),
                Suggestion::Lower { to } => {
                    prop_assert!(to < timeout && to >= max && timeouts == 0);
                }
                Suggestion::Leave(_) | Suggestion::Unknown(_) => {}
            }
        }
    }
}
