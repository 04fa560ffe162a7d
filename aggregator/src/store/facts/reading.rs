//! A block's facts, read whole.
//!
//! **Invariant.** A fact that cannot be read is left out and said once, and its writes count all the same: the block's other
//! facts go on making views, under a basis that only grows.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use overtime_wire::{Block, FunctionKey, Malformed, Recorded, Tally, Verdict};

use super::standing;
use crate::{
    domain::{fact::Standing, timeout::Timeout, view::BlockView},
    store::{
        Store, StoreError,
        item::{Row, failed, text},
        schema::{
            self, FACT_SHARDS,
            attribute::{PK, SK, WRITES},
        },
    },
};

/// All facts of one kind in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole<T> {
    /// Ordered by incarnation, and by ordinal.
    pub facts: Vec<Standing<T>>,
    /// How many facts were ever let in under all keys, those that cannot be read included.
    pub writes: u64,
}

impl Store {
    /// All tallies of a function's block, ordered by incarnation, strongly consistent.
    pub async fn tallies(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Standing<Tally>>, StoreError> {
        Ok(self.whole_tallies(function, block).await?.facts)
    }

    /// All verdicts of a function's block, ordered by incarnation and ordinal, strongly consistent.
    pub async fn verdicts(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Standing<Verdict>>, StoreError> {
        Ok(self.whole_verdicts(function, block).await?.facts)
    }

    /// A block's claims as they stand, those taken back included.
    pub async fn claims(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Timeout>, StoreError> {
        let standing = self.verdicts(function, block).await?;
        Ok(standing.iter().map(|it| Timeout::of(function, it)).collect())
    }

    /// The claims of each block that is less than `within` away from `block` and has timeouts, as views know; without its own.
    pub async fn claims_around(
        &self,
        function: &FunctionKey,
        views: &[BlockView],
        (block, within): (Block, Duration),
    ) -> Result<BTreeMap<Block, Vec<Timeout>>, StoreError> {
        let near = |it: &BlockView| {
            it.block != block
                && it.block.end().plus(within) > block.start()
                && it.block.start() < block.end().plus(within)
        };
        let times_out =
            |it: &BlockView| it.verdict.as_ref().is_some_and(|it| !it.causes.is_empty());
        let asked = !within.is_zero();
        let blocks = views.iter().filter(|it| asked && near(it) && times_out(it));
        let blocks = blocks.map(|it| async {
            Ok::<_, StoreError>((it.block, self.claims(function, it.block).await?))
        });
        Ok(try_join_all(blocks).await?.into_iter().collect())
    }

    pub async fn whole_tallies(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Whole<Tally>, StoreError> {
        self.whole(self.facts(function, block, schema::TALLY).await?, Tally::decode)
    }

    pub async fn whole_verdicts(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Whole<Verdict>, StoreError> {
        self.whole(self.facts(function, block, schema::VERDICT).await?, Verdict::decode)
    }

    fn whole<T>(
        &self,
        rows: Vec<Row>,
        decode: fn(&[u8]) -> Result<Recorded<T>, Malformed>,
    ) -> Result<Whole<T>, StoreError> {
        let mut whole = Whole { facts: Vec::with_capacity(rows.len()), writes: 0 };
        for row in rows {
            let standing = self.unless_corrupt(standing(&row, decode))?;
            let writes = self.unless_corrupt(row.number::<u64>(WRITES))?;
            whole.writes += writes.unwrap_or_default();
            whole.facts.extend(standing);
        }
        Ok(whole)
    }

    /// Every fact of one kind in a block, over all shards, ordered by sort key.
    pub(super) async fn facts(
        &self,
        function: &FunctionKey,
        block: Block,
        kind: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let shards = (0..FACT_SHARDS).map(|shard| {
            let pk = schema::facts_pk(function, block, shard);
            let mut pages = self
                .dynamo
                .query()
                .table_name(self.facts_table())
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :kind)")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":kind", text(kind))
                .into_paginator()
                .items()
                .send();
            async move {
                let mut rows = Vec::new();
                while let Some(item) = pages.next().await {
                    rows.push(Row(item.map_err(failed)?));
                }
                Ok::<_, StoreError>(rows)
            }
        });
        let mut rows: Vec<Row> = try_join_all(shards).await?.into_iter().flatten().collect();
        rows.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        Ok(rows)
    }
}

fn sort_key(row: &Row) -> Option<&String> {
    row.0.get(SK).and_then(|it: &AttributeValue| it.as_s().ok())
}
