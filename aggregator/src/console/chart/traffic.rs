//! Invocations against timeouts, step by step, one above the other over the same time.
//!
//! Timeouts are few among many, so each has a scale of its own: on a common one, what the chart is for could not be seen.
//!
//! **Invariant.** A step without data, a step without timeouts and a step with look different, and not by colour alone: a hatched
//! stretch, a line on the ground, a bar.

use askama::Template;

use super::{
    axis::{Across, Axis, Tick},
    ground::{Change, Gap, Mark, gaps, marks},
    text::counted,
};
use crate::{api::series::Point, console::figures::grouped};

/// The chart, ready to be written.
#[derive(Debug, Template)]
#[template(path = "part/chart/traffic.html")]
pub(crate) struct Traffic {
    id: &'static str,
    caption: String,
    zone: String,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    gaps: Vec<Gap>,
    marks: Vec<Mark>,
    most_timeouts: String,
    most_invocations: String,
}

/// A step of it.
#[derive(Debug)]
struct Bar {
    x: Across,
    width: Across,
    /// `None` where nothing was heard.
    heights: Option<(Height, Height)>,
    name: String,
    words: String,
}

/// So many, from where down and how far.
#[derive(Debug)]
struct Height {
    count: String,
    y: u64,
    pixels: u64,
    class: &'static str,
}

/// Where the two panels stand, in pixels: their ground, and how high they are.
const TIMEOUTS: (u64, u64) = (112, 90);
const INVOCATIONS: (u64, u64) = (182, 46);

impl Traffic {
    pub(crate) fn of(axis: &Axis, points: &[Point], changes: &[Change]) -> Self {
        let timeouts = |it: &Point| it.counts.map(|it| it.timeouts);
        let invocations = |it: &Point| it.counts.map(|it| it.invocations);
        let most = |of: &dyn Fn(&Point) -> Option<u64>| points.iter().filter_map(of).max();
        let (most_timeouts, most_invocations) = (most(&timeouts), most(&invocations));
        let bar = |point: &Point| {
            let (timed_out, invoked) = (timeouts(point), invocations(point));
            let heights = timed_out.zip(invoked).map(|(timed_out, invoked)| {
                (
                    Height::of((timed_out, most_timeouts), TIMEOUTS, "bad"),
                    Height::of((invoked, most_invocations), INVOCATIONS, "invoked"),
                )
            });
            let name = axis.name(point.at.0);
            let words = match timed_out.zip(invoked) {
                None => format!("{name}: no data"),
                Some((timed_out, invoked)) => {
                    format!(
                        "{name}: {} of {}",
                        counted(timed_out, "timeout"),
                        counted(invoked, "invocation")
                    )
                }
            };
            Bar { x: axis.place(point.at.0), width: axis.width(), heights, name, words }
        };
        Self {
            id: "traffic",
            caption: caption(axis, points),
            zone: axis.zone().to_owned(),
            bars: points.iter().map(bar).collect(),
            ticks: axis.ticks(),
            gaps: gaps(axis, points.iter().map(|it| (it.at.0, it.counts.is_some()))),
            marks: marks(axis, changes),
            most_timeouts: counted(most_timeouts.unwrap_or(0), "timeout"),
            most_invocations: counted(most_invocations.unwrap_or(0), "invocation"),
        }
    }
}

impl Height {
    /// What there is one of is seen, and what there is none of is a line on the ground.
    fn of(
        (count, most): (u64, Option<u64>),
        (ground, highest): (u64, u64),
        class: &'static str,
    ) -> Self {
        let height = (count * highest).div_ceil(most.unwrap_or(0).max(1));
        let (height, class) = if count == 0 { (1, "calm") } else { (height.max(3), class) };
        Self { count: grouped(count), y: ground - height, pixels: height, class }
    }
}

/// The chart in words.
fn caption(axis: &Axis, points: &[Point]) -> String {
    let known: Vec<_> =
        points.iter().filter_map(|it| it.counts.map(|counts| (it.at.0, counts))).collect();
    let timeouts: u64 = known.iter().map(|(_, it)| it.timeouts).sum();
    let invocations: u64 = known.iter().map(|(_, it)| it.invocations).sum();
    if known.is_empty() {
        return "Nothing was heard in this time.".to_owned();
    }
    let worst = known.iter().filter(|(_, it)| it.timeouts > 0).max_by_key(|(_, it)| it.timeouts);
    let worst =
        worst.map(|(at, it)| format!(", most at {} ({})", axis.name(*at), grouped(it.timeouts)));
    let silent = points.len() - known.len();
    let silent = if silent == 0 {
        String::new()
    } else {
        format!(" Nothing was heard in {} of {} steps.", silent, points.len())
    };
    format!(
        "{} of {}{}.{silent}",
        counted(timeouts, "timeout"),
        counted(invocations, "invocation"),
        worst.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests;
