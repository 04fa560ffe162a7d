//! An alert about what holds or does not hold, minute by minute.
//!
//! Where claims open an alert because they happened, here a window of minutes is measured — a share, a duration, a row — and the
//! alert lasts for as long as the measure is reached:
//!
//! ```text
//!               timeouts, not enough            held, and a timeout in hand that belongs to it
//!   Inactive ─────────────────────▶ Pending ────────────────────────────────┐
//!    ▲  ▲ │                            │ they are older than any window      ▼
//!    │  └─│────────────────────────────┘                        ┌───────▶ Firing ──▶ corrected: an update
//!    │    └─────────────────────────────────────────────────────┘           │ ▲
//!    │      held, where timeouts are not what it is about                   └─┘ held again: quiet begins anew
//!    └──────────────────────────────────────────────────────────────────────┘
//!       recovered: not held for the quiet period and a success since · retracted: no timeout of it stands · expired
//! ```
//!
//! A **window** ends with a minute, and holds or not. Asked for **M of N**, the condition holds with a minute if the windows that end
//! with it and with the N − 1 minutes before it hold at least M times. A count and a duration are judged with the minute that goes
//! on; a share and a function's row, which the tallies of others can still change, two minutes after a minute has ended. Minutes
//! are judged for a quarter of an hour, so that whoever looks late finds what nobody saw.
//!
//! Whenever timeouts come in it is judged, and by the sweep, which reads their blocks whole so that the alert opens with timeouts to
//! show: when their minute is judged first, at the latest three minutes after they happened, and last (every minute, where several
//! must hold). A share is looked at once more when every tally is in.
//!
//! **Invariant.** Pure, and the same observation twice changes nothing: the last minute that held only moves forward. Windows that
//! were not read whole are not judged.

mod minutes;

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Block, EpochMillis};

pub(super) use self::minutes::Minutes;
use super::{
    Breach, Ending, Episode, Mark, Measure, Observation, Opening, Phase, Rule, State, Suspect,
    Transition, conclude,
    condition::{
        near,
        past::{MINUTE, minute_of},
        rate, row_within,
    },
    episode::counts,
    is_ripe, open,
};
use crate::domain::{
    alert::mark::stands,
    configuration::{MOfN, Statistic},
};

/// How long after a minute has ended its tallies are in: sent within a minute, and gathered for up to another.
pub const SETTLES: Duration = Duration::from_mins(2);
/// How long a minute is judged.
const JUDGED_FOR: Duration = Duration::from_mins(15);
/// How often it is looked at in any case while something may come to hold: within the time that minutes are judged.
const LOOKS_EVERY: Duration = Duration::from_mins(10);

/// What must be measured of a window, and in how many of how many minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    of: MOfN,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    /// So many timeouts.
    Count(u64, Duration),
    /// Such a share of at least so many invocations, in percent.
    Rate((f64, Duration), u64),
    /// Durations of such a share of the timeout, of at least so many invocations.
    Near((f64, Statistic, Duration), u64),
    /// So many timeouts in minutes without a success.
    Row(u64),
}

/// That the condition holds with a minute.
#[derive(Debug)]
struct Held {
    end: EpochMillis,
    /// Where the first of its windows begins.
    begins: EpochMillis,
    measure: Measure,
}

impl Level {
    pub(super) fn count((count, window): (u64, Duration), of: MOfN) -> Self {
        Self { of, what: What::Count(count, window) }
    }

    pub(super) fn rate(share: (f64, Duration), enough: u64, of: MOfN) -> Self {
        Self { of, what: What::Rate(share, enough) }
    }

    pub(super) fn near(reached: (f64, Statistic, Duration), enough: u64, of: MOfN) -> Self {
        Self { of, what: What::Near(reached, enough) }
    }

    pub(super) fn row(count: u64) -> Self {
        Self { of: MOfN { m: 1, n: 1 }, what: What::Row(count) }
    }

    /// Whether timeouts are what it is about.
    pub(super) fn is_about_timeouts(&self) -> bool {
        match self.what {
            What::Count(..) | What::Rate(..) | What::Row(_) => true,
            What::Near(..) => false,
        }
    }

    /// How far back from now views are asked for, where the function's timeout is so long.
    pub(super) fn looks_back(&self, timeout: Duration) -> Duration {
        let window = match self.what {
            What::Count(_, window) | What::Near((_, _, window), _) => window,
            What::Rate((_, window), _) => window + rate::LOOKS_BACK,
            What::Row(count) => row_within(count, timeout) + SETTLES,
        };
        window + JUDGED_FOR + MINUTE.saturating_mul(self.of.n)
    }

    /// How long after its end a minute is judged.
    fn settles(&self) -> Duration {
        match self.what {
            What::Rate(..) | What::Row(_) => SETTLES,
            What::Count(..) | What::Near(..) => Duration::ZERO,
        }
    }

