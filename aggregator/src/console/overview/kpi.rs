//! The numbers at the head of the overview, each against the time before.

use super::{Said, counted, rows};
use crate::{
    api::overview::Period,
    console::figures::{grouped, percent},
};

/// A number, what it is of, and how it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kpi {
    pub(super) name: &'static str,
    /// `None` where nothing was heard.
    pub(super) number: Option<String>,
    pub(super) class: &'static str,
    pub(super) delta: Option<Delta>,
    pub(super) note: String,
    /// Where it is told apart, below the base.
    pub(super) path: &'static str,
}

/// How a number differs from the one before. More is always worse here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) class: &'static str,
    pub(super) words: String,
}

impl Delta {
    /// `▲ 40 %, 10 before`.
    fn of(now: u64, before: Option<u64>) -> Option<Self> {
        let before = before?;
        let was = grouped(before);
        Some(match now.cmp(&before) {
            std::cmp::Ordering::Equal => Self { class: "", words: format!("as before ({was})") },
            std::cmp::Ordering::Greater => {
                let more = percent(now - before, before).unwrap_or_else(|| grouped(now));
                Self { class: "worse", words: format!("▲ {more}, {was} before") }
            }
            std::cmp::Ordering::Less => {
                let less = percent(before - now, before).unwrap_or_default();
                Self { class: "better", words: format!("▼ {less}, {was} before") }
            }
        })
    }
}

pub(super) fn all(said: &Said, firing: usize) -> Vec<Kpi> {
    let (current, previous) = (&said.fleet.current, &said.fleet.previous);
    let standing = &said.fleet.standing;
    vec![
        timeouts(current, previous),
        rate(current, previous),
        Kpi {
            name: "Functions timing out",
            number: Some(grouped(standing.functions_timing_out)),
            class: class(standing.functions_timing_out, "bad"),
            delta: at_worst(current.functions_timing_out, previous.functions_timing_out),
            note: format!("of {} in the last day", grouped(standing.functions)),
            path: "/functions?sort=timeouts",
        },
        alerts(said, firing),
        Kpi {
            name: "Close to timeout",
            number: Some(grouped(standing.functions_near_timeout)),
            class: class(standing.functions_near_timeout, "near"),
            delta: None,
            note: "functions whose p99 is at 80 % or more".to_owned(),
            path: "/functions?sort=p99_of_timeout",
        },
        Kpi {
            name: "New offenders",
            number: Some(grouped(standing.new_offenders)),
            class: class(standing.new_offenders, "bad"),
            delta: None,
            note: "first timeout in a day in the last 3 h".to_owned(),
            path: "/functions?sort=last_timeout",
        },
        Kpi {
            name: "GB-seconds lost",
            number: standing.wasted_gb_seconds.map(rounded),
            class: "",
            delta: None,
            note: "in timeouts, in the last day".to_owned(),
            path: "/functions?sort=timeouts",
        },
    ]
}

fn timeouts(current: &Period, previous: &Period) -> Kpi {
    let count = current.counts.map(|it| it.timeouts);
    Kpi {
        name: "Timeouts",
        number: count.map(grouped),
        class: class(count.unwrap_or(0), "bad"),
        delta: count.and_then(|it| Delta::of(it, previous.counts.map(|it| it.timeouts))),
        note: match current.counts {
            Some(it) => format!("of {} invocations", grouped(it.invocations)),
            None => "nothing was heard".to_owned(),
        },
        path: "/functions?sort=timeouts",
    }
}

fn rate(current: &Period, previous: &Period) -> Kpi {
    let share = |it: &Period| it.counts.and_then(|it| percent(it.timeouts, it.invocations));
    // Two shares are compared by what they are of, not by how they are written.
    let product = |one: &Period, other: &Period| {
        let (one, other) = one.counts.zip(other.counts)?;
        Some(u128::from(one.timeouts) * u128::from(other.invocations))
    };
    let delta = share(previous).and_then(|was| {
        let order = product(current, previous)?.cmp(&product(previous, current)?);
        let (class, words) = match order {
            std::cmp::Ordering::Greater => ("worse", format!("▲ from {was}")),
            std::cmp::Ordering::Less => ("better", format!("▼ from {was}")),
            std::cmp::Ordering::Equal => ("", format!("{was} before")),
        };
        Some(Delta { class, words })
    });
    Kpi {
        name: "Timeout rate",
        number: share(current),
        class: class(current.counts.map_or(0, |it| it.timeouts), "bad"),
        delta,
        note: "of all invocations".to_owned(),
        path: "/functions?sort=rate",
    }
}

fn alerts(said: &Said, firing: usize) -> Kpi {
    let waiting = said.alerts.iter().filter(|it| rows::is_pending(it)).count();
    let silenced = said.alerts.len() - firing - waiting;
    let firing_count = u64::try_from(firing).unwrap_or(u64::MAX);
    Kpi {
        name: "Firing alerts",
        number: Some(counted(firing, said.more_alerts)),
        class: class(firing_count, "bad"),
        delta: None,
        note: format!("{waiting} pending, {silenced} silenced"),
        path: "/alerts",
    }
}

/// The worst hour against the worst hour before.
fn at_worst(now: Option<u64>, before: Option<u64>) -> Option<Delta> {
    let (now, before) = (now?, before?);
    let was = match now.cmp(&before) {
        std::cmp::Ordering::Greater => format!("▲ from {}", grouped(before)),
        std::cmp::Ordering::Less => format!("▼ from {}", grouped(before)),
        std::cmp::Ordering::Equal => "as before".to_owned(),
    };
    let words = format!("{} in the worst hour, {was}", grouped(now));
    Delta::of(now, Some(before)).map(|it| Delta { words, ..it })
}

fn class(count: u64, word: &'static str) -> &'static str {
    if count > 0 { word } else { "" }
}

/// Whole above a hundred, a tenth below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and for people"
)]
fn rounded(number: f64) -> String {
    if number >= 100.0 { grouped(number.round() as u64) } else { format!("{number:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_against_the_one_before() {
        let told = |now, before| {
            let delta = Delta::of(now, before);
            delta.map(|it| (it.class, it.words))
        };
        let of = |class, words: &str| Some((class, words.to_owned()));
        assert_eq!(told(14, Some(10)), of("worse", "▲ 40 %, 10 before"));
        assert_eq!(told(0, Some(10)), of("better", "▼ 100 %, 10 before"));
        assert_eq!(told(3, Some(0)), of("worse", "▲ 3, 0 before"));
        assert_eq!(told(3, Some(3)), of("", "as before (3)"));
        assert_eq!(told(3, None), None, "nothing is compared with nothing");
        assert_eq!([12.34, 1_234.5].map(rounded), ["12.3", "1,235"]);
    }
}
