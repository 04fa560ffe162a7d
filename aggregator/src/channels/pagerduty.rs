//! [PagerDuty's Events API v2](https://developer.pagerduty.com/docs/events-api-v2-overview): an incident opens and is resolved.
//!
//! PagerDuty tells an alert by routing key and dedup key together, and drops a resolution with another routing key without a word. So
//! the routing key that an episode was triggered with resolves it, whatever the channel's key is by then, and the dedup key is the
//! episode's: the next one opens an incident of its own.
//!
//! A test triggers with severity `info` and is resolved at once.
//!
//! **Invariant.** Whatever a story holds, its event is within the published limits.

use serde_json::{Map, Value, json};

use super::{
    story::{Story, is_web},
    text::{clean, cut},
};
use crate::domain::instant::rfc3339;

/// Published limits: characters of a summary and of a dedup key.
const SUMMARY_MAX: usize = 1_024;
const DEDUP_KEY_MAX: usize = 255;
/// Ours: of the other texts.
const TEXT_MAX: usize = 255;
/// Half of what is allowed for an event, in bytes.
const DATA_MAX: usize = 256 * 1024;

/// What PagerDuty is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Trigger,
    Resolve,
}

/// What a story asks for, one after the other.
pub(super) fn actions(story: &Story) -> &'static [Action] {
    match (story.test, story.firing) {
        (true, _) => &[Action::Trigger, Action::Resolve],
        (false, true) => &[Action::Trigger],
        (false, false) => &[Action::Resolve],
    }
}

/// The event's body.
pub(super) fn render(story: &Story, action: Action, routing_key: &str) -> Value {
    let dedup_key = cut(&format!("overtime-{}", clean(&story.episode, false)), DEDUP_KEY_MAX);
    if action == Action::Resolve {
        return json!({
            "routing_key": routing_key,
            "event_action": "resolve",
            "dedup_key": dedup_key,
        });
    }
    let links = [(story.link(), "What happened"), (story.runbook.as_deref(), "Runbook")];
    let link = |(href, text): (Option<&str>, &str)| {
        let href = href.filter(|it| is_web(it))?;
        Some(json!({ "href": href, "text": text }))
    };
    let links: Vec<Value> = links.into_iter().filter_map(link).collect();
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "payload": payload(story),
        "links": links,
        "client": "Overtime",
    });
    if let Some(url) = story.link() {
        event["client_url"] = json!(url);
    }
    event
}

fn payload(story: &Story) -> Value {
    let first = story.functions.first();
    let source = first.map_or(story.subscription.id.as_str(), |it| it.arn.as_str());
    let optional = [
        ("component", first.map(|it| it.name.as_str())),
        ("group", Some(story.subscription.id.as_str())),
        ("class", Some(story.subscription.condition.as_str())),
    ];
    let mut payload = Map::new();
    payload.insert("summary".to_owned(), json!(filled(&story.title, SUMMARY_MAX)));
    payload.insert("source".to_owned(), json!(filled(source, TEXT_MAX)));
    payload.insert("severity".to_owned(), json!(if story.test { "info" } else { story.severity }));
    payload.insert("timestamp".to_owned(), json!(rfc3339(story.at)));
    for (name, value) in optional {
        let value = value.map(|it| cut(&clean(it, false), TEXT_MAX)).filter(|it| !it.is_empty());
        payload.extend(value.map(|it| (name.to_owned(), json!(it))));
    }
    payload.insert("custom_details".to_owned(), details(story));
    Value::Object(payload)
}

/// Everything, unless it is more than fits.
fn details(story: &Story) -> Value {
    if story.data.to_string().len() <= DATA_MAX {
        return story.data.clone();
    }
    json!({ "description": cut(&story.description, 10_000) })
}

/// PagerDuty wants these to say something.
fn filled(text: &str, max: usize) -> String {
    let text = cut(&clean(text, false), max);
    if text.trim().is_empty() { "overtime".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{super::story::tests, *};

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn check(story: &Story) {
        for action in [Action::Trigger, Action::Resolve] {
            let event = render(story, action, KEY);
            assert!(event.to_string().len() < 512 * 1024);
            assert!(
                (1..=DEDUP_KEY_MAX).contains(&event["dedup_key"].as_str().unwrap().chars().count())
            );
            if action == Action::Trigger {
                let payload = &event["payload"];
                let text = |name: &str| payload[name].as_str().unwrap().chars().count();
                assert!((1..=SUMMARY_MAX).contains(&text("summary")) && text("source") > 0);
                let severity = payload["severity"].as_str().unwrap();
                assert!(["critical", "error", "warning", "info"].contains(&severity));
                for link in event["links"].as_array().unwrap() {
                    assert!(is_web(link["href"].as_str().unwrap()));
                }
            }
        }
    }

    #[test]
    fn an_incident_says_what_where_and_why() {
        let event = render(&tests::ordinary(), Action::Trigger, KEY);
        expect![[r#"
            {
              "client": "Overtime",
              "client_url": "https://o.example/functions/123456789012/eu-west-1/orders",
              "dedup_key": "overtime-f765cd20f54df16e4e80b5fa757f2f9b",
              "event_action": "trigger",
              "links": [
                {
                  "href": "https://o.example/functions/123456789012/eu-west-1/orders",
                  "text": "What happened"
                },
                {
                  "href": "https://runbooks.example/orders",
                  "text": "Runbook"
                }
              ],
              "payload": {
                "class": "timeout_rate",
                "component": "orders",
                "custom_details": {
                  "schema": "1",
                  "status": "firing"
                },
                "group": "timeout-rate",
                "severity": "error",
                "source": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
                "summary": "orders timed out 3 times (123456789012, eu-west-1)",
                "timestamp": "2026-11-01T00:00:01.000Z"
              },
              "routing_key": "0123456789abcdef0123456789abcdef"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&event).unwrap());
    }

    #[test]
    fn an_episode_is_resolved_under_the_key_it_was_opened_with() {
        let opened = render(&tests::ordinary(), Action::Trigger, KEY);
        let story = tests::resolved();
        assert_eq!(actions(&story), [Action::Resolve]);
        let resolved = render(&story, Action::Resolve, KEY);
        assert_eq!(resolved["dedup_key"], opened["dedup_key"]);
        assert_eq!(resolved["event_action"], "resolve");
    }

    #[test]
    fn a_test_wakes_nobody_up() {
        let story = tests::test();
        assert_eq!(actions(&story), [Action::Trigger, Action::Resolve]);
        assert_eq!(render(&story, Action::Trigger, KEY)["payload"]["severity"], "info");
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
