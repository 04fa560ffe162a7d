//! Which days have timeouts at all.
//!
//! The list is kept for a season and a fleet may go without a timeout for weeks, so a page that is not full would ask
//! every shard of every day for nothing. A marker for each day that ever had one turns that into one question.
//!
//! **Invariant.** A day's marker is written before the first timeout of that day is.

use overtime_wire::Block;

use crate::store::{
    Store, StoreError,
    item::{Row, failed, keyed, number, text},
    schema::{
        self,
        attribute::{EXPIRES, PK, SK},
    },
};

impl Store {
    /// Marks a day, for a timeout of `block`. Once per process and day.
    pub(super) async fn mark_day(&self, day: i64, block: Block) -> Result<(), StoreError> {
        if self.days.lock().is_ok_and(|it| it.contains(&day)) {
            return Ok(());
        }
        let mut item = keyed(&schema::day_key(day));
        // Other timeouts of this day may lie in blocks that are a little later.
        let expires = block.end().plus(self.retention.timeouts).plus(schema::MARKERS_OUTLIVE);
        item.insert(EXPIRES.to_owned(), number(schema::expires(expires)));
        let put = self.dynamo.put_item().table_name(self.state_table()).set_item(Some(item));
        put.send().await.map_err(failed)?;
        if let Ok(mut days) = self.days.lock() {
            days.insert(day);
        }
        Ok(())
    }

    /// The days from `first` to `last` that have timeouts, newest first.
    pub(super) async fn days(&self, first: i64, last: i64) -> Result<Vec<i64>, StoreError> {
        let bound = |day| schema::day_key(day);
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .scan_index_forward(false)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(bound(first).pk))
            .expression_attribute_values(":first", text(bound(first).sk))
            .expression_attribute_values(":last", text(bound(last).sk))
            .into_paginator()
            .items()
            .send();
        let mut days = Vec::new();
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            let day = row.text(SK)?.parse::<i64>().map_err(|error| row.corrupt(SK, error));
            days.extend(self.unless_corrupt(day)?);
        }
        Ok(days)
    }
}
