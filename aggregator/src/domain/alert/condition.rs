//! Which of a function's timeouts, or what else about it, opens an alert.
//!
//! | condition | judged on | when | state machine |
//! |---|---|---|---|
//! | `any_timeout`, `timeout_count`, `new_offender`, `consecutive` per sandbox | claims | at once | [`alert`](super) |
//! | `timeout_rate`, `near_timeout`, `consecutive` per function, whatever is asked for M of N minutes | minutes | [`level`](super::level) says | [`level`](super::level) |
//! | `no_signal` | when something came in | [`silence`](super::silence) says | [`silence`](super::silence) |
//!
//! Claims come at once and need no denominator. What happened is judged by the functions' clock:
//! a window ends with a timeout, not with its arrival, and a claim that came in more than 15 minutes late is none of the claims that
//! get here. Of blocks that were not read whole their views are used, where a suspicion is not told from a timeout: around the
//! quarter of an hour a count may so be reached ten seconds early. Causes are asked of all of them; of an hour is known which causes
//! there were, and when the last timeout was.
//!
//! **Invariant.** Pure: equal claims and views open the same alert with the same first timeout.

mod in_a_row;
pub(super) mod near;
mod new_offender;
pub(super) mod past;
pub(super) mod rate;
mod timeout_count;

use std::{collections::BTreeSet, time::Duration};

use overtime_wire::{Cause, EpochMillis};

pub use self::past::Past;
use super::{Breach, Mark, Measure, Observation, Rule, level::Level};
use crate::domain::{
    configuration::{Condition, MOfN, Per, Subscription},
    timeout::Timeout,
};

/// What opens an alert about one function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Opens {
    AnyTimeout,
    TimeoutCount {
        count: u64,
        window: Duration,
    },
    NewOffender {
        quiet_for: Duration,
    },
    /// So many timeouts in a row in one environment.
    InARow {
        count: usize,
    },
    /// What holds in minutes.
    Level(Level),
    /// Nothing is heard for so long.
    Silence {
        after: Duration,
    },
}

/// What opens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ground {
    /// The first of its timeouts.
    pub(super) first: Mark,
    pub(super) breach: Option<Breach>,
}

/// Timeouts in hand, and what is known besides.
#[derive(Debug, Clone, Copy)]
struct Hand<'a> {
    rule: &'a Rule,
    covered: Option<&'a Mark>,
    /// In order.
    marks: &'a [Mark],
    past: &'a Past,
}

/// How far back rows are looked for at least.
const ROW_WITHIN: Duration = Duration::from_hours(1);
/// How far back rows are looked for at most.
const ROW_WITHIN_MAX: Duration = Duration::from_hours(6);

impl Opens {
    pub fn of(subscription: &Subscription) -> Self {
        let asked = subscription.m_of_n;
        let of = asked.unwrap_or(MOfN { m: 1, n: 1 });
        match &subscription.condition {
            // Any timeout makes a function a member of an incident; how many there must be is the group's business.
            Condition::AnyTimeout {} | Condition::FleetIncident { .. } => Self::AnyTimeout,
            Condition::TimeoutCount { count, window } => {
                let (count, window) = (u64::from(*count), window.0);
                match asked {
                    Some(of) => Self::Level(Level::count((count, window), of)),
                    None => Self::TimeoutCount { count, window },
                }
            }
            Condition::TimeoutRate { percent, window, min_invocations } => {
                let enough = u64::from(*min_invocations);
                Self::Level(Level::rate((*percent, window.0), enough, of))
            }
            Condition::NearTimeout { ratio, statistic, window, min_invocations } => {
                let enough = u64::from(*min_invocations);
                Self::Level(Level::near((*ratio, *statistic, window.0), enough, of))
            }
            Condition::NewOffender { quiet_for } => Self::NewOffender { quiet_for: quiet_for.0 },
            Condition::Consecutive { count, per: Per::Sandbox } => {
                Self::InARow { count: usize::try_from(*count).unwrap_or(usize::MAX) }
            }
            Condition::Consecutive { count, per: Per::Function } => {
                Self::Level(Level::row((*count).into()))
            }
            Condition::NoSignal { after } => Self::Silence { after: after.0 },
        }
    }
}

impl Opens {
    /// How long it waits for a sign of life, where that is what it is about.
    pub fn waits(self) -> Option<Duration> {
        match self {
            Self::Silence { after } => Some(after),
            Self::AnyTimeout
            | Self::TimeoutCount { .. }
            | Self::NewOffender { .. }
            | Self::InARow { .. }
            | Self::Level(_) => None,
        }
    }
}

/// How far back rows of so many timeouts are looked for, where a timeout is so long: an hour, or as long as they take, up to six.
pub(super) fn row_within(count: u64, timeout: Duration) -> Duration {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    timeout.saturating_mul(count).clamp(ROW_WITHIN, ROW_WITHIN_MAX)
}

/// Whether timeouts with any of these causes are asked for.
fn asked_for(rule: &Rule, mut causes: impl Iterator<Item = Cause>) -> bool {
    rule.causes.is_empty() || causes.any(|it| rule.causes.contains(&it))
}

/// The last timeouts before what is in hand that the rule asks for, as far as is known.
fn last_known<'a>(rule: &'a Rule, past: &'a Past) -> impl Iterator<Item = EpochMillis> + 'a {
    let concerned = |causes: &BTreeSet<Cause>| asked_for(rule, causes.iter().copied());
    past.last.iter().filter(move |(_, causes)| concerned(causes)).map(|(at, _)| *at)
}

/// What opens now on claims; `None` while the condition does not hold. `grounds` are timeouts that are believed and lie after
/// `covered`.
pub(super) fn first_ground(
    rule: &Rule,
    covered: Option<&Mark>,
    mut grounds: Vec<&Timeout>,
    seen: &Observation<'_>,
) -> Option<Ground> {
    grounds.sort_by_key(|it| Mark::of(it));
    let marks: Vec<Mark> = grounds.iter().map(|it| Mark::of(it)).collect();
    let hand = Hand { rule, covered, marks: &marks, past: &seen.past };
    let first = match rule.opens {
        Opens::AnyTimeout => marks.first().copied(),
        Opens::TimeoutCount { count, window } => timeout_count::first((count, window), &hand),
        Opens::NewOffender { quiet_for } => new_offender::first(quiet_for, &hand),
        Opens::InARow { count } => return in_a_row::first(count, &grounds, seen),
        Opens::Level(_) | Opens::Silence { .. } => None,
    };
    first.map(|first| Ground { first, breach: None })
}

#[cfg(test)]
mod tests;
