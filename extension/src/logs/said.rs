//! What a line says about itself: its level, and whose it is.
//!
//! Lines of the JSON format have fields for both. In the text format AWS's runtimes for Python and Node.js write them before the message,
//! parted by tabs: `[INFO]⇥time⇥request⇥message` and `time⇥request⇥INFO⇥message`. What anybody else writes says neither.
//!
//! Source: AWS's "Log and monitor Python Lambda functions" and "Log and monitor Node.js Lambda functions".

use std::borrow::Cow;

use crate::json::Fields;

/// The longest that a level is called.
const LEVEL_MAX: usize = 8;

/// Both are absent where they are unsaid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Said<'a> {
    pub(super) level: Option<Cow<'a, str>>,
    pub(super) request: Option<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    /// Reads a record as it was posted: a string's token or an object.
    pub(super) fn by(record: &'a str) -> Self {
        match record.strip_prefix('"') {
            Some(text) => Self::by_text(text),
            None => Fields::parse(record).map(|it| Self::by_object(&it)).unwrap_or_default(),
        }
    }

    fn by_object(fields: &Fields<'a>) -> Self {
        Self { level: fields.text("level"), request: fields.text("requestId") }
    }

    /// A tab is still escaped in here.
    fn by_text(text: &'a str) -> Self {
        let mut words = text.splitn(4, r"\t");
        let (Some(first), Some(second), Some(third), Some(_)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Self::default();
        };
        let bracketed = first.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let (level, request) = match bracketed {
            Some(level) if is_time(second) => (level, third),
            None if is_time(first) => (third, second),
            Some(_) | None => return Self::default(),
        };
        let is_level = !level.is_empty()
            && level.len() <= LEVEL_MAX
            && level.bytes().all(|it| it.is_ascii_uppercase());
        if !is_level {
            return Self::default();
        }
        Self {
            level: Some(Cow::Borrowed(level)),
            request: is_request(request).then_some(Cow::Borrowed(request)),
        }
    }
}

fn is_time(word: &str) -> bool {
    word.len() == "2026-11-01T00:00:00.000Z".len() && word.starts_with('2') && word.ends_with('Z')
}

/// A UUID.
fn is_request(word: &str) -> bool {
    word.len() == 36 && word.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-11-01T00:00:00.000Z";
    const REQUEST: &str = "5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11";

    #[track_caller]
    fn check(record: &str, level: Option<&str>, request: Option<&str>) {
        let said = Said::by(record);
        assert_eq!((said.level.as_deref(), said.request.as_deref()), (level, request), "{record}");
    }

    #[test]
    fn what_the_runtimes_write_is_read() {
        let python = format!(r#""[WARNING]\t{TIME}\t{REQUEST}\tslow\tquery\n""#);
        check(&python, Some("WARNING"), Some(REQUEST));
        let node = format!(r#""{TIME}\t{REQUEST}\tERROR\tInvoke Error\n""#);
        check(&node, Some("ERROR"), Some(REQUEST));
        check(&format!(r#""{TIME}\tundefined\tINFO\tloading\n""#), Some("INFO"), None);
        check(r#"{"level":"INFO","requestId":"r","message":"m"}"#, Some("INFO"), Some("r"));
        check(r#"{"level":30,"msg":"pino"}"#, None, None);
    }

    #[test]
    fn what_anybody_else_writes_is_left_alone() {
        for record in [
            r#""""#,
            r#""hello\n""#,
            r#""a\tb\tc\td""#,
            r#""[INFO]\tx\ty\tz""#,
            r#""\t\t\t""#,
            "17",
            "[1]",
            "{",
        ] {
            check(record, None, None);
        }
        check(&format!(r#""{TIME}\t{REQUEST}\tnot a level\tx""#), None, None);
    }
}
