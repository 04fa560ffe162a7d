//! Reading JSON into values that cannot be wrong, every fault at once.
//!
//! Whoever writes a configuration by hand pays one round trip per mistake we report. So reading goes on after a fault, and each
//! names its field by JSON pointer (RFC 6901). What does not exist is refused by name: a misspelt field that is silently ignored
//! means a subscription that nobody intended.
//!
//! **Invariant.** A value is returned whole or as `None`, and for every `None` there is a fault. No fault repeats the value: it
//! may be a secret in the wrong place.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::{self, Display},
    ops::RangeInclusive,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Says what is wrong with a name, as what follows "a name that".
type NameCheck = fn(&str) -> Result<(), &'static str>;

/// More faults than this say nothing new.
const FAULTS_MAX: usize = 100;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A JSON pointer: `/scope/functions/0`; empty for the value as a whole.
    pub field: String,
    /// What follows the field's name in a sentence.
    pub why: String,
}

/// Everything that is wrong with a value; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the value" } else { &self.field };
        write!(f, "{field} {}", self.why)
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl Faults {
    /// One fault.
    pub fn one(field: impl Into<String>, why: impl ToString) -> Self {
        Self(vec![Fault { field: field.into(), why: why.to_string() }])
    }
}

/// Reads a whole value.
pub fn whole<T>(value: &Value, read: impl FnOnce(Node<'_>) -> Option<T>) -> Result<T, Faults> {
    let faults = RefCell::default();
    let node = Node { value: Some(value), at: String::new(), faults: &faults };
    let read = read(node);
    let faults = faults.into_inner();
    match read {
        Some(it) if faults.is_empty() => Ok(it),
        _ => Err(Faults(faults)),
    }
}

/// One value, or the place where one is missing.
#[derive(Debug)]
pub struct Node<'a> {
    value: Option<&'a Value>,
    at: String,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> Node<'a> {
    /// Says what is wrong here.
    pub fn fault<T>(&self, why: impl Display) -> Option<T> {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < FAULTS_MAX {
            faults.push(Fault { field: self.at.clone(), why: why.to_string() });
        }
        None
    }

    /// The same place, to say what is wrong there after its value was read.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { value: None, at: self.at.clone(), faults: self.faults }
    }

    fn present(&self) -> Option<&'a Value> {
        self.value.or_else(|| self.fault("is missing"))
    }

    fn is_absent(&self) -> bool {
        self.value.is_none()
    }

    /// What `read` makes of it, or `default` where there is nothing.
    pub fn or<T>(self, default: T, read: impl FnOnce(Self) -> Option<T>) -> Option<T> {
        if self.is_absent() { Some(default) } else { read(self) }
    }

    /// What `read` makes of it; nothing where there is nothing, or null.
    pub fn optional<T>(self, read: impl FnOnce(Self) -> Option<T>) -> Option<Option<T>> {
        match self.value {
            None | Some(Value::Null) => Some(None),
            Some(_) => read(self).map(Some),
        }
    }

    /// A text of at most `max` characters, without control characters.
    pub fn text(self, lengths: RangeInclusive<usize>) -> Option<String> {
        let Some(text) = self.present()?.as_str() else { return self.fault("is not a text") };
        if !lengths.contains(&text.chars().count()) {
            let (min, max) = lengths.into_inner();
            return self.fault(format_args!("is not {min} to {max} characters long"));
        }
        if text.chars().any(|it| it.is_control() && it != '\n') {
            return self.fault("has control characters");
        }
        Some(text.to_owned())
    }

    /// A text that means something.
    pub fn parsed<T: FromStr<Err: Display>>(self) -> Option<T> {
        let Some(text) = self.present()?.as_str() else { return self.fault("is not a text") };
        text.parse().map_or_else(|why| self.fault(why), Some)
    }

    pub fn boolean(self) -> Option<bool> {
        let value = self.present()?;
        value.as_bool().or_else(|| self.fault("is neither true nor false"))
    }

    /// A whole number.
    pub fn number(self, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.present()?.as_u64().and_then(|it| u32::try_from(it).ok());
        number.filter(|it| range.contains(it)).or_else(|| {
            self.fault(format_args!(
                "is not a whole number from {} to {}",
                range.start(),
                range.end()
            ))
        })
    }

    /// A number above 0 and up to `max`.
    pub fn share(self, max: f64) -> Option<f64> {
        let number = self.present()?.as_f64();
        number
            .filter(|it| *it > 0.0 && *it <= max)
            .or_else(|| self.fault(format_args!("is not a number above 0 and up to {max}")))
    }

    /// A list of at most `max` values.
    pub fn list<T>(self, max: usize, read: impl Fn(Self) -> Option<T>) -> Option<Vec<T>> {
        let Some(values) = self.present()?.as_array() else { return self.fault("is not a list") };
        if values.len() > max {
            return self
                .fault(format_args!("has {} entries, at most {max} are allowed", values.len()));
        }
        // All are read before the first that is faulty ends it, so that every fault is found.
        let read: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(at, value)| read(self.below(&at, Some(value))))
            .collect();
        read.into_iter().collect()
    }

    /// A list of at most `max` different values, in their order.
    pub fn set<T: Ord>(self, max: usize, read: impl Fn(Self) -> Option<T>) -> Option<Vec<T>> {
        let place = self.place();
        let mut values = self.list(max, read)?;
        let given = values.len();
        values.sort();
        values.dedup();
        if values.len() < given {
            return place.fault("has the same entry twice");
        }
        Some(values)
    }

    /// An object of at most `max` entries whose names are data.
    pub fn map<T>(
        self,
        (max, key): (usize, NameCheck),
        read: impl Fn(Self) -> Option<T>,
    ) -> Option<BTreeMap<String, T>> {
        let map = self.as_map()?;
        if map.len() > max {
            return self
                .fault(format_args!("has {} entries, at most {max} are allowed", map.len()));
        }
        let mut entries = BTreeMap::new();
        let mut sound = true;
        for (name, value) in map {
            let node = self.below(name, Some(value));
            if let Err(why) = key(name) {
                node.fault::<()>(format_args!("is under a name that {why}"));
                sound = false;
            } else if let Some(read) = read(node) {
                entries.insert(name.clone(), read);
            } else {
                sound = false;
            }
        }
        sound.then_some(entries)
    }

    fn as_map(&self) -> Option<&'a Map<String, Value>> {
        self.present()?.as_object().or_else(|| self.fault("is not an object"))
    }

    /// An object whose fields `read` knows.
    pub fn object<T>(self, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
        let map = self.as_map()?;
        let mut fields = Fields { map, node: self, known: Vec::new() };
        let read = read(&mut fields);
        if fields.refuse_strangers() { read } else { None }
    }

    /// An object with one field, whose name says what is in it.
    pub fn variant(self) -> Option<(&'a str, Self)> {
        let map = self.as_map()?;
        let mut entries = map.iter();
        match (entries.next(), entries.next()) {
            (Some((name, value)), None) => Some((name, self.below(name, Some(value)))),
            _ => self.fault("is not an object with exactly one field"),
        }
    }

    fn below(&self, name: &impl ToString, value: Option<&'a Value>) -> Self {
        // Faults are for people: a name that is longer than any of ours is cut.
        let name: String = name.to_string().chars().take(64).collect();
        let name = name.replace('~', "~0").replace('/', "~1");
        Node { value, at: format!("{}/{name}", self.at), faults: self.faults }
    }
}

/// The fields of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    node: Node<'a>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// A field, there or not.
    pub fn at(&mut self, name: &'static str) -> Node<'a> {
        self.known.push(name);
        self.node.below(&name, self.map.get(name))
    }

    /// Says what is wrong with a field in the light of the others.
    pub fn fault<T>(&self, name: &'static str, why: impl Display) -> Option<T> {
        self.node.below(&name, None).fault(why)
    }

    fn refuse_strangers(&self) -> bool {
        let strangers = self.map.keys().filter(|it| !self.known.contains(&it.as_str()));
        let mut alone = true;
        for stranger in strangers {
            alone = false;
            let there = self.known.join(", ");
            self.node.below(stranger, None).fault::<()>(format_args!(
                "is not a field of this, which has {}",
                if there.is_empty() { "none" } else { &there }
            ));
        }
        alone
    }
}
