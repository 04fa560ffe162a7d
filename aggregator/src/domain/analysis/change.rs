//! Whether it began with a new version, or with another setting.
//!
//! The first question at night is what has changed. The hours say when timeouts began after a day without any, the history what was
//! new in the hours before, and the counts by version whether those that are older time out as well: a version under which the
//! function fails while another one beside it does not is a verdict, one that came before it all is a coincidence or more. Where there
//! was no such day, versions are held against each other ([`beside`]).

mod beside;

use std::{
    ops::{Range, RangeBounds},
    time::Duration,
};

use overtime_wire::Counts;

use super::{Conclusion, Confidence, Finding, Seen, shares};
use crate::domain::{
    history::{History, Run, Timeline},
    hour::{Hour, StandingHour},
    instant::rfc3339,
    versions::Versions,
    words,
};

/// It was quiet before for at least so many hours.
const QUIET_HOURS: u32 = 24;
/// And called at least so often in them.
const CALLS_MIN: u64 = 20;
const ADVICE: &str =
    "Compare what was deployed with what ran before; where that does not tell why, roll it back.";
/// What was first seen so many hours before the first timeout may have to do with it.
const BEFORE_HOURS: u32 = 6;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    if seen.counts().timeouts == 0 {
        return Conclusion::NotFound;
    }
    let Some(history) = seen.history else {
        return Conclusion::Unknown("nothing is known of how it was set up before");
    };
    let Some(began) = began(seen.hours) else {
        const UNKNOWN: &str = "there was no day without timeouts before them, in which it was called at least twenty times";
        let found = beside::find(seen, history).map(Conclusion::Found);
        return found.unwrap_or(Conclusion::Unknown(UNKNOWN));
    };
    let mut changes = changes(history, began);
    let versions = versions_since(seen.hours, began);
    changes.retain(|it| it.weight(&versions).is_some());
    let confidence = changes.iter().filter_map(|it| it.weight(&versions)).max();
    let Some(confidence) = confidence else { return Conclusion::NotFound };
    let (before, after) = (sum(seen.hours, day_before(began)), sum(seen.hours, began..));
    let rate = |it: Counts| shares::percent(it.timeouts, it.invocations);
    let mut evidence = vec![format!(
        "Before {} none of {} invocations within a day timed out, since then {} of {} did, {}.",
        rfc3339(began.start()),
        before.invocations,
        after.timeouts,
        after.invocations,
        rate(after)
    )];
    evidence.extend(changes.iter().map(|it| it.words(&versions)));
    Conclusion::Found(Finding {
        confidence,
        says: format!("It began with {}.", list(&changes)),
        evidence,
        advice: ADVICE,
    })
}

/// The hour of the latest first timeout after a quiet day.
fn began(hours: &[StandingHour]) -> Option<Hour> {
    let earliest = hours.iter().map(|it| it.hour).min()?;
    let timed_out = |it: &&StandingHour| it.view.counts.0.timeouts > 0;
    let firsts = hours.iter().filter(timed_out).filter(|it| {
        let day = day_before(it.hour);
        let before = sum(hours, day.clone());
        earliest <= day.start && before.timeouts == 0 && before.invocations >= CALLS_MIN
    });
    firsts.map(|it| it.hour).max()
}

fn day_before(hour: Hour) -> Range<Hour> {
    hour.minus(QUIET_HOURS)..hour
}

fn sum(hours: &[StandingHour], stretch: impl RangeBounds<Hour>) -> Counts {
    let mut sum = Counts::default();
    hours.iter().filter(|it| stretch.contains(&it.hour)).for_each(|it| sum += it.view.counts.0);
    sum
}

/// What each version did from an hour on.
fn versions_since(hours: &[StandingHour], from: Hour) -> Versions {
    let mut versions = Versions::default();
    let later = hours.iter().filter(|it| it.hour >= from);
    later.for_each(|it| versions.merge(&it.view.versions));
    versions
}

/// Something that was new.
#[derive(Debug, Clone)]
struct Change {
    what: What,
    /// What it was before, where that is known.
    from: Option<String>,
    to: String,
    at: Hour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Version,
    Memory,
    Timeout,
    Runtime,
}

