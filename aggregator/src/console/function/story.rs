//! Since when, at which version and why: what somebody who is woken at night asks first, in a sentence each.
//!
//! **Invariant.** Pure, and nothing is claimed beyond what was counted: what happened at the same time is said to have happened at the
//! same time.

use std::time::Duration;

use overtime_wire::{Cause, EpochMillis};

use crate::{
    api::{function::Function, series::Point, words::Word as _},
    console::{
        chart::{
            axis::Axis,
            ground::Change,
            text::{counted, sentence},
        },
        figures::{grouped, percent},
    },
    domain::words,
};

/// A question and its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) question: &'static str,
    pub(crate) text: String,
}

/// A stretch of time in which timeouts follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spell {
    /// Where it begins and ends among the points.
    first: usize,
    last: usize,
    timeouts: u64,
    /// Steps with invocations and without timeouts right before it.
    calm: usize,
    /// The same after it.
    calm_since: usize,
}

/// So many steps with invocations and without timeouts end a spell.
const CALM: usize = 4;
/// A change is near a spell's beginning if it was first seen so long before it. First sights are told to the hour.
const NEAR: Duration = Duration::from_hours(2);

/// What is to be said of a function, step by step, and with what it wrote last; nothing where it did not time out.
pub(crate) fn tell(
    function: &Function,
    (axis, points): (&Axis, &[Point]),
    (changes, wrote): (&[Change], Option<String>),
) -> Vec<Answer> {
    let Some(spell) = Spell::latest(points) else { return Vec::new() };
    let since = Answer { question: "Since when", text: since(axis, points, spell) };
    let version = version(function, axis).map(|text| Answer { question: "At which version", text });
    let why = why(function).map(|text| Answer { question: "Why", text });
    let wrote = wrote.map(|text| Answer { question: "What it wrote last", text });
    let then = changed(axis, points[spell.first].at.0, changes)
        .map(|text| Answer { question: "What changed then", text });
    [Some(since), version, why, wrote, then].into_iter().flatten().collect()
}

impl Spell {
    /// The last one that there is.
    fn latest(points: &[Point]) -> Option<Self> {
        let timeouts = |it: &Point| it.counts.map_or(0, |it| it.timeouts);
        let is_calm =
            |it: &Point| it.counts.is_some_and(|it| it.timeouts == 0 && it.invocations > 0);
        let last = points.iter().rposition(|it| timeouts(it) > 0)?;
        let mut first = last;
        let mut calm = 0;
        for (at, point) in points[..last].iter().enumerate().rev() {
            if timeouts(point) > 0 {
                if calm >= CALM {
                    break;
                }
                (first, calm) = (at, 0);
            } else if is_calm(point) {
                calm += 1;
            }
        }
        let calm_since = points[last + 1..].iter().filter(|it| is_calm(it)).count();
        let timeouts = points[first..=last].iter().map(timeouts).sum();
        Some(Self { first, last, timeouts, calm, calm_since })
    }
}

fn since(axis: &Axis, points: &[Point], spell: Spell) -> String {
    let name = |at: usize| axis.name(points[at].at.0);
    let heard_before = points[..spell.first].iter().any(|it| it.counts.is_some());
    let before = if spell.calm > 0 {
        let calm = i32::try_from(spell.calm).unwrap_or(i32::MAX).unsigned_abs();
        format!(
            ", after {} with invocations and without any",
            words::duration(axis.step().saturating_mul(calm))
        )
    } else if heard_before {
        String::new()
    } else {
        "; nothing is known of the time before".to_owned()
    };
    let timeouts = counted(spell.timeouts, "timeout");
    let within = format!("the {} from", words::duration(axis.step()));
    let begun = if spell.first == spell.last {
        let all = if spell.timeouts == 1 { "" } else { "all " };
        format!("{timeouts}, {all}in {within} {}{before}.", name(spell.first))
    } else {
        let (first, last) = (name(spell.first), name(spell.last));
        format!("{timeouts} since {first}{before}. The latest in {within} {last}.")
    };
    let over = points[spell.last + 1..].iter().filter_map(|it| it.counts).map(|it| it.invocations);
    let invocations: u64 = over.sum();
    if spell.calm_since > 0 {
        format!("{begun} None of the {} since then timed out.", counted(invocations, "invocation"))
    } else {
        begun
    }
}

