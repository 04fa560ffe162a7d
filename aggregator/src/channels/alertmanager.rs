//! [Prometheus' Alertmanager](https://prometheus.io/docs/alerting/latest/alerts_api/): an alert among its own, by `/api/v2/alerts`.
//!
//! Alertmanager tells an alert by its labels, so an episode's must not change: they are the subscription, the group and the
//! operator's own labels. It forgets an alert that nobody repeats after its `resolve_timeout`, which is meant for senders that
//! repeat every minute; ours says far ahead when it would end at the latest, every repetition says it again, and the
//! resolution ends it now.
//!
//! **Invariant.** Names of labels are what Alertmanager takes; no label is empty, because to it that is one that is not there.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    story::Story,
    text::{clean, cut},
};
use crate::domain::instant::rfc3339;

/// How long an alert stands if nothing is ever heard of it again.
const STANDS_FOR: Duration = Duration::from_hours(30 * 24);
/// A digest is news and no state.
const DIGEST_STANDS_FOR: Duration = Duration::from_hours(1);
/// A test is to be seen, and to go by itself.
const TEST_STANDS_FOR: Duration = Duration::from_mins(5);
/// Ours, in characters.
const LABEL_MAX: usize = 256;
const ANNOTATION_MAX: usize = 2_000;
/// Ours, in bytes of JSON, for all labels and for all annotations.
const TOGETHER_MAX: usize = 8_000;

/// What to post: one alert.
pub(super) fn render(story: &Story) -> Value {
    let stands_for = match story.transition {
        "test" => TEST_STANDS_FOR,
        "digest" => DIGEST_STANDS_FOR,
        _ => STANDS_FOR,
    };
    let ends_at = if story.firing || story.test {
        story.at.plus(stands_for)
    } else {
        story.ends_at.unwrap_or(story.at)
    };
    let mut alert = json!({
        "labels": labels(story),
        "annotations": annotations(story),
        "startsAt": rfc3339(story.starts_at.min(ends_at)),
        "endsAt": rfc3339(ends_at),
    });
    if let Some(url) = story.link() {
        alert["generatorURL"] = json!(url);
    }
    json!([alert])
}

/// What the alert is told by. The operator's labels give way to ours.
pub(super) fn labels(story: &Story) -> Map<String, Value> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let own = story.labels.iter().chain(&story.group);
    labels.extend(own.map(|(name, value)| (label_name(name), value.clone())));
    labels.insert("alertname".to_owned(), story.subscription.id.clone());
    labels.insert("severity".to_owned(), story.severity.to_owned());
    if story.test {
        labels.insert("test".to_owned(), "true".to_owned());
    }
    let ours = |name: &String| ["alertname", "severity", "test"].contains(&name.as_str());
    // Ours first, so that they are never what there was no room for.
    let (first, rest): (Vec<_>, Vec<_>) = labels.into_iter().partition(|(name, _)| ours(name));
    bounded(first.into_iter().chain(rest), LABEL_MAX)
}

pub(super) fn annotations(story: &Story) -> Map<String, Value> {
    let first = [
        ("summary", Some(story.title.clone())),
        ("description", Some(story.description.clone())),
        ("runbook_url", story.runbook.clone()),
        ("dashboard_url", story.link().map(str::to_owned)),
    ];
    let first: Vec<(String, String)> =
        first.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let own = story.annotations.iter().map(|(name, value)| (label_name(name), value.clone()));
    let own: Vec<_> = own.filter(|(name, _)| first.iter().all(|(it, _)| it != name)).collect();
    bounded(first.into_iter().chain(own), ANNOTATION_MAX)
}

/// Those there is room for.
fn bounded(pairs: impl Iterator<Item = (String, String)>, max: usize) -> Map<String, Value> {
    let mut map = Map::new();
    let mut used = 0;
    for (name, value) in pairs {
        let value = cut(&clean(&value, true), max);
        let length = name.len() + json!(value).to_string().len() + 4;
        if value.trim().is_empty() || used + length > TOGETHER_MAX {
            continue;
        }
        used += length;
        map.insert(name, json!(value));
    }
    map
}

/// Letters, digits and `_`, and no digit at the beginning.
fn label_name(name: &str) -> String {
    let fits = |it: char| if it.is_ascii_alphanumeric() { it } else { '_' };
    let name: String = name.chars().take(64).map(fits).collect();
    if name.starts_with(|it: char| it.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{super::story::tests, *};

    fn check(story: &Story) {
        let alerts = render(story);
        assert!(alerts.to_string().len() < 40_000);
        let alert = &alerts[0];
        assert!(alert["startsAt"].as_str().unwrap() <= alert["endsAt"].as_str().unwrap());
        assert_eq!(alert["labels"]["alertname"], "timeout-rate");
        for (name, value) in alert["labels"].as_object().unwrap() {
            let allowed = |it: char| it.is_ascii_alphanumeric() || it == '_';
            assert!(name.chars().all(allowed) && !name.as_bytes()[0].is_ascii_digit(), "{name}");
            assert!(!value.as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn an_alert_stands_until_it_is_resolved() {
        let firing = render(&tests::ordinary());
        expect![[r#"
            [
              {
                "annotations": {
                  "dashboard_url": "https://o.example/functions/123456789012/eu-west-1/orders",
                  "description": "Request 6161 ran into its timeout of 3 s.",
                  "runbook_url": "https://runbooks.example/orders",
                  "summary": "orders timed out 3 times (123456789012, eu-west-1)"
                },
                "endsAt": "2026-12-01T00:00:01.000Z",
                "generatorURL": "https://o.example/functions/123456789012/eu-west-1/orders",
                "labels": {
                  "account": "123456789012",
                  "alertname": "timeout-rate",
                  "function": "orders",
                  "region": "eu-west-1",
                  "severity": "error",
                  "team": "payments"
                },
                "startsAt": "2026-11-01T00:00:00.000Z"
              }
            ]"#]]
        .assert_eq(&serde_json::to_string_pretty(&firing).unwrap());
        let resolved = render(&tests::resolved());
        assert_eq!(resolved[0]["labels"], firing[0]["labels"]);
        assert_eq!(resolved[0]["startsAt"], firing[0]["startsAt"]);
        assert_eq!(resolved[0]["endsAt"], "2026-11-01T00:11:40.000Z");
    }

    #[test]
    fn names_become_what_alertmanager_takes() {
        assert_eq!(label_name("tag:cost-center"), "tag_cost_center");
        assert_eq!(label_name("1st"), "_1st");
        assert_eq!(label_name(""), "_");
        assert_eq!(label_name("größe"), "gr__e");
    }

    #[test]
    fn the_largest_story_is_within_the_limits() {
        for story in tests::largest() {
            check(&story);
        }
    }

    proptest! {
        #[test]
        fn every_story_is_within_the_limits(story in tests::any()) {
            check(&story);
        }
    }
}
