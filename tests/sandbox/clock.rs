//! The one place where the emulator reads the wall clock.
//!
//! Lambda stamps everything it says with wall-clock time, and so must we: extensions compare these
//! stamps with their own clock. Everything else receives a time as an argument.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

#[expect(
    clippy::disallowed_methods,
    reason = "an emulated platform is an edge: it says what time it is"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The moment a deadline falls on tokio's clock, which is what timers understand.
pub fn instant_of(deadline: Timestamp) -> Instant {
    Instant::now() + between(now(), deadline)
}

/// How long from one moment to a later one; nothing when it is not later.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// Milliseconds as the platform writes them: three decimals.
pub fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
