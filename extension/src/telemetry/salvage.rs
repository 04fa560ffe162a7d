//! Finds whole records in a body that is not a JSON array.
//!
//! A body may be one object, one record per line, cut off, or the second half of a record that the platform split across
//! two POSTs; a `platform.runtimeDone` may be stuck in any of them. Whatever begins like a record, where a record can
//! begin, and reads to its end is one.
//!
//! **Invariant.** What a function logs never becomes a record of the platform's. Inside a string its quotes are escaped; inside
//! an object it may look like a record in every respect, so beside half a log record only what `trust` finds is one. The work is
//! bounded: a body can make at most `TRIES` beginnings fail, and is read in at most three ways.

mod trust;

use std::str;

use serde_json::value::RawValue;

use trust::{Spliced, Trust};

/// How many beginnings may turn out to be none before the rest is given up. Each may cost a pass over the body.
const TRIES: u32 = 32;
/// Keys that a record can begin with.
const FIRST_KEYS: [&[u8]; 3] = [b"\"time\"", b"\"type\"", b"\"record\""];

/// What a body consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch<'a> {
    Record(&'a str),
    /// Something that is no whole record, between those that are.
    Torn(Torn<'a>),
    /// There may have been records that cannot be told from what a function logged.
    Doubtful,
}

/// A stretch that is no whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn<'a> {
    pub bytes: &'a [u8],
    pub is_first: bool,
    pub is_last: bool,
}

/// Hands on every whole record, and every stretch that is none, in order.
pub fn stretches<'a>(body: &'a [u8], mut found: impl FnMut(Stretch<'a>)) {
    let (mut at, mut tries, mut clean) = (0, TRIES, true);
    let is_trusted_behind_torn = match Trust::of(body) {
        Trust::After(spliced) => return elements(body, spliced, found),
        Trust::All => true,
        Trust::UntilTorn => false,
    };
    // Where the last record ended.
    let mut end = 0;
    let torn = |from: usize, to: usize| {
        let bytes = &body[from..to];
        Stretch::Torn(Torn { bytes, is_first: from == 0, is_last: to == body.len() })
    };
    while let Some(brace) = body[at..].iter().position(|it| *it == b'{').map(|it| it + at) {
        clean &= body[at..brace].iter().all(|it| is_between(*it));
        let record = can_begin(body, brace).then(|| whole(&body[brace..]));
        match record {
            Some(Some(record)) => {
                if !clean && !is_trusted_behind_torn {
                    (at, clean) = (brace + record.len(), false);
                    continue;
                }
                if !clean {
                    found(torn(end, brace));
                }
                found(Stretch::Record(record));
                (at, clean) = (brace + record.len(), true);
                end = at;
            }
            other => {
                (at, clean) = (brace + 1, false);
                tries -= u32::from(other.is_some());
                if tries == 0 {
                    return found(torn(end, body.len()));
                }
            }
        }
    }
    clean &= body[at..].iter().all(|it| is_between(*it));
    if !clean {
        found(torn(end, body.len()));
    }
}

/// The elements behind a second half, and that half, and a first one that may follow them.
fn elements<'a>(body: &'a [u8], spliced: Spliced, mut found: impl FnMut(Stretch<'a>)) {
    let mut end = 0;
    let torn = |from: usize, to: usize, found: &mut dyn FnMut(Stretch<'a>)| {
        let bytes = &body[from..to];
        if !bytes.iter().all(|it| is_between(*it)) {
            found(Stretch::Torn(Torn { bytes, is_first: from == 0, is_last: to == body.len() }));
        }
    };
    if spliced.half > 0 {
        torn(0, spliced.half, &mut found);
        end = spliced.half;
    }
    for element in spliced.elements {
        torn(end, element.start, &mut found);
        end = element.end;
        // It was read as JSON, so it is UTF-8.
        if let Ok(record) = str::from_utf8(&body[element]) {
            found(Stretch::Record(record));
        }
    }
    torn(end, body.len(), &mut found);
    if spliced.is_doubtful {
        found(Stretch::Doubtful);
    }
}

/// What may stand between records without anything being lost.
fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']')
}

/// Whether a record can begin with this brace: it is nobody's value, and its first key is a record's.
fn can_begin(body: &[u8], brace: usize) -> bool {
    let before = body[..brace].iter().rev().find(|it| !it.is_ascii_whitespace());
    let inside = body[brace + 1..].trim_ascii_start();
    before != Some(&b':') && FIRST_KEYS.iter().any(|key| inside.starts_with(key))
}

fn whole(text: &[u8]) -> Option<&str> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}
