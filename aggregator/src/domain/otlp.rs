//! What functions did, in OpenTelemetry's words: its messages, made of what is known here anyway.
//!
//! | module | what |
//! |---|---|
//! | [`meter`] | a function's counts as counters that never fall, since a moment that is kept |
//! | [`metrics`] | such a meter as metrics by the conventions for functions |
//! | [`trace`] | a timeout as spans of the invocation's own trace |
//! | [`errand`] | what of this an entry of the outbox asks to be told |
//! | [`answer`] | what a receiver makes of it |
//!
//! The protocol's messages are those of the crate that OpenTelemetry keeps, which needs prost alone for them.
//!
//! **Invariant.** Equal knowledge gives equal messages: ids are made of what they name, and the time of a point is an argument.

pub mod answer;
mod attributes;
pub mod errand;
#[cfg(test)]
mod fixture;
pub mod meter;
pub mod metrics;
pub mod trace;

/// What the receiver is called among channels. It is none that a subscription could name: alerts are not what it takes.
pub const RECEIVER: &str = "otlp";

/// Which kind of thing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Metrics,
    Traces,
}

impl Signal {
    pub const ALL: [Self; 2] = [Self::Metrics, Self::Traces];

    /// Its word, which is also the end of the address that takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }
}
