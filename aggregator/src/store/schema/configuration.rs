//! Keys of the configuration and of the records of its changes.

use std::time::Duration;

use super::Key;
use crate::domain::configuration::Kind;

/// Silences are kept this long after they ended.
pub const SILENCES_LIVE: Duration = Duration::from_hours(90 * 24);
/// Records of changes of the configuration are kept this long.
pub const AUDIT_LIVE: Duration = Duration::from_hours(400 * 24);

/// The partition of the configuration, which is small and read whole.
pub const CONFIGURATION: &str = "K#";
/// The sort key of how often it was changed.
pub const REVISION: &str = "revision";
/// The partition of the records of its changes.
pub const AUDIT: &str = "K#audit";

pub fn configuration_key(sk: &str) -> Key {
    Key { pk: CONFIGURATION.to_owned(), sk: sk.to_owned() }
}

pub fn entity_sk(kind: Kind, id: &str) -> String {
    format!("{}#{id}", kind.as_str())
}

/// What a sort key of the configuration names.
pub fn parse_entity_sk(sk: &str) -> Option<Kind> {
    sk.split_once('#')?.0.parse().ok()
}

/// Where the record of a change lies: later ones after earlier ones, those of one revision in their order.
pub fn audit_key(revision: u64, place: usize) -> Key {
    Key { pk: AUDIT.to_owned(), sk: audit_sk(revision, place) }
}

pub fn audit_sk(revision: u64, place: usize) -> String {
    format!("{revision:012}#{place:04}")
}

/// Which part of which change a sort key of a record names.
pub fn parse_audit_sk(sk: &str) -> Option<(u64, usize)> {
    let (revision, place) = sk.split_once('#')?;
    Some((revision.parse().ok()?, place.parse().ok()?))
}
