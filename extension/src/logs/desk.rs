//! Reads lines out of what the platform posts, and writes them down.
//!
//! A body is read as [`crate::telemetry`] reads it, leniently: one that is no array is searched for whole records. A record that was split
//! across two bodies is put together from its halves, which are JSON only when joined. The platform posts again what was
//! not acknowledged; the same body twice is written down once.
//!
//! **Invariant.** Keeps one unfinished record of at most `HALF_MAX` bytes, and of bodies nothing but a few hashes.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use overtime_wire::EpochMillis;
use serde_json::value::RawValue;

use super::{
    Wanted,
    context::Context,
    key,
    record::{self, Record},
    said::Said,
};
use crate::{
    fault::{self, Place},
    json::{self, Fields},
    telemetry::{
        instant,
        salvage::{self, Stretch},
        split::{self, Fragment},
    },
};

/// Longest record that is put together.
const HALF_MAX: usize = 1024 * 1024;
/// How many bodies are remembered.
const REMEMBERED: usize = 16;
/// How our own lines begin: what they tell is no reason to send anything.
const OURS: &str = "\"overtime: ";

/// What reading depends on.
#[derive(Debug)]
pub(super) struct Desk {
    wanted: Wanted,
    pub(super) context: Context,
    begun: Option<Begun>,
    seen: VecDeque<u64>,
}

/// The first half of a record.
#[derive(Debug, Clone)]
struct Begun {
    kind: String,
    time: String,
    bytes: Vec<u8>,
}

/// The lines of a body.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    text: Vec<u8>,
    marks: Vec<Mark>,
    /// Records of which nothing could be made.
    pub(super) torn: u32,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    end: usize,
    at: EpochMillis,
    is_news: bool,
}

/// One of them, with its line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) at: EpochMillis,
    /// Whether it is worth a request of its own.
    pub(super) is_news: bool,
    pub(super) bytes: &'a [u8],
}

impl Sheet {
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let begins = std::iter::once(0).chain(self.marks.iter().map(|it| it.end));
        begins.zip(&self.marks).map(|(begin, it)| Line {
            at: it.at,
            is_news: it.is_news,
            bytes: &self.text[begin..it.end],
        })
    }
}

impl Desk {
    pub(super) fn new(wanted: Wanted, context: Context) -> Self {
        Self { wanted, context, begun: None, seen: VecDeque::new() }
    }

    /// A snapshot was restored.
    pub(super) fn restored(&mut self) {
        self.context.restored();
        self.begun = None;
        self.seen.clear();
    }

    /// Reads one POST.
    pub(super) fn read(&mut self, body: &[u8], now: EpochMillis) -> Sheet {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if self.knows(body) {
            return Sheet::default();
        }
        let before = self.begun.take();
        let text = std::str::from_utf8(body).unwrap_or_default();
        let context = self.context.clone();
        let mut sheet = Sheet::default();
        if json::each_object(text, |fields| self.record(&fields, now, &mut sheet)).is_ok() {
            sheet.torn += u32::from(before.is_some());
            return sheet;
        }
        // Something else is in there as well, or it is something else.
        let mut sheet = Sheet::default();
        (self.context, self.begun) = (context, before);
        if let Ok(elements) = serde_json::from_slice::<Vec<&RawValue>>(body) {
            sheet.torn += u32::from(self.begun.take().is_some());
            for element in elements {
                self.element(element.get(), now, &mut sheet);
            }
            return sheet;
        }
        salvage::stretches(body, |stretch| match stretch {
            Stretch::Record(record) => self.element(record, now, &mut sheet),
            Stretch::Torn(torn) => {
                if let Some(half) = split::fragment(torn) {
                    self.half(&half, now, &mut sheet);
                }
            }
            // It is counted where the platform's records are read.
            Stretch::Doubtful => {}
        });
        sheet
    }

