//! Timeouts that come at the same time of the day, or of the week: a nightly job, Monday's reports.
//!
//! By the hour, in UTC. A function that is only called at that time times out then and at no other, so the timeouts of the hour are
//! held against its calls.

use std::collections::{BTreeMap, BTreeSet};

use super::{Conclusion, Confidence, Finding, Seen, number, shares};
use crate::domain::hour::StandingHour;

const DAY_HOURS: u32 = 24;
const WEEK_HOURS: u32 = 7 * DAY_HOURS;
/// 1970 began on a Thursday.
const EPOCH_WEEKDAY: u32 = 3;
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Fewer timeouts than this show no pattern.
const TIMEOUTS_MIN: u64 = 10;
/// It must have come back so often.
const TIMES_MIN: usize = 3;
/// The share of all timeouts that fall into the two hours, at least.
const SHARE_MIN: f64 = 0.6;
/// How much likelier a timeout is then than at other times, at least.
const LIFT_MIN: f64 = 3.0;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    let timeouts = seen.hours.iter().map(|it| it.view.counts.0.timeouts).sum();
    if timeouts < TIMEOUTS_MIN {
        return Conclusion::Unknown(
            "there were fewer than ten timeouts in the time that was looked at",
        );
    }
    // A time of the week is the narrower claim, but what happens daily happens on each of its days.
    let daily = pattern(seen.hours, DAY_HOURS);
    let found = daily.or_else(|| pattern(seen.hours, WEEK_HOURS));
    let Some(found) = found else { return Conclusion::NotFound };
    Conclusion::Found(Finding {
        confidence: if found.times > TIMES_MIN { Confidence::High } else { Confidence::Medium },
        says: format!("It happens {}.", found.when),
        evidence: vec![
            format!(
                "{} of {} fell into these two hours, on {} different occasions.",
                found.timeouts,
                number(timeouts, "timeout"),
                found.times
            ),
            format!(
                "Then {} of all invocations timed out, otherwise {}.",
                shares::percent(found.timeouts, found.invocations),
                shares::percent(timeouts - found.timeouts, found.others)
            ),
        ],
        advice: "Look for what else runs then: a backup, a batch of messages, a report, everybody's cron job at the full hour.",
    })
}

/// Two hours of a day or a week in which most of it happens.
#[derive(Debug, Default)]
struct Pattern {
    when: String,
    timeouts: u64,
    invocations: u64,
    /// Invocations at other times.
    others: u64,
    times: usize,
}

#[derive(Debug, Default)]
struct Slot {
    timeouts: u64,
    invocations: u64,
    /// On which days, or in which weeks, there were timeouts.
    times: BTreeSet<u32>,
    /// And in which there were calls.
    heard: BTreeSet<u32>,
}

/// The two hours of each `period` in which most timeouts fall, if they stand out.
fn pattern(hours: &[StandingHour], period: u32) -> Option<Pattern> {
    let mut slots = BTreeMap::<u32, Slot>::new();
    let (mut timeouts, mut invocations) = (0, 0);
    for StandingHour { hour, view, .. } in hours {
        // Weeks begin on Mondays.
        let number = hour.number() + EPOCH_WEEKDAY * DAY_HOURS;
        let counts = view.counts.0;
        timeouts += counts.timeouts;
        invocations += counts.invocations;
        // Each hour belongs to the pair that it begins and to the one that it ends.
        for begins in [number, number - 1] {
            let slot = slots.entry(begins % period).or_default();
            slot.timeouts += counts.timeouts;
            slot.invocations += counts.invocations;
            if counts.timeouts > 0 {
                slot.times.insert(begins / period);
            }
            if counts.invocations > 0 {
                slot.heard.insert(begins / period);
            }
        }
    }
    let (at, slot) = slots.into_iter().max_by_key(|(_, it)| (it.timeouts, it.times.len()))?;
    let others = invocations - slot.invocations;
    let then = shares::share(slot.timeouts, slot.invocations);
    let otherwise = shares::share(timeouts - slot.timeouts, others);
    let stands_out = shares::share(slot.timeouts, timeouts) >= SHARE_MIN
        && slot.times.len() >= TIMES_MIN
        // What happens on one day of seven does not happen every day.
        && slot.times.len() * 2 >= slot.heard.len()
        && others > 0
        && then >= LIFT_MIN * otherwise;
    stands_out.then(|| Pattern {
        when: when(at, period),
        timeouts: slot.timeouts,
        invocations: slot.invocations,
        others,
        times: slot.times.len(),
    })
}

fn when(at: u32, period: u32) -> String {
    let (from, to) = (at % DAY_HOURS, (at + 2) % DAY_HOURS);
    let hours = format!("between {from:02}:00 and {to:02}:00 UTC");
    let weekday = usize::try_from(at / DAY_HOURS).ok().and_then(|it| WEEKDAYS.get(it));
    match weekday {
        Some(day) if period == WEEK_HOURS => format!("on {day}s {hours}"),
        _ => format!("every day {hours}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::story::Story, *};

    #[test]
    fn what_comes_back_every_night_is_found() {
        let Conclusion::Found(finding) = conclude(&Story::every_night().seen()) else {
            panic!("not found")
        };
        expect!["It happens every day between 03:00 and 05:00 UTC."].assert_eq(&finding.says);
        assert_eq!(finding.confidence, Confidence::High);
    }

    #[test]
    fn what_comes_back_every_week_is_found_as_that() {
        let mut story = Story::named("sundays");
        // Three weeks of calls at all hours; 2026-11-01 is a Sunday.
        let first = overtime_wire::EpochMillis(1_793_491_200_000);
        for hour in 0..(3 * WEEK_HOURS) {
            let at = hour % WEEK_HOURS == 14;
            story.hour(first, hour, (100, if at { 5 } else { 0 }));
        }
        let Conclusion::Found(finding) = conclude(&story.seen()) else { panic!("not found") };
        expect!["It happens on Sundays between 14:00 and 16:00 UTC."].assert_eq(&finding.says);
    }

    #[test]
    fn a_function_that_is_only_called_then_has_no_pattern() {
        let mut story = Story::every_night();
        story.hours.retain(|it| it.view.counts.0.timeouts > 0);
        assert_eq!(conclude(&story.seen()), Conclusion::NotFound);
    }
}
