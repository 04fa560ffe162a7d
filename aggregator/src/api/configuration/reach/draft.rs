//! How the body of a preview is described: as the matchers of any silence are.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Ref, Schema},
    },
};

/// What a silence that nobody has made would be about.
#[derive(Debug)]
pub(super) struct Draft;

impl PartialSchema for Draft {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name("Matchers").into()
    }
}

impl ToSchema for Draft {}
