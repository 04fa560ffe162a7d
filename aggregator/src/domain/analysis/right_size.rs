//! Whether the configured timeout fits what its invocations take: too close to them it cuts off what would have ended, and far above
//! them it has what hangs be paid for long after anybody waits.
//!
//! What is concluded from which figures is [`rightsize`]'s; here they are taken from the hours.

use std::time::Duration;

use super::{Conclusion, Confidence, Finding, Seen, number};
use crate::domain::{
    durations::Sketch,
    hour::StandingHour,
    rightsize::{self, Raise, Shown, Suggestion, Unknown},
    words,
};

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    let shown = shown(seen);
    let timeout = words::duration(shown.timeout.unwrap_or_default());
    match rightsize::suggest(&shown) {
        Suggestion::Raise { to, why } => Conclusion::Found(Finding {
            confidence: match why {
                Raise::CutOff => Confidence::High,
                Raise::Close => Confidence::Medium,
            },
            says: format!(
                "Its invocations come close to the timeout of {timeout}; about {} would leave room.",
                words::duration(to)
            ),
            evidence: evidence(&shown),
            advice: "Find out why they take so long, and raise the timeout.",
        }),
        Suggestion::Lower { to } => Conclusion::Found(Finding {
            confidence: Confidence::Medium,
            says: format!(
                "The timeout of {timeout} is far above what its invocations take; about {} would do.",
                words::duration(to)
            ),
            evidence: evidence(&shown),
            advice: "Lower the timeout: an invocation that hangs is paid for until it ends it.",
        }),
        Suggestion::Leave(_) => Conclusion::NotFound,
        Suggestion::Unknown(why) => Conclusion::Unknown(match why {
            Unknown::TooFew => "fewer than two hundred invocations ended by themselves",
            Unknown::NoTimeout => "the configured timeout is not known",
            Unknown::Changed => {
                "the timeout was configured otherwise within the time that was looked at"
            }
        }),
    }
}

fn shown(seen: &Seen<'_>) -> Shown {
    let hours = || seen.hours.iter().filter(|it| it.hour >= seen.since);
    let counts = seen.counts();
    let mut durations = Sketch::default();
    hours().for_each(|it| durations.merge(&it.view.durations));
    let configured = |it: &StandingHour| Some(it.view.profile.timeout).filter(|it| !it.is_zero());
    let changed = seen.history.is_some_and(|history| {
        let runs = history.timeout_ms.runs();
        let mut later = runs.iter().filter(|it| Some(it.first_seen) != history.first_seen);
        later.any(|it| it.first_seen >= seen.since)
    });
    let ended =
        counts.invocations.saturating_sub(counts.timeouts).saturating_sub(counts.out_of_memory);
    Shown {
        timeout: hours().filter_map(configured).next_back(),
        changed,
        ended,
        timeouts: counts.timeouts,
        by_handler: hours().filter_map(|it| it.view.causes.get("handler")).sum(),
        p99: durations.quantile(0.99),
        max: durations.max(),
    }
}

fn evidence(shown: &Shown) -> Vec<String> {
    let duration = |it: Option<Duration>| words::duration(it.unwrap_or_default());
    vec![format!(
        "{} ended by themselves, 99 of 100 within {}, the longest took {}; {} timed out.",
        number(shown.ended, "invocation"),
        duration(shown.p99),
        duration(shown.max),
        shown.timeouts
    )]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::story::Story, *};

    #[test]
    fn a_timeout_far_above_what_it_takes_is_found_with_what_would_do() {
        let story = Story::oversized();
        let Conclusion::Found(finding) = conclude(&story.seen()) else { panic!("not found") };
        expect![[r"
            The timeout of 1 min is far above what its invocations take; about 3 s would do.
            9600 invocations ended by themselves, 99 of 100 within 119 ms, the longest took 119 ms; 0 timed out."]]
        .assert_eq(&format!("{}\n{}", finding.says, finding.evidence.join("\n")));
    }

    #[test]
    fn what_is_known_too_little_of_is_not_judged() {
        let mut story = Story::oversized();
        story.hours.truncate(1);
        story.hours[0].view.counts.0.invocations = 10;
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
        let mut story = Story::oversized();
        story.hours.iter_mut().for_each(|it| it.view.profile.timeout = Duration::ZERO);
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
    }
}
