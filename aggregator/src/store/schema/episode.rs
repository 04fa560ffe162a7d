//! Keys of episodes: an alert's lie in one partition, in the order in which they opened.

use overtime_wire::EpochMillis;

use super::Key;

pub fn pk(fingerprint: &str) -> String {
    format!("E#{fingerprint}")
}

/// Where an episode lies, and how it is called within its alert.
pub fn key(fingerprint: &str, opened: EpochMillis, episode: &str) -> Key {
    Key { pk: pk(fingerprint), sk: format!("{}#{episode}", millis(opened)) }
}

/// The day's episodes in [`BY_DEADLINE`](super::BY_DEADLINE), by when they opened.
pub fn day(day: i64) -> String {
    format!("E#{day}")
}

/// Where in its day an episode stands.
pub fn place(opened: EpochMillis, fingerprint: &str, episode: &str) -> String {
    format!("{}#{fingerprint}#{episode}", millis(opened))
}

/// An instant as texts sort by it.
pub fn millis(at: EpochMillis) -> String {
    format!("{:013}", at.0.clamp(0, 9_999_999_999_999))
}
