//! Environments that time out again and again, each time while they initialise inside an invocation.
//!
//! After a timeout Lambda resets the environment and initialises it anew *within* the next invocation, whose time that takes
//! (a suppressed init). Where the initialisation alone needs more than the timeout, that environment never gets through, and calls
//! that would have been quick time out one after the other, until Lambda takes the environment away.
//!
//! It shows in what is kept: in one environment, timeout after timeout, each of the first invocation that a new process saw.

use std::collections::{BTreeMap, BTreeSet};

use overtime_wire::Cause;

use super::{Conclusion, Confidence, Finding, Seen, count, number};
use crate::domain::{instant::rfc3339, timeout::Timeout};

/// So many in a row are a loop.
const IN_A_ROW: usize = 3;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    if !seen.complete {
        return Conclusion::Unknown("there were more timeouts than are looked at");
    }
    let mut environments = BTreeMap::<&str, Vec<&Timeout>>::new();
    for timeout in seen.timeouts.iter().filter(|it| !it.verdict.environment.is_empty()) {
        environments.entry(&timeout.verdict.environment).or_default().push(timeout);
    }
    let loops: Vec<_> = environments.values().filter_map(|it| longest(it)).collect();
    let Some(worst) = loops.iter().max_by_key(|it| it.len()) else { return Conclusion::NotFound };
    let while_initialising = worst.iter().filter(|it| it.verdict.cause == Cause::Init).count();
    let (first, last) = (worst[0], worst[worst.len() - 1]);
    let mut evidence = vec![
        format!(
            "In environment {} {} timed out one after the other, from {} to {}.",
            first.verdict.environment,
            number(count(worst), "invocation"),
            rfc3339(first.deadline()),
            rfc3339(last.deadline())
        ),
        "Each was the first that a new process saw, so none in between can have succeeded."
            .to_owned(),
    ];
    if while_initialising > 0 {
        evidence.push(format!(
            "{while_initialising} of them were still initialising when their time was up."
        ));
    }
    if loops.len() > 1 {
        evidence.push(format!("{} went through the same.", number(count(&loops), "environment")));
    }
    // What runs after an init may as well be what takes too long: only the platform's word for the init settles it.
    let confidence =
        if 2 * while_initialising > worst.len() { Confidence::High } else { Confidence::Medium };
    Conclusion::Found(Finding {
        confidence,
        says: format!(
            "An environment timed out {} times in a row, each time on its first invocation after a reset.",
            worst.len()
        ),
        evidence,
        advice: "Raise the timeout above what initialising takes, make that shorter, or give it more memory, which is more processor.",
    })
}

/// The longest stretch of an environment's timeouts, oldest first, in which every process timed out on its first invocation;
/// `None` where it is no loop.
fn longest<'a>(timeouts: &[&'a Timeout]) -> Option<Vec<&'a Timeout>> {
    let mut longest = Vec::new();
    let mut stretch: Vec<&Timeout> = Vec::new();
    let mut processes = BTreeSet::new();
    for timeout in timeouts {
        let is_first = timeout.verdict.ordinal.0 == 0;
        if is_first && processes.insert(timeout.incarnation) {
            stretch.push(timeout);
        } else {
            stretch = Vec::new();
        }
        if stretch.len() > longest.len() {
            longest.clone_from(&stretch);
        }
    }
    (longest.len() >= IN_A_ROW).then_some(longest)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::story::Story, *};

    #[test]
    fn a_loop_is_told_with_what_it_rests_on() {
        let story = Story::doom_loop();
        let Conclusion::Found(finding) = conclude(&story.seen()) else { panic!("not found") };
        assert_eq!(finding.confidence, Confidence::High);
        expect![[r"
            In environment env-a 4 invocations timed out one after the other, from 2026-11-24T00:00:03.000Z to 2026-11-24T00:03:03.000Z.
            Each was the first that a new process saw, so none in between can have succeeded.
            4 of them were still initialising when their time was up."]]
        .assert_eq(&finding.evidence.join("\n"));
    }

    #[test]
    fn a_process_that_has_served_before_breaks_the_row() {
        let mut story = Story::doom_loop();
        story.timeouts[2].verdict.ordinal.0 = 7;
        assert_eq!(conclude(&story.seen()), Conclusion::NotFound);
    }

    #[test]
    fn what_was_not_read_whole_is_not_judged() {
        let mut story = Story::doom_loop();
        story.complete = false;
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
    }
}
