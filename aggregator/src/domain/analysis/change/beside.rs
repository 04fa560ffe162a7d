//! A version that times out where those before it do not, in the time that is looked at.
//!
//! Where there was no quiet day before, nobody can say when it began. But versions that were called in the same hours can be held against
//! each other, and that the newest times out more often than those before it could hardly be chance is a verdict all the same.

use overtime_wire::Counts;

use super::{CALLS_MIN, versions_since};
use crate::domain::{
    analysis::{Confidence, Finding, Seen, shares},
    history::{History, Run},
    instant::rfc3339,
};

pub(super) fn find(seen: &Seen<'_>, history: &History) -> Option<Finding> {
    let newest = newest(&history.versions.runs())?;
    let (mut own, mut others) = (Counts::default(), Counts::default());
    for (version, counts) in versions_since(seen.hours, seen.since).iter() {
        let side = if version == newest.value { &mut own } else { &mut others };
        *side += counts;
    }
    let between = |it: Counts| shares::between(it.timeouts, it.invocations);
    let ((least, _), (_, most)) = (between(own), between(others));
    if others.invocations < CALLS_MIN || least <= most {
        return None;
    }
    let version = &newest.value;
    Some(Finding {
        confidence: Confidence::High,
        says: format!(
            "Version {version} times out, and what ran before it does not, or less often."
        ),
        evidence: vec![
            format!(
                "Of version {version} {} of {} invocations timed out, {}; of other versions {} of {}, {}.",
                own.timeouts,
                own.invocations,
                shares::percent(own.timeouts, own.invocations),
                others.timeouts,
                others.invocations,
                shares::percent(others.timeouts, others.invocations)
            ),
            format!("It was first seen in the hour of {}.", rfc3339(newest.first_seen.start())),
        ],
        advice: super::ADVICE,
    })
}

/// The one that came last: of those that came in the same hour, the one that was published last. `None` where that cannot be told.
fn newest(runs: &[Run]) -> Option<Run> {
    let place = |it: &Run| (it.first_seen, it.value.parse::<u64>().ok());
    let last = runs.iter().max_by_key(|it| place(it))?;
    let is_only = runs.iter().filter(|it| place(it) == place(last)).count() == 1;
    (is_only && runs.len() > 1).then(|| last.clone())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{super::super::story::Story, *};

    #[track_caller]
    fn check(story: &Story, expected: Expect) {
        let told = find(&story.seen(), &story.history)
            .map(|it| format!("{}\n{}", it.says, it.evidence.join("\n")));
        expected.assert_eq(&told.unwrap_or_default());
    }

    #[test]
    fn the_newest_is_held_against_those_before_it() {
        check(
            &Story::deploy_within_an_hour(["1", "2"]),
            expect![[r"
                Version 2 times out, and what ran before it does not, or less often.
                Of version 2 14 of 28 invocations timed out, 50 %; of other versions 0 of 52, 0 %.
                It was first seen in the hour of 2026-11-24T00:00:00.000Z."]],
        );
    }

    #[test]
    fn an_older_one_that_times_out_and_names_without_an_order_accuse_nobody() {
        check(&Story::deploy_within_an_hour(["2", "1"]), expect![""]);
        check(&Story::deploy_within_an_hour(["$LATEST", "live"]), expect![""]);
    }

    #[test]
    fn few_calls_before_accuse_nobody() {
        let mut story = Story::deploy_within_an_hour(["1", "2"]);
        story.versions(0, &[("1", 19, 0), ("2", 19, 19)]);
        check(&story, expect![""]);
    }
}
