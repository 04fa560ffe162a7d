//! A silence as a form has it, and as the API takes it.
//!
//! A form says how long, and not until when: whoever silences something thinks of hours. What begins later says so by the clock of the
//! viewer's zone.

use std::time::Duration;

use overtime_wire::EpochMillis;
use serde_json::{Map, Value, json};

use crate::{
    console::{field::Fields, look::Look},
    domain::{
        configuration::{Severity, silence::LASTS_MAX},
        instant::rfc3339,
    },
};

/// How long a silence can last by a choice, in minutes, and in words.
pub(in crate::console) const LASTS: [(u32, &str); 9] = [
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
    (1_440, "1 day"),
    (4_320, "3 days"),
    (10_080, "7 days"),
    (43_200, "30 days"),
];
/// The choice where nobody has made one.
const USUALLY: &str = "120";

/// The lists of matchers, each by its field and its name in the body.
const LISTS: [&str; 5] = ["functions", "accounts", "regions", "subscriptions", "severities"];

/// A form as an address fills it in.
pub(super) fn prefilled(look: &Look) -> Fields {
    let said = form_urlencoded::parse(look.query().as_bytes()).into_owned();
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, value) in said.filter(|(_, value)| !value.trim().is_empty()) {
        let known = LISTS.contains(&name.as_str())
            || ["tag", "comment", "lasts", "starts"].contains(&name.as_str());
        let lines = name != "severities" && name != "comment" && name != "lasts";
        match values.iter_mut().find(|(it, _)| *it == name).filter(|_| lines) {
            _ if !known => {}
            // What is said more than once has a line for each.
            Some((_, lines)) => {
                lines.push('\n');
                lines.push_str(value.trim());
            }
            None => values.push((name, value.trim().to_owned())),
        }
    }
    if !values.iter().any(|(name, _)| name == "lasts") {
        values.push(("lasts".to_owned(), USUALLY.to_owned()));
    }
    Fields::of(values)
}

/// What is to be silent, as the API takes it. What is empty asks for nothing.
pub(super) fn matchers(fields: &Fields) -> Value {
    let mut matchers = Map::new();
    for list in LISTS.into_iter().filter(|it| *it != "severities") {
        let items: Vec<&str> = pieces(fields.value(list)).collect();
        if !items.is_empty() {
            matchers.insert(list.to_owned(), json!(items));
        }
    }
    let severities = Severity::ALL.map(Severity::as_str);
    let severities: Vec<_> = severities.iter().filter(|it| fields.has("severities", it)).collect();
    if !severities.is_empty() {
        matchers.insert("severities".to_owned(), json!(severities));
    }
    let tags = tags(fields.value("tag"));
    if !tags.is_empty() {
        matchers.insert("tags".to_owned(), Value::Object(tags));
    }
    Value::Object(matchers)
}

/// Whether a form asks for anything yet.
pub(super) fn is_blank(fields: &Fields) -> bool {
    matchers(fields).as_object().is_none_or(Map::is_empty)
}

/// The pieces of a field: one a line, or between commas.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ',', ' ']).map(str::trim).filter(|it| !it.is_empty())
}

/// `team=payments` by the line; a tag alone asks for any value of it.
fn tags(text: &str) -> Map<String, Value> {
    let mut tags = Map::new();
    for line in text.split(['\n', ',']).map(str::trim).filter(|it| !it.is_empty()) {
        let (key, pattern) = line.split_once('=').unwrap_or((line, "*"));
        let patterns = tags.entry(key.trim()).or_insert_with(|| json!([]));
        if let Some(patterns) = patterns.as_array_mut() {
            patterns.push(pattern.trim().into());
        }
    }
    tags
}

/// The body that the API takes. A beginning that cannot be read goes as it is, for the API to say so.
pub(super) fn body(fields: &Fields, id: &str, look: &Look) -> Value {
    let mut body = json!({
        "id": id,
        "matchers": matchers(fields),
        "comment": fields.value("comment").trim(),
    });
    let said = fields.value("starts").trim();
    let starts = if said.is_empty() { Some(look.now) } else { look.zone.read(said) };
    match starts {
        None => body["starts_at"] = said.into(),
        Some(starts) => {
            if !said.is_empty() {
                body["starts_at"] = rfc3339(starts).into();
            }
            body["ends_at"] = ends(starts, fields.value("lasts")).into();
        }
    }
    body
}

