//! Points as a line of text, for the tests of charts: a quarter of an hour each.

use std::time::Duration;

use overtime_wire::EpochMillis;

use super::axis::Axis;
use crate::{
    api::{
        series::Point,
        shapes::{Counted, Quantiles, Shares},
        words::Text,
    },
    console::look::Zone,
};

/// 1 November 2026, midnight in UTC.
pub(crate) const MIDNIGHT: EpochMillis = EpochMillis(1_793_491_200_000);
const STEP: Duration = Duration::from_mins(15);

/// One word a step: `.` is nothing heard, `TIMEOUTS/INVOCATIONS` something, and `TIMEOUTS/INVOCATIONS@P99` with a p99 in
/// milliseconds, of which p95 is half and p50 a tenth; `:TIMEOUT` at its end is what was configured, in milliseconds.
pub(crate) fn points(steps: &str) -> Vec<Point> {
    let at = |step: u32| MIDNIGHT.plus(STEP * step);
    (0..).zip(steps.split(' ')).map(|(step, text)| point(at(step), text)).collect()
}

fn point(at: EpochMillis, text: &str) -> Point {
    let (text, timeout) = text.split_once(':').unwrap_or((text, ""));
    let (text, p99) = text.split_once('@').unwrap_or((text, ""));
    let counts = text.split_once('/').map(|(timeouts, invocations)| Counted {
        timeouts: timeouts.parse().unwrap(),
        invocations: invocations.parse().unwrap(),
        ..Counted::default()
    });
    let p99: Option<f64> = p99.parse().ok();
    let duration_ms = Quantiles {
        p50: p99.map(|it| it / 10.0),
        p95: p99.map(|it| it / 2.0),
        p99,
        max: p99.map(|it| it + 1.0),
    };
    let timeout_ms: Option<u64> = timeout.parse().ok();
    let timeout = Duration::from_millis(timeout_ms.unwrap_or(0));
    let duration_of_timeout = Shares::of(duration_ms, timeout);
    Point { at: Text(at), counts, duration_ms, timeout_ms, duration_of_timeout }
}

pub(crate) fn axis(points: &[Point]) -> Axis {
    let to = MIDNIGHT.plus(STEP * u32::try_from(points.len()).unwrap());
    Axis::new((MIDNIGHT, to), STEP, &Zone::default())
}

/// So many steps after midnight.
pub(crate) fn step(number: u32) -> EpochMillis {
    MIDNIGHT.plus(STEP * number)
}
