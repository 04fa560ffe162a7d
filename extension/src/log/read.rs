//! Reads a line out of a record, also out of half a record.
//!
//! A record is a text, or an object where the function logs JSON. Of an object that says no more than its level and its
//! message these are shown; any other is shown as it is. Text is unescaped by hand, because a half ends anywhere, even in an escape.

use std::borrow::Cow;

use overtime_wire::RequestId;

use super::{HELD_MAX, cut};
use crate::json::Fields;

/// Fields beside the message that say nothing to a reader who sees when and whose it is.
const ENVELOPE: [&str; 4] = ["timestamp", "level", "message", "requestId"];

/// What a `record` says, and whose it is if it says that.
pub fn whole(record: &str) -> (String, Option<RequestId>) {
    if let Some(text) = record.strip_prefix('"') {
        return (unescaped(text), None);
    }
    match Fields::parse(record) {
        Some(fields) => object(record, &fields),
        None => (cut(record, HELD_MAX).to_owned(), None),
    }
}

fn object(record: &str, fields: &Fields<'_>) -> (String, Option<RequestId>) {
    let request = fields.text("requestId").and_then(|it| RequestId::parse(&it));
    let message = fields.raw("message").and_then(|it| it.strip_prefix('"')).map(unescaped);
    let text = match message {
        Some(message) if fields.names().all(|it| ENVELOPE.contains(&it)) => {
            match fields.text("level") {
                Some(level) => cut(&format!("{level} {message}"), HELD_MAX).to_owned(),
                None => message,
            }
        }
        _ => cut(record, HELD_MAX).to_owned(),
    };
    (text, request)
}

/// What the first half of a record says: it ends within a string.
pub fn beginning(record: &str) -> (String, Option<RequestId>) {
    let held = cut(record, HELD_MAX);
    if let Some(text) = held.strip_prefix('"') {
        return (unescaped(text), None);
    }
    let closed = format!("{}\"}}", held.trim_end_matches('\\'));
    Fields::parse(&closed).map_or_else(
        || (held.to_owned(), None),
        |fields| {
            let (text, request) = object(&closed, &fields);
            let text = if text == closed { held.to_owned() } else { text };
            (text, request)
        },
    )
}

/// What the second half says: up to the end of the string it begins in.
pub fn continuation(record: &str) -> String {
    unescaped(record)
}

/// A JSON string's content up to its closing quote, or to the end where there is none.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while plain.len() < HELD_MAX {
        let run = rest.find(['"', '\\']).unwrap_or(rest.len());
        plain.push_str(cut(&rest[..run], HELD_MAX - plain.len()));
        let Some(after) = rest[run..].strip_prefix('\\') else { break };
        let (letter, length) = escaped(after);
        plain.push_str(&letter);
        rest = &after[length..];
    }
    let end = cut(&plain, HELD_MAX).len();
    plain.truncate(end);
    plain
}

/// What follows a backslash, and how long it is.
fn escaped(after: &str) -> (Cow<'static, str>, usize) {
    let Some(letter) = after.chars().next() else { return (Cow::Borrowed(""), 0) };
    let plain = match letter {
        'n' => "\n",
        't' => "\t",
        'r' => "\r",
        'b' | 'f' => " ",
        'u' => return code_point(after),
        other => return (Cow::Owned(other.to_string()), other.len_utf8()),
    };
    (Cow::Borrowed(plain), 1)
}

/// `u` and four digits, or a pair of surrogates. Half a pair becomes the sign for what cannot be read.
fn code_point(after: &str) -> (Cow<'static, str>, usize) {
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(high) = unit(after) else { return (Cow::Borrowed("\u{fffd}"), 1) };
    let low = after[5..].strip_prefix('\\').and_then(unit);
    match (high, low) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            let point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (Cow::Owned(char::from_u32(point).unwrap_or('\u{fffd}').to_string()), 11)
        }
        _ => (Cow::Owned(char::from_u32(high).unwrap_or('\u{fffd}').to_string()), 5),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(record: &str, expected: Expect) {
        let (text, request) = whole(record);
        let request = request.map_or(String::new(), |it| format!(" of {it}"));
        expected.assert_eq(&format!("{text:?}{request}"));
    }

    #[test]
    fn texts_and_objects_are_read() {
        check(r#""a\tb\n\"q\" \u00e9\ud83d\ude00\/""#, expect![[r#""a\tb\n\"q\" é😀/""#]]);
        check(r#""lone \ud83d \uZZ""#, expect![[r#""lone � �ZZ""#]]);
        check(
            r#"{"timestamp":"t","level":"INFO","requestId":"r","message":"hello"}"#,
            expect![[r#""INFO hello" of r"#]],
        );
        check(
            r#"{"message":"hello","user":7}"#,
            expect![[r#""{\"message\":\"hello\",\"user\":7}""#]],
        );
        check(r#"{"message":{"a":1}}"#, expect![[r#""{\"message\":{\"a\":1}}""#]]);
        check("17", expect![[r#""17""#]]);
    }

    #[test]
    fn halves_are_read_as_far_as_they_go() {
        assert_eq!(beginning(r#"{"message":"AAAA"#).0, "AAAA");
        assert_eq!(beginning(r#""AA\u00"#).0, "AA\u{fffd}00");
        assert_eq!(
            beginning(r#"{"user":{"id":1},"message":"AA\"#).0,
            r#"{"user":{"id":1},"message":"AA\"#
        );
        assert_eq!(continuation(r#"BBBB\"}"}},"#), "BBBB\"}");
    }

    proptest! {
        #[test]
        fn reads_what_was_written_and_never_more_than_is_held(text in ".{0,900}") {
            let written = serde_json::to_string(&text).unwrap();
            let (read, _) = whole(&written);
            // Form feeds and their like are shown as spaces.
            let shown = text.replace(['\u{8}', '\u{c}'], " ");
            prop_assert_eq!(read, cut(&shown, HELD_MAX));
        }

        #[test]
        fn no_half_is_too_strange(text in r#"[{}\[\]:,"\\u0-9a-fé]{0,60}"#) {
            for read in [whole(&text).0, beginning(&text).0, continuation(&text)] {
                prop_assert!(read.len() <= HELD_MAX);
            }
        }
    }
}
