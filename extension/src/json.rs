//! Reads JSON objects field by field, so that one bad field costs only itself.
//!
//! The platform's schema grows without notice and its examples contain surprises: unknown enum values, numbers written as
//! strings, the same key twice. A derived `Deserialize` would refuse a whole record for any of them. Here an object is its
//! fields as raw text, the last one of a name counts, and what cannot be read as asked is absent. Values that nobody
//! asks for are skipped without recursion, so nesting cannot exhaust the stack.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
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

/// The text is not an array of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other;

/// Hands on each object of an array while it is read, in one pass. Before it turns out that something else is in the array
/// as well, some may have been handed on.
pub fn each_object<'a>(text: &'a str, found: impl FnMut(Fields<'a>)) -> Result<(), Other> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_seq(Objects(found));
    read.and_then(|()| deserializer.end()).map_err(|_| Other)
}

struct Objects<F>(F);

impl<'de, F: FnMut(Fields<'de>)> Visitor<'de> for Objects<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(fields) = sequence.next_element()? {
            (self.0)(fields);
        }
        Ok(())
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
    fn an_array_is_read_object_by_object() {
        let check = |text: &str, expected: Result<(), Other>, count: usize| {
            let mut found = 0;
            assert_eq!(each_object(text, |_| found += 1), expected, "{text}");
            assert_eq!(found, count, "{text}");
        };
        check(r#" [{"a":[]}, {}] "#, Ok(()), 2);
        check("[]", Ok(()), 0);
        check(r#"[{"a":1},2]"#, Err(Other), 1);
        check("[{}]x", Err(Other), 1);
        check("{}", Err(Other), 0);
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in ["", "[]", "1", "{", r#"{"a":}"#] {
            assert!(Fields::parse(text).is_none(), "{text}");
        }
    }
}
