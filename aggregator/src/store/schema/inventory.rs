//! Keys of inventories: a few partitions hold those of all accounts and regions, because they are read together. They begin as the
//! configuration's does, for the same door writes both.

use std::time::Duration;

use super::{Key, hash};
use crate::domain::inventory::Place;

/// An inventory that is older says nothing any more.
pub const LIVE: Duration = Duration::from_hours(90 * 24);
const PARTITIONS: u64 = 16;

pub fn partitions() -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(pk)
}

fn pk(partition: u64) -> String {
    format!("K#inventory#{partition:02}")
}

fn path(place: &Place) -> String {
    format!("{}#{}", place.account, place.region)
}

/// Where it is said what an inventory is made of. It lies before its parts.
pub fn head_key(place: &Place) -> Key {
    let sk = path(place);
    Key { pk: pk(hash(sk.as_bytes()) % PARTITIONS), sk }
}

pub fn part_key(place: &Place, generation: &str, part: usize) -> Key {
    let Key { pk, sk } = head_key(place);
    Key { pk, sk: format!("{sk}#{generation}#{part:04}") }
}

/// Whose inventory a sort key names, and of a part, of which generation it is.
pub fn parse(sk: &str) -> Option<(Place, Option<&str>)> {
    let mut parts = sk.split('#');
    let place = Place { account: parts.next()?.parse().ok()?, region: parts.next()?.parse().ok()? };
    let generation = parts.next();
    let whole = match generation {
        Some(_) => parts.next().is_some() && parts.next().is_none(),
        None => true,
    };
    whole.then_some((place, generation))
}
