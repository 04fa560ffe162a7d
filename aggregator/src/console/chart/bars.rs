//! Counts over time as bars, with a table behind them.

use std::time::Duration;

use overtime_wire::EpochMillis;

use crate::console::{figures::grouped, look::Zone};

const HEIGHT: u64 = 100;
const STEP: usize = 10;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// What a step of time brought; `None` when nothing was seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at: EpochMillis,
    pub(crate) counted: Option<(u64, u64)>,
}

/// Bars of timeouts, oldest first.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) steps: Vec<Bar>,
    pub(crate) width: usize,
    /// How many timeouts the worst step had.
    pub(crate) most: u64,
    /// When the range begins and ends, and three instants between.
    pub(crate) ticks: Vec<String>,
    /// What a bar stands for.
    pub(crate) each: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) y: u64,
    pub(crate) height: u64,
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) words: String,
    pub(crate) timeouts: Option<String>,
    pub(crate) invocations: Option<String>,
}

impl Bars {
    /// Steps of one length, each a bar.
    pub(crate) fn of(steps: &[Step], length: Duration, zone: &Zone) -> Self {
        let most = steps.iter().filter_map(|it| it.counted).map(|(it, _)| it).max().unwrap_or(0);
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let daily = length_ms >= DAY_MS;
        let several_days = length_ms.saturating_mul(steps.len() as u64) > 2 * DAY_MS;
        let pattern = match (daily, several_days) {
            (true, _) => "%-d %b",
            (false, true) => "%-d %b, %H:%M",
            (false, false) => "%H:%M",
        };
        let name = |at| zone.write(at, pattern);
        let bars = steps.iter().enumerate();
        Self {
            steps: bars.map(|(at, step)| Bar::of((at, step), most, name(step.at))).collect(),
            width: (steps.len() * STEP).max(1),
            most,
            ticks: ticks(steps, length).into_iter().map(name).collect(),
            each: if daily { "day" } else { "hour" },
        }
    }
}

/// Five instants, evenly from the beginning to the end.
fn ticks(steps: &[Step], length: Duration) -> Vec<EpochMillis> {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Vec::new() };
    let (from, to) = (first.at, last.at.plus(length));
    (0..=4).map(|it| EpochMillis(from.0 + (to.0 - from.0) * it / 4)).collect()
}

impl Bar {
    fn of((at, step): (usize, &Step), most: u64, name: String) -> Self {
        let timeouts = step.counted.map(|(timeouts, _)| timeouts);
        let (height, class) = match timeouts {
            None => (HEIGHT, "unseen"),
            Some(0) => (1, "calm"),
            Some(count) => ((count * HEIGHT).div_ceil(most.max(1)).max(3), "bad"),
        };
        let words = match step.counted {
            None => format!("{name}: no data"),
            Some((timeouts, invocations)) => {
                format!("{name}: {} of {} timed out", grouped(timeouts), grouped(invocations))
            }
        };
        Self {
            x: at * STEP + 1,
            y: HEIGHT - height,
            height,
            class,
            name,
            words,
            timeouts: timeouts.map(grouped),
            invocations: step.counted.map(|(_, invocations)| grouped(invocations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_and_no_timeouts_look_and_read_differently() {
        let hour = |number: i64, counted| Step { at: EpochMillis(number * 3_600_000), counted };
        let steps = [hour(0, None), hour(1, Some((0, 8))), hour(2, Some((3, 1_200)))];
        let bars = Bars::of(&steps, Duration::from_hours(1), &Zone::default());
        let told: Vec<_> =
            bars.steps.iter().map(|it| (it.class, it.height, it.words.as_str())).collect();
        let expected = [
            ("unseen", 100, "00:00: no data"),
            ("calm", 1, "01:00: 0 of 8 timed out"),
            ("bad", 100, "02:00: 3 of 1,200 timed out"),
        ];
        assert_eq!((told.as_slice(), bars.most, bars.each), (expected.as_slice(), 3, "hour"));
        assert_eq!(bars.ticks, ["00:00", "00:45", "01:30", "02:15", "03:00"]);
    }

    #[test]
    fn days_have_dates_and_nothing_has_no_ticks() {
        let day =
            |number: i64| Step { at: EpochMillis(number * 86_400_000), counted: Some((1, 1)) };
        let bars = Bars::of(&[day(0), day(1)], Duration::from_hours(24), &Zone::default());
        assert_eq!((bars.steps[1].name.as_str(), bars.each), ("2 Jan", "day"));
        assert!(Bars::of(&[], Duration::from_hours(1), &Zone::default()).ticks.is_empty());
    }
}
