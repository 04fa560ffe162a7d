//! Durations that come close to the configured timeout.
//!
//! They are known by the quarter of an hour: a window is made of the quarters that it reaches into, so up to 15 minutes more than
//! asked for are looked at, and M of N minutes that lie in the same quarters hold alike. Invocations that timed out are not among
//! them: that they did is said by other conditions. The timeout is the one that the newest of the quarters was configured
//! with; where none is known nothing is judged.

use std::time::Duration;

use overtime_wire::EpochMillis;

use super::past::Past;
use crate::domain::{
    alert::measure::{Measure, seconds},
    configuration::Statistic,
    durations::Sketch,
};

/// Most requests that are named.
const REQUESTS_MAX: usize = 5;

/// What is measured of the window that ends with `end` if the share of the timeout is reached.
pub(in crate::domain::alert) fn reached(
    (ratio, statistic, window): (f64, Statistic, Duration),
    enough: u64,
    past: &Past,
    end: EpochMillis,
) -> Option<Measure> {
    let begin = end.minus(window);
    if !past.covers(begin, end) {
        return None;
    }
    let quarters = || past.quarters_between(begin, end);
    let mut durations = Sketch::default();
    quarters().for_each(|it| durations.merge(&it.durations));
    let configured = quarters().filter(|it| !it.timeout.is_zero());
    let timeout = configured.max_by_key(|it| it.block)?.timeout;
    let reached = match statistic {
        Statistic::P50 => durations.quantile(0.5),
        Statistic::P95 => durations.quantile(0.95),
        Statistic::P99 => durations.quantile(0.99),
        Statistic::Max => durations.max(),
    }?;
    let invocations = durations.count();
    if invocations < enough || reached < timeout.mul_f64(ratio) {
        return None;
    }
    let requests = quarters().flat_map(|it| &it.near).take(REQUESTS_MAX).cloned();
    Some(Measure::Near {
        statistic: statistic.as_str().to_owned(),
        reached_ms: millis(reached),
        timeout_ms: millis(timeout),
        invocations,
        window_s: seconds(window),
        requests: requests.collect(),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
