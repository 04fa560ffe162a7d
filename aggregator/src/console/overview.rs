//! The page as values: what is on it, decided from what was seen and when.

use std::{cmp::Reverse, time::Duration};

use overtime_wire::{Counts, EpochMillis};

use super::{
    chart::{Bar, bars, hours},
    figures::{grouped, percent},
    moment::Moment,
    rows::{AlertRow, FunctionRow, TimeoutRow},
};
use crate::domain::{alert::Episode, summary::Summary, timeout::Timeout, words};

const DAY: Duration = Duration::from_hours(24);
/// Without anything new for this long, the page says that it may be incomplete.
const STALE_AFTER: Duration = Duration::from_mins(5);
/// Rows beyond this are counted and not shown: a page is for reading.
const FUNCTIONS_MAX: usize = 50;
const ALERTS_MAX: usize = 9;

/// What there is to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) fleet: &'a [Summary],
    pub(super) timeouts: &'a [Timeout],
    pub(super) alerts: &'a [Episode],
    pub(super) now: EpochMillis,
}

#[derive(Debug)]
pub(super) struct Overview {
    pub(super) freshness: Freshness,
    pub(super) figures: Vec<Figure>,
    pub(super) bars: Vec<Bar>,
    pub(super) most: u64,
    pub(super) alerts: Vec<AlertRow>,
    /// How many alerts are firing.
    pub(super) firing: usize,
    pub(super) functions: Vec<FunctionRow>,
    /// Functions that are not among the rows.
    pub(super) more: usize,
    pub(super) timeouts: Vec<TimeoutRow>,
}

/// How far the page is to be believed.
#[derive(Debug)]
pub(super) enum Freshness {
    /// Nothing has ever come in.
    Never,
    Current(Moment),
    Stale {
        last: Moment,
        silent_for: String,
    },
}

/// A number at the head of the page.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) number: String,
    pub(super) note: String,
    pub(super) class: &'static str,
}

impl Overview {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let Seen { fleet, timeouts, alerts, now } = *seen;
        let from = now.minus(DAY);
        let (bars, most) = bars(&hours(fleet, now));
        let mut worst: Vec<_> = fleet.iter().map(|it| (it.counts_since(from), it)).collect();
        worst.sort_by_key(|(counts, summary)| {
            let share = counts.timeouts.saturating_mul(1_000_000) / counts.invocations.max(1);
            (Reverse((counts.timeouts, share, counts.near_timeouts)), &summary.function)
        });
        let mut latest: Vec<_> = alerts.iter().collect();
        latest.sort_by_key(|it| Reverse(it.last_timeout()));
        latest.truncate(ALERTS_MAX);
        let shown = worst.iter().take(FUNCTIONS_MAX);
        Self {
            freshness: freshness(seen),
            figures: figures(&worst),
            bars,
            most,
            alerts: latest.iter().filter_map(|it| AlertRow::of(it, now)).collect(),
            firing: alerts.len(),
            functions: shown.map(|(_, it)| FunctionRow::of(it, (from, now))).collect(),
            more: worst.len().saturating_sub(FUNCTIONS_MAX),
            timeouts: timeouts.iter().map(|it| TimeoutRow::of(it, now)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.timeouts.is_empty()
    }
}

fn freshness(seen: &Seen<'_>) -> Freshness {
    // A row knows the minute in which an invocation was last seen; its end is the latest that can be meant.
    let minute_end = |it: EpochMillis| it.plus(Duration::from_mins(1)).min(seen.now);
    let rows = seen.fleet.iter().filter_map(Summary::last_seen).map(minute_end);
    let latest = rows.chain(seen.timeouts.iter().map(|it| it.detected_at)).max();
    let Some(latest) = latest else { return Freshness::Never };
    let last = Moment::of(latest, seen.now);
    let silent_for = seen.now.since(latest);
    if silent_for > STALE_AFTER {
        let minutes = Duration::from_mins(silent_for.as_secs() / 60);
        Freshness::Stale { last, silent_for: words::duration(minutes) }
    } else {
        Freshness::Current(last)
    }
}

fn figures(fleet: &[(Counts, &Summary)]) -> Vec<Figure> {
    let mut sum = Counts::default();
    for (counts, _) in fleet {
        sum += *counts;
    }
    let having = |of: fn(&Counts) -> u64| {
        let count = fleet.iter().filter(|(counts, _)| of(counts) > 0).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    };
    let reporting = having(|it| it.invocations + it.init_timeouts + it.init_failures);
    let timing_out = having(|it| it.timeouts);
    let near = having(|it| it.near_timeouts);
    let share = percent(sum.timeouts, sum.invocations);
    let class = |bad: u64, word| if bad > 0 { word } else { "" };
    vec![
        Figure {
            name: "Timeouts",
            number: grouped(sum.timeouts),
            note: share.map_or("no invocations seen".to_owned(), |it| {
                format!("{it} of {} invocations", grouped(sum.invocations))
            }),
            class: class(sum.timeouts, "bad"),
        },
        Figure {
            name: "Functions timing out",
            number: grouped(timing_out),
            note: percent(timing_out, reporting)
                .map_or("none reporting".to_owned(), |it| format!("{it} of those reporting")),
            class: class(timing_out, "bad"),
        },
        Figure {
            name: "Near timeouts",
            number: grouped(sum.near_timeouts),
            note: match near {
                1 => "in 1 function".to_owned(),
                more => format!("in {} functions", grouped(more)),
            },
            class: class(sum.near_timeouts, "near"),
        },
        Figure {
            name: "Functions reporting",
            number: grouped(reporting),
            note: accounts(fleet),
            class: "",
        },
    ]
}

fn accounts(fleet: &[(Counts, &Summary)]) -> String {
    let mut accounts: Vec<_> = fleet.iter().map(|(_, it)| it.function.account).collect();
    let mut regions: Vec<_> = fleet.iter().map(|(_, it)| &it.function.region).collect();
    accounts.sort_unstable();
    accounts.dedup();
    regions.sort_unstable();
    regions.dedup();
    let counted =
        |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", counted(accounts.len(), "account"), counted(regions.len(), "region"))
}
