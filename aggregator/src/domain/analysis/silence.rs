//! How long the function had been silent when its time was up.
//!
//! What waits for an answer writes nothing; what works too much usually does. The instant of the last line says which, without
//! a word of what it says. It cannot be told from outside whom the function waited for.

use std::time::Duration;

use overtime_wire::Cause;

use super::{Conclusion, Confidence, Finding, Seen};
use crate::domain::{timeout::Timeout, words};

/// Fewer than this say nothing.
const KNOWN_MIN: usize = 4;
/// Silent for at least this share of its time, in percent, it waited.
const WAITED_PERCENT: u128 = 60;
/// Silent for at most this share, it worked.
const WORKED_PERCENT: u128 = 10;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    let mut gaps: Vec<Gap> = seen.timeouts.iter().filter_map(Gap::of).collect();
    if gaps.len() < KNOWN_MIN {
        return Conclusion::Unknown(
            "of fewer than four timeouts it is known when the function last wrote to its log (OVERTIME_LOG_TAIL)",
        );
    }
    gaps.sort_by_key(Gap::percent);
    let most =
        |is: &dyn Fn(&Gap) -> bool| gaps.iter().filter(|it| is(it)).count() * 3 >= gaps.len() * 2;
    let median = gaps[gaps.len() / 2];
    let evidence = vec![format!(
        "Of {} timeouts the last line is known: half of them had been silent for {} of {} or longer.",
        gaps.len(),
        words::duration(median.silent),
        words::duration(median.whole)
    )];
    if most(&|it| it.percent() >= WAITED_PERCENT) {
        return Conclusion::Found(Finding {
            confidence: Confidence::Medium,
            says: "The function was silent for most of its time, as one that waits for something."
                .to_owned(),
            evidence,
            advice: "Give each call to another service a timeout well below the function's, so that it fails with a name instead.",
        });
    }
    if most(&|it| it.percent() <= WORKED_PERCENT) {
        return Conclusion::Found(Finding {
            confidence: Confidence::Low,
            says: "The function was writing to its log until its time was up, as one that has too much to do.".to_owned(),
            evidence,
            advice: "Give it less work for each invocation, more memory, which is more processor, or more time.",
        });
    }
    Conclusion::NotFound
}

/// How long an invocation had been silent.
#[derive(Debug, Clone, Copy)]
struct Gap {
    silent: Duration,
    whole: Duration,
}

impl Gap {
    /// Of an invocation whose own code was running. One that never wrote says nothing: it may never do.
    fn of(timeout: &Timeout) -> Option<Self> {
        let verdict = &timeout.verdict;
        let last = verdict.last_log.filter(|_| verdict.cause == Cause::Handler)?;
        let whole = timeout.deadline().since(timeout.started_at());
        let silent = timeout.deadline().since(last).min(whole);
        (whole > Duration::ZERO).then_some(Self { silent, whole })
    }

    fn percent(&self) -> u128 {
        self.silent.as_millis() * 100 / self.whole.as_millis().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::story::Story, *};

    #[test]
    fn waiting_and_working_are_told_apart() {
        let says = |story: &Story| conclude(&story.seen()).finding().map(|it| it.says.clone());
        let mut story = Story::blocked();
        assert!(says(&story).unwrap().contains("silent for most"));
        for timeout in &mut story.timeouts {
            timeout.verdict.last_log = Some(timeout.deadline().minus(Duration::from_millis(20)));
        }
        assert!(says(&story).unwrap().contains("too much to do"));
        for timeout in &mut story.timeouts {
            timeout.verdict.last_log = Some(timeout.deadline().minus(Duration::from_millis(1_500)));
        }
        assert_eq!(conclude(&story.seen()), Conclusion::NotFound);
        story.timeouts.truncate(2);
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
    }
}
