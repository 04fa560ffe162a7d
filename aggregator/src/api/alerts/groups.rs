//! Groups' alerts as they are met in a list, each read once.
//!
//! A function whose subscription groups by less has no alert of its own: what is told of it, and under which name, is its group's. So
//! what is listed of it leads to the group.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use overtime_wire::{EpochMillis, FunctionKey};

use super::{AT_ONCE, item::Item};
use crate::{
    api::Reader,
    domain::{
        alert::{book::Member, group::GroupId},
        configuration::Configuration,
    },
    store::StoreError,
};

#[derive(Debug)]
pub(super) struct Groups<'a> {
    pub(super) reader: &'a Reader,
    configuration: &'a Configuration,
    now: EpochMillis,
    /// Nothing of a group that is at rest.
    known: BTreeMap<GroupId, Option<Item>>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(reader: &'a Reader, configuration: &'a Configuration) -> Self {
        let now = (reader.clock)();
        Self { reader, configuration, now, known: BTreeMap::new() }
    }

    /// Those of some groups that are open.
    pub(super) async fn read(
        &mut self,
        ids: Vec<GroupId>,
    ) -> Result<Vec<(GroupId, Item)>, StoreError> {
        let store = &self.reader.store;
        let reads: Vec<_> = ids.iter().map(|it| store.group(it)).collect();
        let groups: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut open = Vec::new();
        for (id, group) in ids.into_iter().zip(groups) {
            let group = store.unless_corrupt(group)?;
            let stretch = group.as_ref().and_then(|it| Some((&it.labels, it.stretch.as_ref()?)));
            let item = stretch.map(|(labels, stretch)| {
                Item::of_group((&id, labels), stretch, (self.configuration, self.now))
            });
            open.extend(item.clone().map(|it| (id.clone(), it)));
            self.known.insert(id, item);
        }
        Ok(open)
    }

    /// What there is about a function, or about the group that it is a member of.
    pub(super) async fn item(
        &mut self,
        (function, subscription): (&FunctionKey, &str),
        member: &Member,
    ) -> Result<Item, StoreError> {
        let item = Item::of((function, subscription), member, (self.configuration, self.now));
        let Some(id) = member.group() else { return Ok(item) };
        if !self.known.contains_key(id) {
            self.read(vec![id.clone()]).await?;
        }
        Ok(match self.known.get(id) {
            Some(Some(group)) => item.within(group),
            Some(None) | None => item,
        })
    }
}
