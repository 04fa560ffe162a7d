//! The share of a window's invocations that timed out, when not all of them are known yet.
//!
//! Timeouts come at once; what did not time out comes with a tally. An environment sends its tally when a minute has passed and 20
//! invocations are new, at least once a minute for a quarter of an hour after a timeout, and else after 15 minutes. So two minutes
//! after a minute has ended ([`SETTLES`]) each environment may still keep 19 invocations back, and nothing else: those that may be
//! missing are counted in, as many as there were in as long a window a quarter of an hour earlier, but no more than 19 for
//! each environment that there was. A function whose calls go on as before is so not accused by the tallies that have not come; one
//! whose calls all time out, in environments that are called often, is found out although it is called less than before.
//!
//! What follows: where nothing was known before — many environments that start at the same moment and are called less than 20 times
//! a minute each — timeouts may be told of by a share that later tallies lower. `min_invocations` is asked of what is known, timeouts
//! among it. An environment that keeps its counts longer (`OVERTIME_FLUSH_INTERVAL`) is judged by what it told.

use std::time::Duration;

use overtime_wire::EpochMillis;

use crate::domain::alert::{
    level::{Minutes, SETTLES},
    measure::{Measure, percent, seconds},
};

/// How long an environment may keep its counts.
const KEEPS: Duration = Duration::from_mins(15);
/// How many invocations an environment may keep for longer than [`SETTLES`].
const KEEPS_MAX: u64 = 19;

/// What is measured of the window that ends with `end` if the share is reached.
pub(in crate::domain::alert) fn reached(
    (share, window): (f64, Duration),
    enough: u64,
    minutes: &Minutes<'_>,
    end: EpochMillis,
) -> Option<Measure> {
    let (begin, past) = (end.minus(window), minutes.past);
    let (earlier_begin, earlier_end) = (begin.minus(KEEPS), end.minus(KEEPS));
    if !past.covers(earlier_begin, end) {
        return None;
    }
    let timeouts = minutes.asked_between(begin, end);
    let known = minutes.timeouts_between(begin, end) + past.rest_between(begin, end);
    let earlier = minutes.timeouts_between(earlier_begin, earlier_end)
        + past.rest_between(earlier_begin, earlier_end);
    let environments = past.quarters_between(earlier_begin, earlier_end).map(|it| it.incarnations);
    let kept = environments.max().unwrap_or(0).saturating_mul(KEEPS_MAX);
    let invocations = known.max(earlier.min(known.saturating_add(kept)));
    let reached = timeouts > 0 && known >= enough && percent(timeouts, invocations) >= share;
    reached.then(|| Measure::Rate { timeouts, invocations, window_s: seconds(window) })
}

/// How far back it looks from the end of a window, besides the window.
pub(in crate::domain::alert) const LOOKS_BACK: Duration = KEEPS.saturating_add(SETTLES);
