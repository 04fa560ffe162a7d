//! One row per function for the pages of a fleet, in 64 partitions.
//!
//! **Invariant.** A row is replaced only by one that has seen more.

use futures::future::try_join_all;
use overtime_wire::FunctionKey;

use crate::{
    domain::{
        hour::Hour,
        summary::{Basis, Summary},
    },
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, text, won},
        schema::{
            self, ROW_PARTITIONS,
            attribute::{EXPIRES, GENERATION, NEWEST, PK, SK, VALUE, WRITES},
        },
    },
};

const HAS_SEEN_MORE: &str = "attribute_not_exists(#g) OR #g < :g OR \
     (#g = :g AND (#n < :n OR (#n = :n AND #w < :w)))";

impl Store {
    /// Writes the row unless what stands there has seen as much.
    pub async fn put_summary(&self, summary: &Summary) -> Result<bool, StoreError> {
        let Basis { generation, newest, writes } = summary.basis;
        let mut item = keyed(&schema::row_key(&summary.function));
        item.insert(VALUE.to_owned(), json(&summary.digest)?);
        let expires = schema::expires(newest.end().plus(self.retention.hours));
        item.insert(EXPIRES.to_owned(), number(expires));
        let numbers = [
            (GENERATION, u64::from(generation)),
            (NEWEST, newest.number().into()),
            (WRITES, writes),
        ];
        let mut put = self
            .dynamo
            .put_item()
            .table_name(self.state_table())
            .condition_expression(HAS_SEEN_MORE);
        for ((name, value), short) in numbers.into_iter().zip(["g", "n", "w"]) {
            item.insert(name.to_owned(), number(value));
            put = put
                .expression_attribute_names(format!("#{short}"), name)
                .expression_attribute_values(format!(":{short}"), number(value));
        }
        won(put.set_item(Some(item)).send().await)
    }

    pub async fn summary(&self, function: &FunctionKey) -> Result<Option<Summary>, StoreError> {
        let key = keyed(&schema::row_key(function));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.send().await.map_err(failed)?.item;
        item.map(|it| summary(&Row(it))).transpose()
    }

    /// Every function's row, all partitions in parallel, ordered by function.
    pub async fn fleet(&self) -> Result<Vec<Summary>, StoreError> {
        let partitions = (0..ROW_PARTITIONS).map(|it| self.rows(schema::row_pk(it)));
        let mut fleet = try_join_all(partitions).await?.concat();
        fleet.sort_by(|one, other| one.function.cmp(&other.function));
        Ok(fleet)
    }

    async fn rows(&self, pk: String) -> Result<Vec<Summary>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(pk))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = items.next().await {
            rows.extend(self.unless_corrupt(summary(&Row(item.map_err(failed)?)))?);
        }
        Ok(rows)
    }
}

fn summary(row: &Row) -> Result<Summary, StoreError> {
    let function = schema::parse_row_sk(row.text(SK)?);
    Ok(Summary {
        function: function.ok_or_else(|| row.corrupt(SK, "names no function"))?,
        basis: Basis {
            generation: row.number(GENERATION)?,
            newest: Hour::from_number(row.number(NEWEST)?),
            writes: row.number(WRITES)?,
        },
        digest: row.json(VALUE)?,
    })
}
