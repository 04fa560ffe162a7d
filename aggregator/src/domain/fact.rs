//! A fact as the table holds it, and what its change asks for.

use overtime_wire::{Block, EpochMillis, FunctionKey, IncarnationId, Recorded};

/// Which of a block view's two parts, and which kind of fact makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Tally,
    Verdict,
}

/// A fact as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing<T> {
    pub incarnation: IncarnationId,
    pub recorded: Recorded<T>,
    /// When anything was first accepted under its key.
    pub accepted_at: EpochMillis,
    /// How many facts have been let in under its key.
    pub writes: u64,
}

/// A block of a function whose facts changed, and which of them did: what is to be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    pub function: FunctionKey,
    pub block: Block,
    pub tallies: bool,
    pub verdicts: bool,
}
