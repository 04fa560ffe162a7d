//! Memory that is nearly used up when the time is: collecting garbage and swapping pages is what the time then went to.
//!
//! Only Lambda's report says how much was used, so only timeouts with a report are looked at.

use super::{Conclusion, Confidence, Finding, Seen, number};

/// From this share on memory is short, in percent.
const SHORT_PERCENT: u64 = 95;
/// Fewer reports than this say nothing.
const REPORTS_MIN: u64 = 3;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    let (mut known, mut short, mut most) = (0_u64, 0_u64, 0_u64);
    for verdict in seen.timeouts.iter().map(|it| &it.verdict) {
        let (used, memory) = (u64::from(verdict.max_memory_used_mb), u64::from(verdict.memory_mb));
        if used == 0 || memory == 0 {
            continue;
        }
        known += 1;
        short += u64::from(used * 100 >= memory * SHORT_PERCENT);
        most = most.max(used * 100 / memory);
    }
    if known < REPORTS_MIN {
        return Conclusion::Unknown(
            "fewer than three timeouts came with a report of the memory that was used",
        );
    }
    if short * 2 < known {
        return Conclusion::NotFound;
    }
    let ran_out = seen.counts().out_of_memory;
    let mut evidence = vec![format!(
        "{short} of {known} timeouts that came with a report had used {SHORT_PERCENT} % of the memory or more, {most} % at most."
    )];
    if ran_out > 0 {
        evidence
            .push(format!("In the same time {} ran out of memory.", number(ran_out, "invocation")));
    }
    Conclusion::Found(Finding {
        confidence: if ran_out > 0 { Confidence::High } else { Confidence::Medium },
        says: "Most timeouts had nearly all of the memory in use.".to_owned(),
        evidence,
        advice: "Give the function more memory, or find what holds on to it from one invocation to the next.",
    })
}

#[cfg(test)]
mod tests {
    use super::{super::story::Story, *};

    #[test]
    fn memory_is_short_where_most_reports_say_so() {
        let mut story = Story::short_of_memory();
        let Conclusion::Found(finding) = conclude(&story.seen()) else { panic!("not found") };
        assert_eq!(finding.confidence, Confidence::Medium);
        for timeout in &mut story.timeouts[1..] {
            timeout.verdict.max_memory_used_mb = 60;
        }
        assert_eq!(conclude(&story.seen()), Conclusion::NotFound);
        for timeout in &mut story.timeouts[1..] {
            timeout.verdict.max_memory_used_mb = 0;
        }
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
    }
}
