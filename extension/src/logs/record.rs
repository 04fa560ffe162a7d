//! One record as one line of JSON.
//!
//! What the function wrote stays as it wrote it: a text becomes the `message`, without the line break at its end, and an
//! object stands in `record` as it was. Both are copied as they were posted, which is JSON already; only what would break the
//! line in two, or what no reader of JSON takes, is mended.

use std::borrow::Cow;

use super::{context::Whose, said::Said};

/// A record as it was posted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) time: &'a str,
    pub(super) kind: &'a str,
    /// The JSON of it.
    pub(super) body: &'a str,
}

/// Adds it to what is written, with a line break.
pub(super) fn write(record: Record<'_>, said: &Said<'_>, whose: Whose<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":");
    text(record.time, out);
    field("type", record.kind, out);
    field("request_id", whose.request, out);
    field("level", said.level.as_deref().unwrap_or_default(), out);
    let body = legible(record.body);
    if let Some(message) = body.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        out.extend_from_slice(b",\"message\":\"");
        out.extend_from_slice(without_break(message).as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(b",\"record\":");
        out.extend_from_slice(body.as_bytes());
    }
    field("trace_id", whose.trace, out);
    field("version", whose.version, out);
    field("sandbox", whose.sandbox, out);
    out.extend_from_slice(b"}\n");
}

fn field(name: &str, value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        text(value, out);
    }
}

fn text(value: &str, out: &mut Vec<u8>) {
    // Memory takes everything.
    let _ = serde_json::to_writer(out, value);
}

/// Without the one escaped line break at the end.
fn without_break(message: &str) -> &str {
    let Some(rest) = message.strip_suffix(r"\n") else { return message };
    let backslashes = rest.bytes().rev().take_while(|it| *it == b'\\').count();
    if backslashes % 2 == 1 {
        return message;
    }
    rest.strip_suffix(r"\r").filter(|it| !ends_escaped(it)).unwrap_or(rest)
}

fn ends_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|it| *it == b'\\').count() % 2 == 1
}

/// On one line, and without halves of surrogate pairs, which are no characters.
fn legible(json: &str) -> Cow<'_, str> {
    // Line breaks within strings are escaped, so these stand between values.
    let json = if json.contains(['\n', '\r']) {
        Cow::Owned(json.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(json)
    };
    match lone_surrogate(&json, 0) {
        None => json,
        Some(first) => {
            let (mut mended, mut from, mut found) = (String::new(), 0, Some(first));
            while let Some(at) = found {
                mended.push_str(&json[from..at]);
                mended.push_str(r"\ufffd");
                from = at + r"\ud800".len();
                found = lone_surrogate(&json, from);
            }
            mended.push_str(&json[from..]);
            Cow::Owned(mended)
        }
    }
}

/// Where the next escape stands, from there on, that is half a pair.
fn lone_surrogate(json: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = json[at..].find('\\') {
        at += found;
        match surrogate(json, at) {
            Some(Half::High) if surrogate(json, at + 6) == Some(Half::Low) => at += 12,
            Some(_) => return Some(at),
            // The letter that is escaped may be a backslash; what is escaped is one byte in JSON.
            None => at = (at + 2).min(json.len()),
        }
    }
    None
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

fn surrogate(json: &str, at: usize) -> Option<Half> {
    let digits = json.get(at..at + 6)?.strip_prefix(r"\u")?;
    match u32::from_str_radix(digits, 16).ok()? {
        0xd800..0xdc00 => Some(Half::High),
        0xdc00..0xe000 => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const NOBODY: Whose<'_> = Whose { request: "", trace: "", version: "", sandbox: "" };

    fn written(body: &str, whose: Whose<'_>) -> String {
        let record = Record { time: "t", kind: "function", body };
        let mut out = Vec::new();
        write(record, &Said::by(body), whose, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(body: &str, expected: Expect) {
        expected.assert_eq(written(body, NOBODY).trim_end());
    }

    #[test]
    fn a_line_says_all_that_is_known() {
        let whose = Whose { request: "r", trace: "1-a", version: "8", sandbox: "i\"" };
        expect![[r#"
            {"time":"t","type":"function","request_id":"r","message":"hello","trace_id":"1-a","version":"8","sandbox":"i\""}
        "#]]
        .assert_eq(&written(r#""hello\n""#, whose));
    }

    #[test]
    fn texts_and_objects_stay_as_they_were() {
        check(r#""a\tb\\n""#, expect![[r#"{"time":"t","type":"function","message":"a\tb\\n"}"#]]);
        check(r#""a\\\n""#, expect![[r#"{"time":"t","type":"function","message":"a\\"}"#]]);
        check(r#""a\r\n""#, expect![[r#"{"time":"t","type":"function","message":"a"}"#]]);
        check(r#""a\\r\n""#, expect![[r#"{"time":"t","type":"function","message":"a\\r"}"#]]);
        check(r#""""#, expect![[r#"{"time":"t","type":"function","message":""}"#]]);
        check(
            "{\"level\":\"INFO\",\n \"a\": [1e999]}",
            expect![[
                r#"{"time":"t","type":"function","level":"INFO","record":{"level":"INFO",  "a": [1e999]}}"#
            ]],
        );
        check("17", expect![[r#"{"time":"t","type":"function","record":17}"#]]);
        check(
            r#""\ud83d\ude00 \ud83d \\ud83d \ude00 \\\ud83d""#,
            expect![[
                r#"{"time":"t","type":"function","message":"\ud83d\ude00 \ufffd \\ud83d \ufffd \\\ufffd"}"#
            ]],
        );
    }

    proptest! {
        #[test]
        fn what_was_said_is_read_again(said in any::<String>()) {
            let line = written(&serde_json::to_string(&said).unwrap(), NOBODY);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let read: Value = serde_json::from_str(&line).unwrap();
            let said = said.strip_suffix('\n').map_or(&*said, |it| it.strip_suffix('\r').unwrap_or(it));
            prop_assert_eq!(read["message"].as_str(), Some(said));
        }

        /// Whatever reads as JSON is written as JSON that every reader takes.
        #[test]
        fn no_record_breaks_a_line(inside in r#"(\\u[dD][8-9a-fA-F][0-9a-f]{2}|\\\\|\\n|[a-z{}\[\],:"]){0,12}"#) {
            for body in [format!("\"{inside}\""), format!("{{\"a\":\n\"{inside}\"}}")] {
                if serde_json::from_str::<&serde_json::value::RawValue>(&body).is_ok() {
                    let line = written(&body, NOBODY);
                    prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{}", line);
                    prop_assert_eq!(line.matches('\n').count(), 1);
                }
            }
        }
    }
}
