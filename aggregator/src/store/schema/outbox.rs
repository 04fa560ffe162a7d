//! Keys of what is to be delivered.
//!
//! Deliveries of one episode to one channel lie in one partition, so that whoever takes one sees whether an earlier one is still on its
//! way.

use overtime_wire::{EpochMillis, FunctionKey};

use super::{DIGEST_PARTS, Key, OUTBOX_SHARDS, hash, path};
use crate::domain::{delivery::id, otlp::RECEIVER};

pub fn pk(id: &str) -> String {
    format!("O#{}", id::lane(id))
}

pub fn key(id: &str) -> Key {
    Key { pk: pk(id), sk: id.to_owned() }
}

/// The id in an entry's key.
pub fn parse<'a>(pk_found: &str, sk: &'a str) -> Option<&'a str> {
    (pk(sk) == pk_found).then_some(sk)
}

pub fn queue(id: &str) -> String {
    format!("outbox#{}", hash(id.as_bytes()) % OUTBOX_SHARDS)
}

pub fn queues() -> impl Iterator<Item = String> {
    (0..OUTBOX_SHARDS).map(|shard| format!("outbox#{shard}"))
}

/// The part of a digest that a message is counted in.
pub fn digest_part(id: &str) -> u64 {
    hash(id.as_bytes()) % DIGEST_PARTS
}

/// Where a part of a digest lies: partitions of their own, so that a flood does not meet itself in one.
pub fn digest_key(digest: &str, part: u64) -> Key {
    Key { pk: format!("N#{digest}#{part:02}"), sk: "-".to_owned() }
}

/// Where it is counted how much a channel has got in a minute.
pub fn rate_key(channel: &str, minute: i64) -> Key {
    Key { pk: format!("N#{channel}"), sk: format!("{:09}", minute.clamp(0, 999_999_999)) }
}

/// Where it is remembered what the OpenTelemetry receiver was told of a function.
pub fn meter_key(function: &FunctionKey) -> Key {
    Key { pk: format!("N#{RECEIVER}#{}", path(function)), sk: "-".to_owned() }
}

/// The day's deliveries in [`BY_DEADLINE`](super::BY_DEADLINE), which has them by time beside the timeouts.
pub fn day(day: i64) -> String {
    format!("O#{day}")
}

/// Where in its day an entry stands.
pub fn place(queued: EpochMillis, id: &str) -> String {
    format!("{}#{id}", super::episode::millis(queued))
}
