//! Facts as they came, one item each, and the condition that lets only a greater one in.
//!
//! **Invariant.** The item under a key holds the greatest fact that was ever accepted there, the moment the first was
//! accepted, and how many were let in; all three by one conditional write without a transaction.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use overtime_wire::{
    Block, EpochMillis, FactKey, FunctionKey, IncarnationId, Malformed, Recorded, Tally, Verdict,
};

use crate::{
    domain::fact::Standing,
    store::{
        Store, StoreError,
        item::{Row, bytes, failed, number, text, won},
        schema::{
            self, FACT_SHARDS, FACTS,
            attribute::{ACCEPTED, BYTES, EXPIRES, PK, RANK, SK, WRITES},
        },
    },
};

/// Whose fact.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    pub function: &'a FunctionKey,
    pub incarnation: IncarnationId,
}

/// A fact on its way in.
#[derive(Debug, Clone, Copy)]
pub enum Fact<'a> {
    Tally(&'a Recorded<Tally>),
    Verdict(&'a Recorded<Verdict>),
}

/// What became of a fact that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It stands now.
    New,
    /// As great a fact stood there already.
    Known,
}

const LET_IN: &str = "SET #b = :b, #r = :r, #a = if_not_exists(#a, :a), #x = :x ADD #w :one";
const IS_GREATER: &str = "attribute_not_exists(#b) OR #r < :r OR (#r = :r AND #b < :b)";

impl Fact<'_> {
    /// Its name within its function.
    pub fn key(&self, incarnation: IncarnationId) -> FactKey {
        let block = self.block();
        match self {
            Self::Tally(_) => FactKey::Tally { block, incarnation },
            Self::Verdict(it) => FactKey::Verdict { block, incarnation, ordinal: it.fact.ordinal },
        }
    }

    pub fn block(&self) -> Block {
        match self {
            Self::Tally(it) => it.fact.block,
            Self::Verdict(it) => it.fact.block,
        }
    }

    fn rank(&self) -> u64 {
        match self {
            Self::Tally(it) => it.rank.number(),
            Self::Verdict(it) => it.rank.number(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Tally(it) => &it.bytes,
            Self::Verdict(it) => &it.bytes,
        }
    }

    fn sk(&self, incarnation: IncarnationId) -> String {
        match self {
            Self::Tally(_) => schema::tally_sk(incarnation),
            Self::Verdict(it) => schema::verdict_sk(incarnation, it.fact.ordinal),
        }
    }
}

impl Store {
    /// Lets a fact in if it is greater than what stands under its key.
    pub async fn record(
        &self,
        author: Author<'_>,
        fact: Fact<'_>,
        now: EpochMillis,
    ) -> Result<Recording, StoreError> {
        let (block, incarnation) = (fact.block(), author.incarnation);
        let shard = schema::fact_shard(incarnation);
        let expires = schema::expires(block.end().plus(self.retention.facts));
        let mut update = self
            .dynamo
            .update_item()
            .table_name(FACTS)
            .key(PK, text(schema::facts_pk(author.function, block, shard)))
            .key(SK, text(fact.sk(incarnation)))
            .update_expression(LET_IN)
            .condition_expression(IS_GREATER);
        for (name, attribute) in
            [("#b", BYTES), ("#r", RANK), ("#a", ACCEPTED), ("#x", EXPIRES), ("#w", WRITES)]
        {
            update = update.expression_attribute_names(name, attribute);
        }
        let values = [
            (":b", bytes(fact.bytes())),
            (":r", number(fact.rank())),
            (":a", number(now.0)),
            (":x", number(expires)),
            (":one", number(1)),
        ];
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        Ok(if won(update.send().await)? { Recording::New } else { Recording::Known })
    }

    /// All tallies of a function's block, ordered by incarnation, strongly consistent.
    pub async fn tallies(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Standing<Tally>>, StoreError> {
        let rows = self.facts(function, block, schema::TALLY).await?;
        rows.iter().map(|row| standing(row, Tally::decode)).collect()
    }

    /// All verdicts of a function's block, ordered by incarnation and ordinal, strongly consistent.
    pub async fn verdicts(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Standing<Verdict>>, StoreError> {
        let rows = self.facts(function, block, schema::VERDICT).await?;
        rows.iter().map(|row| standing(row, Verdict::decode)).collect()
    }

    /// Every fact of one kind in a block, over all shards, ordered by sort key.
    async fn facts(
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
                .table_name(FACTS)
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

fn standing<T>(
    row: &Row,
    decode: fn(&[u8]) -> Result<Recorded<T>, Malformed>,
) -> Result<Standing<T>, StoreError> {
    let incarnation = schema::parse_fact_sk(row.text(SK)?);
    Ok(Standing {
        incarnation: incarnation.ok_or_else(|| row.corrupt(SK, "names no incarnation"))?,
        recorded: decode(row.bytes(BYTES)?).map_err(|error| row.corrupt(BYTES, error))?,
        accepted_at: EpochMillis(row.number(ACCEPTED)?),
        writes: row.number(WRITES)?,
    })
}

#[cfg(test)]
mod tests;
