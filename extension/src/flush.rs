//! When to send what we hold.
//!
//! A verdict goes at once, whatever the aggregator's state. Tallies are cumulative and can wait: they ride along, or go when
//! the interval has passed and enough is new, or when their block is over, or at SHUTDOWN. After a timeout somebody is
//! watching for recovery, so for a quarter of an hour they go once a minute.
//!
//! A block is a quarter of an hour, so nothing waits longer. A quarter of an hour of any other phase would have parts of two
//! blocks in nearly every batch, and each costs the aggregator a write and an evaluation.
//!
//! An environment is frozen between invocations, so a moment to send is not waited for but noticed, at whatever wakes us.
//! Intervals are slots of the wall clock, shifted by a phase of the process's own, so that a fleet that was
//! deployed together does not speak together.
//!
//! **Invariant.** [`decide`] is a pure function; the clock is data.

use std::time::Duration;

use overtime_wire::{Block, EpochMillis};

use crate::sandbox::{Held, Holdings};

/// How many new invocations make a tally worth a request of its own.
const ENOUGH: u32 = 20;
/// How long after a timeout recovery is watched for.
const QUARTER: Duration = Duration::from_mins(15);
const MINUTE: Duration = Duration::from_mins(1);
/// A verdict waits no longer than this for a request that carries none to come back.
const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Zero sends after every invocation.
    pub interval: Duration,
    /// Less than a minute.
    pub phase: Duration,
}

/// Everything the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    pub now: EpochMillis,
    pub holdings: Holdings,
    pub moment: Moment,
    pub line: Line,
    /// When a request last carried tallies; at first, when the process began.
    pub last_sent: EpochMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Running,
    /// SHUTDOWN was received, and telemetry that would still tell something is under way.
    Listening,
    Leaving,
}

/// The way to the aggregator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Free,
    /// The last attempts failed. Nobody but a fresh verdict tries before then.
    Resting {
        until: EpochMillis,
    },
    /// A request is under way.
    Busy {
        since: EpochMillis,
        carries_verdicts: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Nothing to do until something happens, or until then.
    Wait {
        until: Option<EpochMillis>,
    },
    Send,
    /// Give up the request under way, and send everything on another connection.
    Overtake,
}

pub fn decide(policy: &Policy, at: &Situation) -> Flush {
    let held = &at.holdings;
    if held.is_nameless || (held.verdicts == Held::Nothing && !held.tallies) {
        return Flush::Wait { until: None };
    }
    let is_urgent = held.verdicts == Held::Fresh;
    match at.line {
        Line::Busy { since, carries_verdicts: false } if is_urgent => {
            let until = since.plus(PATIENCE);
            if at.now >= until { Flush::Overtake } else { Flush::Wait { until: Some(until) } }
        }
        Line::Busy { .. } => Flush::Wait { until: None },
        Line::Free | Line::Resting { .. } if is_urgent => Flush::Send,
        Line::Resting { until } if at.now < until => Flush::Wait { until: Some(until) },
        Line::Free | Line::Resting { .. } => {
            if held.verdicts == Held::Tried || are_due(policy, at) {
                Flush::Send
            } else {
                Flush::Wait { until: next_due(policy, at) }
            }
        }
    }
}

fn are_due(policy: &Policy, at: &Situation) -> bool {
    match at.moment {
        Moment::Listening => return false,
        Moment::Leaving => return true,
        Moment::Running => {}
    }
    let waited = at.holdings.oldest.is_some_and(|it| at.now >= waits_until(policy, it));
    policy.interval.is_zero()
        || waited
        || (at.holdings.new_invocations >= ENOUGH && is_next_slot(policy, policy.interval, at))
        || (is_recovering(at) && is_next_slot(policy, MINUTE.min(policy.interval), at))
}

/// When the block is over in which something began to wait. What is younger than an interval goes with the interval: those who
/// send that often must not all speak at the end of the block.
fn waits_until(policy: &Policy, oldest: EpochMillis) -> EpochMillis {
    Block::of(oldest).end().max(oldest.plus(policy.interval))
}

fn is_recovering(at: &Situation) -> bool {
    at.holdings.troubled.is_some_and(|it| at.now.since(it) < QUARTER)
}

fn is_next_slot(policy: &Policy, length: Duration, at: &Situation) -> bool {
    slot(policy, length, at.now) > slot(policy, length, at.last_sent)
}

fn slot(policy: &Policy, length: Duration, at: EpochMillis) -> i64 {
    at.minus(policy.phase).0.div_euclid(millis(length).max(1))
}

