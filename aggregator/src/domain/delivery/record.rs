//! What came of each attempt at a delivery, for whoever asks why nothing arrived.

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};

/// How many attempts are remembered; the first of all and the last ones.
pub const RECORDS_MAX: usize = 10;
/// How much of an account is kept, in characters.
const ACCOUNT_MAX: usize = 1_000;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it began.
    pub at: i64,
    /// The receiver's answer as HTTP has it, where there was one.
    pub status: Option<u16>,
    pub latency_ms: u64,
    /// Status and the beginning of the answer, or why there was none. Never a secret.
    pub account: String,
}

impl Record {
    pub fn new(at: EpochMillis, status: Option<u16>, latency_ms: u64, account: &str) -> Self {
        let account = account.chars().take(ACCOUNT_MAX).collect();
        Self { at: at.0, status, latency_ms, account }
    }
}

/// Adds one, and forgets one from the middle if that makes too many.
pub fn add(records: &mut Vec<Record>, record: Record) {
    if records.len() >= RECORDS_MAX {
        records.remove(1);
    }
    records.push(record);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_attempts_are_remembered() {
        let mut records = Vec::new();
        for at in 0..20 {
            add(&mut records, Record::new(EpochMillis(at), Some(500), 3, &"x".repeat(5_000)));
        }
        let at: Vec<i64> = records.iter().map(|it| it.at).collect();
        assert_eq!(at, [0, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(records[0].account.len(), ACCOUNT_MAX);
    }
}
