//! The four circumstances in which a timeout must be seen all the same.
//!
//! What an extension is told of a timeout depends on things it has no say in: how much processor
//! time it gets beside a busy handler, whether the runtime uses up its part of the shutdown budget,
//! and whether the telemetry buffer or `/event/next` is quicker. Each condition changes one of them
//! on a [`Spec`], and they can be applied one after the other.

use crate::spec::{Flushing, Spec};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    FullSpeed,
    /// The processor share of a function with 128 MB, and its memory size.
    SmallShare,
    /// The runtime ignores SIGTERM, so SHUTDOWN comes 600 ms later.
    DeafToSigterm,
    /// Telemetry is delivered before SHUTDOWN is.
    FlushedFirst,
}

pub const SMALL_MB: u32 = 128;

/// All of them, each by itself.
pub fn conditions() -> [Condition; 4] {
    use Condition::{DeafToSigterm, FlushedFirst, FullSpeed, SmallShare};
    [FullSpeed, SmallShare, DeafToSigterm, FlushedFirst]
}

impl Condition {
    pub fn apply(self, spec: Spec) -> Spec {
        match self {
            Self::FullSpeed => spec,
            Self::SmallShare => spec.memory(SMALL_MB),
            Self::DeafToSigterm => spec.variable("FUNCTION_IGNORES_SIGTERM", "1"),
            Self::FlushedFirst => Spec { flushing: Flushing::BeforeShutdown, ..spec },
        }
    }
}
