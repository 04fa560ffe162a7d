//! Inventories, by account and region: which functions there are, as somebody brought it.
//!
//! One may be too long for an item, so it lies in parts, each of a generation that is never used again, and a head that says which
//! generation stands. The parts are written first and the head last, together with the record of who brought it, so a reader sees the
//! old list or the new one whole. Whoever replaces a head deletes the parts that it named; what a crash leaves behind is read by nobody
//! and expires.
//!
//! **Invariant.** A list whose parts are not all there is not shown in part: it is unreadable, and said to be.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures::future::try_join_all;
use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::json as value;

use crate::{
    domain::{
        configuration::audit::{About, Action, Deed},
        inventory::{Inventory, Line, Listed, Place, Standing},
    },
    store::{
        Store, StoreError,
        configuration::By,
        item::{Row, failed, json, keyed, number, text, won},
        schema::{
            Key,
            attribute::{ACCEPTED, AUTHOR, EXPIRES, PK, SK, VALUE, VERSION},
            expires, inventory as schema,
        },
    },
};

/// How many functions lie in one item: with the longest names and ARNs, they take half of what one may.
const PART: usize = 400;
/// A list that meets others is tried so many times.
const TRIES: u32 = 5;

/// What an inventory is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    parts: usize,
    functions: usize,
    taken_at_ms: i64,
}

/// A head as it stands.
#[derive(Debug)]
struct Found {
    generation: String,
    head: Head,
    at: EpochMillis,
    by: String,
}

impl Store {
    /// Every inventory, in the order of accounts and regions.
    pub async fn inventories(&self) -> Result<Vec<Standing>, StoreError> {
        let partitions = schema::partitions().map(|pk| self.inventories_in(pk));
        let mut standing: Vec<_> = try_join_all(partitions).await?.into_iter().flatten().collect();
        standing.sort_by(|one, other| one.place.cmp(&other.place));
        Ok(standing)
    }

    /// Puts a list in the place of what was said of the same account and region before. `draw` tells it from others of the same moment.
    pub async fn put_inventory(
        &self,
        place: &Place,
        inventory: &Inventory,
        (by, draw): (By<'_>, u32),
    ) -> Result<(), StoreError> {
        let generation = format!("{:013}-{draw:08x}", by.at.0.max(0));
        let parts: Vec<_> = inventory.functions.chunks(PART).collect();
        for (at, part) in parts.iter().enumerate() {
            let lines: Vec<Line> = part.iter().map(Line::from).collect();
            let mut item = keyed(&schema::part_key(place, &generation, at));
            item.insert(VALUE.to_owned(), json(&lines)?);
            item.insert(EXPIRES.to_owned(), number(expires(by.at.plus(schema::LIVE))));
            let put = self.dynamo.put_item().table_name(self.state_table());
            put.set_item(Some(item)).send().await.map_err(failed)?;
        }
        let head = Head {
            parts: parts.len(),
            functions: inventory.functions.len(),
            taken_at_ms: inventory.taken_at.0,
        };
        let found = Found { generation, head, at: by.at, by: by.author.to_owned() };
        for _ in 0..TRIES {
            let before = self.head(place).await?;
            if self.replace_head(place, (before.as_ref(), Some(&found)), by).await? {
                return self.delete_parts(place, before).await;
            }
        }
        Err(StoreError::Stale(format!("the inventory of {place}")))
    }

    /// Forgets what was said of an account and region; `false` where nothing was.
    pub async fn forget_inventory(&self, place: &Place, by: By<'_>) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(before) = self.head(place).await? else { return Ok(false) };
            if self.replace_head(place, (Some(&before), None), by).await? {
                self.delete_parts(place, Some(before)).await?;
                return Ok(true);
            }
        }
        Err(StoreError::Stale(format!("the inventory of {place}")))
    }

    async fn head(&self, place: &Place) -> Result<Option<Found>, StoreError> {
        let get = self.dynamo.get_item().table_name(self.state_table()).consistent_read(true);
        let get = get.set_key(Some(keyed(&schema::head_key(place))));
        let item = get.send().await.map_err(failed)?.item;
        item.map(|it| found(&Row(it))).transpose()
    }

    /// Whether the head was still `before`, and is `after` now.
    async fn replace_head(
        &self,
        place: &Place,
        (before, after): (Option<&Found>, Option<&Found>),
        by: By<'_>,
    ) -> Result<bool, StoreError> {
        let said = |it: &Found| {
            let taken_at = crate::domain::instant::rfc3339(EpochMillis(it.head.taken_at_ms));
            value!({ "functions": it.head.functions, "taken_at": taken_at })
        };
        let deed = Deed {
            action: Action::of(before.is_some(), after.is_some()),
            kind: About::Inventory,
            id: place.to_string(),
            before: before.map(said),
            after: after.map(said),
        };
        let key = schema::head_key(place);
        let write = match after {
            Some(after) => self.put_head(&key, before, after)?,
            None => self.delete_head(&key, before)?,
        };
        let writes = self.dynamo.transact_write_items().transact_items(write);
        won(writes.transact_items(self.deed(deed, by).await?).send().await)
    }

