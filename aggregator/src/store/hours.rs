//! What a function's hours add up to: one item an hour, a season of them in a partition.
//!
//! **Invariant.** An hour is replaced only by one that has seen more of its blocks.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use overtime_wire::FunctionKey;
use serde::Serialize;

use crate::{
    domain::{
        hour::{Hour, StandingHour},
        view::Basis,
    },
    store::{
        Consistency, Store, StoreError,
        item::{Row, failed, json, keyed, text},
        schema::{
            self, Key,
            attribute::{GENERATION, PK, SK, VALUE, WRITES},
        },
    },
};

impl Store {
    /// Writes an hour unless what stands has seen as much.
    pub async fn put_hour(
        &self,
        function: &FunctionKey,
        standing: &StandingHour,
    ) -> Result<bool, StoreError> {
        let StandingHour { hour, basis, view } = standing;
        let pk = schema::hours_pk(function, schema::season(*hour));
        self.put_hourly(pk, (*hour, *basis), view).await
    }

    /// Hours from `first` to `last`, both inclusive, oldest first.
    pub async fn hours(
        &self,
        function: &FunctionKey,
        (first, last): (Hour, Hour),
        consistency: Consistency,
    ) -> Result<Vec<StandingHour>, StoreError> {
        let pk = |season| schema::hours_pk(function, season);
        let rows = self.hourly_rows(pk, (first, last), consistency).await?;
        let standing = |row: &Row| {
            let (hour, basis) = hourly_basis(row)?;
            Ok(StandingHour { hour, basis, view: row.json(VALUE)? })
        };
        rows.iter().filter_map(|row| self.unless_corrupt(standing(row)).transpose()).collect()
    }

    /// Writes an item of a partition of hours under its basis.
    pub(super) async fn put_hourly<V: Serialize + Sync>(
        &self,
        pk: String,
        (hour, basis): (Hour, Basis),
        view: &V,
    ) -> Result<bool, StoreError> {
        let mut item = keyed(&Key { pk, sk: schema::hour_sk(hour) });
        item.insert(VALUE.to_owned(), json(view)?);
        self.put_view(item, basis, hour.end().plus(self.retention.hours)).await
    }

    /// The items of hours from all seasons that they lie in, oldest first.
    pub(super) async fn hourly_rows(
        &self,
        pk: impl Fn(u32) -> String,
        (first, last): (Hour, Hour),
        consistency: Consistency,
    ) -> Result<Vec<Row>, StoreError> {
        let seasons = (schema::season(first)..=schema::season(last)).map(|season| {
            let mut items = self
                .dynamo
                .query()
                .table_name(self.state_table())
                .consistent_read(consistency.is_strong())
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", text(pk(season)))
                .expression_attribute_values(":first", text(schema::hour_sk(first)))
                .expression_attribute_values(":last", text(schema::hour_sk(last)))
                .into_paginator()
                .items()
                .send();
            async move {
                let mut rows = Vec::new();
                while let Some(item) = items.next().await {
                    let item: HashMap<String, AttributeValue> = item.map_err(failed)?;
                    rows.push(Row(item));
                }
                Ok::<_, StoreError>(rows)
            }
        });
        Ok(try_join_all(seasons).await?.into_iter().flatten().collect())
    }
}

pub(super) fn hourly_basis(row: &Row) -> Result<(Hour, Basis), StoreError> {
    let hour = schema::parse_hour_sk(row.text(SK)?);
    let hour = hour.ok_or_else(|| row.corrupt(SK, "names no hour"))?;
    Ok((hour, Basis { generation: row.number(GENERATION)?, writes: row.number(WRITES)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::hour::HourView,
        store::laboratory::{Laboratory, function},
    };

    #[tokio::test]
    async fn hours_of_several_seasons_are_read_in_order_and_the_best_informed_stands() {
        let lab = Laboratory::open().await;
        let function = function("orders");
        let hour = |number, writes, incarnations| StandingHour {
            hour: Hour::from_number(number),
            basis: Basis::of(writes),
            view: HourView { incarnations, ..HourView::default() },
        };
        let boundary = 650 * 768;
        for number in [boundary - 2, boundary - 1, boundary, boundary + 1] {
            assert!(lab.store.put_hour(&function, &hour(number, 5, 1)).await.unwrap());
        }
        assert!(!lab.store.put_hour(&function, &hour(boundary, 5, 2)).await.unwrap());
        assert!(lab.store.put_hour(&function, &hour(boundary, 6, 3)).await.unwrap());
        let range = (Hour::from_number(boundary - 1), Hour::from_number(boundary));
        for consistency in [Consistency::Strong, Consistency::Eventual] {
            let hours = lab.store.hours(&function, range, consistency).await.unwrap();
            assert_eq!(hours, [hour(boundary - 1, 5, 1), hour(boundary, 6, 3)]);
        }
    }
}
