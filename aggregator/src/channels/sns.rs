//! [Amazon SNS](https://docs.aws.amazon.com/sns/latest/api/API_Publish.html): one message that machines, mail readers and chats each
//! get in their own shape.
//!
//! `MessageStructure` `json` lets one message hold a body for each protocol: mail gets text, HTTPS gets what [Amazon Q Developer in chat
//! applications](https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html) shows (where the channel says so),
//! everything else gets the same JSON as a webhook. Attributes let subscriptions filter without reading it; there are at most ten,
//! because that is what raw delivery to SQS hands on.
//!
//! **Invariant.** Whatever a story holds, its message is within the published limits.

use serde_json::{Map, Value, json};

use super::{
    bodies,
    story::{Story, counted},
    text::{clean, cut, cut_bytes},
};

/// Published limits, in characters and in bytes, attributes included.
const SUBJECT_MAX: usize = 100;
#[cfg(test)]
const MESSAGE_MAX: usize = 256 * 1024;
const ATTRIBUTES_MAX: usize = 10;
/// Ours.
const ATTRIBUTE_MAX: usize = 256;
const MAIL_MAX: usize = 16_000;
const CHAT_TITLE_MAX: usize = 250;
const CHAT_TEXT_MAX: usize = 3_000;

/// What to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) subject: String,
    /// JSON of a body for each protocol.
    pub(super) body: String,
    pub(super) attributes: Vec<(&'static str, String)>,
    /// What a FIFO topic keeps in order, and what it tells copies by.
    pub(super) group: String,
    pub(super) deduplication: String,
}

pub(super) fn render(story: &Story, chat: bool) -> Message {
    let mut bodies = Map::new();
    bodies.insert("default".to_owned(), json!(bodies::standard(story).to_string()));
    bodies.insert("email".to_owned(), json!(mail(story)));
    if chat {
        bodies.insert("https".to_owned(), json!(chat_body(story).to_string()));
    }
    Message {
        subject: subject(story),
        body: Value::Object(bodies).to_string(),
        attributes: attributes(story),
        group: short(&story.episode),
        deduplication: short(&story.id),
    }
}

/// Printable ASCII, on one line, and it must not begin with a blank.
fn subject(story: &Story) -> String {
    let ascii = |it: char| if it.is_ascii_graphic() { it } else { ' ' };
    let text: String = story.title.chars().map(ascii).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return "Overtime".to_owned();
    }
    if text.len() < SUBJECT_MAX { text } else { format!("{}...", &text[..SUBJECT_MAX - 4]) }
}

fn attributes(story: &Story) -> Vec<(&'static str, String)> {
    let of_group = |name: &str| story.group.get(name).cloned();
    let status = if story.firing { "firing" } else { "resolved" };
    let all = [
        ("status", Some(status.to_owned())),
        ("transition", Some(story.transition.to_owned())),
        ("severity", Some(story.severity.to_owned())),
        ("condition", Some(story.subscription.condition.clone())),
        ("account_id", of_group("account")),
        ("region", of_group("region")),
        ("function_name", of_group("function")),
        ("subscription_id", Some(story.subscription.id.clone())),
        ("team", story.labels.get("team").cloned()),
        ("test", Some(story.test.to_string())),
    ];
    let attribute = |(name, value): (&'static str, Option<String>)| {
        let value = cut(&clean(&value?, false), ATTRIBUTE_MAX);
        (!value.trim().is_empty()).then_some((name, value))
    };
    all.into_iter().filter_map(attribute).take(ATTRIBUTES_MAX).collect()
}

/// What a person reads in a mail.
fn mail(story: &Story) -> String {
    let mut lines = vec![
        clean(&story.title, false),
        String::new(),
        clean(&story.description, true),
        String::new(),
    ];
    let line = |name: &str, value: &str| format!("{}: {}", clean(name, false), clean(value, false));
    lines.push(line("Subscription", &story.subscription.name));
    lines.push(line("Severity", story.severity));
    lines.extend(story.figures.iter().map(|(name, value)| line(name, value)));
    lines.extend(story.group.iter().map(|(name, value)| line(name, value)));
    for (name, url) in [("Details", story.link()), ("Runbook", story.runbook.as_deref())] {
        lines.extend(url.map(|it| line(name, it)));
    }
    if story.functions.len() > 1 {
        lines.push(String::new());
        for it in &story.functions {
            let count = counted(it.timeouts, "timeout");
            lines.push(clean(
                &format!("{} ({}, {}): {count}", it.name, it.account, it.region),
                false,
            ));
        }
    }
    if story.more_functions > 0 {
        lines.push(format!("and {}", counted(story.more_functions, "more function")));
    }
    if !story.samples.is_empty() {
        lines.push(String::new());
        lines.extend(story.samples.iter().map(|it| clean(it, false)));
    }
    cut_bytes(&lines.join("\n"), MAIL_MAX)
}

