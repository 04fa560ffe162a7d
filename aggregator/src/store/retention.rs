//! How long what is kept is kept.
//!
//! Every item carries its own expiry, so a setting that changes holds for what is written from then on.
//!
//! **Invariant.** Nothing expires while something may still be made of it: the least of each is enforced where settings are read.

use std::time::Duration;

use crate::store::schema::{
    BLOCKS_LIVE, FACTS_LIVE, HOURS_LIVE, LOG_TAILS_LIVE, MESSAGES_LIVE, TIMEOUTS_LIVE,
};

/// Times to live, each from the end of what an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw facts.
    pub facts: Duration,
    /// Block views: minutes, quantiles, samples.
    pub blocks: Duration,
    /// Hours, rows and histories of functions, totals of the fleet.
    pub hours: Duration,
    /// Entries of the timeouts list.
    pub timeouts: Duration,
    /// The ends of logs that belong to them.
    pub log_tails: Duration,
    /// Messages that were delivered or given up.
    pub messages: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            facts: FACTS_LIVE,
            blocks: BLOCKS_LIVE,
            hours: HOURS_LIVE,
            timeouts: TIMEOUTS_LIVE,
            log_tails: LOG_TAILS_LIVE,
            messages: MESSAGES_LIVE,
        }
    }
}
