//! Instants in configuration: RFC 3339.

use overtime_wire::EpochMillis;
use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

use super::read::Node;
use crate::domain::instant::{When, rfc3339};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
pub(super) fn serialize<S: Serializer>(at: &EpochMillis, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at))
}

#[expect(clippy::ref_option, reason = "what serde calls")]
pub(super) fn write_optional<S: Serializer>(
    at: &Option<EpochMillis>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize(at, to),
        None => to.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<EpochMillis, D::Error> {
    match When::parse(&String::deserialize(from)?) {
        Some(When::At(at)) => Ok(at),
        Some(When::Ago(_)) | None => Err(D::Error::custom("not an instant")),
    }
}

pub(super) fn read(node: Node<'_>) -> Option<EpochMillis> {
    let place = node.place();
    match When::parse(&node.text(1..=40)?) {
        Some(When::At(at)) if at.0 >= 0 => Some(at),
        _ => place.fault("is not an instant as RFC 3339 writes it"),
    }
}
