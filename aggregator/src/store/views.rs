//! How everything that is made of facts is written: under its basis.
//!
//! **Invariant.** A view is replaced only by one that has seen more of what it is made of.

use aws_sdk_dynamodb::types::AttributeValue;
use overtime_wire::EpochMillis;

use crate::{
    domain::view::Basis,
    store::{
        Store, StoreError,
        item::{Item, number, won},
        schema::{
            self,
            attribute::{EXPIRES, GENERATION, WRITES},
        },
    },
};

/// Of two measures, the first counts for more.
const HAS_SEEN_MORE: &str = "attribute_not_exists(#m) OR #m < :m OR (#m = :m AND #w < :w)";

impl Store {
    /// Writes a view and how much it has seen, to be kept until `until`, unless what stands in its place has seen as much.
    pub(super) async fn put_view(
        &self,
        mut item: Item,
        basis: Basis,
        until: EpochMillis,
    ) -> Result<bool, StoreError> {
        item.insert(EXPIRES.to_owned(), number(schema::expires(until)));
        self.put_if_more(item, (GENERATION, number(basis.generation)), basis.writes).await
    }

    /// Writes an item that says by two measures how much it has seen, one of its own and its writes, unless what stands there has seen as much.
    pub(super) async fn put_if_more(
        &self,
        mut item: Item,
        (measure, seen): (&'static str, AttributeValue),
        writes: u64,
    ) -> Result<bool, StoreError> {
        item.insert(measure.to_owned(), seen.clone());
        item.insert(WRITES.to_owned(), number(writes));
        let put = self
            .dynamo
            .put_item()
            .table_name(self.state_table())
            .set_item(Some(item))
            .condition_expression(HAS_SEEN_MORE)
            .expression_attribute_names("#m", measure)
            .expression_attribute_names("#w", WRITES)
            .expression_attribute_values(":m", seen)
            .expression_attribute_values(":w", number(writes));
        won(put.send().await)
    }
}
