//! In which order functions are listed, and a place in it.
//!
//! **Invariant.** An order is total: the function itself tells apart what is equal. What is not known comes last in either
//! direction. A cursor is a place in an order, with the hours that were counted for it.

use std::{cmp::Ordering, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use overtime_wire::{AccountId, Counts, EpochMillis, FunctionKey, FunctionName, Region};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Schema;

use crate::{
    api::words::{Text, Word, choose, cursor, one_of},
    domain::summary::Summary,
};

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    #[default]
    Timeouts,
    Rate,
    Invocations,
    Errors,
    NearTimeouts,
    LastTimeout,
    LastSeen,
    P99OfTimeout,
    Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Upwards,
    Downwards,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) sort: Sort,
    pub(crate) direction: Direction,
}

/// Where a function stands in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) order: Order,
    /// From when on was counted.
    pub(crate) from: EpochMillis,
    /// What is sorted by, as a number; names have none.
    value: Option<u64>,
    function: FunctionKey,
}

pub(crate) type SortText = Text<Sort>;
pub(crate) type DirectionText = Text<Direction>;
pub(crate) type PlaceText = Text<Place>;

/// A cursor's content, as short as can be told apart.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written(String, String, i64, Option<u64>, [String; 3]);

/// Timeouts in an invocation.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52, and a quotient for people")]
pub(crate) fn rate(counts: Counts) -> Option<f64> {
    let rate = counts.timeouts as f64 / counts.invocations as f64;
    (counts.invocations > 0).then(|| (rate * 1e6).round() / 1e6)
}

impl Sort {
    const ALL: [(&'static str, Self); 9] = [
        ("timeouts", Self::Timeouts),
        ("rate", Self::Rate),
        ("invocations", Self::Invocations),
        ("errors", Self::Errors),
        ("near_timeouts", Self::NearTimeouts),
        ("last_timeout", Self::LastTimeout),
        ("last_seen", Self::LastSeen),
        ("p99_of_timeout", Self::P99OfTimeout),
        ("name", Self::Name),
    ];

    fn value(self, row: &Summary, from: EpochMillis) -> Option<u64> {
        let heard = row.hours_since(from).next().is_some();
        let counts = || heard.then(|| row.counts_since(from));
        let at = |it: Option<EpochMillis>| it.and_then(|it| u64::try_from(it.0).ok());
        match self {
            Self::Timeouts => counts().map(|it| it.timeouts),
            Self::Rate => counts().and_then(|it| ratio(it.timeouts, it.invocations)),
            Self::Invocations => counts().map(|it| it.invocations),
            Self::Errors => counts().map(|it| it.errors),
            Self::NearTimeouts => counts().map(|it| it.near_timeouts),
            Self::LastTimeout => at(row.last_timeout()),
            Self::LastSeen => at(row.last_seen()),
            Self::P99OfTimeout => {
                let timeout = u64::try_from(row.digest.profile.timeout.as_micros()).ok()?;
                ratio(row.digest.p99_us?, timeout)
            }
            Self::Name => None,
        }
    }
}

/// In millionths.
fn ratio(part: u64, whole: u64) -> Option<u64> {
    u128::from(part).saturating_mul(1_000_000).checked_div(whole.into())?.try_into().ok()
}

impl Order {
    pub(crate) fn asked(sort: Option<&SortText>, direction: Option<&DirectionText>) -> Self {
        let sort = sort.map_or_else(Sort::default, |it| it.0);
        let natural = if sort == Sort::Name { Direction::Upwards } else { Direction::Downwards };
        Self { sort, direction: direction.map_or(natural, |it| it.0) }
    }
}

impl Place {
    pub(crate) fn of(row: &Summary, order: Order, from: EpochMillis) -> Self {
        let value = order.sort.value(row, from);
        Self { order, from, value, function: row.function.clone() }
    }
}

/// Functions as people look for them: by name first.
fn by_name(function: &FunctionKey) -> (&FunctionName, AccountId, &Region) {
    (&function.name, function.account, &function.region)
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Of places in one order.
impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let names = || by_name(&self.function).cmp(&by_name(&other.function));
        let downwards = self.order.direction == Direction::Downwards;
        if self.order.sort == Sort::Name {
            return if downwards { names().reverse() } else { names() };
        }
        let values = match (self.value, other.value) {
            (Some(one), Some(other)) if downwards => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        values.then_with(names)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FunctionKey { account, region, name } = &self.function;
        let written = Written(
            self.order.sort.write(),
            self.order.direction.write(),
            self.from.0,
            self.value,
            [account.to_string(), region.to_string(), name.to_string()],
        );
        let json = serde_json::to_vec(&written).map_err(|_| fmt::Error)?;
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

/// `None` for a text that is no cursor of ours.
fn place(text: &str) -> Option<Place> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let Written(sort, direction, from, value, [account, region, name]) =
        serde_json::from_slice(&json).ok()?;
    let order =
        Order { sort: Sort::read(&sort).ok()?, direction: Direction::read(&direction).ok()? };
    let function = FunctionKey {
        account: account.parse().ok()?,
        region: region.parse().ok()?,
        name: name.parse().ok()?,
    };
    Some(Place { order, from: EpochMillis(from), value, function })
}

impl Word for Sort {
    const NAME: &'static str = "Sort";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        Self::ALL.iter().find(|(_, it)| it == self).map_or("", |(name, _)| name).to_owned()
    }

    fn schema() -> Schema {
        one_of("What to sort by.", Self::ALL.map(|(name, _)| name))
    }
}

impl Direction {
    const ALL: [(&'static str, Self); 2] = [("asc", Self::Upwards), ("desc", Self::Downwards)];
}

impl Word for Direction {
    const NAME: &'static str = "Direction";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        Self::ALL.iter().find(|(_, it)| it == self).map_or("", |(name, _)| name).to_owned()
    }

    fn schema() -> Schema {
        one_of("Upwards or downwards.", Self::ALL.map(|(name, _)| name))
    }
}

impl Word for Place {
    const NAME: &'static str = "FunctionCursor";

    fn read(text: &str) -> Result<Self, String> {
        place(text).ok_or_else(|| "is not a cursor that this API gave".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        cursor()
    }
}
