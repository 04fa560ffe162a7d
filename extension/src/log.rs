//! What a function wrote to its log, as far as anybody asked for it.
//!
//! Logs are the customer's own words, so by default nothing here is ever reached: the platform is not even asked for them.
//! Where it is, a line is kept no longer than its invocation, no more of it than [`LINE_MAX`], and nothing leaves the
//! environment before [`redact`] has seen it, unless that was switched off.
//!
//! **Invariant.** Everything kept is bounded before it is stored, and cut where a character begins.

pub mod read;
pub mod redact;
pub mod tail;

use std::str::FromStr;

use overtime_wire::{EpochMillis, RequestId};

/// Most of a line that is shown, in bytes.
pub const LINE_MAX: usize = 1024;
/// Most of a line that is held. More than is shown, so that a secret is seen whole before the line is cut.
pub const HELD_MAX: usize = 2 * LINE_MAX;

/// How many lines are kept; none means that logs are not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines(pub u8);

impl Lines {
    pub const NONE: Self = Self(0);
    const MOST: u8 = 100;

    pub fn are_wanted(self) -> bool {
        self != Self::NONE
    }
}

impl FromStr for Lines {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text.parse().ok().filter(|it| *it <= Self::MOST);
        lines.map(Self).ok_or("expected a whole number of lines from 0 to 100")
    }
}

/// Whether what looks like a secret is replaced before it leaves the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    #[default]
    On,
    /// Somebody needs the lines as they are, and answers for who may read them.
    Off,
}

impl FromStr for Redaction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("expected on or off"),
        }
    }
}

/// One line, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Option<EpochMillis>,
    /// Only lines of the JSON format say whose they are.
    pub request: Option<RequestId>,
    /// At most [`HELD_MAX`] bytes.
    pub text: String,
    pub part: Part,
}

/// The platform splits a long record across two POSTs, in the middle of a string, so that both are invalid JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// The rest comes with the next POST.
    Begins,
    /// The beginning came with the last POST.
    Continues,
}

/// Cuts at a character's boundary.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
