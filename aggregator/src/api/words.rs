//! Values that travel as text, in paths, queries and answers, each with the schema by which the API describes it.
//!
//! What is read and what is described stand side by side here, so that neither can change without the other.

mod alerts;
mod configuration;
mod coverage;
mod limit;

use std::{
    borrow::Cow,
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

use overtime_wire::{
    AccountId, Block, Cause, EpochMillis, Evidence, FunctionName, IncarnationId, Ordinal, Region,
    Subject,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, SchemaFormat,
        schema::{AnyOfBuilder, Object, ObjectBuilder, Schema, SchemaType, Type},
    },
};

pub(crate) use self::{
    alerts::{
        AlertState, AlertStateText, ConditionName, ConditionText, DeliveryId, DeliveryIdText,
        DeliveryStatus, DeliveryStatusText, EpisodeKey, EpisodeKeyText, EpisodeText, Fingerprint,
        FingerprintText, PlaceText, SeverityText,
    },
    configuration::{AuditCursorText, Flag, IdText, StateText},
    coverage::{CoverageCursor, CoverageCursorText, CoverageStateText, SpanText},
    limit::Limit,
};
use crate::{
    domain::instant::{When, rfc3339},
    store::timeouts::Cursor,
};

/// A value with a form in text.
pub(crate) trait Word: Sized {
    /// Its name among the schemas.
    const NAME: &'static str;

    /// Why a text is not one, as what follows the name of a parameter.
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
    fn schema() -> Schema;
}

/// A value that is written and read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

// Names without parameters, because the description of generic types would invent its own.
pub(crate) type AccountText = Text<AccountId>;
pub(crate) type RegionText = Text<Region>;
pub(crate) type NameText = Text<FunctionName>;
pub(crate) type CauseText = Text<Cause>;
pub(crate) type EvidenceText = Text<Evidence>;
pub(crate) type SubjectText = Text<Subject>;
pub(crate) type Moment = Text<EpochMillis>;
pub(crate) type WhenText = Text<When>;
pub(crate) type CursorText = Text<Cursor>;
pub(crate) type BlockText = Text<Block>;
pub(crate) type LimitText = Text<Limit>;
pub(crate) type TimeoutId = Text<(IncarnationId, Ordinal)>;

impl<T: Word> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.write())
    }
}

impl<T: Word> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.write())
    }
}

impl<'de, T: Word> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A visitor, rather than a text that is read afterwards, so that whoever holds the text knows which one was faulty.
        from.deserialize_str(Reading(PhantomData))
    }
}

struct Reading<T>(PhantomData<T>);

impl<T: Word> de::Visitor<'_> for Reading<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
        T::read(text).map(Text).map_err(E::custom)
    }
}

impl<T: Word> PartialSchema for Text<T> {
    fn schema() -> RefOr<Schema> {
        T::schema().into()
    }
}

impl<T: Word> ToSchema for Text<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }
}

/// What a text of a pattern is described as.
pub(crate) fn pattern(description: &str, pattern: &str) -> Schema {
    string().description(Some(description)).pattern(Some(pattern)).into()
}

/// What one of some words is described as.
pub(crate) fn one_of(description: &str, words: impl IntoIterator<Item = &'static str>) -> Schema {
    string().description(Some(description)).enum_values(Some(words)).into()
}

/// One of some words, or why not.
pub(crate) fn choose<T>(
    text: &str,
    of: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, String> {
    let mut words = Vec::new();
    for (word, value) in of {
        if word == text {
            return Ok(value);
        }
        words.push(word);
    }
    Err(format!("is none of {}", words.join(", ")))
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn date_time() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|why| format!("is not valid: {why}"))
}

impl Word for AccountId {
    const NAME: &'static str = "AccountId";

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        pattern("An AWS account.", "^[0-9]{12}$")
    }
}

impl Word for Region {
    const NAME: &'static str = "Region";

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        pattern("An AWS region.", "^[a-z0-9-]{1,32}$")
    }
}

