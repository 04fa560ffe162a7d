//! The only reader of the wall clock; everything below is handed the time.

use std::time::{SystemTime, UNIX_EPOCH};

use overtime_wire::EpochMillis;

/// The wall clock, as the platform's `deadlineMs` counts it.
#[expect(clippy::disallowed_methods, reason = "this is the edge that reads the clock")]
pub fn now() -> EpochMillis {
    EpochMillis::default().plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
