//! One entry of a journal, as bytes.
//!
//! ```text
//! length of the body, 2 bytes ┊ kind, 1 byte ┊ body ┊ CRC-32 of all before, 4 bytes        numbers are little-endian
//! ```
//!
//! An open invocation is written as the verdict that it would become, so that there is one encoding of what is known about
//! an invocation, and it is the wire's. The version stands in the first entry: of a journal that another version wrote,
//! nothing is read.

use overtime_wire::{EpochMillis, FactKey, IncarnationId, Ordinal, Tally, Verdict};

use super::{Counted, Fact, Said, checksum};

/// Changes with everything below.
const MAGIC: &[u8; 4] = b"OVJ\x02";
const HEAD: usize = 3;
const SUM: usize = 4;
/// What a fact takes beside its own bytes.
pub(super) const FACT_OVERHEAD: usize = HEAD + 16 + SUM;
const TEXT_MAX: usize = 256;

/// One thing that a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "written at once; a box would be one for every invocation"
)]
pub enum Entry {
    /// The first one of every file, and of no place else.
    Begun(Begun),
    Environment {
        name: String,
        is_drawn: bool,
    },
    /// The aggregator was told of something then.
    Told(EpochMillis),
    Counted(Counted),
    /// An invocation is open, or more is known about it; this is what it would be claimed to be.
    Opened(Verdict),
    /// The writer ran on past its deadline, and heard of no end.
    Witnessed(Ordinal),
    Closed(Ordinal),
    Fact(Fact),
    /// The aggregator has a fact in this rank, or wants none of it.
    Delivered {
        key: FactKey,
        rank: u64,
    },
    /// The writer saw no more from here on.
    Blind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub incarnation: IncarnationId,
    pub function: String,
}

/// Appends an entry to `bytes`. What would not fit into an entry is nothing that we write.
pub fn write(entry: &Entry, bytes: &mut Vec<u8>) {
    frame(kind(entry), bytes, |bytes| body(entry, bytes));
}

/// Appends whatever body as an entry of a kind, whole and sound, which is what a reader must be ready for.
pub fn frame(kind: u8, bytes: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0, 0, kind]);
    body(bytes);
    let Ok(length) = u16::try_from(bytes.len() - start - HEAD) else {
        bytes.truncate(start);
        return;
    };
    bytes[start..start + 2].copy_from_slice(&length.to_le_bytes());
    let sum = checksum::of(&bytes[start..]);
    bytes.extend_from_slice(&sum.to_le_bytes());
}

/// Takes the next entry; `None` where the bytes do not begin with a whole and sound one.
pub fn read(bytes: &mut &[u8]) -> Option<Entry> {
    let length = usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
    let (framed, rest) = bytes.split_at_checked(HEAD + length)?;
    let (sum, rest) = rest.split_first_chunk::<SUM>()?;
    if checksum::of(framed) != u32::from_le_bytes(*sum) {
        return None;
    }
    *bytes = rest;
    parse(framed[2], &framed[HEAD..])
}

fn kind(entry: &Entry) -> u8 {
    match entry {
        Entry::Begun(_) => 1,
        Entry::Environment { .. } => 2,
        Entry::Told(_) => 3,
        Entry::Counted(_) => 4,
        Entry::Opened(_) => 5,
        Entry::Closed(_) => 6,
        Entry::Fact(Fact { said: Said::Verdict(_), .. }) => 7,
        Entry::Fact(Fact { said: Said::Tally(_), .. }) => 8,
        Entry::Delivered { .. } => 9,
        Entry::Blind => 10,
        Entry::Witnessed(_) => 11,
    }
}

fn body(entry: &Entry, bytes: &mut Vec<u8>) {
    match entry {
        Entry::Begun(it) => {
            bytes.extend_from_slice(MAGIC);
            bytes.extend_from_slice(&it.incarnation.0);
            bytes.extend_from_slice(clipped(&it.function).as_bytes());
        }
        Entry::Environment { name, is_drawn } => {
            bytes.push(u8::from(*is_drawn));
            bytes.extend_from_slice(clipped(name).as_bytes());
        }
        Entry::Told(at) => bytes.extend_from_slice(&at.0.to_le_bytes()),
        Entry::Counted(it) => {
            for number in [it.opened, it.settled, it.dropped] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        Entry::Opened(draft) => bytes.extend_from_slice(&draft.encode().bytes),
        Entry::Closed(ordinal) | Entry::Witnessed(ordinal) => {
            bytes.extend_from_slice(&ordinal.0.to_le_bytes());
        }
        Entry::Fact(fact) => {
            bytes.extend_from_slice(&fact.incarnation.0);
            bytes.extend_from_slice(fact.bytes());
        }
        Entry::Delivered { key, rank } => {
            bytes.extend_from_slice(&rank.to_le_bytes());
            bytes.extend_from_slice(key.to_string().as_bytes());
        }
        Entry::Blind => {}
    }
}

fn parse(kind: u8, body: &[u8]) -> Option<Entry> {
    match kind {
        1 => {
            let (incarnation, function) = body.strip_prefix(MAGIC)?.split_first_chunk()?;
            let (incarnation, function) = (IncarnationId(*incarnation), text(function)?);
            Some(Entry::Begun(Begun { incarnation, function }))
        }
        2 => {
            let (is_drawn, name) = body.split_first()?;
            Some(Entry::Environment { name: text(name)?, is_drawn: *is_drawn != 0 })
        }
        3 => Some(Entry::Told(EpochMillis(i64::from_le_bytes(body.try_into().ok()?)))),
        4 => {
            let (opened, rest) = body.split_first_chunk()?;
            let (settled, dropped) = rest.split_first_chunk()?;
            Some(Entry::Counted(Counted {
                opened: u32::from_le_bytes(*opened),
                settled: u32::from_le_bytes(*settled),
                dropped: u32::from_le_bytes(dropped.try_into().ok()?),
            }))
        }
        5 => Some(Entry::Opened(Verdict::decode(body).ok()?.fact)),
        6 => Some(Entry::Closed(Ordinal(u32::from_le_bytes(body.try_into().ok()?)))),
        7 | 8 => {
            let (incarnation, bytes) = body.split_first_chunk()?;
            let said = if kind == 7 {
                Said::Verdict(Verdict::decode(bytes).ok()?)
            } else {
                Said::Tally(Tally::decode(bytes).ok()?)
            };
            Some(Entry::Fact(Fact { incarnation: IncarnationId(*incarnation), said }))
        }
        9 => {
            let (rank, key) = body.split_first_chunk()?;
            let key = std::str::from_utf8(key).ok()?.parse().ok()?;
            Some(Entry::Delivered { key, rank: u64::from_le_bytes(*rank) })
        }
        10 if body.is_empty() => Some(Entry::Blind),
        11 => Some(Entry::Witnessed(Ordinal(u32::from_le_bytes(body.try_into().ok()?)))),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().filter(|it| it.len() <= TEXT_MAX).map(str::to_owned)
}

fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX)]
}
