//! What an attempt to deliver came to, and when to try again.
//!
//! ```text
//!   Queued ──attempt──▶ Delivered
//!     ▲         │
//!     │         ├─▶ try again: no answer, 3xx, 408, 409, 425, 429, 5xx and whatever else may pass
//!     └─────────┤
//!               └─▶ Dead: 400, 401, 403, 404 (somebody must fix it), 410 (nobody listens there any more),
//!                         or the last of the schedule's attempts
//! ```
//!
//! An alert that comes half a day late is noise, so the schedule ends after seven and a half hours; a dead delivery is
//! kept and can be sent again by hand.
//!
//! **Invariant.** No clock and no randomness: now and jitter are arguments.

pub mod id;
pub mod record;

use std::time::Duration;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};

/// Pauses before the second attempt, the third, and so on.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
];
/// The share of a pause that jitter may add, so that a receiver coming back is not met by everybody at once.
const JITTER: f64 = 0.2;

/// How many attempts a delivery gets.
pub const ATTEMPTS_MAX: u32 = 8;

/// What came back from a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Status {
        code: u16,
        /// What the receiver asked for in `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent: the target is not one we may talk to.
    Forbidden,
    /// No connection, no answer in time, or an answer that was none.
    None,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Worth another attempt, not before the receiver's wish.
    Failed {
        retry_after: Option<Duration>,
    },
    /// No other attempt would fare better.
    Rejected,
    /// The receiver wants nothing more, ever.
    Gone,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Again { at: EpochMillis },
    Dead(Death),
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    Rejected,
    Gone,
    Exhausted,
}

impl Death {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
        }
    }
}

pub fn classify(reply: Reply) -> Outcome {
    match reply {
        Reply::Status { code: 200..=299, .. } => Outcome::Delivered,
        Reply::Status { code: 400 | 401 | 403 | 404, .. } | Reply::Forbidden => Outcome::Rejected,
        Reply::Status { code: 410, .. } => Outcome::Gone,
        Reply::Status { retry_after, .. } => Outcome::Failed { retry_after },
        Reply::None => Outcome::Failed { retry_after: None },
    }
}

/// What to do after the `attempts`th attempt. `jitter` lies between 0 and 1.
pub fn next(attempts: u32, outcome: Outcome, now: EpochMillis, jitter: f64) -> Next {
    let retry_after = match outcome {
        Outcome::Delivered => return Next::Delivered,
        Outcome::Rejected => return Next::Dead(Death::Rejected),
        Outcome::Gone => return Next::Dead(Death::Gone),
        Outcome::Failed { retry_after } => retry_after,
    };
    let made = usize::try_from(attempts).unwrap_or(usize::MAX).max(1);
    let Some(pause) = PAUSES.get(made - 1) else { return Next::Dead(Death::Exhausted) };
    let pause = pause.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0));
    // A wish beyond the longest pause would keep an alert until it is noise.
    let wish = retry_after.unwrap_or_default().min(PAUSES[PAUSES.len() - 1]);
    Next::Again { at: now.plus(pause.max(wish)) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    /// Each word is a reply: a status, perhaps with `+` and the seconds of `Retry-After`; `-` for none, `x` for forbidden.
    #[track_caller]
    fn check(replies: &str, expected: Expect) {
        let mut told = Vec::new();
        for (attempt, word) in (1..).zip(replies.split(' ')) {
            let (status, wish) = word.split_once('+').unwrap_or((word, ""));
            let retry_after = wish.parse().ok().map(Duration::from_secs);
            let reply = match status {
                "-" => Reply::None,
                "x" => Reply::Forbidden,
                code => Reply::Status { code: code.parse().unwrap(), retry_after },
            };
            told.push(match next(attempt, classify(reply), NOW, 0.0) {
                Next::Delivered => "delivered".to_owned(),
                Next::Again { at } => format!("{}s", at.since(NOW).as_secs()),
                Next::Dead(death) => format!("dead ({})", death.as_str()),
            });
        }
        expected.assert_eq(&told.join(", "));
    }

    #[test]
    fn pauses_grow_and_the_last_attempt_is_the_eighth() {
        check(
            "500 - 503 302 429 500 500 500",
            expect!["5s, 30s, 120s, 600s, 1800s, 7200s, 18000s, dead (exhausted)"],
        );
    }

    #[test]
    fn a_receivers_wish_lengthens_a_pause_but_never_beyond_the_longest() {
        check("429+60 503+1 429+9999999", expect!["60s, 30s, 18000s"]);
    }

    #[test]
    fn what_nobody_can_repair_by_waiting_is_dead_at_once() {
        check("400", expect!["dead (rejected)"]);
        check("- 404", expect!["5s, dead (rejected)"]);
        check("401", expect!["dead (rejected)"]);
        check("403", expect!["dead (rejected)"]);
        check("410", expect!["dead (gone)"]);
        check("x", expect!["dead (rejected)"]);
        check("204", expect!["delivered"]);
        check("422 - 200", expect!["5s, 30s, delivered"]);
    }

    proptest! {
        #[test]
        fn jitter_never_shortens_a_pause_and_adds_at_most_a_fifth(
            attempt in 1u32..8,
            jitter in 0.0f64..=1.0,
        ) {
            let at = |jitter| match next(attempt, classify(Reply::None), NOW, jitter) {
                Next::Again { at } => at.since(NOW),
                other @ (Next::Delivered | Next::Dead(_)) => panic!("{other:?}"),
            };
            prop_assert!(at(0.0) <= at(jitter) && at(jitter) <= at(0.0).mul_f64(1.2));
        }
    }
}
