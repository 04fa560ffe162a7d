//! What all functions together did in an hour.
//!
//! Totals are made from the functions' rows, which hold every hour that can still change, and by the hour rather than by the
//! block: a row per function and block would cost one more write with every evaluation, and writes are what evaluations
//! cost; reading the rows once a minute costs a fraction of it at any size of fleet.
//!
//! **Invariant.** A total is a function of rows that still hold its hour. Its basis is the sum of what those rows had seen of the
//! hour, so it grows with every change of any row, and of two totals the later is told by it alone.

use std::collections::BTreeMap;

use overtime_wire::Losses;
use serde::{Deserialize, Serialize};

use crate::domain::{
    hour::Hour,
    serial::{Counted, LossesJson},
    summary::Summary,
    view::{Basis, GENERATION},
};

/// An hour of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FleetHour {
    pub counts: Counted,
    /// Timeouts by the word for their cause.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, u64>,
    #[serde(with = "LossesJson")]
    pub losses: Losses,
    /// Functions of which anything was heard.
    pub functions: u64,
    /// Functions that timed out.
    pub timing_out: u64,
    /// Functions that came near their timeout.
    pub near_timeout: u64,
}

/// A total as it stands, or as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetTotal {
    pub hour: Hour,
    pub basis: Basis,
    pub view: FleetHour,
}

/// The totals of the hours from `first` to `last` that anything is known of, oldest first.
pub fn totals<'a>(
    rows: impl IntoIterator<Item = &'a Summary>,
    first: Hour,
    last: Hour,
) -> Vec<FleetTotal> {
    let mut totals = Totals::default();
    for row in rows {
        for (hour, hourly) in row.digest.hours.0.range(first..=last) {
            let (seen, total) = totals.of(*hour);
            *seen += hourly.seen + u64::from(row.basis.generation);
            total.counts.0 += hourly.counts;
            total.losses += hourly.losses;
            total.functions += 1;
            total.timing_out += u64::from(hourly.counts.timeouts > 0);
            total.near_timeout += u64::from(hourly.counts.near_timeouts > 0);
            for (cause, count) in &hourly.causes {
                match total.causes.get_mut(cause) {
                    Some(sum) => *sum += count,
                    None => drop(total.causes.insert(cause.clone(), *count)),
                }
            }
        }
    }
    totals.into_sorted()
}

/// Totals in the making. A fleet has hundreds of thousands of hours, of a few dozen: each is looked for where the last one was found, and
/// a row's hours follow each other.
#[derive(Debug, Default)]
struct Totals {
    hours: Vec<(Hour, u64, FleetHour)>,
    last: usize,
}

impl Totals {
    /// How much was seen of an hour, and what.
    fn of(&mut self, hour: Hour) -> (&mut u64, &mut FleetHour) {
        let is_it = |at: usize| self.hours.get(at).is_some_and(|it| it.0 == hour);
        let near = [self.last + 1, self.last].into_iter().find(|at| is_it(*at));
        let found = near.map_or_else(|| self.hours.binary_search_by_key(&hour, |it| it.0), Ok);
        self.last = found.unwrap_or_else(|at| {
            self.hours.insert(at, (hour, 0, FleetHour::default()));
            at
        });
        let (_, seen, total) = &mut self.hours[self.last];
        (seen, total)
    }

    fn into_sorted(self) -> Vec<FleetTotal> {
        let standing = |(hour, writes, view)| FleetTotal {
            hour,
            basis: Basis { generation: GENERATION, writes },
            view,
        };
        self.hours.into_iter().map(standing).collect()
    }
}