fn ends(starts: EpochMillis, lasts: &str) -> String {
    let minutes = lasts.parse::<u32>().ok().filter(|it| *it > 0);
    let lasts = minutes.map(|it| Duration::from_mins(it.into()));
    rfc3339(starts.plus(lasts.unwrap_or(LASTS_MAX).min(LASTS_MAX)))
}

/// The field that a pointer into the body means.
pub(super) fn field(pointer: &str) -> String {
    let mut parts = pointer.trim_start_matches('/').split('/');
    match parts.next().unwrap_or_default() {
        "matchers" => match parts.next().unwrap_or("functions") {
            "tags" => "tag",
            other => LISTS.into_iter().find(|it| *it == other).unwrap_or("functions"),
        },
        "starts_at" => "starts",
        "ends_at" => "lasts",
        "comment" => "comment",
        _ => "",
    }
    .to_owned()
}

/// What a silence is called that nobody has named: after what it is about, and something that no other has.
pub(super) fn id(fields: &Fields, random: u32) -> String {
    let about = LISTS.iter().chain(["tag"].iter()).map(|it| fields.value(it));
    let about = about.flat_map(pieces).next().unwrap_or("silence");
    let plain = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' };
    let words: String = about.chars().map(plain).collect();
    let words: Vec<_> = words.split('-').filter(|it| !it.is_empty()).collect();
    let words: String = words.join("-").chars().take(40).collect();
    let words = words.trim_matches('-');
    if words.is_empty() { format!("silence-{random:08x}") } else { format!("{words}-{random:08x}") }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::console::look::tests::look;

    #[track_caller]
    fn check(target: &str, expected: Expect) {
        let look = look(target, "").unwrap();
        let body = body(&prefilled(&look), "id", &look);
        expected.assert_eq(&body.to_string());
    }

    #[test]
    fn an_address_fills_a_form_in_and_a_form_makes_a_body() {
        check(
            "/silences/new?functions=pay-*&functions=ord*&tag=team%3Da&severities=error&severities=info&x=y",
            expect![[
                r#"{"comment":"","ends_at":"2026-11-01T02:00:00.000Z","id":"id","matchers":{"functions":["pay-*","ord*"],"severities":["error","info"],"tags":{"team":["a"]}}}"#
            ]],
        );
        check(
            "/silences/new?accounts=1,2%0A3&tag=tier&comment=+why+&lasts=30&starts=2026-11-02T10:00&tz=Europe/Berlin",
            expect![[
                r#"{"comment":"why","ends_at":"2026-11-02T09:30:00.000Z","id":"id","matchers":{"accounts":["1","2","3"],"tags":{"tier":["*"]}},"starts_at":"2026-11-02T09:00:00.000Z"}"#
            ]],
        );
        check(
            "/silences/new?starts=tomorrow",
            expect![[r#"{"comment":"","id":"id","matchers":{},"starts_at":"tomorrow"}"#]],
        );
    }

    #[test]
    fn a_fault_is_the_fields_that_was_filled_in() {
        let fields: Vec<_> =
            ["/matchers", "/matchers/tags/a", "/matchers/accounts/0", "/ends_at", "/id"]
                .map(field)
                .into();
        assert_eq!(fields, ["functions", "tag", "accounts", "lasts", ""]);
    }

    #[test]
    fn a_silence_is_called_after_what_it_is_about() {
        let named = |name: &str, value: &str| {
            id(&Fields::of([(name.to_owned(), value.to_owned())]), 0x00ab_cdef)
        };
        assert_eq!(named("functions", "!Pay_*-test"), "pay-test-00abcdef");
        assert_eq!(named("tag", "team=payments"), "team-payments-00abcdef");
        assert_eq!(named("functions", "***"), "silence-00abcdef");
        assert!(named("functions", &"a".repeat(100)).len() <= 64);
    }
}
