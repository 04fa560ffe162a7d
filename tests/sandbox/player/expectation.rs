//! What a scenario expects, and whether what the aggregator knows is that.
//!
//! The corpus has words of its own: `confirmed` is what is not inferred, the cause
//! `extension-overhead` is ours named `extension`, a suspected `oom` is a timeout whose cause is
//! `out_of_memory`. Everything that is not a timeout is compared by the function's counts, and what
//! a scenario does not mention must not have happened. Pure.

use serde::Deserialize;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Expectation {
    timeouts: Vec<ExpectedTimeout>,
    completed: Option<Vec<String>>,
    errors: Vec<serde_json::Value>,
    near_miss: Vec<String>,
    init_timeouts: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedTimeout {
    request_id: Option<String>,
    cause: Option<String>,
    confirmed: Option<bool>,
    suspected: Option<String>,
}

/// A timeout as `GET /api/v1/timeouts` shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Timeout {
    request_id: Option<String>,
    cause: String,
    evidence: String,
    inferred: bool,
}

/// The counts of `GET /api/v1/functions/…`.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Counts {
    invocations: u64,
    timeouts: u64,
    errors: u64,
    out_of_memory: u64,
    near_timeouts: u64,
    init_timeouts: u64,
}

/// All that the aggregator says about the scenario's function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) timeouts: Vec<Timeout>,
    pub(crate) counts: Counts,
}

impl Expectation {
    /// What is known otherwise than expected, a line each.
    pub(crate) fn differences(&self, known: &Known) -> Vec<String> {
        let mut differences = Vec::new();
        let mut unexpected: Vec<&Timeout> = known.timeouts.iter().collect();
        for expected in &self.timeouts {
            let fits = |it: &&Timeout| it.request_id == expected.request_id;
            match unexpected.iter().position(fits) {
                Some(at) => differences.extend(expected.compare(unexpected.remove(at))),
                None => differences.push(format!("missed: {}", name(expected.request_id.as_ref()))),
            }
        }
        for timeout in unexpected {
            let (id, evidence) = (name(timeout.request_id.as_ref()), &timeout.evidence);
            differences.push(format!("not a timeout, or one too many: {id} by {evidence}"));
        }
        differences.extend(self.compare_counts(&known.counts));
        differences
    }

    fn compare_counts(&self, found: &Counts) -> Vec<String> {
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        let ended = count(self.timeouts.len() + self.errors.len());
        let completed = self.completed.as_ref().map(|completed| count(completed.len()));
        let expected = [
            ("invocations", completed.map(|completed| completed + ended), found.invocations),
            ("timeouts", Some(count(self.timeouts.len())), found.timeouts),
            ("errors", Some(count(self.errors.len())), found.errors),
            ("near_timeouts", Some(count(self.near_miss.len())), found.near_timeouts),
            ("init_timeouts", Some(self.init_timeouts), found.init_timeouts),
            ("out_of_memory", Some(0), found.out_of_memory),
        ];
        let wrong = expected.into_iter().filter_map(|(name, expected, found)| {
            let expected = expected.filter(|expected| *expected != found)?;
            Some(format!("counts.{name}: expected {expected}, found {found}"))
        });
        wrong.collect()
    }
}

impl ExpectedTimeout {
    fn compare(&self, found: &Timeout) -> Vec<String> {
        let id = name(self.request_id.as_ref());
        let mut differences = Vec::new();
        if let Some(cause) = self.cause()
            && cause != found.cause
        {
            differences.push(format!("{id}: cause: expected {cause}, found {}", found.cause));
        }
        if let Some(confirmed) = self.confirmed
            && confirmed == found.inferred
        {
            let (evidence, inferred) = (&found.evidence, found.inferred);
            differences.push(format!("{id}: confirmed {confirmed}, but {evidence}, {inferred}"));
        }
        differences
    }

    /// The expected cause in our words.
    fn cause(&self) -> Option<&str> {
        match (self.suspected.as_deref(), self.cause.as_deref()) {
            (Some("oom"), _) => Some("out_of_memory"),
            (_, Some("extension-overhead")) => Some("extension"),
            (_, cause) => cause,
        }
    }
}

fn name(request_id: Option<&String>) -> &str {
    request_id.map_or("a timeout without a request id", String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn expectation(value: Value) -> Expectation {
        serde_json::from_value(value).unwrap()
    }

    fn known(timeouts: &[(&str, &str, &str)], counts: Counts) -> Known {
        let timeouts = timeouts.iter().map(|(id, cause, evidence)| Timeout {
            request_id: Some((*id).to_owned()),
            cause: (*cause).to_owned(),
            evidence: (*evidence).to_owned(),
            inferred: ["deadline", "recovered"].contains(evidence),
        });
        Known { timeouts: timeouts.collect(), counts }
    }

    fn one() -> Counts {
        Counts { invocations: 1, timeouts: 1, ..Counts::default() }
    }

    #[track_caller]
    fn check(expected: Value, known: &Known, differences: &[&str]) {
        assert_eq!(expectation(expected).differences(known), differences);
    }

    #[test]
    fn what_is_as_expected_differs_in_nothing() {
        let expected =
            json!({ "timeouts": [{ "requestId": "a", "cause": "handler", "confirmed": true }] });
        check(expected, &known(&[("a", "handler", "shutdown")], one()), &[]);
    }

    #[test]
    fn a_missed_timeout_and_an_invented_one_are_named() {
        check(
            json!({ "timeouts": [{ "requestId": "a" }] }),
            &known(&[("b", "handler", "deadline")], one()),
            &["missed: a", "not a timeout, or one too many: b by deadline"],
        );
    }

    #[test]
    fn a_timeout_that_is_counted_twice_is_one_too_many() {
        let twice = known(&[("a", "handler", "report"), ("a", "handler", "shutdown")], one());
        check(
            json!({ "timeouts": [{ "requestId": "a" }] }),
            &twice,
            &["not a timeout, or one too many: a by shutdown"],
        );
    }

    #[test]
    fn the_corpus_has_words_of_its_own() {
        let overhead = json!({ "timeouts": [{ "requestId": "a", "cause": "extension-overhead" }] });
        check(overhead, &known(&[("a", "extension", "report")], one()), &[]);
        let oom = json!({ "timeouts": [{ "requestId": "a", "suspected": "oom" }] });
        check(oom.clone(), &known(&[("a", "out_of_memory", "report")], one()), &[]);
        check(
            oom,
            &known(&[("a", "handler", "report")], one()),
            &["a: cause: expected out_of_memory, found handler"],
        );
        check(
            json!({ "timeouts": [{ "requestId": "a", "confirmed": true }] }),
            &known(&[("a", "handler", "recovered")], one()),
            &["a: confirmed true, but recovered, true"],
        );
    }

    #[test]
    fn everything_else_is_in_the_counts() {
        let expected = json!({ "timeouts": [], "completed": ["a", "b"], "nearMiss": ["b"] });
        let counts = Counts { invocations: 2, near_timeouts: 1, ..Counts::default() };
        check(expected, &known(&[], counts), &[]);
        let counts = Counts { init_timeouts: 1, errors: 1, ..Counts::default() };
        check(
            json!({ "completed": ["a"], "initTimeouts": 1 }),
            &known(&[], counts),
            &["counts.invocations: expected 1, found 0", "counts.errors: expected 0, found 1"],
        );
    }
}
