//! Who has tried and failed lately, so that guessing takes longer than it is worth.
//!
//! Failures fill a bucket, which empties with time; while it is full, nobody from there is even looked at. There is a fixed number of
//! buckets, and an address has one by its hash: what a thousand attackers can do is fill them all, and not our memory. Sessions that
//! have begun are not held up by any of it.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use overtime_wire::EpochMillis;

use crate::domain::digest;

const BUCKETS: usize = 1_024;
/// So many failures may come at once,
const BURST: i64 = 10;
/// and then one in this time.
const EACH: Duration = Duration::from_secs(6);

/// Failures by where they came from. Cheap to clone; all clones count together.
#[derive(Clone)]
pub(super) struct Attempts {
    /// When each bucket will be empty.
    empty_at: Arc<Mutex<Vec<EpochMillis>>>,
    /// So that nobody can choose addresses that share a bucket with somebody.
    salt: [u8; 16],
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempts(..)")
    }
}

impl Attempts {
    pub(super) fn new(salt: [u8; 16]) -> Self {
        Self { empty_at: Arc::new(Mutex::new(vec![EpochMillis(i64::MIN); BUCKETS])), salt }
    }

    /// How long to wait before the next attempt from there is looked at, if there is anything to wait for.
    pub(super) fn wait(&self, from: Option<IpAddr>, now: EpochMillis) -> Option<Duration> {
        let empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Duration::from_secs(EACH.as_secs() * BURST.unsigned_abs());
        let filled = empty_at.get(self.bucket(from)).map_or(Duration::ZERO, |it| it.since(now));
        (filled + EACH).checked_sub(full).filter(|it| !it.is_zero())
    }

    /// Writes down that an attempt from there has failed.
    pub(super) fn failed(&self, from: Option<IpAddr>, now: EpochMillis) {
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = empty_at.get_mut(self.bucket(from)) {
            *it = EpochMillis(it.0.max(now.0)).plus(EACH);
        }
    }

    fn bucket(&self, from: Option<IpAddr>) -> usize {
        let network = match from {
            Some(IpAddr::V4(address)) => address.octets().to_vec(),
            // Whoever has one address of such a network has all of it.
            Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
            None => Vec::new(),
        };
        let number = digest::number(&[&self.salt[..], &network].concat());
        usize::try_from(number % BUCKETS as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_ten_failures_the_next_has_to_wait() {
        let (attempts, from) = (Attempts::new([1; 16]), Some(address("192.0.2.1")));
        for _ in 0..BURST {
            assert_eq!(attempts.wait(from, NOW), None);
            attempts.failed(from, NOW);
        }
        assert_eq!(attempts.wait(from, NOW), Some(EACH));
        assert_eq!(
            attempts.wait(Some(address("198.51.100.7")), NOW),
            None,
            "others are not held up"
        );
        let later = NOW.plus(EACH);
        assert_eq!(attempts.wait(from, later), None);
        attempts.failed(from, later);
        assert_eq!(attempts.wait(from, later), Some(EACH));
        assert_eq!(attempts.wait(from, NOW.plus(Duration::from_hours(1))), None);
    }

    #[test]
    fn a_network_of_the_sixth_version_is_one_caller() {
        let attempts = Attempts::new([2; 16]);
        let bucket = |text: &str| attempts.bucket(Some(address(text)));
        assert_eq!(bucket("2001:db8::1"), bucket("2001:db8::ffff"));
        assert_ne!(bucket("2001:db8::1"), bucket("2001:db8:0:1::1"));
    }
}
