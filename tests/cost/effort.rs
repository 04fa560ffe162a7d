//! How much work something was: processor time, which a busy machine does not lengthen as it does the time on the wall.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The processor time of this process up to now, all threads together.
pub(crate) fn cpu_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}
