//! Timeouts by the hour, as shapes: a sparkline in a row, bars for the fleet.
//!
//! Strict style policies forbid inline styles, so every size is an SVG attribute. An hour without data is a gap with a dot,
//! an hour without timeouts a short line on the ground: "nothing was seen" and "nothing happened" must not look alike.

use std::fmt::Write as _;

use overtime_wire::{Counts, EpochMillis};

use super::moment;
use crate::domain::{hour::Hour as Number, summary::Summary};

/// How many hours are shown, the current one included.
pub(super) const HOURS: u32 = 24;
const HOUR_MS: i64 = 3_600_000;

/// What an hour brought; `None` when nothing was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hour {
    pub(super) number: u32,
    pub(super) counts: Option<Counts>,
}

/// The last day of these functions together, oldest first.
pub(super) fn hours<'a>(
    fleet: impl IntoIterator<Item = &'a Summary>,
    now: EpochMillis,
) -> Vec<Hour> {
    let last = u32::try_from(now.0.div_euclid(HOUR_MS)).unwrap_or(0);
    let first = last.saturating_sub(HOURS - 1);
    let mut hours: Vec<_> = (first..=last).map(|number| Hour { number, counts: None }).collect();
    for summary in fleet {
        let range = Number::from_number(first)..=Number::from_number(last);
        for (number, hourly) in summary.digest.hours.0.range(range) {
            let at = number.number().checked_sub(first).and_then(|it| usize::try_from(it).ok());
            let Some(at) = at else { continue };
            *hours[at].counts.get_or_insert_default() += hourly.counts;
        }
    }
    hours
}

/// A row's day in three paths: hours unseen, hours without timeouts, hours with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spark {
    pub(super) unseen: String,
    pub(super) calm: String,
    pub(super) bad: String,
    /// The same in words.
    pub(super) words: String,
}

const SPARK_STEP: usize = 4;
const SPARK_HEIGHT: u64 = 20;

pub(super) fn spark(hours: &[Hour]) -> Spark {
    let most = worst(hours).max(1);
    let mut spark = Spark { words: words(hours), ..Spark::default() };
    for (at, hour) in hours.iter().enumerate() {
        let x = at * SPARK_STEP + SPARK_STEP / 2;
        let timeouts = hour.counts.map(|it| it.timeouts);
        let (path, height) = match timeouts {
            None => (&mut spark.unseen, 1),
            Some(0) => (&mut spark.calm, 2),
            Some(count) => (&mut spark.bad, (count * SPARK_HEIGHT).div_ceil(most).max(4)),
        };
        // Writing into a string does not fail.
        let _ = write!(path, "M{x} {SPARK_HEIGHT}v-{height}");
    }
    spark
}

/// A bar of the fleet's chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) class: &'static str,
    pub(super) words: String,
    /// Under the bar; most hours have none.
    pub(super) label: Option<String>,
    /// Whether the label may give way where there is little room.
    pub(super) third: bool,
    pub(super) hour: String,
    pub(super) timeouts: Option<u64>,
    pub(super) invocations: Option<u64>,
}

const BAR_HEIGHT: u64 = 100;

/// The fleet's day, and how many timeouts its worst hour had.
pub(super) fn bars(hours: &[Hour]) -> (Vec<Bar>, u64) {
    let most = worst(hours).max(1);
    let bar = |(at, hour): (usize, &Hour)| {
        let timeouts = hour.counts.map(|it| it.timeouts);
        let (height, class) = match timeouts {
            None => (BAR_HEIGHT, "unseen"),
            Some(0) => (1, "calm"),
            Some(count) => ((count * BAR_HEIGHT).div_ceil(most).max(3), "bad"),
        };
        let name = moment::hour(hour.number);
        Bar {
            x: at * 10,
            y: BAR_HEIGHT - height,
            height,
            class,
            words: match timeouts {
                None => format!("{name}: no data"),
                Some(1) => format!("{name}: 1 timeout"),
                Some(count) => format!("{name}: {count} timeouts"),
            },
            label: hour.number.is_multiple_of(3).then(|| name.clone()),
            third: !hour.number.is_multiple_of(6),
            hour: name,
            timeouts,
            invocations: hour.counts.map(|it| it.invocations),
        }
    };
    (hours.iter().enumerate().map(bar).collect(), worst(hours))
}

fn worst(hours: &[Hour]) -> u64 {
    hours.iter().filter_map(|it| it.counts).map(|it| it.timeouts).max().unwrap_or(0)
}

fn words(hours: &[Hour]) -> String {
    let seen: Vec<_> =
        hours.iter().filter_map(|it| it.counts.map(|counts| (it, counts.timeouts))).collect();
    let total: u64 = seen.iter().map(|(_, count)| count).sum();
    let worst = seen.iter().filter(|(_, count)| *count > 0).max_by_key(|(_, count)| count);
    let data = format!("data for {} of {} hours", seen.len(), hours.len());
    match worst {
        Some((hour, count)) => {
            format!(
                "Timeouts by hour: {total}, most at {} ({count}); {data}",
                moment::hour(hour.number)
            )
        }
        None => format!("No timeouts; {data}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn hour(number: u32, timeouts: Option<u64>) -> Hour {
        let counts = timeouts.map(|timeouts| Counts { timeouts, ..Counts::default() });
        Hour { number, counts }
    }

    #[test]
    fn no_data_and_no_timeouts_look_and_read_differently() {
        let spark = spark(&[hour(0, None), hour(1, Some(0)), hour(2, Some(3)), hour(3, Some(1))]);
        expect!["M2 20v-1 | M6 20v-2 | M10 20v-20M14 20v-7"]
            .assert_eq(&format!("{} | {} | {}", spark.unseen, spark.calm, spark.bad));
        expect!["Timeouts by hour: 4, most at 02:00 (3); data for 3 of 4 hours"]
            .assert_eq(&spark.words);
        let (bars, most) = bars(&[hour(0, None), hour(1, Some(0)), hour(2, Some(3))]);
        let told: Vec<_> = bars.iter().map(|it| (it.class, it.words.as_str())).collect();
        let expected = [
            ("unseen", "00:00: no data"),
            ("calm", "01:00: 0 timeouts"),
            ("bad", "02:00: 3 timeouts"),
        ];
        assert_eq!((told.as_slice(), most), (expected.as_slice(), 3));
    }
}
