//! Where the doors' time comes from.

use std::time::SystemTime;

use overtime_wire::EpochMillis;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes from")]
pub fn now() -> EpochMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    EpochMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
