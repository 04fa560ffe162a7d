//! How long invocations took against the timeout they had: p50, p95, p99, and a line for what was configured then.
//!
//! Each value stands for its whole step, so a lonely one is a dash and not an invisible point, and nothing is drawn between steps of
//! which nothing is known. The three differ by their dashes as well as by their colour.

use std::fmt::Write as _;

use askama::Template;

use super::{
    axis::{Across, Axis, Tick},
    ground::{Change, Gap, Mark, gaps, marks},
    scale::{Line, Scale},
    text::millis,
};
use crate::{api::series::Point, domain::words};

/// The chart, ready to be written.
#[derive(Debug, Template)]
#[template(path = "part/chart/percentiles.html")]
pub(crate) struct Percentiles {
    id: &'static str,
    caption: String,
    zone: String,
    logarithmic: bool,
    p50: String,
    p95: String,
    p99: String,
    timeout: String,
    labels: Vec<Label>,
    lines: Vec<Line>,
    ticks: Vec<Tick>,
    gaps: Vec<Gap>,
    marks: Vec<Mark>,
    rows: Vec<Row>,
}

/// What a stretch of the timeout's line stands for.
#[derive(Debug)]
struct Label {
    x: Across,
    y: String,
    text: String,
    /// Which end of the text stands at `x`: towards the end there is no room after it.
    anchor: &'static str,
}

/// A step, in words.
#[derive(Debug)]
struct Row {
    x: Across,
    width: Across,
    name: String,
    is_known: bool,
    p50: Option<String>,
    p95: Option<String>,
    p99: Option<String>,
    max: Option<String>,
    timeout: Option<String>,
    words: String,
}

/// Where the panel begins, and how high it is, in pixels.
const TOP: f64 = 20.0;
const HEIGHT: f64 = 180.0;
/// From where to where across, and how many milliseconds.
type Stretch = ((Across, Across), f64);

impl Percentiles {
    pub(crate) fn of(axis: &Axis, points: &[Point], changes: &[Change]) -> Self {
        let timeouts = configured(points);
        let highest = timeouts.iter().flatten().copied().reduce(f64::max);
        let quantiles = |of: fn(&Point) -> Option<f64>| points.iter().filter_map(of);
        let least = quantiles(|it| it.duration_ms.p50).reduce(f64::min);
        let most = quantiles(|it| it.duration_ms.p99).reduce(f64::max);
        let scale = Scale::of(highest, (least, most));
        let path = |values: &[Option<f64>]| path(&stretches(axis, points, values), scale);
        let of = |of: fn(&Point) -> Option<f64>| path(&points.iter().map(of).collect::<Vec<_>>());
        Self {
            id: "percentiles",
            caption: caption(axis, points),
            zone: axis.zone().to_owned(),
            logarithmic: scale.is_logarithmic(),
            p50: of(|it| it.duration_ms.p50),
            p95: of(|it| it.duration_ms.p95),
            p99: of(|it| it.duration_ms.p99),
            timeout: path(&timeouts),
            labels: labels(&stretches(axis, points, &timeouts), scale),
            lines: scale.lines((TOP, HEIGHT)),
            ticks: axis.ticks(),
            gaps: gaps(axis, points.iter().map(|it| (it.at.0, it.counts.is_some()))),
            marks: marks(axis, changes),
            rows: points.iter().map(|it| Row::of(axis, it)).collect(),
        }
    }
}

/// The timeout of each step. What was configured goes on until something else is said; before it was ever said it is not known.
fn configured(points: &[Point]) -> Vec<Option<f64>> {
    let mut known = None;
    let timeouts = points.iter().map(|it| {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of at most fifteen minutes")]
        let said = it.timeout_ms.map(|it| it as f64);
        known = said.or(known);
        known
    });
    timeouts.collect()
}

/// Values with where their steps lie, in pieces that hang together.
fn stretches(axis: &Axis, points: &[Point], values: &[Option<f64>]) -> Vec<Vec<Stretch>> {
    let mut pieces: Vec<Vec<Stretch>> = vec![Vec::new()];
    for (point, value) in points.iter().zip(values) {
        let x = axis.place(point.at.0);
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => piece.push(((x, x.plus(axis.width())), *value)),
            (None, Some(piece)) if piece.is_empty() => {}
            (None, _) => pieces.push(Vec::new()),
            (Some(_), None) => {}
        }
    }
    pieces.retain(|it| !it.is_empty());
    pieces
}

/// Across each step, then up or down to the next.
fn path(pieces: &[Vec<Stretch>], scale: Scale) -> String {
    let mut path = String::new();
    for piece in pieces {
        let mut last = None;
        for ((from, to), ms) in piece {
            let y = scale.y(*ms, HEIGHT);
            // Writing into a string does not fail.
            let _ = match &last {
                None => write!(path, "M{} {y}H{}", from.thousandths(), to.thousandths()),
                Some(before) if *before == y => write!(path, "H{}", to.thousandths()),
                Some(_) => write!(path, "V{y}H{}", to.thousandths()),
            };
            last = Some(y);
        }
    }
    path
}

/// A label for each value that the timeout had, where it begins.
fn labels(pieces: &[Vec<Stretch>], scale: Scale) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    for ((x, _), ms) in pieces.iter().flatten() {
        let text = format!("timeout {}", millis(*ms));
        if labels.last().is_some_and(|it| it.text == text) {
            continue;
        }
        let y = scale.y(*ms, HEIGHT).parse::<f64>().unwrap_or(0.0) + TOP - 5.0;
        let anchor = if *x > Across::of(80, 100) { "end" } else { "start" };
        labels.push(Label { x: *x, y: format!("{y:.1}"), text, anchor });
    }
    labels
}

impl Row {
    fn values(&self) -> [&Option<String>; 5] {
        [&self.p50, &self.p95, &self.p99, &self.max, &self.timeout]
    }

    fn of(axis: &Axis, point: &Point) -> Self {
        let quantiles = point.duration_ms;
        let [p50, p95, p99, max] =
            [quantiles.p50, quantiles.p95, quantiles.p99, quantiles.max].map(|it| it.map(millis));
        let timeout =
            point.timeout_ms.map(|it| words::duration(std::time::Duration::from_millis(it)));
        let name = axis.name(point.at.0);
        let words = match (&p50, &p95, &p99) {
            (Some(p50), Some(p95), Some(p99)) => format!("{name}: p50 {p50}, p95 {p95}, p99 {p99}"),
            _ if point.counts.is_some() => format!("{name}: none ended by itself"),
            _ => format!("{name}: no data"),
        };
        let of = timeout.as_ref().map(|it| format!(", timeout {it}")).unwrap_or_default();
        Self {
            x: axis.place(point.at.0),
            width: axis.width(),
            name,
            is_known: point.counts.is_some(),
            p50,
            p95,
            p99,
            max,
            timeout,
            words: format!("{words}{of}"),
        }
    }
}

/// The chart in words.
fn caption(axis: &Axis, points: &[Point]) -> String {
    let slowest = points.iter().filter_map(|it| Some((it, it.duration_ms.p99?)));
    let slowest = slowest.max_by(|(_, one), (_, other)| one.total_cmp(other));
    let Some((point, p99)) = slowest else {
        return "No invocation ended by itself in this time, so nothing is known of how long they take."
            .to_owned();
    };
    let share =
        point.duration_of_timeout.p99.map(|it| format!(", {:.0} % of its timeout", it * 100.0));
    format!(
        "The highest p99 was {} at {}{}. Durations are of invocations that ended by themselves, within 5 %.",
        millis(p99),
        axis.name(point.at.0),
        share.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests;