/// When to look again, if nothing happens before: only where it could make a difference.
fn next_due(policy: &Policy, at: &Situation) -> Option<EpochMillis> {
    if at.moment != Moment::Running {
        return None;
    }
    let length = if is_recovering(at) { MINUTE.min(policy.interval) } else { policy.interval };
    let next_slot = (slot(policy, length, at.now) + 1) * millis(length).max(1);
    let by_slot = (is_recovering(at) || at.holdings.new_invocations >= ENOUGH)
        .then(|| EpochMillis(next_slot).plus(policy.phase));
    let by_age = at.holdings.oldest.map(|it| waits_until(policy, it));
    by_slot.into_iter().chain(by_age).min()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    const START: EpochMillis = EpochMillis(1_793_491_200_000);

    fn situation(seconds: u64) -> Situation {
        Situation {
            now: START.plus(Duration::from_secs(seconds)),
            holdings: Holdings {
                tallies: true,
                new_invocations: 1,
                oldest: Some(START),
                ..Holdings::default()
            },
            moment: Moment::Running,
            line: Line::Free,
            last_sent: START,
        }
    }

    fn policy(interval: u64) -> Policy {
        Policy { interval: Duration::from_secs(interval), phase: Duration::from_secs(10) }
    }

    /// What is decided, with times as seconds from the start.
    #[track_caller]
    fn check(interval: u64, at: Situation, expected: Expect) {
        let seen = match decide(&policy(interval), &at) {
            Flush::Wait { until: None } => "wait".to_owned(),
            Flush::Wait { until: Some(until) } => {
                format!("wait until {:?}", until.since(START))
            }
            Flush::Send => "send".to_owned(),
            Flush::Overtake => "overtake".to_owned(),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn few_invocations_wait_for_the_end_of_their_block() {
        check(60, situation(300), expect!["wait until 900s"]);
        check(60, situation(900), expect!["send"]);
        let since = |oldest: u64, seconds| {
            let mut at = situation(seconds);
            at.holdings.oldest = Some(START.plus(Duration::from_secs(oldest)));
            at
        };
        check(60, since(600, 700), expect!["wait until 900s"]);
        check(60, since(600, 900), expect!["send"]);
        check(60, since(870, 900), expect!["wait until 930s"]);
        check(60, since(870, 930), expect!["send"]);
    }

    #[test]
    fn many_go_in_the_next_slot_of_the_interval() {
        let many = |seconds| {
            let mut at = situation(seconds);
            at.holdings.new_invocations = 20;
            at
        };
        check(60, many(5), expect!["wait until 10s"]);
        check(60, many(10), expect!["send"]);
        check(300, many(60), expect!["send"]);
    }

    #[test]
    fn an_interval_of_zero_sends_after_every_invocation() {
        check(0, situation(0), expect!["send"]);
    }

    #[test]
    fn recovery_is_told_within_a_minute() {
        let mut at = situation(5);
        at.holdings.troubled = Some(START);
        check(60, at, expect!["wait until 10s"]);
        at.now = START.plus(Duration::from_secs(11));
        check(60, at, expect!["send"]);
        at.now = START.plus(Duration::from_secs(899));
        at.last_sent = START.plus(Duration::from_secs(880));
        check(300, at, expect!["wait until 900s"]);
    }

    #[test]
    fn a_verdict_waits_for_nothing() {
        let mut at = situation(1);
        at.holdings = Holdings { verdicts: Held::Fresh, ..Holdings::default() };
        check(60, at, expect!["send"]);
        at.line = Line::Resting { until: START.plus(MINUTE) };
        check(60, at, expect!["send"]);
        at.line = Line::Busy { since: at.now, carries_verdicts: false };
        check(60, at, expect!["wait until 1.05s"]);
        at.line = Line::Busy { since: START, carries_verdicts: false };
        check(60, at, expect!["overtake"]);
        at.line = Line::Busy { since: START, carries_verdicts: true };
        check(60, at, expect!["wait"]);
    }

    #[test]
    fn a_verdict_that_failed_rests_with_the_line() {
        let mut at = situation(1);
        at.holdings = Holdings { verdicts: Held::Tried, ..Holdings::default() };
        at.line = Line::Resting { until: START.plus(Duration::from_secs(2)) };
        check(60, at, expect!["wait until 2s"]);
        at.now = START.plus(Duration::from_secs(2));
        check(60, at, expect!["send"]);
    }

    #[test]
    fn leaving_sends_all_there_is_once_nothing_more_can_come() {
        let mut at = situation(1);
        at.moment = Moment::Listening;
        check(60, at, expect!["wait"]);
        at.moment = Moment::Leaving;
        check(60, at, expect!["send"]);
        at.holdings = Holdings::default();
        check(60, at, expect!["wait"]);
    }

    #[test]
    fn facts_of_nobody_known_wait() {
        let mut at = situation(10_000);
        at.holdings.is_nameless = true;
        check(60, at, expect!["wait"]);
    }

    proptest! {
        /// Waiting until the time that was named changes the decision, so nobody wakes up for nothing.
        #[test]
        fn a_named_time_is_a_time_to_send(seconds in 0u64..900, new in 1u32..40, troubled: bool) {
            let mut at = situation(seconds);
            at.holdings.new_invocations = new;
            at.holdings.troubled = troubled.then_some(START);
            if let Flush::Wait { until: Some(until) } = decide(&policy(60), &at) {
                prop_assert!(until > at.now);
                at.now = until;
                // Recovery is no longer watched for exactly when the oldest has waited long enough.
                prop_assert_eq!(decide(&policy(60), &at), Flush::Send);
            }
        }
    }
}
