//! What of a reading is not true any more, read again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::future::try_join_all;
use tokio::{task::JoinSet, time::sleep};

use super::as_known;
use crate::{
    domain::summary::Summary,
    store::{
        Store, StoreError, functions,
        item::{Item, Row, failed, keyed, text},
        schema::{
            self, Key, ROW_PARTITIONS,
            attribute::{GENERATION, NEWEST, PK, SK, WRITES},
        },
    },
};

/// As many as DynamoDB gives at once.
const TOGETHER_MAX: usize = 100;
/// Where more than one row in so many has changed, all are read whole.
const CHANGED_MAX: usize = 3;
/// How often what DynamoDB had no room for is asked for again.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(10);

/// A partition, looked at.
#[derive(Debug, Default)]
struct Looked {
    /// Rows that stand as they are known.
    stand: Vec<Summary>,
    /// Keys of the others.
    moved: Vec<Key>,
}

impl Store {
    /// Every function's row, of which most are probably `known`.
    pub(super) async fn renew_fleet(
        &self,
        known: &Arc<Vec<Summary>>,
    ) -> Result<Vec<Summary>, StoreError> {
        // Tasks of their own: what is made of answers takes longer than it takes to ask.
        let mut looks = JoinSet::new();
        for partition in 0..ROW_PARTITIONS {
            let (store, known) = (self.clone(), Arc::clone(known));
            looks.spawn(async move { store.look_at(schema::row_pk(partition), &known).await });
        }
        let mut fleet = Vec::with_capacity(known.len());
        let mut moved = Vec::new();
        while let Some(looked) = looks.join_next().await {
            let looked = looked.map_err(|error| StoreError::Unavailable(Box::new(error)))??;
            fleet.extend(looked.stand);
            moved.extend(looked.moved);
        }
        if moved.len() > known.len() / CHANGED_MAX {
            return self.read_fleet(known).await;
        }
        let moved = moved.chunks(TOGETHER_MAX).map(|keys| self.rows_of(keys));
        fleet.extend(try_join_all(moved).await?.into_iter().flatten());
        fleet.sort_by(|one, other| one.function.cmp(&other.function));
        Ok(fleet)
    }

    /// How much each row of a partition has seen.
    async fn look_at(&self, pk: String, known: &[Summary]) -> Result<Looked, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .key_condition_expression("#pk = :pk")
            .projection_expression("#pk, #sk, #g, #n, #w")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#g", GENERATION)
            .expression_attribute_names("#n", NEWEST)
            .expression_attribute_names("#w", WRITES)
            .expression_attribute_values(":pk", text(pk))
            .into_paginator()
            .items()
            .send();
        let mut looked = Looked::default();
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            match self.unless_corrupt(as_known(&row, known))? {
                Some(Some(known)) => looked.stand.push(known.clone()),
                Some(None) => looked.moved.push(row.key()?),
                None => {}
            }
        }
        Ok(looked)
    }

    /// Rows by their keys. One that has gone in the meantime is gone.
    async fn rows_of(&self, keys: &[Key]) -> Result<Vec<Summary>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut left: Vec<Item> = keys.iter().map(keyed).collect();
        for tried in 0..TRIES {
            let asked = KeysAndAttributes::builder().set_keys(Some(left)).build();
            let asked = asked.map_err(|error| StoreError::Refused(Box::new(error)))?;
            let asked = HashMap::from([(self.state_table().to_owned(), asked)]);
            let get = self.dynamo.batch_get_item().set_request_items(Some(asked));
            let found = get.send().await.map_err(failed)?;
            for item in found.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                rows.extend(self.unless_corrupt(functions::summary(&Row(item)))?);
            }
            let unprocessed = found.unprocessed_keys.unwrap_or_default();
            left = unprocessed.into_values().flat_map(|it| it.keys).collect();
            if left.is_empty() {
                return Ok(rows);
            }
            sleep(PAUSE * (1 << tried)).await;
        }
        Err(StoreError::Unavailable(
            "rows were not given, however often they were asked for".into(),
        ))
    }
}