    /// How long after a timeout a window may hold because of it.
    fn lasts(&self) -> Duration {
        let window = match self.what {
            What::Count(_, window) | What::Rate((_, window), _) | What::Near((_, _, window), _) => {
                window
            }
            What::Row(_) => MINUTE,
        };
        window + MINUTE.saturating_mul(self.of.n.saturating_sub(1))
    }

    /// The end of the last minute that is judged now.
    fn last_end(&self, now: EpochMillis) -> EpochMillis {
        match self.what {
            What::Rate(..) | What::Row(_) => minute_of(now.minus(SETTLES)),
            What::Count(..) | What::Near(..) => minute_of(now).plus(MINUTE),
        }
    }

    /// When to look again because of a timeout, if something may still come to hold because of it. Whatever time a sender says, it is
    /// looked at.
    fn looks_again_at(&self, timeout: EpochMillis, now: EpochMillis) -> Option<EpochMillis> {
        let settled = minute_of(timeout).plus(MINUTE + self.settles());
        let next = minute_of(now).plus(MINUTE);
        let last = minute_of(timeout.plus(self.lasts()));
        if last > self.last_end(now) {
            return Some(if settled > now {
                settled.min(next.plus(JUDGED_FOR))
            } else if self.of.m > 1 {
                next
            } else {
                last.plus(self.settles()).min(next_look(now))
            });
        }
        // By then every tally is in, and there may be enough invocations to speak of a share.
        let complete = settled.plus(JUDGED_FOR);
        let grows = matches!(self.what, What::Rate(..));
        Some(complete).filter(|it| grows && *it > now)
    }

    /// What the window that ends with `end` measures, and where it begins, if it is enough.
    fn reached(&self, minutes: &Minutes<'_>, end: EpochMillis) -> Option<(EpochMillis, Measure)> {
        match self.what {
            What::Count(count, window) => {
                let begin = end.minus(window);
                let timeouts = minutes.asked_between(begin, end);
                let holds = minutes.past.covers(begin, end) && timeouts >= count;
                let window_s = window.as_secs();
                holds.then_some((begin, Measure::Count { timeouts, window_s }))
            }
            What::Rate((share, window), enough) => {
                let measure = rate::reached((share, window), enough, minutes, end)?;
                Some((end.minus(window), measure))
            }
            What::Near(reached, enough) => {
                let measure = near::reached(reached, enough, minutes.past, end)?;
                Some((end.minus(reached.2), measure))
            }
            What::Row(count) => minutes.row(count, end),
        }
    }

    /// The minutes with which the condition holds, of those that are judged, in order.
    fn held(&self, minutes: &Minutes<'_>, now: EpochMillis) -> Vec<Held> {
        let Some(read) = minutes.past.ends() else { return Vec::new() };
        let last = self.last_end(now).min(read);
        if now.since(last) > JUDGED_FOR + SETTLES {
            return Vec::new();
        }
        // What durations were a while ago is not known.
        let judged = if self.is_about_timeouts() { JUDGED_FOR } else { Duration::ZERO };
        let first = last.minus(judged);
        let others = MINUTE.saturating_mul(self.of.n.saturating_sub(1));
        let reached: BTreeMap<_, _> = ends(first.minus(others), last)
            .filter_map(|end| self.reached(minutes, end).map(|it| (end, it)))
            .collect();
        let held = |end: EpochMillis| {
            let windows = reached.range(end.minus(others)..=end);
            let enough =
                windows.clone().count() >= usize::try_from(self.of.m).unwrap_or(usize::MAX);
            let (_, (begins, _)) = windows.clone().next().filter(|_| enough)?;
            let (_, (_, measure)) = windows.last()?;
            Some(Held { end, begins: *begins, measure: measure.clone() })
        };
        ends(first, last).filter_map(held).collect()
    }
}

/// The minutes from one to another, both inclusive.
fn ends(first: EpochMillis, last: EpochMillis) -> impl Iterator<Item = EpochMillis> {
    std::iter::successors(Some(first), |it| Some(it.plus(MINUTE))).take_while(move |it| *it <= last)
}

/// The state after an observation, and what must be told.
pub(super) fn evaluate(
    (rule, level): (&Rule, &Level),
    state: State,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    let past = State { phase: Phase::Inactive, ..state };
    let look = Look { rule, level, seen };
    match state.phase {
        Phase::Firing(episode) => look.go_on(past, episode),
        Phase::Pending(suspects) => look.wait_or_open(past, suspects),
        Phase::Inactive => look.wait_or_open(past, Vec::new()),
    }
}

/// A look at one alert.
struct Look<'a> {
    rule: &'a Rule,
    level: &'a Level,
    seen: &'a Observation<'a>,
}