/// Which version timed out, and whether others did.
fn version(function: &Function, axis: &Axis) -> Option<String> {
    let timed_out = function.versions.iter().filter(|it| it.counts.timeouts > 0);
    let worst = timed_out.clone().max_by_key(|it| it.counts.timeouts)?;
    let all: u64 = timed_out.map(|it| it.counts.timeouts).sum();
    let name = worst
        .version
        .as_deref()
        .map_or("an unknown version".to_owned(), |it| format!("version {it}"));
    let part = match (worst.counts.timeouts, all) {
        (1, 1) => "The one".to_owned(),
        (part, all) if part == all => format!("All {}", grouped(all)),
        (part, all) => format!("{} of {}", grouped(part), grouped(all)),
    };
    let rate = percent(worst.counts.timeouts, worst.counts.invocations);
    let rate = rate.map(|it| format!(" ({it} of its invocations)")).unwrap_or_default();
    let first = first_seen(function, worst.version.as_deref());
    let first = first.map(|at| format!(", first seen {}", axis.moment(at))).unwrap_or_default();
    let others = function.versions.iter().filter(|it| it.version != worst.version);
    let busiest =
        others.filter(|it| it.counts.invocations > 0).max_by_key(|it| it.counts.invocations);
    let beside = busiest.map(|it| {
        let name = it
            .version
            .as_deref()
            .map_or("an unknown version".to_owned(), |it| format!("version {it}"));
        let timeouts = match it.counts.timeouts {
            0 => "none".to_owned(),
            some => format!(
                "{} ({})",
                grouped(some),
                percent(some, it.counts.invocations).unwrap_or_default()
            ),
        };
        format!(
            " Of {} of {name}, {timeouts} timed out.",
            counted(it.counts.invocations, "invocation")
        )
    });
    Some(format!("{part} in {name}{rate}{first}.{}", beside.unwrap_or_default()))
}

pub(super) fn first_seen(function: &Function, version: Option<&str>) -> Option<EpochMillis> {
    let runs = &function.history.as_ref()?.versions;
    runs.iter().filter(|it| Some(it.value.as_str()) == version).map(|it| it.first_seen_at.0).max()
}

/// What was running, most often first.
fn why(function: &Function) -> Option<String> {
    let mut causes: Vec<_> = function.causes.iter().filter(|(_, count)| **count > 0).collect();
    causes.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), cause.as_str()));
    let all: u64 = causes.iter().map(|(_, count)| **count).sum();
    let said = |(cause, count): &(&String, &u64)| {
        let words =
            Cause::read(cause).map_or_else(|_| (*cause).clone(), |it| words::cause(it).to_owned());
        match (**count, all) {
            (1, 1) => words,
            (part, all) if part == all => format!("in all {}, {words}", grouped(all)),
            (part, all) => format!("in {} of {}, {words}", grouped(part), grouped(all)),
        }
    };
    let causes: Vec<_> = causes.iter().map(said).collect();
    (!causes.is_empty()).then(|| sentence(&format!("{}.", causes.join("; "))))
}

/// What was first seen about when a spell began.
fn changed(axis: &Axis, began: EpochMillis, changes: &[Change]) -> Option<String> {
    let near = began.minus(NEAR)..=began.plus(axis.step());
    let mut near: Vec<_> = changes.iter().filter(|it| near.contains(&it.at)).collect();
    near.sort_by_key(|it| it.at);
    let said = near
        .iter()
        .map(|it| format!("{} first seen in the hour from {}", it.what, axis.moment(it.at)));
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then(|| format!("{}.", sentence(&said.join("; "))))
}

#[cfg(test)]
mod tests;
