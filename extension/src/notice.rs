//! What an operator must fix, said once per process, in one line that names the fix.
//!
//! Extensions write into the function's own log, which the customer pays for and reads, so nothing is said twice and nothing
//! is said that needs no hand. So where the process hears itself, because the logs of extensions are stored, it hears a line each
//! for a few topics and no more.

use std::{
    fmt,
    io::{self, Write},
    sync::atomic::{AtomicU32, Ordering},
};

/// What a line is about; each is said at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Settings,
    Signing,
    NoTelemetry,
    Unreachable,
    Refused,
    Fault,
    Journal,
    Logs,
}

impl Topic {
    fn bit(self) -> u32 {
        match self {
            Self::Settings => 1,
            Self::Signing => 1 << 1,
            Self::NoTelemetry => 1 << 2,
            Self::Unreachable => 1 << 3,
            Self::Refused => 1 << 4,
            Self::Fault => 1 << 5,
            Self::Journal => 1 << 6,
            Self::Logs => 1 << 7,
        }
    }
}

/// Remembers what has been said.
#[derive(Debug, Default)]
pub struct Notices {
    said: AtomicU32,
}

impl Notices {
    pub const fn new() -> Self {
        Self { said: AtomicU32::new(0) }
    }

    /// Writes the line, unless its topic has been spoken about. A closed stderr is nobody's problem.
    pub fn say(&self, topic: Topic, line: impl fmt::Display) {
        if self.said.fetch_or(topic.bit(), Ordering::Relaxed) & topic.bit() == 0 {
            let _ = writeln!(io::stderr(), "overtime: {line}");
        }
    }
}
