//! Which whole records of a body with half a log record in it are the platform's own.
//!
//! A first half is the last element of its body: up to there the body is the beginning of an array, and nothing follows. A
//! second half is the first element, and where it ends cannot be told from its beginning, because the function chose its
//! bytes; it may even look whole. But the body's end is the platform's: going back from there, element by element, as
//! long as each is whole, never enters the half, whose last brace closes an envelope that it does not contain.

use std::str;

use serde_json::{Deserializer, value::RawValue};

use super::whole;

/// Longest envelope: a time and a type.
const ENVELOPE_MAX: usize = 512;
const LOGS: [&[u8]; 2] = [b"\"function\"", b"\"extension\""];

/// What can be trusted of a body that is no array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// No log record begins it, so no half of one does.
    All,
    /// It is cut off, and nothing stands behind the cut.
    UntilTorn,
    From(usize),
}

impl Trust {
    pub(super) fn of(body: &[u8]) -> Self {
        let Some(first) = body.trim_ascii_start().strip_prefix(b"[") else { return Self::All };
        if is_cut_off(body) {
            Self::UntilTorn
        } else if begins_with_a_log(first) {
            Self::From(last_elements(body))
        } else {
            Self::All
        }
    }

    /// Whether a record that begins at `brace` is what it seems, given whether something torn stands before it.
    pub(super) fn covers(self, brace: usize, follows_torn: bool) -> bool {
        match self {
            Self::All => true,
            Self::UntilTorn => !follows_torn,
            Self::From(at) => brace >= at,
        }
    }
}

fn begins_with_a_log(element: &[u8]) -> bool {
    let near = &element[..element.len().min(ENVELOPE_MAX)];
    let key = find(near, b"\"record\"").unwrap_or(near.len());
    LOGS.iter().any(|it| find(&near[..key], it).is_some())
}

/// Whether it is the beginning of a value. The platform closes envelope and array behind whatever it cut.
fn is_cut_off(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let cut = body.strip_suffix(b"}]").unwrap_or(body);
    let text = match str::from_utf8(cut) {
        Ok(text) => text,
        // The cut may fall within a character.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&cut[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let mut values = Deserializer::from_str(text).into_iter::<&RawValue>();
    matches!(values.next(), Some(Err(error)) if error.is_eof())
}

/// Where the elements begin that stand whole at the array's end.
fn last_elements(body: &[u8]) -> usize {
    let mut from = body.len();
    let Some(mut rest) = body.trim_ascii_end().strip_suffix(b"]") else { return from };
    loop {
        rest = rest.trim_ascii_end();
        let Some(begin) = opening(rest) else { return from };
        if whole(&rest[begin..]).is_none_or(|it| it.len() != rest.len() - begin) {
            return from;
        }
        from = begin;
        let Some(before) = rest[..begin].trim_ascii_end().strip_suffix(b",") else { return from };
        rest = before;
    }
}

/// The brace that the last one closes.
fn opening(text: &[u8]) -> Option<usize> {
    let (mut depth, mut is_text) = (0_usize, false);
    if text.last() != Some(&b'}') {
        return None;
    }
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b'"' => {
                let escapes = text[..at].iter().rev().take_while(|it| **it == b'\\').count();
                is_text ^= escapes.is_multiple_of(2);
            }
            b'}' if !is_text => depth += 1,
            b'{' if !is_text => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|it| it == word)
}
