//! [Slack's incoming webhooks](https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks): a message for people.
//!
//! `text` is what notifications and screen readers use, `blocks` is what is shown. Slack publishes limits for each kind of block,
//! and refuses whole messages of about 13,000 characters without having written that down, so what is least important is left
//! out before a message comes near. A webhook can neither change a message nor answer in its thread, so a resolution is a message
//! of its own.
//!
//! **Invariant.** Whatever a story holds, its message is within the limits.

use serde_json::{Value, json};

use super::{
    story::{Story, Subject, counted, is_web},
    text::{clean, fit},
};

/// Published limits, in characters: of a header, of a section, of the number of a section's fields, and of a link.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const FIELDS_MAX: usize = 10;
const LINK_MAX: usize = 3_000;
/// Ours: ten fields of Slack's own two thousand would fill the message.
const FIELD_MAX: usize = 200;
const TEXT_MAX: usize = 500;
/// Ours: of the whole message, as JSON.
const MESSAGE_MAX: usize = 9_500;

/// The body of a message.
pub(super) fn render(story: &Story) -> Value {
    let headline = headline(story);
    let header = json!({
        "type": "header",
        "text": { "type": "plain_text", "text": plain(&headline, HEADER_MAX), "emoji": true },
    });
    let text = mrkdwn(&headline, TEXT_MAX);
    let mut used = length(&header) + length(&json!(text)) + 50;
    let mut blocks = vec![header];
    let rest =
        [description(story), Some(fields(story)), links(story), functions(story), samples(story)];
    for block in rest.into_iter().flatten() {
        let more = length(&block) + 1;
        if used + more <= MESSAGE_MAX {
            used += more;
            blocks.push(block);
        }
    }
    json!({ "text": text, "blocks": blocks })
}

fn length(value: &Value) -> usize {
    value.to_string().chars().count()
}

fn headline(story: &Story) -> String {
    let sign = match (story.test, story.firing, story.severity) {
        (true, ..) => "🔧",
        (_, false, _) => "✅",
        (_, true, "critical" | "error") => "🔴",
        (_, true, "warning") => "🟠",
        (_, true, _) => "🔵",
    };
    format!("{sign} {}", story.title)
}

fn description(story: &Story) -> Option<Value> {
    section(mrkdwn(&story.description, SECTION_MAX / 2))
}

fn fields(story: &Story) -> Value {
    let state = if story.firing { "firing" } else { "resolved" };
    let status = format!("{state}, {}", story.severity);
    let subscription = &story.subscription.name;
    let mut pairs = vec![("Status", status.as_str()), ("Subscription", subscription)];
    pairs.extend(story.figures.iter().map(|(name, value)| (*name, value.as_str())));
    pairs.extend(story.group.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    pairs.retain(|(_, value)| !value.is_empty());
    let field = |(name, value): &(&str, &str)| {
        let text = format!("*{}*\n{}", mrkdwn(name, 60), mrkdwn(value, FIELD_MAX));
        json!({ "type": "mrkdwn", "text": text })
    };
    let fields: Vec<Value> = pairs.iter().take(FIELDS_MAX).map(field).collect();
    json!({ "type": "section", "fields": fields })
}

fn links(story: &Story) -> Option<Value> {
    let runbook = story.runbook.as_deref().filter(|it| is_web(it));
    let links = [(story.link(), "What happened"), (runbook, "Runbook")];
    let link = |(url, text): (Option<&str>, &str)| {
        let url = address(url?)?;
        Some(format!("<{url}|{text}>"))
    };
    let links: Vec<String> = links.into_iter().filter_map(link).collect();
    section(links.join(" · ")).filter(|_| links.iter().all(|it| it.len() < SECTION_MAX / 2))
}

fn functions(story: &Story) -> Option<Value> {
    if story.functions.len() < 2 && story.more_functions == 0 {
        return None;
    }
    let line = |it: &Subject| {
        let Subject { name, account, region, timeouts, .. } = it;
        format!("• {name} ({account}, {region}): {}", counted(*timeouts, "timeout"))
    };
    let mut lines: Vec<String> = story.functions.iter().map(line).collect();
    if story.more_functions > 0 {
        // First, so that it is never what is cut.
        lines.insert(
            0,
            format!("{}, beside these:", counted(story.more_functions, "more function")),
        );
    }
    section(mrkdwn(&lines.join("\n"), SECTION_MAX))
}

fn samples(story: &Story) -> Option<Value> {
    section(mrkdwn(&story.samples.join("\n"), SECTION_MAX / 2))
}

/// Nothing where there is nothing to say: Slack refuses an empty text.
fn section(text: String) -> Option<Value> {
    (!text.trim().is_empty())
        .then(|| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } }))
}

