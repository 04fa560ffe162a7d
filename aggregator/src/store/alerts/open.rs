//! Which functions have alerts at all.

use super::AlertKey;
use crate::store::{
    Store, StoreError,
    item::{Row, failed, text},
    schema::{
        self, ALERTS_QUEUE, BY_DUE,
        attribute::{PK, QUEUE, SK},
    },
};

/// Most keys that are read: a fleet of which more is open has one problem, not fifty thousand.
const OPEN_MAX: usize = 50_000;

impl Store {
    /// Keys of all alerts that want to be looked at some time, which is whatever is not at rest, in the order of functions; the first
    /// fifty thousand that want to be. What is at rest costs nothing here, however many functions there are.
    pub async fn open_alerts(&self) -> Result<Vec<AlertKey>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .index_name(BY_DUE)
            .key_condition_expression("#queue = :queue")
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_values(":queue", text(ALERTS_QUEUE))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while keys.len() < OPEN_MAX
            && let Some(item) = items.next().await
        {
            keys.extend(self.unless_corrupt(key(&Row(item.map_err(failed)?)))?);
        }
        keys.sort_by(|one: &AlertKey, other| one.function.cmp(&other.function));
        Ok(keys)
    }
}

/// Which alert an item of the index is about.
pub(super) fn key(row: &Row) -> Result<AlertKey, StoreError> {
    let function = schema::parse_alert_pk(row.text(PK)?);
    let function = function.ok_or_else(|| row.corrupt(PK, "names no function"))?;
    Ok(AlertKey { rule: row.text(SK)?.to_owned(), function })
}
