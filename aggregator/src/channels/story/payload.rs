//! The canonical payload, as far as words are made of it.
//!
//! What is missing is missing, and what is more is not looked at: a message may have been composed by an earlier version and have
//! waited in the outbox since.

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Story, Subject, Subscription, counted};
use crate::domain::{instant::When, notification::ANALYSIS, words};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    transition: String,
    status: String,
    test: bool,
    alert: Alert,
    subscription: Source,
    group: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    stats: Stats,
    functions: Vec<Function>,
    truncated_functions: u64,
    samples: Vec<Sample>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alert {
    fingerprint: String,
    episode: String,
    #[serde(deserialize_with = "moment")]
    starts_at: Option<EpochMillis>,
    #[serde(deserialize_with = "moment")]
    ends_at: Option<EpochMillis>,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    id: String,
    name: String,
    severity: String,
    condition: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stats {
    invocations: Option<u64>,
    timeouts: Option<u64>,
    /// In percent.
    timeout_rate: Option<f64>,
    p99_ms: Option<f64>,
    timeout_ms: Option<u64>,
    distinct_functions: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    #[serde(rename = "cloud.account.id")]
    account: String,
    #[serde(rename = "cloud.region")]
    region: String,
    #[serde(rename = "faas.name")]
    name: String,
    #[serde(rename = "cloud.resource_id")]
    arn: String,
    timeouts: Option<u64>,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sample {
    #[serde(rename = "faas.invocation_id")]
    request: Option<String>,
    time: Option<String>,
    why: Option<String>,
    retracted: bool,
}

/// What happened, and under it what was found to be behind it.
fn described(annotations: &BTreeMap<String, String>) -> String {
    let texts = ["description", ANALYSIS].map(|it| annotations.get(it).map(String::as_str));
    let texts: Vec<_> = texts.into_iter().flatten().filter(|it| !it.is_empty()).collect();
    texts.join("\n\n")
}

/// RFC 3339, milliseconds, or nothing.
fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<EpochMillis>, D::Error> {
    let value = Value::deserialize(from)?;
    let text = value.as_str().and_then(|it| match When::parse(it) {
        Some(When::At(at)) => Some(at),
        Some(When::Ago(_)) | None => None,
    });
    Ok(text.or_else(|| value.as_i64().map(EpochMillis)))
}

impl Story {
    /// Reads the payload `data` of the message `id`, which was composed at `at`.
    pub(crate) fn read(id: &str, at: EpochMillis, data: &Value) -> Result<Self, serde_json::Error> {
        let payload = Payload::deserialize(data)?;
        let transition = transition(&payload.transition);
        let severity = severity(&payload.subscription.severity);
        let annotation = |name: &str| payload.annotations.get(name).cloned();
        let summary = annotation("summary").unwrap_or_else(|| payload.subscription.name.clone());
        let is_marked = !payload.test || summary.starts_with("[TEST]");
        let title = if is_marked { summary } else { format!("[TEST] {summary}") };
        let functions = subjects(&payload);
        Ok(Self {
            id: id.to_owned(),
            at,
            transition,
            firing: payload.status != "resolved" && transition != "resolved",
            test: payload.test,
            severity: if payload.test { "info" } else { severity },
            title,
            description: described(&payload.annotations),
            fingerprint: payload.alert.fingerprint,
            episode: payload.alert.episode,
            starts_at: payload.alert.starts_at.unwrap_or(at),
            ends_at: payload.alert.ends_at,
            url: payload.alert.url,
            runbook: annotation("runbook_url").filter(|it| !it.is_empty()),
            figures: figures(&payload.stats),
            more_functions: payload.truncated_functions,
            samples: payload.samples.iter().map(line).collect(),
            subscription: Subscription {
                condition: condition(&payload.subscription.condition),
                id: payload.subscription.id,
                name: payload.subscription.name,
            },
            group: payload.group,
            labels: payload.labels,
            annotations: payload.annotations,
            functions,
            data: data.clone(),
        })
    }
}

fn transition(word: &str) -> &'static str {
    let known = ["update", "repeat", "resolved", "test", "digest"];
    known.into_iter().find(|it| *it == word).unwrap_or("firing")
}

fn severity(word: &str) -> &'static str {
    let known = ["critical", "warning", "info"];
    known.into_iter().find(|it| *it == word).unwrap_or("error")
}

/// The name of the condition: a text, or the only field of an object.
fn condition(value: &Value) -> String {
    let field = value.as_object().and_then(|it| it.keys().next()).map(String::as_str);
    value.as_str().or(field).unwrap_or_default().to_owned()
}

