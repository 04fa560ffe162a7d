//! What the extension and the aggregator agree on.
//!
//! A [`Batch`] carries facts of one function: a [`Tally`] of what one incarnation of the extension counted within a
//! [`Block`], and a [`Verdict`] for every invocation that ended abnormally or is suspected to. Facts are never deltas; of
//! two under one key the greater stands ([`Recorded::merge`]), so they may come twice, late or out of order.
//! [`Counts`] says what they add up to.
//!
//! **Compatibility.** Extensions stay deployed for years, so readers must understand every batch that was ever sent.
//! Fields are only added, never reused; unknown fields are ignored; `golden/` keeps bytes of every released version, and a
//! test decodes them.
//!
//! **Invariant.** No I/O, no async, no clock, no randomness. The generated types never leave this crate.

mod batch;
mod counts;
mod durations;
mod fact;
mod function;
mod invocation;
mod key;
mod phases;
mod profile;
mod tally;
mod time;
#[rustfmt::skip]
#[expect(clippy::pedantic, unreachable_pub, reason = "generated")]
mod v1;
mod verdict;

pub use batch::{Batch, Incarnation};
pub use counts::Counts;
pub use durations::Durations;
pub use fact::{Malformed, Rank, Recorded};
pub use function::{
    AccountId, Arn, FunctionKey, FunctionName, InvalidFunction, Partition, Qualifier, Region,
};
pub use invocation::{
    Cause, Evidence, IncarnationId, InvalidIncarnation, Ordinal, Outcome, RequestId, Subject,
    TraceId,
};
pub use key::{FactKey, InvalidKey};
pub use phases::{Begun, InitSpan, Overhead, Phase, Phases, Spans};
pub use profile::Profile;
pub use tally::{Losses, MinuteCounts, Sample, SampleKind, Tally};
pub use time::{
    ACCEPTED_FOR, BLOCK_MINUTES, Block, CLOCK_TOLERANCE, EpochMillis, MinuteIndex, Untimely,
};
pub use verdict::Verdict;