    fn put_head(
        &self,
        key: &Key,
        before: Option<&Found>,
        after: &Found,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = keyed(key);
        item.insert(VALUE.to_owned(), json(&after.head)?);
        item.insert(VERSION.to_owned(), text(&after.generation));
        item.insert(ACCEPTED.to_owned(), number(after.at.0));
        item.insert(AUTHOR.to_owned(), text(&after.by));
        item.insert(EXPIRES.to_owned(), number(expires(after.at.plus(schema::LIVE))));
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(item))
            .expression_attribute_names("#ver", VERSION);
        let put = match before {
            None => put.condition_expression("attribute_not_exists(#ver)"),
            Some(before) => put
                .condition_expression("#ver = :ver")
                .expression_attribute_values(":ver", text(&before.generation)),
        };
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_head(
        &self,
        key: &Key,
        before: Option<&Found>,
    ) -> Result<TransactWriteItem, StoreError> {
        let generation = before.map(|it| it.generation.as_str()).unwrap_or_default();
        let delete = Delete::builder()
            .table_name(self.state_table())
            .set_key(Some(keyed(key)))
            .condition_expression("#ver = :ver")
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_values(":ver", text(generation));
        let delete = delete.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn delete_parts(&self, place: &Place, of: Option<Found>) -> Result<(), StoreError> {
        let Some(Found { generation, head, .. }) = of else { return Ok(()) };
        for part in 0..head.parts {
            let key = keyed(&schema::part_key(place, &generation, part));
            let delete = self.dynamo.delete_item().table_name(self.state_table());
            delete.set_key(Some(key)).send().await.map_err(failed)?;
        }
        Ok(())
    }

    async fn inventories_in(&self, pk: String) -> Result<Vec<Standing>, StoreError> {
        let mut read = self.read_inventories(&pk).await?;
        if read.iter().any(|it| !it.is_whole()) {
            // Somebody may have replaced one between two pages of the answer.
            read = self.read_inventories(&pk).await?;
        }
        let whole = read.into_iter().map(|it| self.unless_corrupt(it.whole()));
        Ok(whole.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    async fn read_inventories(&self, pk: &str) -> Result<Vec<Gathered>, StoreError> {
        let query = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(pk));
        let mut items = query.into_paginator().items().send();
        // A head lies before its parts.
        let mut gathered = BTreeMap::<Place, Gathered>::new();
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            let Some((place, generation)) = schema::parse(row.text(SK)?) else { continue };
            let Some(generation) = generation.map(str::to_owned) else {
                if let Some(found) = self.unless_corrupt(found(&row))? {
                    let functions = Vec::new();
                    let one = Gathered { place: place.clone(), row, found, functions };
                    gathered.insert(place, one);
                }
                continue;
            };
            let Some(it) = gathered.get_mut(&place) else { continue };
            if it.found.generation == generation
                && let Some(lines) = self.unless_corrupt(lines(&row))?
            {
                it.functions.extend(lines);
            }
        }
        Ok(gathered.into_values().collect())
    }
}

/// A head and what there is of its parts.
struct Gathered {
    place: Place,
    row: Row,
    found: Found,
    functions: Vec<Listed>,
}

impl Gathered {
    fn is_whole(&self) -> bool {
        self.functions.len() == self.found.head.functions
    }

    /// The list, if all of it is there.
    fn whole(self) -> Result<Standing, StoreError> {
        if !self.is_whole() {
            return Err(self.row.corrupt(VALUE, "names functions that are not there"));
        }
        let Self { place, found: Found { head, at, by, .. }, functions, .. } = self;
        let inventory = Inventory { taken_at: EpochMillis(head.taken_at_ms), functions };
        Ok(Standing { place, inventory, imported_at: at, imported_by: by })
    }
}

fn found(row: &Row) -> Result<Found, StoreError> {
    Ok(Found {
        generation: row.text(VERSION)?.to_owned(),
        head: row.json(VALUE)?,
        at: EpochMillis(row.number(ACCEPTED)?),
        by: row.text(AUTHOR)?.to_owned(),
    })
}

fn lines(row: &Row) -> Result<Vec<Listed>, StoreError> {
    let lines: Vec<Line> = row.json(VALUE)?;
    let listed = lines.into_iter().map(Listed::try_from).collect::<Result<_, _>>();
    listed.map_err(|why| row.corrupt(VALUE, why))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
