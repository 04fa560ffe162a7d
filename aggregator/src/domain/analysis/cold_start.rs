//! Whether cold starts time out more often than others.
//!
//! "It must be the cold start" is said of many timeouts and true of few. Shares of both are compared, with how far small
//! numbers can be trusted: unless even the lowest likely share of the cold is above the highest likely share of the warm, nothing is found.

use super::{Conclusion, Confidence, Finding, Seen, count, shares};

/// Fewer cold starts than this say nothing.
const COLD_MIN: u64 = 10;
/// Nor do fewer timeouts.
const TIMEOUTS_MIN: u64 = 3;
/// So many times likelier even at the least is beyond doubt.
const BEYOND_DOUBT: f64 = 3.0;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    if !seen.complete {
        return Conclusion::Unknown("there were more timeouts than are looked at");
    }
    let (timeouts, counts) = (count(seen.timeouts), seen.counts());
    let cold_timeouts =
        u64::try_from(seen.timeouts.iter().filter(|it| it.verdict.cold_start).count()).unwrap_or(0);
    // Tallies count them all, and may be late.
    let cold = counts.cold_starts.max(cold_timeouts);
    let warm = counts.invocations.saturating_sub(cold);
    let warm_timeouts = timeouts.saturating_sub(cold_timeouts);
    if cold < COLD_MIN || timeouts < TIMEOUTS_MIN {
        return Conclusion::Unknown(
            "too few to compare: it takes ten cold starts and three timeouts",
        );
    }
    let ((cold_low, _), (_, warm_high)) =
        (shares::between(cold_timeouts, cold), shares::between(warm_timeouts, warm));
    if cold_timeouts < TIMEOUTS_MIN || cold_low <= warm_high {
        return Conclusion::NotFound;
    }
    let evidence = vec![
        format!(
            "{cold_timeouts} of {cold} cold starts timed out, {}.",
            shares::percent(cold_timeouts, cold)
        ),
        format!("{warm_timeouts} of {warm} others did, {}.", shares::percent(warm_timeouts, warm)),
    ];
    let beyond_doubt = cold_low >= BEYOND_DOUBT * warm_high;
    Conclusion::Found(Finding {
        confidence: if beyond_doubt { Confidence::High } else { Confidence::Medium },
        says: "Cold starts time out more often than other invocations.".to_owned(),
        evidence,
        advice: "Move what the first invocation does into initialisation, make it lazy, or keep environments warm (provisioned concurrency, SnapStart).",
    })
}

#[cfg(test)]
mod tests {
    use super::{super::story::Story, *};

    #[test]
    fn small_numbers_accuse_nobody() {
        let mut story = Story::cold_starts();
        assert!(conclude(&story.seen()).finding().is_some());
        story.timeouts.truncate(2);
        assert!(matches!(conclude(&story.seen()), Conclusion::Unknown(_)));
        let mut story = Story::cold_starts();
        story.timeouts.iter_mut().skip(1).for_each(|it| it.verdict.cold_start = false);
        assert_eq!(conclude(&story.seen()), Conclusion::NotFound);
    }
}