/// The functions; where there are none, the one that the labels name.
fn subjects(payload: &Payload) -> Vec<Subject> {
    let named = |it: &Function| Subject {
        account: it.account.clone(),
        region: it.region.clone(),
        name: it.name.clone(),
        arn: it.arn.clone(),
        timeouts: it.timeouts.unwrap_or_default(),
        url: it.url.clone(),
    };
    if !payload.functions.is_empty() {
        return payload.functions.iter().map(named).collect();
    }
    let label = |name: &str| payload.labels.get(name).cloned();
    let Some(name) = label("faas.name") else { return Vec::new() };
    vec![Subject {
        account: label("cloud.account.id").unwrap_or_default(),
        region: label("cloud.region").unwrap_or_default(),
        arn: label("cloud.resource_id").unwrap_or_default(),
        timeouts: payload.stats.timeouts.unwrap_or_default(),
        url: payload.alert.url.clone(),
        name,
    }]
}

fn figures(stats: &Stats) -> Vec<(&'static str, String)> {
    let millis =
        |it: f64| words::duration(std::time::Duration::from_secs_f64((it / 1e3).clamp(0.0, 1e9)));
    let timeouts = stats.timeouts.map(|it| match stats.invocations {
        Some(of) if of > 0 => format!("{it} of {}", counted(of, "invocation")),
        Some(_) | None => it.to_string(),
    });
    let limit = stats.timeout_ms.map(|it| words::duration(std::time::Duration::from_millis(it)));
    let figures = [
        ("Timeouts", timeouts),
        ("Rate", stats.timeout_rate.map(|it| format!("{it:.1} %"))),
        ("Functions", stats.distinct_functions.filter(|it| *it > 1).map(|it| it.to_string())),
        ("p99", stats.p99_ms.map(millis)),
        ("Timeout", limit),
    ];
    figures.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn line(sample: &Sample) -> String {
    let request = sample.request.as_deref().unwrap_or("a request that is not known");
    let time = sample.time.as_deref().unwrap_or_default();
    let why = sample.why.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
    let back = if sample.retracted { " (taken back)" } else { "" };
    format!("{time} {request}{why}{back}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: EpochMillis = EpochMillis(1_793_491_201_000);

    #[test]
    fn what_was_composed_before_there_were_channels_is_read() {
        let body: Value =
            serde_json::from_str(include_str!("../../domain/notification/opening.json")).unwrap();
        let story = Story::read("msg_f7_firing", AT, &body["data"]).unwrap();
        assert_eq!((story.transition, story.firing, story.severity), ("firing", true, "error"));
        assert_eq!(story.title, "orders timed out (123456789012, eu-west-1)");
        assert_eq!(story.starts_at, EpochMillis(1_793_491_200_000));
        assert_eq!(story.subscription.condition, "any_timeout");
        let [subject] = &story.functions[..] else { panic!("{:?}", story.functions) };
        assert_eq!((subject.name.as_str(), subject.timeouts), ("orders", 1));
        assert_eq!(story.figures, [("Timeouts", "1".to_owned()), ("Timeout", "3 s".to_owned())]);
        assert!(story.samples[0].starts_with("2026-11-01T00:00:00.000Z 61616161-"));
    }

    #[test]
    fn a_test_says_so_and_wakes_nobody() {
        let data = serde_json::json!({
            "transition": "test", "test": true, "subscription": { "severity": "critical" },
            "annotations": { "summary": "orders" },
        });
        let story = Story::read("msg_1", AT, &data).unwrap();
        assert_eq!((story.title.as_str(), story.severity), ("[TEST] orders", "info"));
    }

    #[test]
    fn what_was_found_stands_under_what_happened() {
        let data = serde_json::json!({
            "annotations": { "description": "It hung.", "analysis": "change (high confidence): So." },
        });
        let story = Story::read("msg_1", AT, &data).unwrap();
        assert_eq!(story.description, "It hung.\n\nchange (high confidence): So.");
        assert_eq!(story.annotations["analysis"], "change (high confidence): So.");
    }

    #[test]
    fn nearly_nothing_is_still_a_story() {
        let story = Story::read("msg_1", AT, &serde_json::json!({})).unwrap();
        assert_eq!((story.transition, story.starts_at), ("firing", AT));
        assert!(Story::read("msg_1", AT, &serde_json::json!({ "labels": 3 })).is_err());
    }
}
