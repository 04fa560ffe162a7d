//! Messages of one episode to one channel, in their order.

use overtime_wire::EpochMillis;

use super::entry::Before;
use crate::{
    domain::delivery::id::{Turn, turn},
    store::{
        StoreError,
        item::{Item, Row},
        schema::attribute::{DUE, PIN, QUEUED, SK, STATUS},
    },
};

/// Every message there is, in the order in which they are to arrive.
#[derive(Debug)]
pub(super) struct Lane(Vec<Place>);

#[derive(Debug)]
struct Place {
    order: (Turn, EpochMillis, String),
    /// Until when it is on its way, if it is.
    due: Option<EpochMillis>,
    item: Item,
}

impl Lane {
    pub(super) fn of(items: Vec<Item>) -> Result<Self, StoreError> {
        let place = |item: Item| {
            let row = Row(item);
            let id = row.text(SK)?.to_owned();
            let order = (turn(&id), EpochMillis(row.number(QUEUED)?), id);
            let due = row.optional(DUE)?.map(EpochMillis);
            Ok(Place { order, due, item: row.0 })
        };
        let mut places = items.into_iter().map(place).collect::<Result<Vec<_>, StoreError>>()?;
        places.sort_by(|one, other| one.order.cmp(&other.order));
        Ok(Self(places))
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.iter().map(|it| &it.item)
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|it| it.order.2 == id)
    }

    pub(super) fn item(&self, id: &str) -> Option<&Item> {
        self.0.get(self.position(id)?).map(|it| &it.item)
    }

    /// Until when one before it is on its way, if one is.
    pub(super) fn before(&self, id: &str) -> Option<EpochMillis> {
        self.0[..self.position(id)?].iter().find_map(|it| it.due)
    }

    /// The first that is on its way.
    pub(super) fn next(&self) -> Option<(String, &Item)> {
        let next = self.0.iter().find(|it| it.due.is_some())?;
        Some((next.order.2.clone(), &next.item))
    }

    /// What became of those before it.
    pub(super) fn told(&self, id: &str) -> Result<Before, StoreError> {
        let position = self.position(id).unwrap_or_default();
        let mut before = Before { count: position, ..Before::default() };
        for place in &self.0[..position] {
            let row = Row(place.item.clone());
            if row.text(STATUS)? == "delivered" {
                before.delivered = true;
                before.pin = row.text(PIN).ok().map(str::to_owned).or(before.pin);
            }
        }
        Ok(before)
    }
}
