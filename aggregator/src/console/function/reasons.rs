//! What analyses found, what they did not, and what the time of the timeouts cost.

use crate::{
    api::function::analyses::{Analyses, Analysis},
    console::{chart::text::counted, figures::grouped},
    domain::analysis::Kind,
};

#[derive(Debug)]
pub(super) struct Reasons<'a> {
    pub(super) found: Vec<Reason<'a>>,
    /// What was looked for without finding it, or could not be told, and why.
    pub(super) others: Vec<(&'static str, &'a str)>,
    pub(super) looked_at: String,
    /// What the time cost, where it is known.
    pub(super) cost: Option<String>,
}

#[derive(Debug)]
pub(super) struct Reason<'a> {
    pub(super) name: &'static str,
    pub(super) says: &'a str,
    pub(super) confidence: &'static str,
    /// As badges are called.
    pub(super) badge: &'static str,
    pub(super) evidence: &'a [String],
    pub(super) advice: Option<&'static str>,
}

impl<'a> Reasons<'a> {
    pub(super) fn of(analyses: &'a Analyses) -> Self {
        let (found, others): (Vec<_>, Vec<_>) =
            looked_for(analyses).partition(|it| it.conclusion == "found");
        let mut found: Vec<_> = found.into_iter().map(Reason::of).collect();
        // Surest first; equals in the order in which they were looked for.
        found.sort_by_key(|it| match it.confidence {
            "high" => 0,
            "medium" => 1,
            _ => 2,
        });
        let other = |it: &'a Analysis| (name(it.kind), it.says.as_deref().unwrap_or("not found"));
        let looked_at = u64::try_from(analyses.timeouts).unwrap_or(u64::MAX);
        let these = if analyses.complete { "all of them" } else { "the latest of them" };
        Self {
            found,
            others: others.into_iter().map(other).collect(),
            looked_at: format!("{} looked at, {these}", counted(looked_at, "timeout")),
            cost: cost(analyses),
        }
    }
}

impl<'a> Reason<'a> {
    fn of(analysis: &'a Analysis) -> Self {
        let confidence = analysis.confidence.unwrap_or("low");
        Self {
            name: name(analysis.kind),
            says: analysis.says.as_deref().unwrap_or_default(),
            confidence,
            badge: if confidence == "high" { "bad" } else { "warn" },
            evidence: &analysis.evidence,
            advice: analysis.advice,
        }
    }
}

/// All but whether the timeout fits, which has a card of its own.
fn looked_for(analyses: &Analyses) -> impl Iterator<Item = &Analysis> {
    analyses.items.iter().filter(|it| it.kind != Kind::RightSize.as_str())
}

/// What an analysis is called on a page.
fn name(kind: &str) -> &'static str {
    match kind {
        "change" => "A new version or setting",
        "doom_loop" => "Environments that never get through their init",
        "cold_start" => "Cold starts",
        "memory" => "Memory",
        "retries" => "The same requests again",
        "silence" => "Silence before the deadline",
        "time_of_week" => "The time of the day or week",
        _ => "Something else",
    }
}

/// Nothing where nothing is known of it: no memory, no price.
fn cost(analyses: &Analyses) -> Option<String> {
    let spent = &analyses.spent;
    if spent.timeouts == 0 {
        return None;
    }
    let usd = if spent.usd < 0.01 {
        "less than a cent".to_owned()
    } else {
        format!("about ${:.2}", spent.usd)
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum for people, never negative"
    )]
    let whole = spent.gigabyte_seconds.round().max(0.0) as u64;
    let gigabyte_seconds = if whole == 0 { "less than one".to_owned() } else { grouped(whole) };
    Some(format!(
        "The time of {} was paid for and came to nothing: {gigabyte_seconds} GB-s, {usd} at list price.",
        counted(spent.timeouts, "timeout")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{function::analyses::Cost, words::Text};

    fn analysis(
        kind: &'static str,
        conclusion: &'static str,
        confidence: Option<&'static str>,
    ) -> Analysis {
        let says = (conclusion != "not_found").then(|| format!("{kind} says so"));
        Analysis { kind, conclusion, confidence, says, evidence: Vec::new(), advice: None }
    }

    #[test]
    fn the_surest_reason_stands_first_and_what_was_not_found_is_told_too() {
        let analyses = Analyses {
            from: Text(overtime_wire::EpochMillis(0)),
            to: Text(overtime_wire::EpochMillis(1)),
            timeouts: 500,
            complete: false,
            spent: Cost { timeouts: 499, gigabyte_seconds: 187.4, usd: 0.003 },
            items: vec![
                analysis("memory", "found", Some("low")),
                analysis("retries", "unknown", None),
                analysis("change", "found", Some("high")),
                analysis("silence", "not_found", None),
            ],
        };
        let reasons = Reasons::of(&analyses);
        let found: Vec<_> = reasons.found.iter().map(|it| (it.says, it.badge)).collect();
        assert_eq!(found, [("change says so", "bad"), ("memory says so", "warn")]);
        assert_eq!(
            reasons.others,
            [
                ("The same requests again", "retries says so"),
                ("Silence before the deadline", "not found")
            ]
        );
        assert_eq!(reasons.looked_at, "500 timeouts looked at, the latest of them");
        let cost = "The time of 499 timeouts was paid for and came to nothing: 187 GB-s, less than a cent at list price.";
        assert_eq!(reasons.cost.as_deref(), Some(cost));
    }
}
