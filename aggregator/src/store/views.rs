//! How everything that is made of facts is written: under its basis.
//!
//! **Invariant.** A view is replaced only by one that has seen more of what it is made of.

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

const HAS_SEEN_MORE: &str = "attribute_not_exists(#g) OR #g < :g OR (#g = :g AND #w < :w)";

impl Store {
    /// Writes a view and how much it has seen, to be kept until `until`, unless what stands in its place has seen as much.
    pub(super) async fn put_view(
        &self,
        mut item: Item,
        basis: Basis,
        until: EpochMillis,
    ) -> Result<bool, StoreError> {
        item.insert(GENERATION.to_owned(), number(basis.generation));
        item.insert(WRITES.to_owned(), number(basis.writes));
        item.insert(EXPIRES.to_owned(), number(schema::expires(until)));
        let put = self
            .dynamo
            .put_item()
            .table_name(self.state_table())
            .set_item(Some(item))
            .condition_expression(HAS_SEEN_MORE)
            .expression_attribute_names("#g", GENERATION)
            .expression_attribute_names("#w", WRITES)
            .expression_attribute_values(":g", number(basis.generation))
            .expression_attribute_values(":w", number(basis.writes));
        won(put.send().await)
    }
}