impl Look<'_> {
    fn wait_or_open(&self, past: State, suspects: Vec<Suspect>) -> (State, Option<Transition>) {
        let Self { rule, level, seen } = *self;
        let covered = past.covered.as_ref();
        let in_hand = seen.blocks.values().flatten();
        let in_hand = in_hand.filter(|it| is_ripe(rule, it, seen.at) && counts(rule, covered, it));
        let mut grounds: Vec<Mark> = in_hand.map(Mark::of).collect();
        grounds.sort_unstable();
        if !grounds.is_empty() || !level.is_about_timeouts() {
            let held = level.held(&Minutes::of(rule, covered, seen), seen.at);
            if let Some(opening) = opening(level, &held, &grounds) {
                return open(rule, past, opening, seen);
            }
        }
        let suspects = self.pending(suspects, covered);
        let phase = if suspects.is_empty() { Phase::Inactive } else { Phase::Pending(suspects) };
        (State { phase, ..past }, None)
    }

    /// What may still come to hold because of timeouts that are known: the last of each block.
    fn pending(&self, mut suspects: Vec<Suspect>, covered: Option<&Mark>) -> Vec<Suspect> {
        let Self { rule, level, seen } = *self;
        if !level.is_about_timeouts() {
            return Vec::new();
        }
        suspects.retain(|it| !seen.blocks.contains_key(&Block::from_number(it.block)));
        for (block, claims) in &seen.blocks {
            let news = claims.iter().filter(|it| stands(it) && counts(rule, covered, it));
            let last = news.map(Mark::of).max();
            suspects.extend(last.and_then(|mark| {
                let due = level.looks_again_at(mark.at, seen.at)?;
                Some(Suspect { block: block.number(), mark, due })
            }));
        }
        suspects.retain(|it| level.looks_again_at(it.mark.at, seen.at).is_some());
        suspects
    }

    fn go_on(&self, past: State, mut episode: Episode) -> (State, Option<Transition>) {
        let Self { rule, level, seen } = *self;
        for (block, claims) in &seen.blocks {
            episode.admit(rule, *block, claims);
        }
        let held = level.held(&Minutes::of(rule, past.covered.as_ref(), seen), seen.at);
        let (last, until) = (held.into_iter().next_back(), episode.held());
        if let (Some(last), Some(breach)) =
            (last.filter(|it| it.end > until), episode.breach.as_mut())
        {
            breach.held_ms = Some(last.end.0);
            breach.measure = last.measure;
        }
        let ending = self.ending(&episode);
        conclude(past, episode, ending)
    }

    fn ending(&self, episode: &Episode) -> Option<Ending> {
        let Self { rule, level, seen } = *self;
        if level.is_about_timeouts() && episode.last().is_none() {
            return Some(Ending::Retracted);
        }
        let quiet_for = seen.at.since(quiet_since(level, episode));
        let succeeded = seen.last_success.is_some_and(|it| it >= episode.held());
        if quiet_for >= rule.quiet && succeeded {
            Some(Ending::Recovered)
        } else if quiet_for >= rule.expire_after {
            Some(Ending::Expired)
        } else {
            None
        }
    }
}

/// An opening with the first minute that held, unless it is about timeouts and none of those in hand belongs to it; and as it has
/// gone on since.
fn opening(level: &Level, held: &[Held], grounds: &[Mark]) -> Option<Opening> {
    let (begins, seed, first) = held.iter().find_map(|Held { end, begins, .. }| {
        if level.is_about_timeouts() {
            let first = grounds.iter().find(|it| it.at >= *begins && it.at < *end)?;
            return Some((*begins, first.key.to_string(), first.at));
        }
        let minute = end.minus(MINUTE);
        Some((*begins, format!("B#{}", Block::of(minute).number()), minute))
    })?;
    let Held { end, measure, .. } = held.last()?;
    let (begins_ms, held_ms) = (Some(begins.0), Some(end.0));
    let breach = Some(Breach { measure: measure.clone(), begins_ms, held_ms });
    Some(Opening { seed, first, breach })
}

fn quiet_since(level: &Level, episode: &Episode) -> EpochMillis {
    episode.held().plus(level.settles()).max(episode.opened)
}

/// When a firing alert wants to be looked at though nothing came in.
pub(super) fn due(rule: &Rule, level: &Level, episode: &Episode, now: EpochMillis) -> EpochMillis {
    let quiet = quiet_since(level, episode).plus(rule.quiet);
    if now >= quiet {
        return now.plus(rule.look_again);
    }
    quiet.min(next_look(now))
}

/// The same for all observations between two looks, so that none of them has to be written down.
fn next_look(now: EpochMillis) -> EpochMillis {
    let every = i64::try_from(LOOKS_EVERY.as_millis()).unwrap_or(i64::MAX);
    EpochMillis(now.0.saturating_sub(now.0.rem_euclid(every))).plus(LOOKS_EVERY)
}

#[cfg(test)]
mod tests;
