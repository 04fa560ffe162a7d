//! How the fleet stands by its rows: what comes closest to its timeout, what began to time out only now, what it cost.

use overtime_wire::EpochMillis;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        functions::{
            Order, Row, last_day,
            order::{Place, Sort},
        },
        words::Text,
    },
    domain::{hour::Hour, summary::Summary},
};

/// From which share of the timeout on the slowest hundredth is close to it.
const NEAR_PERCENT: u64 = 80;
/// For how many hours what began to time out is new.
const NEW_HOURS: u32 = 3;
/// How many of what comes closest are named.
const CLOSEST: usize = 8;

/// How the fleet stands, of the last day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// Functions that were heard of.
    pub(crate) functions: u64,
    /// Functions that timed out.
    pub(crate) functions_timing_out: u64,
    /// Functions of which the slowest hundredth of invocations took 80 % of the timeout or more.
    pub(crate) functions_near_timeout: u64,
    /// Functions whose first timeout in more than a day was within the last three hours.
    pub(crate) new_offenders: u64,
    /// Timeouts times the timeout and the memory that their functions are configured with now; null when either is not known
    /// of any of them.
    pub(crate) wasted_gb_seconds: Option<f64>,
}

impl Standing {
    pub(super) fn of(rows: &[Summary], now: EpochMillis) -> Self {
        let (first, last) = (Hour::of(last_day(now)), Hour::of(now));
        let mut standing = Self {
            functions: 0,
            functions_timing_out: 0,
            functions_near_timeout: 0,
            new_offenders: 0,
            wasted_gb_seconds: None,
        };
        for row in rows {
            let hours = row.digest.hours.0.range(first..=last);
            let (mut heard, mut timeouts) = (false, 0);
            for (_, hourly) in hours {
                heard = true;
                timeouts += hourly.counts.timeouts;
            }
            standing.functions += u64::from(heard);
            standing.functions_near_timeout += u64::from(heard && is_near(row));
            if timeouts > 0 {
                standing.functions_timing_out += 1;
                standing.new_offenders += u64::from(is_new(row, last));
                if let Some(wasted) = wasted(row, timeouts) {
                    *standing.wasted_gb_seconds.get_or_insert_default() += wasted;
                }
            }
        }
        standing.wasted_gb_seconds =
            standing.wasted_gb_seconds.map(|it| (it * 10.0).round() / 10.0);
        standing
    }
}

fn is_near(row: &Summary) -> bool {
    let timeout = u64::try_from(row.digest.profile.timeout.as_micros()).unwrap_or(u64::MAX);
    timeout > 0
        && row
            .digest
            .p99_us
            .is_some_and(|it| it.saturating_mul(100) >= timeout.saturating_mul(NEAR_PERCENT))
}

/// Whether all of its timeouts that the row knows of are of the last hours.
fn is_new(row: &Summary, last: Hour) -> bool {
    let first = row.digest.hours.0.iter().find(|(_, it)| it.counts.timeouts > 0);
    first.is_some_and(|(hour, _)| *hour > last.minus(NEW_HOURS))
}

#[expect(clippy::cast_precision_loss, reason = "a sum for people")]
fn wasted(row: &Summary, timeouts: u64) -> Option<f64> {
    let profile = &row.digest.profile;
    let known = profile.memory_mb > 0 && !profile.timeout.is_zero();
    let each = profile.timeout.as_secs_f64() * f64::from(profile.memory_mb) / 1_024.0;
    known.then_some(timeouts as f64 * each)
}

/// What comes closest to its timeout, of what was heard of in the last day.
pub(super) fn closest(rows: &[Summary], now: EpochMillis) -> Vec<Row> {
    let from = last_day(now);
    let order = Order::asked(Some(&Text(Sort::P99OfTimeout)), None);
    let heard = |it: &&Summary| {
        it.digest.p99_us.is_some()
            && !it.digest.profile.timeout.is_zero()
            && it.hours_since(from).next().is_some()
    };
    let mut found: Vec<_> =
        rows.iter().filter(heard).map(|it| (Place::of(it, order, from), it)).collect();
    if found.len() > CLOSEST {
        // Only what is named is put in order, not the fleet.
        found.select_nth_unstable_by(CLOSEST, |(one, _), (other, _)| one.cmp(other));
        found.truncate(CLOSEST);
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.iter().map(|(_, it)| Row::of(it, from)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use overtime_wire::Profile;

    use super::*;
    use crate::{
        domain::{
            ring::{Hourly, Ring},
            summary::{Basis, Digest},
        },
        store::laboratory::{at, function},
    };

    /// A function by its timeouts so many hours ago, and the share of its three seconds that it takes.
    fn row(name: &str, timed_out: &[(u32, u64)], percent: u64) -> Summary {
        let newest = Hour::of(at(0));
        let hours = timed_out.iter().map(|(ago, timeouts)| {
            let mut hourly = Hourly { seen: 1, ..Hourly::default() };
            hourly.counts.timeouts = *timeouts;
            (newest.minus(*ago), hourly)
        });
        let profile =
            Profile { memory_mb: 512, timeout: Duration::from_secs(3), ..Profile::default() };
        let digest = Digest {
            hours: Ring(hours.collect()),
            profile,
            p99_us: Some(percent * 30_000),
            ..Digest::default()
        };
        let basis = Basis { generation: 1, newest, writes: 1 };
        Summary { function: function(name), basis, digest: digest.into() }
    }

    #[test]
    fn what_is_new_close_and_wasted() {
        let rows = [
            row("calm", &[(0, 0)], 10),
            row("close", &[(5, 0)], 80),
            row("new", &[(2, 1), (9, 0)], 50),
            row("old", &[(1, 2), (26, 1)], 79),
        ];
        let standing = Standing::of(&rows, at(0));
        assert_eq!((standing.functions, standing.functions_timing_out), (4, 2));
        assert_eq!((standing.functions_near_timeout, standing.new_offenders), (1, 1));
        assert_eq!(standing.wasted_gb_seconds, Some(4.5));
        let names: Vec<_> = closest(&rows, at(0)).iter().map(|it| it.name.0.to_string()).collect();
        assert_eq!(names, ["close", "old", "new", "calm"]);
        assert_eq!(Standing::of(&[], at(0)).wasted_gb_seconds, None);
    }
}
