//! One row per function for the pages of a fleet, in 64 partitions. All of them together are `fleet`'s.
//!
//! **Invariant.** A row is replaced only by one that has seen more.

use std::sync::Arc;

use overtime_wire::FunctionKey;

use crate::{
    domain::{
        hour::Hour,
        summary::{Basis, Digest, Summary},
    },
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, won},
        schema::{
            self,
            attribute::{EXPIRES, GENERATION, NEWEST, SK, VALUE, WRITES},
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
        item.insert(VALUE.to_owned(), json(summary.digest.as_ref())?);
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
        let writing = self.writing(summary);
        let written = won(put.set_item(Some(item)).send().await)?;
        if let Some(it) = writing {
            it.done();
        }
        Ok(written)
    }

    pub async fn summary(&self, function: &FunctionKey) -> Result<Option<Summary>, StoreError> {
        let key = keyed(&schema::row_key(function));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.send().await.map_err(failed)?.item;
        item.map(|it| summary(&Row(it))).transpose()
    }
}

/// The row as it stands.
pub(super) fn summary(row: &Row) -> Result<Summary, StoreError> {
    Ok(Summary { function: function(row)?, basis: basis(row)?, digest: digest(row)? })
}

/// Which function's row it is.
fn function(row: &Row) -> Result<FunctionKey, StoreError> {
    schema::parse_row_sk(row.text(SK)?).ok_or_else(|| row.corrupt(SK, "names no function"))
}

/// How much the row has seen.
pub(super) fn basis(row: &Row) -> Result<Basis, StoreError> {
    Ok(Basis {
        generation: row.number(GENERATION)?,
        newest: Hour::from_number(row.number(NEWEST)?),
        writes: row.number(WRITES)?,
    })
}

/// What the row says: nearly all of the work of reading it.
fn digest(row: &Row) -> Result<Arc<Digest>, StoreError> {
    Ok(Arc::new(row.json(VALUE)?))
}
