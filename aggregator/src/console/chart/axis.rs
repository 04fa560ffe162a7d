//! Where instants lie across a chart, and what they are called there.
//!
//! Charts are as wide as the page lets them be, so nothing across them is measured in pixels: a place is a share of the width, which
//! SVG takes as it is. Ticks stand where people expect them by their own clock: on whole quarters, hours and midnights of the zone.

use std::{fmt, time::Duration};

use overtime_wire::EpochMillis;

use crate::console::look::Zone;

/// A time, cut into equal steps, by somebody's clock.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    from: EpochMillis,
    to: EpochMillis,
    step: Duration,
    zone: Zone,
}

/// A share of the width, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Across(u32);

/// A label under a chart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) x: Across,
    pub(crate) label: String,
    /// Which end of the label stands at `x`.
    pub(crate) anchor: &'static str,
    /// Whether the label may give way where there is little room.
    pub(crate) minor: bool,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// How far apart ticks may stand, in minutes.
const SPACINGS: [i64; 15] =
    [1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1_440, 2_880, 10_080, 40_320];
/// Most ticks under a chart.
const TICKS_MAX: i64 = 8;

impl Across {
    pub(crate) const END: Self = Self(10_000);

    /// So many of so many.
    pub(crate) fn of(part: i64, whole: i64) -> Self {
        let share = part.max(0).saturating_mul(10_000).checked_div(whole.max(1)).unwrap_or(0);
        Self(u32::try_from(share).unwrap_or(10_000).min(10_000))
    }

    /// In a coordinate system that is a thousand wide.
    pub(crate) fn thousandths(self) -> String {
        decimal(self.0, 10, 1)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self((self.0 + other.0).min(10_000))
    }

    /// From another place to this one.
    pub(crate) fn since(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Half of it.
    pub(crate) fn half(self) -> Self {
        Self(self.0 / 2)
    }
}

/// As percent, without the sign.
impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0, 100, 2))
    }
}

/// With as many decimals as it needs.
fn decimal(number: u32, unit: u32, places: usize) -> String {
    let text = format!("{}.{:0places$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Axis {
    pub(crate) fn new((from, to): (EpochMillis, EpochMillis), step: Duration, zone: &Zone) -> Self {
        Self { from, to, step, zone: zone.clone() }
    }

    pub(crate) fn place(&self, at: EpochMillis) -> Across {
        Across::of(at.0 - self.from.0, self.to.0 - self.from.0)
    }

    /// How wide a step is.
    pub(crate) fn width(&self) -> Across {
        let step = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX);
        Across::of(step, self.to.0 - self.from.0)
    }

    pub(crate) fn step(&self) -> Duration {
        self.step
    }

    /// An instant that is no step's: always with its time.
    pub(crate) fn moment(&self, at: EpochMillis) -> String {
        self.write(at, "%-d %b, %H:%M")
    }

    pub(crate) fn covers(&self, at: EpochMillis) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// What a step is called that begins then: `30 Nov, 14:15`, or its day alone where a step is a day.
    pub(crate) fn name(&self, at: EpochMillis) -> String {
        let by_day = self.step >= Duration::from_hours(24);
        self.write(at, if by_day { "%-d %b" } else { "%-d %b, %H:%M" })
    }

    /// The labels under it.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let length = self.to.0 - self.from.0;
        let fits = |it: &i64| length / (it * MINUTE_MS) < TICKS_MAX;
        let spacing = SPACINGS.into_iter().find(fits).unwrap_or(40_320 * 13) * MINUTE_MS;
        let mut ticks = Vec::new();
        let mut at = self.whole(self.from, spacing);
        while at < self.to {
            ticks.push(self.tick(at, spacing, ticks.len() % 2 == 1));
            at = self.whole(EpochMillis(at.0 + spacing / 2), spacing);
        }
        ticks
    }

    fn tick(&self, at: EpochMillis, spacing: i64, minor: bool) -> Tick {
        let x = self.place(at);
        let is_midnight = self.local(at).rem_euclid(DAY_MS) == 0;
        let by_day = spacing >= DAY_MS || is_midnight;
        let label = self.write(at, if by_day { "%-d %b" } else { "%H:%M" });
        let anchor = match x.0 {
            0..400 => "start",
            400..=9_600 => "middle",
            _ => "end",
        };
        Tick { x, label, anchor, minor }
    }

    /// The next instant, from this one on, that is whole by the zone's clock. Clocks that are put forward or back shift it.
    fn whole(&self, at: EpochMillis, spacing: i64) -> EpochMillis {
        let beyond = self.local(at).rem_euclid(spacing);
        EpochMillis(if beyond == 0 { at.0 } else { at.0 + spacing - beyond })
    }

    /// Milliseconds since 1970 by the zone's clock.
    fn local(&self, at: EpochMillis) -> i64 {
        at.0 + self.zone.offset_ms(at)
    }

    fn write(&self, at: EpochMillis, pattern: &str) -> String {
        self.zone.write(at, pattern)
    }

    /// Whose clock it is.
    pub(crate) fn zone(&self) -> &str {
        self.zone.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// 1 November 2026, midnight in UTC.
    const MIDNIGHT: EpochMillis = EpochMillis(1_793_491_200_000);

    #[track_caller]
    fn check(hours: u64, zone: &str, expected: Expect) {
        let from = MIDNIGHT.plus(Duration::from_mins(7));
        let zone: Zone = zone.parse().unwrap();
        let to = from.plus(Duration::from_hours(hours));
        let axis = Axis::new((from, to), Duration::from_mins(15), &zone);
        let ticks: Vec<_> =
            axis.ticks().into_iter().map(|it| format!("{} {}", it.x, it.label)).collect();
        expected.assert_eq(&ticks.join(" | "));
    }

    #[test]
    fn ticks_stand_where_the_zones_clock_is_whole() {
        check(
            1,
            "UTC",
            expect!["5 00:10 | 21.66 00:20 | 38.33 00:30 | 55 00:40 | 71.66 00:50 | 88.33 01:00"],
        );
        check(
            24,
            "UTC",
            expect![
                "16.18 04:00 | 32.84 08:00 | 49.51 12:00 | 66.18 16:00 | 82.84 20:00 | 99.51 2 Nov"
            ],
        );
        check(
            24,
            "Asia/Kolkata",
            expect![
                "9.93 08:00 | 26.59 12:00 | 43.26 16:00 | 59.93 20:00 | 76.59 2 Nov | 93.26 04:00"
            ],
        );
        check(
            24 * 30,
            "America/Los_Angeles",
            expect!["14.28 4 Nov | 37.76 12 Nov | 61.09 19 Nov | 84.42 26 Nov"],
        );
    }

    #[test]
    fn a_place_is_a_share_of_the_width() {
        let to = MIDNIGHT.plus(Duration::from_hours(24));
        let axis = Axis::new((MIDNIGHT, to), Duration::from_mins(15), &Zone::default());
        let at = MIDNIGHT.plus(Duration::from_mins(15));
        assert_eq!(
            (axis.place(at).to_string(), axis.width().to_string()),
            ("1.04".into(), "1.04".into())
        );
        assert_eq!(axis.place(at).thousandths(), "10.4");
        assert_eq!(axis.place(MIDNIGHT.minus(Duration::from_hours(1))), Across(0));
        assert_eq!(axis.place(to.plus(Duration::from_hours(1))), Across::END);
        assert_eq!(axis.name(at), "1 Nov, 00:15");
    }
}