    /// Whether the platform posted the very same before. It writes down when each record was made, so nothing else reads the same.
    fn knows(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let hash = hasher.finish();
        if self.seen.contains(&hash) {
            return true;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(hash);
        false
    }

    fn element(&mut self, element: &str, now: EpochMillis, sheet: &mut Sheet) {
        if let Some(fields) = Fields::parse(element) {
            self.record(&fields, now, sheet);
        }
    }

    fn record(&mut self, fields: &Fields<'_>, now: EpochMillis, sheet: &mut Sheet) {
        let Some(kind) = fields.text("type") else { return };
        let body = fields.raw("record").unwrap_or("\"\"");
        if kind == fault::RECORD {
            let place = Fields::parse(body).and_then(|it| Place::named(&it.text("place")?));
            fault::strike(place, Place::Logs);
        }
        let is_platforms = kind.starts_with("platform.");
        let said = if is_platforms { Fields::parse(body) } else { None };
        if let Some(said) = &said {
            self.context.note(&kind, said);
        }
        if !self.wanted.wants(&kind) {
            return;
        }
        let time = fields.text("time").unwrap_or_default();
        self.write(Record { time: &time, kind: &kind, body }, now, sheet);
    }

    fn write(&self, record: Record<'_>, now: EpochMillis, sheet: &mut Sheet) {
        let said = Said::by(record.body);
        let at = instant::parse(record.time);
        let written;
        let time = if at.is_some() && is_plain(record.time) {
            record.time
        } else {
            written = key::instant(at.unwrap_or(now));
            &written
        };
        let whose = self.context.whose(said.request.as_deref());
        record::write(Record { time, ..record }, &said, whose, &mut sheet.text);
        let is_news = !(record.kind == "extension" && record.body.starts_with(OURS));
        sheet.marks.push(Mark { end: sheet.text.len(), at: at.unwrap_or(now), is_news });
    }

    /// Half a record: it begins, or goes on, or ends.
    fn half(&mut self, half: &Fragment<'_>, now: EpochMillis, sheet: &mut Sheet) {
        let Some(begun) = self.begun.take() else {
            return self.begin(half, sheet);
        };
        if begun.kind != half.kind {
            sheet.torn += 1;
            return self.begin(half, sheet);
        }
        let end = [&*begun.bytes, behind(half.rest, b"}")].concat();
        if let Some(body) = json_of(&end) {
            if self.wanted.wants(&begun.kind) {
                let (time, kind) = (&*begun.time, &*begun.kind);
                self.write(Record { time, kind, body }, now, sheet);
            }
        } else if half.is_last && begun.bytes.len() + half.rest.len() <= HALF_MAX {
            let bytes = [&*begun.bytes, behind(half.rest, b"}]")].concat();
            self.begun = Some(Begun { bytes, ..begun });
        } else {
            sheet.torn += 1;
        }
    }

    fn begin(&mut self, half: &Fragment<'_>, sheet: &mut Sheet) {
        let is_beginning = half.is_last
            && matches!(half.rest.trim_ascii_start().first(), Some(b'"' | b'{' | b'['));
        if is_beginning && half.rest.len() <= HALF_MAX {
            let bytes = behind(half.rest, b"}]").trim_ascii_start().to_vec();
            let (kind, time) = (half.kind.clone(), half.time.clone());
            self.begun = Some(Begun { kind, time, bytes });
        } else if self.wanted.wants(&half.kind) {
            sheet.torn += 1;
        }
    }
}

/// Whether an instant is written as the platform writes it, which every reader of logs understands.
fn is_plain(time: &str) -> bool {
    let shape = time.bytes().map(|it| if it.is_ascii_digit() { b'0' } else { it });
    shape.eq(*b"0000-00-00T00:00:00.000Z")
}

/// Without what the platform closes a half with, and what parts it from its neighbour.
fn behind<'a>(rest: &'a [u8], closing: &[u8]) -> &'a [u8] {
    let rest = rest.trim_ascii_end();
    if let Some(rest) = rest.strip_suffix(closing) {
        return rest;
    }
    let is_between = |it: &u8| it.is_ascii_whitespace() || matches!(it, b',' | b']');
    let between = rest.iter().rev().take_while(|it| is_between(it)).count();
    let rest = &rest[..rest.len() - between];
    rest.strip_suffix(closing).unwrap_or(rest)
}

fn json_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

#[cfg(test)]
mod tests;