fn plain(text: &str, max: usize) -> String {
    fit(&clean(text, false), max, |_| None)
}

/// Text in which nothing is a link or a mention.
fn mrkdwn(text: &str, max: usize) -> String {
    fit(&clean(text, true), max, |letter| match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}

/// A URL as a link holds it. What would end the link there, or is too long for one, is none.
fn address(url: &str) -> Option<String> {
    let ends = |it: char| it.is_whitespace() || it.is_control() || "<>|".contains(it);
    (url.len() <= LINK_MAX && !url.contains(ends)).then(|| url.replace('&', "&amp;"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{super::story::tests, *};

    fn check(message: &Value) {
        let text = message["text"].as_str().unwrap();
        assert!(!text.is_empty() && text.chars().count() <= TEXT_MAX);
        assert!(length(message) < 10_000, "{}", length(message));
        let blocks = message["blocks"].as_array().unwrap();
        assert!((1..=50).contains(&blocks.len()));
        assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= HEADER_MAX);
        for block in &blocks[1..] {
            let texts = block["fields"].as_array().cloned().unwrap_or(vec![block["text"].clone()]);
            assert!((1..=10).contains(&texts.len()));
            let max = if block["fields"].is_array() { 2_000 } else { SECTION_MAX };
            for text in texts {
                let text = text["text"].as_str().unwrap();
                assert!((1..=max).contains(&text.chars().count()), "{text}");
                assert!(!text.chars().any(|it| it.is_control() && it != '\n'));
            }
        }
    }

    #[test]
    fn people_read_what_happened_and_where_to_look() {
        let message = render(&tests::ordinary());
        check(&message);
        expect![[r#"
            {
              "blocks": [
                {
                  "text": {
                    "emoji": true,
                    "text": "🔴 orders timed out 3 times (123456789012, eu-west-1)",
                    "type": "plain_text"
                  },
                  "type": "header"
                },
                {
                  "text": {
                    "text": "Request 6161 ran into its timeout of 3 s.",
                    "type": "mrkdwn"
                  },
                  "type": "section"
                },
                {
                  "fields": [
                    {
                      "text": "*Status*\nfiring, error",
                      "type": "mrkdwn"
                    },
                    {
                      "text": "*Subscription*\nTimeout rate",
                      "type": "mrkdwn"
                    },
                    {
                      "text": "*Timeouts*\n3 of 40 invocations",
                      "type": "mrkdwn"
                    },
                    {
                      "text": "*account*\n123456789012",
                      "type": "mrkdwn"
                    },
                    {
                      "text": "*function*\norders",
                      "type": "mrkdwn"
                    },
                    {
                      "text": "*region*\neu-west-1",
                      "type": "mrkdwn"
                    }
                  ],
                  "type": "section"
                },
                {
                  "text": {
                    "text": "<https://o.example/functions/123456789012/eu-west-1/orders|What happened> · <https://runbooks.example/orders|Runbook>",
                    "type": "mrkdwn"
                  },
                  "type": "section"
                },
                {
                  "text": {
                    "text": "2026-11-01T00:00:00.000Z 6161 after 3 s",
                    "type": "mrkdwn"
                  },
                  "type": "section"
                }
              ],
              "text": "🔴 orders timed out 3 times (123456789012, eu-west-1)"
            }"#]].assert_eq(&serde_json::to_string_pretty(&message).unwrap());
    }

    #[test]
    fn a_resolution_and_a_test_look_like_it() {
        assert!(render(&tests::resolved())["text"].as_str().unwrap().starts_with("✅ orders has"));
        assert!(render(&tests::test())["text"].as_str().unwrap().starts_with("🔧 [TEST] "));
    }

    #[test]
    fn nobody_is_mentioned_and_nothing_is_a_link_that_we_did_not_make() {
        let story = Story {
            title: "<!channel> & <https://evil.example|orders>".to_owned(),
            url: "https://o.example/|x>".to_owned(),
            ..tests::ordinary()
        };
        let message = render(&story).to_string();
        assert!(
            !message.contains("<!channel>\"") && !message.contains("o.example/|x"),
            "{message}"
        );
        assert!(message.contains("&lt;!channel&gt; &amp;"), "{message}");
    }

    #[test]
    fn the_largest_story_is_within_the_limits() {
        for story in tests::largest() {
            check(&render(&story));
        }
    }

    proptest! {
        #[test]
        fn every_story_is_within_the_limits(story in tests::any()) {
            check(&render(&story));
        }
    }
}
