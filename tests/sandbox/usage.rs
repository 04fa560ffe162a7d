//! What a process has used so far: memory and processor time, from Linux's `/proc`.
//!
//! The scheduler's own nanoseconds are read per thread, because the usual clock ticks of ten
//! milliseconds cannot see an extension that works for forty microseconds. Elsewhere than on Linux
//! there is nothing to read and the answer is `None`.

use std::fs;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub peak_rss_bytes: u64,
    pub rss_bytes: u64,
    pub cpu: Duration,
}

pub fn of(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage {
        peak_rss_bytes: field(&status, "VmHWM:")?,
        rss_bytes: field(&status, "VmRSS:")?,
        cpu: cpu(pid)?,
    })
}

/// A field of `/proc/PID/status`, which counts in kibibytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().split(' ').next()?.parse().ok()?;
    Some(kibibytes * 1_024)
}

fn cpu(pid: u32) -> Option<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // A thread may end between being listed and being read.
        let Ok(line) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        nanoseconds += line.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    1944 kB\nVmRSS:\t    1900 kB\n";
        assert_eq!(field(status, "VmHWM:"), Some(1_944 * 1_024));
        assert_eq!(field(status, "VmSwap:"), None);
    }

    #[test]
    fn this_very_process_uses_something() {
        let usage = of(std::process::id()).unwrap();
        assert!(usage.peak_rss_bytes >= usage.rss_bytes);
        assert!(usage.cpu > Duration::ZERO);
    }
}
