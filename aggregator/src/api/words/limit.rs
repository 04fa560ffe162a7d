//! How long a page of a list may be.

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use super::{Text, Word};

/// How long a page may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(u16);

impl Limit {
    const MAX: u16 = 1_000;
}

impl Limit {
    /// As many, or as many as may be asked for.
    pub(crate) fn at_most(count: u16) -> Self {
        Self(count.clamp(1, Self::MAX))
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl Default for Text<Limit> {
    fn default() -> Self {
        Self(Limit::default())
    }
}

impl From<Limit> for usize {
    fn from(limit: Limit) -> Self {
        limit.0.into()
    }
}

impl Word for Limit {
    const NAME: &'static str = "Limit";

    fn read(text: &str) -> Result<Self, String> {
        let limit = text.parse().ok().filter(|it| (1..=Self::MAX).contains(it));
        limit.map(Self).ok_or_else(|| format!("is not a number from 1 to {}", Self::MAX))
    }

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn schema() -> Schema {
        let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
        number.minimum(Some(1)).maximum(Some(Self::MAX)).into()
    }
}
