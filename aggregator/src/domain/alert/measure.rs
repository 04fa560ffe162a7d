//! What was measured when a condition held: the numbers that a message says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The numbers behind an alert whose condition is more than one timeout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Timeouts within so many seconds.
    Count { timeouts: u64, window_s: u64 },
    /// Timeouts among the invocations of so many seconds.
    Rate { timeouts: u64, invocations: u64, window_s: u64 },
    /// A duration that came close to the timeout.
    Near {
        /// `p50`, `p95`, `p99` or `max`.
        statistic: String,
        reached_ms: u64,
        timeout_ms: u64,
        invocations: u64,
        window_s: u64,
        /// Requests worth looking up.
        requests: Vec<String>,
    },
    /// Timeouts in a row: of one environment, or of the whole function.
    Row { timeouts: u64, of_one: bool },
    /// Nothing was heard since, in milliseconds since 1970.
    Silence { since_ms: i64 },
}

/// What opened an episode, beyond its first timeout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The numbers that opened it, or that were last as bad.
    pub measure: Measure,
    /// Timeouts before are no part of it, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begins_ms: Option<i64>,
    /// The end of the last minute with which the condition held, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held_ms: Option<i64>,
}

impl Breach {
    /// One that begins with its first timeout, and is not judged by the minute.
    pub fn of(measure: Measure) -> Self {
        Self { measure, begins_ms: None, held_ms: None }
    }
}

/// How large a part of a whole is, in percent; of nothing, nothing.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

pub(super) fn seconds(window: Duration) -> u64 {
    window.as_secs()
}
