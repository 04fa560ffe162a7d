//! How the body of an inventory is described: beside those of the configuration, with more care than a type can have.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Ref, Schema},
    },
};

/// An inventory that somebody brings.
#[derive(Debug)]
pub(super) struct Draft;

impl PartialSchema for Draft {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name("Inventory").into()
    }
}

impl ToSchema for Draft {}
