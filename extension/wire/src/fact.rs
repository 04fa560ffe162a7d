//! A fact, its place in the order of facts, and the one merge.
//!
//! Everything the extension sends may arrive twice, late or out of order, so nothing is a delta: of two facts under one
//! key the greater stands, and the other might as well never have been sent. The order is total — (rank, bytes) — which
//! makes the merge commutative, associative and idempotent by construction. Whoever makes a greater fact carries over
//! what the smaller one knew; the merge itself never mixes two.

/// Where a fact stands among those under its key: for a verdict its evidence, then its revision; for a tally its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank(u64);

impl Rank {
    pub(crate) fn new(evidence: u32, revision: u32) -> Self {
        Self((u64::from(evidence) << 32) | u64::from(revision))
    }

    /// As a number that orders the same way.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A fact as it came: what it says, and the very bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    pub fact: T,
    pub rank: Rank,
    pub bytes: Vec<u8>,
}

impl<T> Recorded<T> {
    /// The one of the two that stands. Both must be of the same key.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if (other.rank, &other.bytes) > (self.rank, &self.bytes) { other } else { self }
    }
}

/// Why bytes are not a fact or a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("not protobuf of the expected message: {0}")]
    Protobuf(#[from] prost::DecodeError),
    #[error("field '{field}' {problem}")]
    Field { field: &'static str, problem: String },
}

impl Malformed {
    pub(crate) fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}

/// Checks that a text fits.
pub(crate) fn bounded(field: &'static str, text: String, max: usize) -> Result<String, Malformed> {
    if text.len() <= max {
        Ok(text)
    } else {
        Err(Malformed::field(field, format!("has {} bytes, at most {max} are allowed", text.len())))
    }
}

/// Cuts a text to fit, at a character boundary: what the sender does, so that the reader need not refuse.
pub(crate) fn clipped(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
