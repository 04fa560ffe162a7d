//! Names the platform draws: request ids, instance ids, trace headers.
//!
//! They must differ between environments and between runs; nothing here is a secret, so the seeds
//! of the standard library's hash maps are random enough, and drawing them cannot fail.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A version 4 UUID, the shape of every request id and extension identifier.
pub(crate) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}

/// The log stream's name, which is what live captures show as `instanceId`.
pub(crate) fn instance(function: &str, version: &str, at: Timestamp) -> String {
    let day = at.strftime("%Y/%m/%d");
    format!("{day}/{function}[{version}]{:016x}{:016x}", random(), random())
}

/// An `X-Amzn-Trace-Id` value.
pub(crate) fn trace(at: Timestamp) -> String {
    let (root, parent) = (random(), random());
    let seconds = at.as_second();
    format!("Root=1-{seconds:08x}-{:08x}{root:016x};Parent={parent:016x};Sampled=0", random() >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_shape_of_one() {
        let drawn = uuid();
        let parts: Vec<usize> = drawn.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{drawn}");
        assert_eq!(drawn.as_bytes()[14], b'4', "{drawn}");
    }

    #[test]
    fn no_two_uuids_are_alike() {
        let mut drawn: Vec<String> = (0..1_000).map(|_| uuid()).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), 1_000);
    }
}
