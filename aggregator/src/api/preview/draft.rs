//! How the body of a preview is described: as any subscription is.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Ref, Schema},
    },
};

/// A subscription that nobody has made.
#[derive(Debug)]
pub(super) struct Draft;

impl PartialSchema for Draft {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name("Subscription").into()
    }
}

impl ToSchema for Draft {}
