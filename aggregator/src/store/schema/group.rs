//! Keys of groups and of what functions say to them.
//!
//! Both lie in one partition, the state first, so that a step reads all it needs with one query.

use std::time::Duration;

use overtime_wire::FunctionKey;

use super::{Key, parse_path, path};
use crate::domain::alert::group::GroupId;

/// The queue of groups that want to be stepped.
pub const QUEUE: &str = "groups";
/// The sort key of a group's state.
pub const STATE: &str = "-";
/// The first letter of the sort keys of what functions say.
pub const MEMBER: &str = "M#";
/// Groups, and what was said to them, are kept this long after they were last written: longer than an alert that is silent expires.
pub const GROUPS_LIVE: Duration = Duration::from_hours(9 * 24);

pub fn pk(group: &GroupId) -> String {
    format!("G#{}#{}", group.subscription, group.fingerprint)
}

pub fn state_key(group: &GroupId) -> Key {
    Key { pk: pk(group), sk: STATE.to_owned() }
}

pub fn member_key(group: &GroupId, function: &FunctionKey) -> Key {
    Key { pk: pk(group), sk: format!("{MEMBER}{}", path(function)) }
}

pub fn parse_pk(pk: &str) -> Option<GroupId> {
    let (subscription, fingerprint) = pk.strip_prefix("G#")?.split_once('#')?;
    let (subscription, fingerprint) = (subscription.to_owned(), fingerprint.to_owned());
    Some(GroupId { subscription, fingerprint })
}

/// Who says what stands under this sort key.
pub fn parse_member(sk: &str) -> Option<FunctionKey> {
    parse_path(sk.strip_prefix(MEMBER)?)
}
