//! How the wire's plain values are written inside stored views.
//!
//! The wire crate knows protobuf alone; views are JSON, because operators read them. Names are short and zeros are left
//! out: a view is paid for by the kilobyte.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Counts, Losses, Profile};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// [`Counts`] as a stored view holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counted(#[serde(with = "CountsJson")] pub Counts);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Counts")]
struct CountsJson {
    #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
    invocations: u64,
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    timeouts: u64,
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    errors: u64,
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    out_of_memory: u64,
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    near_timeouts: u64,
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    cold_starts: u64,
    #[serde(rename = "it", default, skip_serializing_if = "is_zero")]
    init_timeouts: u64,
    #[serde(rename = "if", default, skip_serializing_if = "is_zero")]
    init_failures: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Losses")]
pub(super) struct LossesJson {
    #[serde(default, skip_serializing_if = "is_none")]
    unreadable_records: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    dropped_records: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    overflowed_facts: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    refused_facts: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    unfinished_invocations: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    failed_sends: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    ignored_journals: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    overflowed_log_records: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    refused_log_records: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    unsent_log_records: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Profile")]
pub(super) struct ProfileJson {
    #[serde(default, skip_serializing_if = "is_none")]
    memory_mb: u32,
    #[serde(
        rename = "timeout_ms",
        default,
        skip_serializing_if = "Duration::is_zero",
        serialize_with = "write_millis",
        deserialize_with = "read_millis"
    )]
    timeout: Duration,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    runtime: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    architecture: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    initialization_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    extension_version: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

fn write_millis<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn read_millis<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_none(number: &u32) -> bool {
    *number == 0
}
