//! The timeouts list: one item per verdict, found by deadline.
//!
//! Two sparse indexes order listed items by deadline, the fleet's by day and shard, one function's by day. A timeout that
//! was taken back keeps its item without the indexes' attributes. The ends of logs lie apart ([`tails`]).
//!
//! **Invariant.** A cursor is a place in the order, not in a result, so pages neither skip nor repeat what stands still.

mod days;
mod merge;
pub mod tails;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use overtime_wire::{Block, EpochMillis, FunctionKey, IncarnationId, Ordinal, Verdict};

use self::tails::TimeoutKey;
use crate::{
    domain::{
        timeout::{Filter, Timeout},
        view::{Basis, GENERATION as CURRENT},
    },
    store::{
        Store, StoreError,
        item::{Row, bytes, failed, keyed, number, text},
        schema::{
            self, Key,
            attribute::{
                ACCEPTED, BYTES, DAY, FUNCTION_DAY, GENERATION, LOG_TAIL, PK, PLACE, SK, WRITES,
            },
        },
    },
};

/// A part of the list, newest deadline first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Without their log tails, until [`Store::join_log_tails`].
    pub items: Vec<Timeout>,
    /// Which of them have one.
    pub with_tail: Vec<usize>,
    /// Where the next page begins; there may be one although this one is short.
    pub next: Option<Cursor>,
}

/// A place in the list. Opaque to callers: `Display` and `FromStr` are its only uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(String);

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that this API gave")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let place = String::from_utf8(bytes).map_err(|_| InvalidCursor)?;
        let cursor = Self(place);
        if cursor.deadline().is_some() { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

impl Cursor {
    fn deadline(&self) -> Option<EpochMillis> {
        let (deadline, _) = self.0.split_once('#')?;
        deadline.parse().ok().filter(|it| *it >= 0).map(EpochMillis)
    }
}

impl Store {
    /// Writes what one verdict means for the list, unless it is known from as late a state of that verdict (`writes`).
    pub async fn put_timeout(&self, timeout: &Timeout, writes: u64) -> Result<bool, StoreError> {
        let Timeout { function, verdict, detected_at, .. } = timeout;
        let basis = Basis::of(writes);
        let mut item = keyed(&entry_key(&TimeoutKey::of(timeout)));
        if !verdict.log_tail.is_empty() {
            self.put_log_tail(timeout, basis).await?;
            item.insert(LOG_TAIL.to_owned(), number(verdict.log_tail.len()));
        }
        let entry = Verdict { log_tail: String::new(), ..verdict.clone() };
        item.insert(BYTES.to_owned(), bytes(&entry.encode().bytes));
        item.insert(ACCEPTED.to_owned(), number(detected_at.0));
        if timeout.is_listed() {
            let (place, day) = (timeout.order(), timeout.day());
            self.mark_day(day, verdict.block).await?;
            item.insert(DAY.to_owned(), text(schema::fleet_day(day, schema::day_shard(&place))));
            item.insert(FUNCTION_DAY.to_owned(), text(schema::function_day(function, day)));
            item.insert(PLACE.to_owned(), text(place));
        }
        self.put_view(item, basis, verdict.block.end().plus(self.retention.timeouts)).await
    }

    /// How late a state of each of a block's verdicts the list knows, by incarnation and ordinal.
    pub async fn listed_writes(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<HashMap<(IncarnationId, Ordinal), u64>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .projection_expression("#pk, #sk, #g, #w")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#g", GENERATION)
            .expression_attribute_names("#w", WRITES)
            .expression_attribute_values(":pk", text(schema::timeouts_pk(function, block)))
            .into_paginator()
            .items()
            .send();
        let mut known = HashMap::new();
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            let key = schema::parse_timeout_sk(row.text(SK)?);
            let key = key.ok_or_else(|| row.corrupt(SK, "names no verdict"));
            let Some(key) = self.unless_corrupt(key)? else { continue };
            // What an earlier generation wrote is written again, as if it had seen nothing.
            let current = row.number::<u32>(GENERATION)? >= CURRENT;
            known.insert(key, if current { row.number(WRITES)? } else { 0 });
        }
        Ok(known)
    }

    /// The newest that the filter covers, after `cursor`, at most `limit`. Looks at a bounded number of items, so a
    /// rare match may make a page short without ending the list.
    pub async fn timeouts(
        &self,
        filter: &Filter,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        merge::newest(self, filter, (cursor, limit)).await
    }
}

fn entry_key(key: &TimeoutKey) -> Key {
    Key {
        pk: schema::timeouts_pk(&key.function, key.block),
        sk: schema::timeout_sk(key.incarnation, key.ordinal),
    }
}

/// An entry without its log tail, and whether it has one.
fn timeout(row: &Row) -> Result<(Timeout, bool), StoreError> {
    let (function, _) = schema::parse_timeouts_pk(row.text(PK)?)
        .ok_or_else(|| row.corrupt(PK, "names no function"))?;
    let (incarnation, _) = schema::parse_timeout_sk(row.text(SK)?)
        .ok_or_else(|| row.corrupt(SK, "names no verdict"))?;
    let recorded = Verdict::decode(row.bytes(BYTES)?).map_err(|error| row.corrupt(BYTES, error))?;
    let detected_at = EpochMillis(row.number(ACCEPTED)?);
    let has_tail = row.optional::<u64>(LOG_TAIL)?.is_some();
    Ok((Timeout { function, incarnation, verdict: recorded.fact, detected_at }, has_tail))
}
