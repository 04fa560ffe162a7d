//! What lies under every chart over time: stretches of which nothing is known, and moments at which something changed.

use overtime_wire::EpochMillis;

use super::axis::{Across, Axis};

/// A stretch of which nothing was heard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) x: Across,
    pub(crate) width: Across,
    /// Whether there is room to say so.
    pub(crate) roomy: bool,
}

/// Something about the function that was first seen at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: EpochMillis,
    /// `version 43`, `memory 256 MB`.
    pub(crate) what: String,
}

/// A moment of change in a chart: a numbered line, which a list under the chart explains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) x: Across,
    pub(crate) number: usize,
    pub(crate) at: EpochMillis,
    pub(crate) when: String,
    pub(crate) what: String,
}

/// Steps without data, those beside each other as one.
pub(crate) fn gaps(axis: &Axis, steps: impl Iterator<Item = (EpochMillis, bool)>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut in_gap = false;
    for (at, is_known) in steps {
        if is_known {
            in_gap = false;
            continue;
        }
        let x = axis.place(at);
        let end = x.plus(axis.width());
        match gaps.last_mut().filter(|_| in_gap) {
            Some(gap) => gap.width = end.since(gap.x),
            None => gaps.push(Gap { x, width: end.since(x), roomy: false }),
        }
        in_gap = true;
    }
    for gap in &mut gaps {
        gap.roomy = gap.width >= Across::of(15, 100);
    }
    gaps
}

/// Changes within the axis, what changed at the same moment under one number.
pub(crate) fn marks(axis: &Axis, changes: &[Change]) -> Vec<Mark> {
    let mut changes: Vec<_> = changes.iter().filter(|it| axis.covers(it.at)).collect();
    changes.sort_by_key(|it| it.at);
    let mut marks: Vec<Mark> = Vec::new();
    for Change { at, what } in changes {
        match marks.last_mut().filter(|it| it.at == *at) {
            Some(mark) => mark.what = format!("{}, {what}", mark.what),
            None => marks.push(Mark {
                x: axis.place(*at),
                number: marks.len() + 1,
                at: *at,
                when: axis.name(*at),
                what: what.clone(),
            }),
        }
    }
    marks
}
