//! Which whole records of a body with half a log record in it are the platform's own.
//!
//! A first half is the last element of its body: up to there the body is the beginning of an array, and nothing follows. A
//! second half is the first element, and where it ends cannot be told from its beginning, because the function chose its
//! bytes; it may even look whole. So it is read in every way in which it can have been cut: within a string or not, or behind a
//! backslash. Read rightly it closes everything that the first half opened, and the envelope last, and nothing behind it ever
//! closes as much: its end is the deepest point of the whole body. From there on the platform wrote, so whole elements must
//! follow, and at the very end perhaps a first half.
//!
//! A wrong way takes what is said for structure and structure for what is said, and soon meets words where none can stand. Where one
//! holds out all the same, only what all of them find is trusted, for the right way is among them. The one thing that would deceive is
//! the middle of a record in three parts, if the function wrote it to look like a body, and both cuts fell where it hoped.

use std::{ops::Range, str};

use serde_json::{Deserializer, value::RawValue};

use super::whole;

/// Longest envelope: a time and a type.
const ENVELOPE_MAX: usize = 512;
const LOGS: [&[u8]; 2] = [b"\"function\"", b"\"extension\""];
const KEY: &[u8] = b"\"record\"";

/// What can be trusted of a body that is no array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// No log record begins it, so no half of one does.
    All,
    /// It is cut off, and nothing stands behind the cut.
    UntilTorn,
    /// A second half begins it.
    After(Spliced),
}

/// A body that begins with a second half.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spliced {
    /// Where the half ends, where that is known.
    pub(super) half: usize,
    pub(super) elements: Vec<Range<usize>>,
    /// There may be more, and nothing tells which.
    pub(super) is_doubtful: bool,
}

impl Trust {
    pub(super) fn of(body: &[u8]) -> Self {
        let Some(first) = body.trim_ascii_start().strip_prefix(b"[") else { return Self::All };
        let from = body.len() - first.len();
        let value = logged(first).map(|it| from + it);
        let spliced = value.and_then(|it| spliced(body, it));
        let first = from + blanks(first);
        let whole = whole(&body[first..]).map(|it| first..first + it.len());
        match (spliced, value) {
            // Both halves can look like the other one, where nothing follows; a half that looks whole is a second one.
            (Some(it), _) if !it.elements.is_empty() || whole.is_some() => {
                Self::After(it.or_whole(whole))
            }
            (None | Some(_), _) if is_cut_off(body) => Self::UntilTorn,
            (Some(it), _) => Self::After(it),
            (None, Some(_)) => Self::After(Spliced::unknown(body)),
            (None, None) => Self::All,
        }
    }
}

/// Where the value of a log record begins that this element seems to be.
fn logged(element: &[u8]) -> Option<usize> {
    let near = &element[..element.len().min(ENVELOPE_MAX)];
    let key = find(near, KEY)?;
    let is_log = LOGS.iter().any(|it| find(&near[..key], it).is_some());
    let value = &near[key + KEY.len()..];
    let colon = blanks(value) + 1;
    (is_log && value.get(colon - 1) == Some(&b':')).then_some(key + KEY.len() + colon)
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

/// Where a half was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Outside,
    Text,
    Escape,
}

impl Spliced {
    /// No way of reading it holds out.
    fn unknown(body: &[u8]) -> Self {
        let is_platforms = |it: &[u8]| it.ends_with(PLATFORM) && !it.starts_with(b"\\");
        let is_doubtful = body.windows(PLATFORM.len() + 1).any(is_platforms);
        Self { is_doubtful, ..Self::default() }
    }

    /// A first element that ends where the half would is no half.
    fn or_whole(mut self, first: Option<Range<usize>>) -> Self {
        if let Some(first) = first.filter(|it| it.end == self.half) {
            self.elements.insert(0, first);
            self.half = 0;
        }
        self
    }
}

/// What the ways of reading agree on that hold out; `None` when none does.
fn spliced(body: &[u8], value: usize) -> Option<Spliced> {
    let ways = [Cut::Outside, Cut::Text, Cut::Escape];
    let mut readings = ways.iter().filter_map(|cut| reading(body, value, *cut));
    let mut agreed = readings.next()?;
    for other in readings {
        if other.elements != agreed.elements {
            agreed.elements.retain(|it| other.elements.contains(it));
            agreed.is_doubtful = true;
        }
        if other.half != agreed.half {
            agreed.half = 0;
        }
    }
    Some(agreed)
}

/// How the type of a record begins that is not a log.
const PLATFORM: &[u8] = b"\"platform.";

/// The body, if its first half was cut in this way.
fn reading(body: &[u8], value: usize, cut: Cut) -> Option<Spliced> {
    let array = body.trim_ascii_end().strip_suffix(b"]")?;
    let half = deepest(array.get(value..)?, cut)? + value;
    let (mut at, mut elements) = (half, Vec::new());
    loop {
        at += blanks(&array[at..]);
        if at == array.len() {
            break;
        }
        let rest = array[at..].strip_prefix(b",")?;
        at += 1 + blanks(rest);
        match whole(&array[at..]) {
            Some(element) if element.starts_with('{') => {
                elements.push(at..at + element.len());
                at += element.len();
            }
            Some(_) => return None,
            None => {
                let is_half = logged(&array[at..]).is_some() && is_cut_off(&body[at..]);
                return is_half.then_some(Spliced { half, elements, is_doubtful: false });
            }
        }
    }
    Some(Spliced { half, elements, is_doubtful: false })
}

/// Behind the brace that closes most, if what is read so can be JSON at all.
fn deepest(text: &[u8], cut: Cut) -> Option<usize> {
    let (mut is_text, mut is_escaped) = (cut != Cut::Outside, cut == Cut::Escape);
    let (mut depth, mut least, mut end) = (0_i64, 0, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth < least {
                    (least, end) = (depth, Some(at + 1));
                }
            }
            _ if !can_stand_outside(*byte) => return None,
            _ => {}
        }
    }
    end.filter(|end| text[end - 1] == b'}')
}

/// Whether it is of a number, of `true`, `false` or `null`, or of what parts values.
fn can_stand_outside(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_digit() || b":,+-.Etruefalsn".contains(&byte)
}

fn blanks(text: &[u8]) -> usize {
    text.len() - text.trim_ascii_start().len()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|it| it == word)
}