/// The thread is the alert's, so that its resolution is read below it.
fn chat_body(story: &Story) -> Value {
    let link = story.link().map(|it| format!("Look at <{it}|what happened>."));
    let runbook = story.runbook.as_deref().map(|it| format!("Follow the <{it}|runbook>."));
    let next: Vec<String> = [link, runbook]
        .into_iter()
        .flatten()
        .map(|it| cut(&clean(&it, false), CHAT_TEXT_MAX))
        .collect();
    let arns: Vec<String> =
        story.functions.iter().map(|it| cut(&clean(&it.arn, false), ATTRIBUTE_MAX)).collect();
    let context: Map<String, Value> = story
        .group
        .iter()
        .take(ATTRIBUTES_MAX)
        .map(|(name, value)| {
            (cut(&clean(name, false), 64), json!(cut(&clean(value, false), ATTRIBUTE_MAX)))
        })
        .collect();
    json!({
        "version": "1.0",
        "source": "custom",
        "id": short(&story.id),
        "content": {
            "textType": "client-markdown",
            "title": cut(&clean(&story.title, false), CHAT_TITLE_MAX),
            "description": cut(&clean(&story.description, true), CHAT_TEXT_MAX),
            "nextSteps": next,
            "keywords": [story.severity, story.subscription.id],
        },
        "metadata": {
            "threadId": short(&story.episode),
            "summary": cut(&clean(&story.title, false), CHAT_TITLE_MAX),
            "eventType": story.kind(),
            "relatedResources": arns,
            "additionalContext": context,
        },
    })
}

/// 1 to 128 letters, digits and punctuation: what names of groups and of copies may be.
fn short(text: &str) -> String {
    let text: String = text.chars().filter(char::is_ascii_graphic).take(128).collect();
    if text.is_empty() { "overtime".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{super::story::tests, *};

    fn check(story: &Story) {
        let message = render(story, true);
        let Message { subject, body, attributes, .. } = &message;
        assert!((1..SUBJECT_MAX).contains(&subject.len()), "{subject}");
        assert!(subject.bytes().all(|it| (b' '..=b'~').contains(&it)) && !subject.starts_with(' '));
        assert!(attributes.len() <= ATTRIBUTES_MAX);
        let size: usize = attributes.iter().map(|(name, value)| name.len() + value.len() + 6).sum();
        assert!(body.len() + size < MESSAGE_MAX, "{}", body.len());
        assert!(attributes.iter().all(|(_, value)| !value.is_empty()));
        let bodies: Value = serde_json::from_str(body).unwrap();
        let chat: Value = serde_json::from_str(bodies["https"].as_str().unwrap()).unwrap();
        assert_eq!((&chat["version"], &chat["source"]), (&json!("1.0"), &json!("custom")));
        assert!(
            chat["metadata"]["additionalContext"]
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string)
        );
        let machine: Value = serde_json::from_str(bodies["default"].as_str().unwrap()).unwrap();
        assert_eq!(machine["data"], story.data);
    }

    #[test]
    fn machines_people_and_chats_get_their_own() {
        let message = render(&tests::ordinary(), true);
        let bodies: Value = serde_json::from_str(&message.body).unwrap();
        expect![[r"
            orders timed out 3 times (123456789012, eu-west-1)

            orders timed out 3 times (123456789012, eu-west-1)

            Request 6161 ran into its timeout of 3 s.

            Subscription: Timeout rate
            Severity: error
            Timeouts: 3 of 40 invocations
            account: 123456789012
            function: orders
            region: eu-west-1
            Details: https://o.example/functions/123456789012/eu-west-1/orders
            Runbook: https://runbooks.example/orders

            2026-11-01T00:00:00.000Z 6161 after 3 s"]]
        .assert_eq(&format!("{}\n\n{}", message.subject, bodies["email"].as_str().unwrap()));
        let chat: Value = serde_json::from_str(bodies["https"].as_str().unwrap()).unwrap();
        expect![[r#"
            {
              "content": {
                "description": "Request 6161 ran into its timeout of 3 s.",
                "keywords": [
                  "error",
                  "timeout-rate"
                ],
                "nextSteps": [
                  "Look at <https://o.example/functions/123456789012/eu-west-1/orders|what happened>.",
                  "Follow the <https://runbooks.example/orders|runbook>."
                ],
                "textType": "client-markdown",
                "title": "orders timed out 3 times (123456789012, eu-west-1)"
              },
              "id": "msg_f765cd20f54df16e4e80b5fa757f2f9b_firing_team",
              "metadata": {
                "additionalContext": {
                  "account": "123456789012",
                  "function": "orders",
                  "region": "eu-west-1"
                },
                "eventType": "dev.overtime.alert.firing",
                "relatedResources": [
                  "arn:aws:lambda:eu-west-1:123456789012:function:orders"
                ],
                "summary": "orders timed out 3 times (123456789012, eu-west-1)",
                "threadId": "f765cd20f54df16e4e80b5fa757f2f9b"
              },
              "source": "custom",
              "version": "1.0"
            }"#]].assert_eq(&serde_json::to_string_pretty(&chat).unwrap());
        expect![[r#"[("status", "firing"), ("transition", "firing"), ("severity", "error"), ("condition", "timeout_rate"), ("account_id", "123456789012"), ("region", "eu-west-1"), ("function_name", "orders"), ("subscription_id", "timeout-rate"), ("team", "payments"), ("test", "false")]"#]].assert_eq(&format!("{:?}", message.attributes));
    }

    #[test]
    fn nobody_chats_who_was_not_asked_to() {
        let bodies: Value = serde_json::from_str(&render(&tests::ordinary(), false).body).unwrap();
        assert!(bodies["https"].is_null());
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