fn changes(history: &History, began: Hour) -> Vec<Change> {
    let timelines: [(What, &Timeline); 4] = [
        (What::Version, &history.versions),
        (What::Timeout, &history.timeout_ms),
        (What::Memory, &history.memory_mb),
        (What::Runtime, &history.runtimes),
    ];
    let new = |it: &Run| {
        it.first_seen <= began
            && it.first_seen >= began.minus(BEFORE_HOURS)
            // What was there from the beginning has not changed.
            && Some(it.first_seen) != history.first_seen
    };
    timelines
        .into_iter()
        .flat_map(|(what, timeline)| {
            let runs = timeline.runs();
            let fresh: Vec<_> = runs.iter().enumerate().filter(|(_, it)| new(it)).collect();
            fresh
                .into_iter()
                .map(|(at, run)| Change {
                    what,
                    from: at.checked_sub(1).map(|it| runs[it].value.clone()),
                    to: run.value.clone(),
                    at: run.first_seen,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Change {
    /// How much speaks for it; `None` where what is known speaks against it.
    fn weight(&self, versions: &Versions) -> Option<Confidence> {
        match self.what {
            What::Version => self.weight_of_version(versions),
            // More time or more memory than before makes nothing time out.
            What::Memory | What::Timeout if self.grew() => None,
            What::Timeout => Some(Confidence::High),
            What::Memory | What::Runtime => Some(Confidence::Medium),
        }
    }

    fn weight_of_version(&self, versions: &Versions) -> Option<Confidence> {
        let (mut own, mut others) = (Counts::default(), Counts::default());
        for (version, counts) in versions.iter() {
            let side = if version == self.to { &mut own } else { &mut others };
            *side += counts;
        }
        let between = |it: Counts| shares::between(it.timeouts, it.invocations);
        let ((own_low, own_high), (others_low, others_high)) = (between(own), between(others));
        if own_low > others_high {
            Some(Confidence::High)
        } else if others_low > own_high || own.timeouts == 0 {
            None
        } else if others.invocations < CALLS_MIN {
            // Everything moved to it at once: nothing else is there to compare it with.
            Some(Confidence::Medium)
        } else {
            Some(Confidence::Low)
        }
    }

    fn grew(&self) -> bool {
        let number = |it: &str| it.parse::<u64>().ok();
        let from = self.from.as_deref().and_then(number);
        from.zip(number(&self.to)).is_some_and(|(from, to)| to > from)
    }

    fn words(&self, versions: &Versions) -> String {
        let since = rfc3339(self.at.start());
        let counts = |wanted: &dyn Fn(&str) -> bool| {
            let mut sum = Counts::default();
            versions.iter().filter(|(it, _)| wanted(it)).for_each(|(_, it)| sum += it);
            format!("{} of {}", sum.timeouts, sum.invocations)
        };
        match self.what {
            What::Version => format!(
                "{} was first seen in the hour of {since}: {} of its invocations timed out, of other versions' {}.",
                capitalised(&self.name()),
                counts(&|it| it == self.to),
                counts(&|it| it != self.to)
            ),
            What::Memory | What::Timeout | What::Runtime => {
                format!("{} was first seen in the hour of {since}.", capitalised(&self.name()))
            }
        }
    }

    /// `version 13 (12 before)`.
    fn name(&self) -> String {
        let unit = |it: &str| match self.what {
            What::Memory => format!("{it} MB"),
            What::Timeout => it
                .parse()
                .map_or_else(|_| it.to_owned(), |it| words::duration(Duration::from_millis(it))),
            What::Version | What::Runtime => it.to_owned(),
        };
        let what = match self.what {
            What::Version => "version",
            What::Memory => "memory of",
            What::Timeout => "a timeout of",
            What::Runtime => "runtime",
        };
        let before = self.from.as_deref().map(|it| format!(" ({} before)", unit(it)));
        format!("{what} {}{}", unit(&self.to), before.unwrap_or_default())
    }
}

fn list(changes: &[Change]) -> String {
    let names: Vec<_> = changes.iter().map(Change::name).collect();
    names.join(" and ")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{super::story::Story, *};

    #[track_caller]
    fn check(story: &Story, expected: Expect) {
        let told = match conclude(&story.seen()) {
            Conclusion::Found(it) => {
                format!("{} {}\n{}", it.confidence.as_str(), it.says, it.evidence.join("\n"))
            }
            told @ (Conclusion::NotFound | Conclusion::Unknown(_)) => format!("{told:?}"),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_version_that_fails_beside_one_that_does_not_is_named() {
        check(
            &Story::bad_deploy(),
            expect![[r"
            high It began with version 13 (12 before).
            Before 2026-11-27T00:00:00.000Z none of 2400 invocations within a day timed out, since then 20 of 2400 did, 0.83 %.
            Version 13 (12 before) was first seen in the hour of 2026-11-27T00:00:00.000Z: 20 of 100 of its invocations timed out, of other versions' 0 of 100."]],
        );
    }

    #[test]
    fn a_shorter_timeout_is_named_and_a_longer_one_is_not() {
        check(
            &Story::retimed(30_000, 3_000),
            expect![[r"
                high It began with a timeout of 3 s (30 s before).
                Before 2026-11-27T00:00:00.000Z none of 2400 invocations within a day timed out, since then 240 of 2400 did, 10 %.
                A timeout of 3 s (30 s before) was first seen in the hour of 2026-11-27T00:00:00.000Z."]],
        );
        check(&Story::retimed(3_000, 30_000), expect!["NotFound"]);
    }

    #[test]
    fn without_a_quiet_day_before_nothing_is_claimed() {
        let mut story = Story::bad_deploy();
        for hour in &mut story.hours {
            hour.view.counts.0.timeouts = 1;
            hour.view.versions = Versions::default();
        }
        check(
            &story,
            expect![[
                r#"Unknown("there was no day without timeouts before them, in which it was called at least twenty times")"#
            ]],
        );
    }
}