impl Word for FunctionName {
    const NAME: &'static str = "FunctionName";

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        pattern("A function's name, without version or alias.", "^[A-Za-z0-9_-]{1,140}$")
    }
}

impl Word for Cause {
    const NAME: &'static str = "Cause";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL.iter().map(|it| (it.as_str(), *it)))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        let description = "What was running when the time was up, never beyond the evidence.";
        one_of(description, Self::ALL.iter().map(|it| it.as_str()))
    }
}

impl Word for Evidence {
    const NAME: &'static str = "Evidence";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL.iter().map(|it| (it.as_str(), *it)))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        let description = "How it is known, weakest first; the first two are inferred.";
        one_of(description, Self::ALL.iter().map(|it| it.as_str()))
    }
}

impl Word for Subject {
    const NAME: &'static str = "Subject";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL.iter().map(|it| (it.as_str(), *it)))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        one_of("What timed out.", Self::ALL.iter().map(|it| it.as_str()))
    }
}

impl Word for EpochMillis {
    const NAME: &'static str = "Moment";

    fn read(text: &str) -> Result<Self, String> {
        match When::parse(text) {
            Some(When::At(at)) => Ok(at),
            Some(When::Ago(_)) | None => Err("is not RFC 3339".to_owned()),
        }
    }

    fn write(&self) -> String {
        rfc3339(*self)
    }

    fn schema() -> Schema {
        date_time().description(Some("RFC 3339, in UTC with milliseconds.")).into()
    }
}

impl Word for When {
    const NAME: &'static str = "When";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or("is neither RFC 3339 nor of the form now-24h".to_owned())
    }

    fn write(&self) -> String {
        match self {
            Self::At(at) => rfc3339(*at),
            Self::Ago(ago) => format!("now-{}s", ago.as_secs()),
        }
    }

    fn schema() -> Schema {
        let relative = string().pattern(Some("^now(-[0-9]{1,9}[smhd])?$"));
        let either = AnyOfBuilder::new().item(Object::from(date_time())).item(relative.build());
        either.description(Some("RFC 3339, or `now`, `now-15m`, `now-24h`, `now-7d`.")).into()
    }
}

impl Word for Cursor {
    const NAME: &'static str = "Cursor";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}"))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        cursor()
    }
}

/// What every cursor is described as.
pub(crate) fn cursor() -> Schema {
    pattern("Where the next page begins, as `next` of a page said it.", "^[A-Za-z0-9_-]{1,1024}$")
}

impl Word for Block {
    const NAME: &'static str = "Block";

    fn read(text: &str) -> Result<Self, String> {
        let plain = (1..=8).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
        let number = text.parse().ok().filter(|_| plain);
        number.map(Self::from_number).ok_or_else(|| "is not a number of up to 8 digits".to_owned())
    }

    fn write(&self) -> String {
        self.number().to_string()
    }

    fn schema() -> Schema {
        pattern("A quarter of an hour, counted since 1970.", "^[0-9]{1,8}$")
    }
}

impl Word for (IncarnationId, Ordinal) {
    const NAME: &'static str = "TimeoutId";

    fn read(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(incarnation, ordinal)| {
            let plain = ordinal.bytes().all(|it| it.is_ascii_digit());
            let fits = plain && (1..=10).contains(&ordinal.len());
            // What is beyond every ordinal names nothing, which is for the store to say.
            let ordinal = fits.then(|| ordinal.parse().unwrap_or(u32::MAX))?;
            Some((IncarnationId::parse(incarnation)?, Ordinal(ordinal)))
        });
        parts.ok_or("is not the id of a timeout".to_owned())
    }

    fn write(&self) -> String {
        format!("{}-{}", self.0, self.1.0)
    }

    fn schema() -> Schema {
        pattern("Names a timeout through every correction.", "^[0-9a-f]{32}-[0-9]{1,10}$")
    }
}
