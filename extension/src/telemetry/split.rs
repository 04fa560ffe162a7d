//! The halves of a record that the platform split across two POSTs.
//!
//! A log record that is too long for one body is cut in the middle of its string. The first body ends with the beginning,
//! `{"time":…,"type":"function","record":"AAAA}]`; the second begins with an envelope of its own around the rest,
//! `[{"time":…,"type":"function","record":BBBB"},…`. Neither is JSON, and the records beside them are found by `salvage`. Here the
//! halves are read as lines that begin and lines that continue; whoever keeps lines joins them.
//!
//! Source: bodies captured by Datadog's extension (`bottlecap`, `telemetry/stitch.rs`).

use std::str;

use super::{instant, record, salvage::Torn};
use crate::{
    json::Fields,
    log::{HELD_MAX, Line, Part, read},
};

/// Longest envelope: a time and a type.
const ENVELOPE_MAX: usize = 512;
const KEY: &[u8] = b"\"record\"";

/// Half a log record, as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// `function` or `extension`.
    pub kind: String,
    pub time: String,
    /// All that follows `"record":`.
    pub rest: &'a [u8],
    /// Whether the body ends with it, as it does with a first half.
    pub is_last: bool,
}

/// The half of a log record that a torn stretch is; `None` when it is something else.
pub fn fragment(torn: Torn<'_>) -> Option<Fragment<'_>> {
    let begun = torn.bytes.iter().position(|it| *it == b'{')?;
    let bytes = &torn.bytes[begun..];
    let near = &bytes[..bytes.len().min(ENVELOPE_MAX)];
    let key = near.windows(KEY.len()).position(|it| it == KEY)?;
    let envelope = format!("{}\"record\":0}}", str::from_utf8(&bytes[..key]).ok()?);
    let envelope = Fields::parse(&envelope)?;
    let kind = envelope.text("type").filter(|it| record::LOGS.contains(&&**it))?;
    Some(Fragment {
        kind: kind.into_owned(),
        time: envelope.text("time").unwrap_or_default().into_owned(),
        rest: bytes[key + KEY.len()..].trim_ascii_start().strip_prefix(b":")?,
        is_last: torn.is_last,
    })
}

/// The half of a function's line that a torn stretch is; `None` when it is something else.
pub fn half(torn: Torn<'_>) -> Option<Line> {
    let Fragment { kind, time, rest, is_last } = fragment(torn)?;
    if kind != record::LOG {
        return None;
    }
    // A cut can fall within a character, and what lies beyond what is held is of no interest.
    let is_short = rest.len() <= 2 * HELD_MAX;
    let rest = String::from_utf8_lossy(&rest[..rest.len().min(2 * HELD_MAX)]);
    let at = instant::parse(&time);
    let opened = rest.trim_start();
    let is_beginning = is_last && opened.starts_with(['"', '{']);
    let (text, request, part) = if is_beginning {
        // The platform closes its array behind whatever it cut.
        let closed = opened.trim_end().strip_suffix("}]").filter(|_| is_short);
        let (text, request) = read::beginning(closed.unwrap_or(opened));
        (text, request, Part::Begins)
    } else {
        (read::continuation(&rest), None, Part::Continues)
    };
    Some(Line { at, request, text, part })
}

#[cfg(test)]
mod tests;
