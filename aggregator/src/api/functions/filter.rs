//! What functions can be told apart by besides where they live: a pattern of their name, and their tags.

use std::collections::BTreeMap;

use utoipa::openapi::schema::Schema;
use wildmatch::WildMatch;

use crate::api::words::{Text, Word, pattern};

pub(crate) type GlobText = Text<Glob>;
pub(crate) type TagText = Text<Tag>;

/// A pattern of names.
#[derive(Debug, Clone)]
pub(crate) struct Glob(WildMatch);

/// A tag, or one value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    key: String,
    value: Option<String>,
}

impl Glob {
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl Tag {
    pub(crate) fn is_among(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(&self.key).is_some_and(|it| self.value.as_ref().is_none_or(|value| value == it))
    }
}

impl Word for Glob {
    const NAME: &'static str = "Glob";

    fn read(text: &str) -> Result<Self, String> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_*?".contains(&it);
        if (1..=140).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(WildMatch::new(text)))
        } else {
            Err("is not 1 to 140 of A-Z, a-z, 0-9, '-', '_', '*' and '?'".to_owned())
        }
    }

    fn write(&self) -> String {
        self.0.pattern()
    }

    fn schema() -> Schema {
        pattern("A pattern of names.", "^[A-Za-z0-9_*?-]{1,140}$")
    }
}

impl Word for Tag {
    const NAME: &'static str = "Tag";

    fn read(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            return Err("is not of the form key or key=value".to_owned());
        }
        Ok(Self { key: key.to_owned(), value })
    }

    fn write(&self) -> String {
        let value = self.value.as_ref().map(|it| format!("={it}"));
        format!("{}{}", self.key, value.unwrap_or_default())
    }

    fn schema() -> Schema {
        pattern("A tag, or one value of it.", r"^[^=]+(=[\s\S]*)?$")
    }
}
