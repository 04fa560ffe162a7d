//! Facts as they came, one item each, and the condition that lets only a greater one in.
//!
//! Writing is here, reading in [`reading`].
//!
//! **Invariant.** The item under a key holds the greatest fact that was ever accepted there, the moment the first was
//! accepted, and how many were let in; all three by one conditional write without a transaction.

pub mod reading;

use overtime_wire::{
    Block, EpochMillis, FactKey, FunctionKey, IncarnationId, Malformed, Recorded, Tally, Verdict,
};

use crate::{
    domain::fact::Standing,
    store::{
        Store, StoreError,
        item::{Row, bytes, number, text, won},
        schema::{
            self,
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
            .table_name(self.facts_table())
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
