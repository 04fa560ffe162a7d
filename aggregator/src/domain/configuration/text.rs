//! The small values that configuration is written in: names, spans of time, patterns, addresses.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use serde::{Serialize, Serializer};
use url::Url;
use wildmatch::WildMatch;

use super::read::Node;

/// What configuration is called by: stable, in URLs and in files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

/// A span of time as configuration writes it: whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A pattern: `*` is anything, `?` one character; with `!` before it, what must not match.
#[derive(Debug, Clone)]
pub struct Glob {
    pattern: WildMatch,
    excludes: bool,
}

/// Where something is posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is not one of them, as what follows the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("is not 1 to 64 of a-z, 0-9 and '-'")]
    Id,
    #[error("is not a whole number and a unit, such as 10s, 5m, 4h or 7d")]
    Span,
    #[error("is not a pattern of 1 to 140 characters, perhaps after '!'")]
    Glob,
    #[error("is not an https:// or http:// URL of at most 2048 characters")]
    Address,
    #[error("has a user or a password in it: a URL is shown, use a reference to a secret")]
    Credentials,
}

impl Id {
    /// One of ours.
    pub(super) fn known(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned())).ok_or(Unfit::Id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

impl Span {
    pub const ZERO: Self = Self(Duration::ZERO);

    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn from_mins(minutes: u64) -> Self {
        Self::from_secs(minutes * 60)
    }

    pub const fn from_hours(hours: u64) -> Self {
        Self::from_secs(hours * 3_600)
    }
}

impl FromStr for Span {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unit = UNITS.iter().find_map(|(seconds, unit)| {
            let digits = text.strip_suffix(unit)?;
            let plain =
                (1..=9).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok().map(|it| it * seconds))?
        });
        unit.map(Self::from_secs).ok_or(Unfit::Span)
    }
}

impl fmt::Display for Span {
    /// In the largest unit that it is a whole number of, so that equal spans are written alike. Two days are hours and a week is
    /// days, as people say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let fits = |(size, unit): &&(u64, &str)| {
            seconds.is_multiple_of(*size) && (*unit != "d" || seconds >= 3 * size)
        };
        let (size, unit) = UNITS.iter().find(|it| seconds > 0 && fits(it)).unwrap_or(&(1, "s"));
        write!(f, "{}{unit}", seconds / size)
    }
}

impl Glob {
    pub const CHARACTERS_MAX: usize = 140;

    /// Whether it says what must not be.
    pub fn excludes(&self) -> bool {
        self.excludes
    }

    /// Whether the pattern, without its `!`, matches.
    pub fn matches(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    /// Whether a text is one that these ask for: one of those without `!` matches, if there are any, and none of the others
    /// does. None at all ask for nothing in particular.
    pub fn admit(globs: &[Self], text: &str) -> bool {
        let (out, wanted): (Vec<_>, Vec<_>) = globs.iter().partition(|it| it.excludes);
        let is_wanted = wanted.is_empty() || wanted.iter().any(|it| it.matches(text));
        is_wanted && !out.iter().any(|it| it.matches(text))
    }
}

impl FromStr for Glob {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let (excludes, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let fits = (1..=Self::CHARACTERS_MAX).contains(&pattern.chars().count());
        if !fits || pattern.chars().any(char::is_control) {
            return Err(Unfit::Glob);
        }
        Ok(Self { pattern: WildMatch::new(pattern), excludes })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.excludes { "!" } else { "" }, self.pattern)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.excludes == other.excludes && self.pattern == other.pattern
    }
}

impl Eq for Glob {}

impl Address {
    const LENGTH_MAX: usize = 2_048;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let url = Url::parse(text).map_err(|_| Unfit::Address)?;
        let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
        if !is_web || text.len() > Self::LENGTH_MAX || text.chars().any(char::is_control) {
            return Err(Unfit::Address);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Unfit::Credentials);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes each of some values as its text.
pub(super) fn as_texts<T: fmt::Display, S: Serializer>(
    values: &[T],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(ToString::to_string))
}

macro_rules! written_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}

written_as_text!(Id, Span, Glob, Address);

/// Reads a span of time between two.
pub(super) fn span(node: Node<'_>, range: RangeInclusive<Span>) -> Option<Span> {
    let at = node.place();
    let span: Span = node.parsed()?;
    if range.contains(&span) {
        return Some(span);
    }
    at.fault(format_args!("is not between {} and {}", range.start(), range.end()))
}

/// Whether a text can be the name of a label or a tag.
pub(super) fn label_name(name: &str) -> Result<(), &'static str> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"_-.:/".contains(&it);
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(allowed);
    fits.then_some(()).ok_or("is not 1 to 64 of A-Z, a-z, 0-9, '_', '-', '.', ':' and '/'")
}
