//! How high a duration stands in a chart: on a linear scale where what is drawn is of one size, else on a logarithmic one.
//!
//! People compare with the timeout, so a linear scale is what they expect. But where the slowest invocations take a hundredth of
//! their timeout, they would all lie on the ground of it.

use std::time::Duration;

use crate::domain::words;

/// From no height to the full one, in pixels from the top down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    Linear { top_ms: f64 },
    Logarithmic { bottom_ms: f64, top_ms: f64 },
}

/// A line across a chart with what it stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) y: String,
    /// Where its label stands, just above it.
    pub(crate) label_y: String,
    pub(crate) label: String,
}

/// What lines may stand for, in milliseconds.
const WHOLE_MS: [u32; 25] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000,
    120_000, 180_000, 300_000, 420_000, 600_000, 720_000, 900_000, 1_200_000, 1_800_000,
];
/// What lines of a logarithmic scale stand for.
const POWERS_MS: [u32; 8] = [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 900_000];
/// Most lines across a linear chart, besides the ground.
const LINES_MAX: f64 = 4.0;

impl Scale {
    /// For what is drawn: the timeouts, and the shortest and longest quantile.
    pub(crate) fn of(timeout_ms: Option<f64>, (least, most): (Option<f64>, Option<f64>)) -> Self {
        let highest = timeout_ms.unwrap_or(0.0).max(most.unwrap_or(0.0)).max(1.0);
        match (timeout_ms, least, most) {
            (Some(timeout), Some(least), Some(most)) if most < timeout / 10.0 => {
                let bottom_ms = (least / 2.0).max(0.5);
                Self::Logarithmic { bottom_ms, top_ms: highest * 2.0 }
            }
            _ => Self::Linear { top_ms: highest * 1.15 },
        }
    }

    pub(crate) fn is_logarithmic(self) -> bool {
        matches!(self, Self::Logarithmic { .. })
    }

    /// From the top down, in pixels with a tenth, of a chart so high.
    pub(crate) fn y(self, ms: f64, height: f64) -> String {
        let share = match self {
            Self::Linear { top_ms } => ms / top_ms,
            Self::Logarithmic { bottom_ms, top_ms } => {
                (ms.max(bottom_ms) / bottom_ms).ln() / (top_ms / bottom_ms).ln()
            }
        };
        let y = format!("{:.1}", (1.0 - share.clamp(0.0, 1.0)) * height);
        y.trim_end_matches(".0").to_owned()
    }

    /// The lines across it, lowest first, without the ground; moved down by so many pixels.
    pub(crate) fn lines(self, (top, height): (f64, f64)) -> Vec<Line> {
        let line = |ms: f64| {
            let y = self.y(ms, height).parse::<f64>().unwrap_or(0.0) + top;
            Line {
                y: format!("{y:.1}"),
                label_y: format!("{:.1}", y - 4.0),
                label: words::duration(Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()),
            }
        };
        match self {
            Self::Linear { top_ms } => {
                let step =
                    WHOLE_MS.into_iter().map(f64::from).find(|it| top_ms / it < LINES_MAX + 1.0);
                let step = step.unwrap_or(3_600_000.0);
                let multiples = std::iter::successors(Some(step), |it| Some(it + step));
                multiples.take_while(|it| *it <= top_ms).take(8).map(line).collect()
            }
            Self::Logarithmic { bottom_ms, top_ms } => {
                let within = |it: &f64| *it > bottom_ms && *it <= top_ms;
                POWERS_MS.into_iter().map(f64::from).filter(within).map(line).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(timeout_ms: Option<f64>, quantiles: (Option<f64>, Option<f64>), expected: Expect) {
        let scale = Scale::of(timeout_ms, quantiles);
        let lines: Vec<_> = scale
            .lines((0.0, 100.0))
            .into_iter()
            .map(|it| format!("{} {}", it.y, it.label))
            .collect();
        expected.assert_eq(&format!("{}: {}", scale.is_logarithmic(), lines.join(" | ")));
    }

    #[test]
    fn what_is_of_one_size_is_drawn_as_it_is() {
        check(
            Some(3_000.0),
            (Some(20.0), Some(2_800.0)),
            expect!["false: 71.0 1 s | 42.0 2 s | 13.0 3 s"],
        );
        check(
            Some(900_000.0),
            (Some(20.0), Some(200_000.0)),
            expect!["false: 71.0 5 min | 42.0 10 min | 13.0 15 min"],
        );
        check(None, (Some(20.0), Some(90.0)), expect!["false: 51.7 50 ms | 3.4 100 ms"]);
        check(None, (None, None), expect!["false: 13.0 1 ms"]);
    }

    #[test]
    fn what_is_far_below_its_timeout_is_still_seen() {
        check(
            Some(900_000.0),
            (Some(3.0), Some(180.0)),
            expect![
                "true: 86.4 10 ms | 70.0 100 ms | 53.5 1 s | 37.1 10 s | 24.3 1 min | 7.8 10 min | 5.0 15 min"
            ],
        );
        let scale = Scale::of(Some(900_000.0), (Some(3.0), Some(180.0)));
        let heights = [0.0, 3.0, 180.0, 900_000.0, 9e9].map(|it| scale.y(it, 100.0));
        expect!["100 95 65.8 5 0"].assert_eq(&heights.join(" "));
    }
}
