//! Reads JSON objects field by field, so that one bad field costs only itself.
//!
//! The platform's schema grows without notice and its examples contain surprises: unknown enum values, numbers written as
//! strings, the same key twice. A derived `Deserialize` would refuse a whole record for any of them. Here an object is its
//! fields as raw text, the last one of a name counts, and what cannot be read as asked is absent. Values that nobody
//! asks for are skipped without recursion, so nesting cannot exhaust the stack.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of one object, in order.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    /// `None` when the text is not one object.
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// A field's raw text. `null` is absent.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        let last = self.0.iter().rev().find(|(key, _)| key == name);
        last.map(|(_, value)| value.get()).filter(|it| *it != "null")
    }

    /// A string that is not empty.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.raw(name)?).filter(|it| !it.is_empty())
    }

    /// A finite number, also one written as a string.
    pub fn number(&self, name: &str) -> Option<f64> {
        let raw = self.raw(name)?;
        let number = match serde_json::from_str(raw) {
            Ok(number) => number,
            Err(_) => text(raw)?.parse().ok()?,
        };
        f64::is_finite(number).then_some(number)
    }

    pub fn object(&self, name: &str) -> Option<Fields<'a>> {
        Self::parse(self.raw(name)?)
    }

    /// The elements of an array; none when it is not one.
    pub fn items(&self, name: &str) -> Vec<&'a RawValue> {
        self.raw(name).and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default()
    }
}

fn text(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw).ok().map(|it| it.0)
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(4);
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    fields.push((key.0, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_asked_or_are_absent() {
        let fields = Fields::parse(
            r#"{"a":"x","n":1.5,"s":"2","o":{"b":"y"},"l":[1,{}],"z":null,"e":"","h":1e999}"#,
        )
        .unwrap();
        assert_eq!(fields.text("a").as_deref(), Some("x"));
        assert_eq!((fields.number("n"), fields.number("s")), (Some(1.5), Some(2.0)));
        assert_eq!(fields.object("o").unwrap().text("b").as_deref(), Some("y"));
        assert_eq!(fields.items("l").len(), 2);
        for name in ["z", "e", "n", "missing"] {
            assert_eq!(fields.text(name), None, "{name}");
        }
        assert_eq!((fields.number("a"), fields.number("h")), (None, None));
        assert_eq!(fields.items("a").len(), 0);
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let fields = Fields::parse(r#"{"a":"x","a":"y"}"#).unwrap();
        assert_eq!(fields.text("a").as_deref(), Some("y"));
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in ["", "[]", "1", "{", r#"{"a":}"#] {
            assert!(Fields::parse(text).is_none(), "{text}");
        }
    }
}
