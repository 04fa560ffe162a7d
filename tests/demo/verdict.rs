//! What was injected against what was detected: missed, duplicated, invented.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::reasons::Reasons;

/// A timeout that really happened, as the emulated platform saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Injected {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) function: String,
    pub(crate) request_id: String,
}

/// A timeout as `/api/v1/timeouts` tells it; only what is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Detected {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) function: String,
    pub(crate) request_id: Option<String>,
    pub(crate) sandbox: String,
    pub(crate) cause: String,
    pub(crate) evidence: String,
    pub(crate) deadline: Option<Timestamp>,
    /// The first acceptance by the aggregator.
    #[serde(rename = "detected_at")]
    pub(crate) accepted: Timestamp,
}

impl Detected {
    pub(crate) fn latency_ms(&self) -> Option<i64> {
        self.deadline.map(|it| self.accepted.as_millisecond() - it.as_millisecond())
    }

    fn is_of(&self, injected: &Injected) -> bool {
        (&self.account, &self.region, &self.function, self.request_id.as_ref())
            == (&injected.account, &injected.region, &injected.function, Some(&injected.request_id))
    }
}

/// The demonstration's result; its fields are what `--json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    invocations: u64,
    injected_timeouts: usize,
    detected_timeouts: usize,
    missed: usize,
    duplicated: usize,
    false_alarms: usize,
    /// From the function's deadline to the first acceptance by the aggregator; absent when nothing was detected.
    detection_ms: Option<Spread>,
    /// Whether it was said why.
    reasons: Reasons,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Spread {
    p50: i64,
    p99: i64,
    max: i64,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        let wrong = (self.missed, self.duplicated, self.false_alarms);
        wrong == (0, 0, 0) && self.reasons.are_right()
    }

    /// The same, with what was said of why.
    pub(crate) fn because(self, reasons: Reasons) -> Self {
        Self { reasons, ..self }
    }

    pub(crate) fn in_words(&self) -> String {
        let Self { invocations, injected_timeouts, detected_timeouts, .. } = self;
        let Self { missed, duplicated, false_alarms, .. } = self;
        let reasons = self.reasons.in_words();
        let latency = self.detection_ms.map_or_else(String::new, |Spread { p50, p99, max }| {
            format!("; deadline to acceptance p50 {p50} ms, p99 {p99} ms, longest {max} ms")
        });
        format!(
            "{invocations} invocations, {injected_timeouts} timed out, {detected_timeouts} detected: \
             {missed} missed, {duplicated} duplicated, {false_alarms} false alarms{latency}; {reasons}"
        )
    }
}

pub(crate) fn compare(injected: &[Injected], detected: &[Detected], invocations: u64) -> Verdict {
    let mut found: HashMap<&Injected, usize> = injected.iter().map(|it| (it, 0)).collect();
    let mut false_alarms = 0;
    for detection in detected {
        match found.iter_mut().find(|(injected, _)| detection.is_of(injected)) {
            Some((_, times)) => *times += 1,
            None => false_alarms += 1,
        }
    }
    Verdict {
        invocations,
        injected_timeouts: injected.len(),
        detected_timeouts: detected.len(),
        missed: found.values().filter(|times| **times == 0).count(),
        duplicated: found.values().map(|times| times.saturating_sub(1)).sum(),
        false_alarms,
        detection_ms: spread(detected.iter().filter_map(Detected::latency_ms).collect()),
        reasons: Reasons::default(),
    }
}

fn spread(mut latencies: Vec<i64>) -> Option<Spread> {
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get((latencies.len() * percent).div_ceil(100).max(1) - 1);
    Some(Spread { p50: *at(50)?, p99: *at(99)?, max: *latencies.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(request_id: &str) -> Injected {
        Injected {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            function: "checkout".to_owned(),
            request_id: request_id.to_owned(),
        }
    }

    fn detected(request_id: Option<&str>) -> Detected {
        let deadline: Timestamp = "2026-11-01T00:00:03Z".parse().unwrap();
        Detected {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            function: "checkout".to_owned(),
            request_id: request_id.map(str::to_owned),
            sandbox: "one".to_owned(),
            cause: "handler".to_owned(),
            evidence: "runtime_done".to_owned(),
            deadline: Some(deadline),
            accepted: "2026-11-01T00:00:03.030Z".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(injections: &[&str], detections: &[Option<&str>], expected: (usize, usize, usize)) {
        let injections: Vec<_> = injections.iter().map(|it| injected(it)).collect();
        let detections: Vec<_> = detections.iter().map(|it| detected(*it)).collect();
        let verdict = compare(&injections, &detections, 9);
        assert_eq!((verdict.missed, verdict.duplicated, verdict.false_alarms), expected);
        assert_eq!(verdict.is_clean(), expected == (0, 0, 0));
    }

    #[test]
    fn every_way_of_being_wrong_is_counted_apart() {
        check(&["a", "b"], &[Some("b"), Some("a")], (0, 0, 0));
        check(&["a", "b"], &[Some("a")], (1, 0, 0));
        check(&["a"], &[Some("a"), Some("a"), Some("a")], (0, 2, 0));
        check(&["a"], &[Some("a"), Some("c"), None], (0, 0, 2));
        check(&[], &[], (0, 0, 0));
    }

    #[test]
    fn latencies_are_spread_from_the_deadline() {
        let verdict = compare(&[injected("a")], &[detected(Some("a"))], 1);
        assert_eq!(verdict.detection_ms, Some(Spread { p50: 30, p99: 30, max: 30 }));
        assert!(verdict.in_words().contains("p50 30 ms"));
    }
}
