//! Block views: for every function and block, a tally part and a verdict part.
//!
//! **Invariant.** A part is replaced only by one whose basis is greater.

use futures::future::try_join_all;
use overtime_wire::{Block, FunctionKey};
use serde::Serialize;

use crate::{
    domain::{
        fact::Part,
        view::{Basis, BlockView, TallyPart, VerdictPart},
    },
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, text},
        schema::{
            self, Key,
            attribute::{GENERATION, PK, SK, VALUE, WRITES},
        },
    },
};

/// Which part of which block.
#[derive(Debug, Clone, Copy)]
pub struct PartKey<'a> {
    pub function: &'a FunctionKey,
    pub block: Block,
    pub part: Part,
}

impl PartKey<'_> {
    fn key(&self) -> Key {
        Key {
            pk: schema::blocks_pk(self.function, schema::block_day(self.block)),
            sk: schema::block_sk(self.block, name(self.part)),
        }
    }
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Tally => "T",
        Part::Verdict => "V",
    }
}

impl Store {
    /// Writes a part — a [`TallyPart`] or a [`VerdictPart`], as the key says — unless what stands has seen as much.
    pub async fn put_part<P: Serialize>(
        &self,
        key: PartKey<'_>,
        part: &P,
        basis: Basis,
    ) -> Result<bool, StoreError> {
        let mut item = keyed(&key.key());
        item.insert(VALUE.to_owned(), json(part)?);
        self.put_view(item, basis, key.block.end().plus(self.retention.blocks)).await
    }

    /// How much the part that stands has seen, if there is one.
    pub async fn part_basis(&self, key: PartKey<'_>) -> Result<Option<Basis>, StoreError> {
        let get = self
            .dynamo
            .get_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(&key.key())))
            .consistent_read(true)
            .projection_expression("#pk, #sk, #g, #w")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#g", GENERATION)
            .expression_attribute_names("#w", WRITES);
        let item = get.send().await.map_err(failed)?.item;
        item.map(|it| basis(&Row(it))).transpose()
    }

    /// The function's block views from `first` to `last`, both inclusive, oldest first, strongly consistent.
    pub async fn blocks(
        &self,
        function: &FunctionKey,
        first: Block,
        last: Block,
    ) -> Result<Vec<BlockView>, StoreError> {
        let days = schema::block_day(first)..=schema::block_day(last);
        let pages =
            days.map(|day| self.day_of_blocks(schema::blocks_pk(function, day), first, last));
        let mut views: Vec<BlockView> = Vec::new();
        for row in try_join_all(pages).await?.into_iter().flatten() {
            self.unless_corrupt(add(&mut views, &row))?;
        }
        Ok(views)
    }

    async fn day_of_blocks(
        &self,
        pk: String,
        first: Block,
        last: Block,
    ) -> Result<Vec<Row>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":first", text(schema::block_sk(first, "")))
            .expression_attribute_values(":last", text(schema::block_sk(last, "~")))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = items.next().await {
            rows.push(Row(item.map_err(failed)?));
        }
        Ok(rows)
    }
}

fn basis(row: &Row) -> Result<Basis, StoreError> {
    Ok(Basis { generation: row.number(GENERATION)?, writes: row.number(WRITES)? })
}

/// Adds a part to its block's view, which comes last if it is there already.
fn add(views: &mut Vec<BlockView>, row: &Row) -> Result<(), StoreError> {
    let (block, part) =
        schema::parse_block_sk(row.text(SK)?).ok_or_else(|| row.corrupt(SK, "names no block"))?;
    let mut view = match views.pop_if(|it| it.block == block) {
        Some(view) => view,
        None => BlockView::empty(block),
    };
    let added = match part {
        "T" => row.json::<TallyPart>(VALUE).map(|it| view.tally = Some(it)),
        "V" => row.json::<VerdictPart>(VALUE).map(|it| view.verdict = Some(it)),
        _ => Err(row.corrupt(SK, "names no part")),
    };
    // A part that cannot be read still counts as seen, so that what is made of the others moves on.
    let weighed = basis(row).map(|it| view.seen += it.weight());
    views.push(view);
    added.and(weighed)
}

#[cfg(test)]
mod tests;
