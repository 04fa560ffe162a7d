//! What one invocation went through until it was killed, as a bar.
//!
//! Only what was measured has a length that is to scale. What happened for a time that nobody told of — an init before the first
//! invocation, a restore — is hatched and as long as its name needs.

use askama::Template;

use super::axis::Across;

/// The bar, ready to be written.
#[derive(Debug, Template)]
#[template(path = "part/chart/phases.html")]
pub(crate) struct Phases {
    id: &'static str,
    caption: String,
    segments: Vec<Segment>,
    deadline: Option<Across>,
}

/// One stretch of an invocation's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) kind: Kind,
    /// In milliseconds; `None` where nobody told.
    pub(crate) ms: Option<u64>,
    /// What happened in it, in words.
    pub(crate) words: String,
    /// Whether its time was up in it, at its end.
    pub(crate) ends_at_deadline: bool,
}

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Init,
    Restore,
    Invoke,
    /// It ran, and said nothing any more.
    Silent,
    /// The function had answered, and something else held the invocation.
    After,
    /// Its time was up, and it was not known yet.
    Killed,
}

#[derive(Debug)]
struct Segment {
    x: Across,
    width: Across,
    number: usize,
    class: &'static str,
    name: &'static str,
    length: Option<String>,
    words: String,
    /// Whether its number fits in.
    roomy: bool,
}

/// How much of the bar is taken by a phase of unknown length, and by one that is too short to be seen.
const UNKNOWN: u64 = 8;
const LEAST: u64 = 1;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Restore => "restore",
            Self::Invoke => "invoke",
            Self::Silent => "invoke, silent",
            Self::After => "after the answer",
            Self::Killed => "killed",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Restore => "restore",
            Self::Invoke => "invoke",
            Self::Silent => "silent",
            Self::After => "after",
            Self::Killed => "killed",
        }
    }
}

impl Phases {
    pub(crate) fn of(phases: &[Phase], caption: String) -> Self {
        let unknown = phases.iter().filter(|it| it.ms.is_none()).count();
        let unknown = u64::try_from(unknown).unwrap_or(0) * UNKNOWN;
        let told: u64 = phases.iter().filter_map(|it| it.ms).sum();
        // In thousandths, before they are made to add up.
        let weight = |it: &Phase| match it.ms {
            None => UNKNOWN * 10,
            Some(ms) => (ms.saturating_mul(1_000 - unknown * 10) / told.max(1)).max(LEAST * 10),
        };
        let whole: u64 = phases.iter().map(weight).sum();
        let mut before = 0;
        let mut deadline = None;
        let mut segments = Vec::new();
        for (number, phase) in (1..).zip(phases) {
            let x = across(before, whole);
            before += weight(phase);
            let end = if number == phases.len() { Across::END } else { across(before, whole) };
            if phase.ends_at_deadline {
                deadline = Some(end);
            }
            segments.push(Segment {
                x,
                width: end.since(x),
                number,
                class: if phase.ms.is_none() { "untold" } else { phase.kind.class() },
                name: phase.kind.name(),
                length: phase.ms.map(length),
                words: phase.words.clone(),
                roomy: end.since(x) >= Across::of(3, 100),
            });
        }
        Self { id: "phases", caption, segments, deadline }
    }
}

fn across(part: u64, whole: u64) -> Across {
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    Across::of(number(part), number(whole))
}

fn length(ms: u64) -> String {
    crate::domain::words::duration(std::time::Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(phases: &[(Kind, Option<u64>)], expected: Expect) {
        let phases: Vec<_> = phases
            .iter()
            .map(|(kind, ms)| Phase {
                kind: *kind,
                ms: *ms,
                words: "Something <b>went on</b>.".to_owned(),
                ends_at_deadline: matches!(kind, Kind::Invoke | Kind::Silent | Kind::After),
            })
            .collect();
        let chart = Phases::of(&phases, "It hung.".to_owned());
        let told: Vec<_> = chart
            .segments
            .iter()
            .map(|it| {
                format!(
                    "{} {}+{} {}",
                    it.class,
                    it.x,
                    it.width,
                    it.length.as_deref().unwrap_or("?")
                )
            })
            .collect();
        let deadline = chart.deadline.map(|it| it.to_string()).unwrap_or_default();
        expected.assert_eq(&format!("{} deadline {deadline}", told.join(" | ")));
        let html = chart.render().unwrap();
        assert!(!html.contains("<b>") && !html.contains("style"), "{html}");
    }

    #[test]
    fn what_was_measured_is_to_scale_and_what_was_not_is_not() {
        check(
            &[(Kind::Invoke, Some(3_000)), (Kind::Killed, Some(30))],
            expect!["invoke 0+99 3 s | killed 99+1 30 ms deadline 99"],
        );
        check(
            &[
                (Kind::Init, None),
                (Kind::Invoke, Some(200)),
                (Kind::Silent, Some(2_800)),
                (Kind::Killed, Some(9)),
            ],
            expect![
                "untold 0+7.94 ? | invoke 7.94+6.06 200 ms | silent 14+85 2.8 s | killed 99+1 9 ms deadline 99"
            ],
        );
        check(
            &[(Kind::Invoke, Some(100)), (Kind::After, Some(2_900)), (Kind::Killed, None)],
            expect!["invoke 0+3 100 ms | after 3+88.99 2.9 s | untold 91.99+8.01 ? deadline 91.99"],
        );
        check(
            &[(Kind::Init, Some(0)), (Kind::Killed, Some(0))],
            expect!["init 0+50 0 ms | killed 50+50 0 ms deadline "],
        );
        check(&[], expect![" deadline "]);
    }
}
