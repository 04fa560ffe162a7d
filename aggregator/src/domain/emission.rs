//! What a function counts, as lines of CloudWatch's embedded metric format.
//!
//! CloudWatch adds up what it is told, so it is told differences: what a minute has more than what was said of it before. What is taken
//! back is told as a negative difference, and the sum is right again. Each line is one document for one minute, with that minute's
//! time, so that late facts count where they belong; CloudWatch takes them for two weeks, and facts come in for a day.
//!
//! **Invariant.** The lines for a difference, added to the lines for what came before, say what the block says.

use std::{collections::BTreeMap, fmt, str::FromStr};

use overtime_wire::{Block, FunctionKey, MinuteIndex};
use serde_json::{Map, Value, json};

use crate::domain::view::BlockView;

/// What is said of a minute. Numbers of a difference may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minute([i64; METRICS.len()]);

/// By minute of a block. A minute without anything is not there.
pub type Minutes = BTreeMap<u8, Minute>;

/// The metrics, and whether each is also said when it is zero: an alarm on timeouts needs to hear that there were none.
const METRICS: [(&str, bool); 4] =
    [("Invocations", true), ("Timeouts", true), ("NearTimeouts", true), ("InitTimeouts", false)];

/// Where metrics go and what they are told apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub namespace: Namespace,
    pub dimensions: DimensionSets,
}

/// A namespace of CloudWatch that is not AWS's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a namespace of CloudWatch: up to 255 of A-Z, a-z, 0-9, '.', '-', '_', '/', '#' and ':', and not AWS/"
)]
pub struct NoNamespace;

impl FromStr for Namespace {
    type Err = NoNamespace;

    fn from_str(text: &str) -> Result<Self, NoNamespace> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b".-_/#:".contains(&it);
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(allowed);
        let ours = !text.starts_with("AWS/") && !text.starts_with(':');
        (fits && ours).then(|| Self(text.to_owned())).ok_or(NoNamespace)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Account,
    Region,
    Function,
}

impl Dimension {
    const ALL: [Self; 3] = [Self::Account, Self::Region, Self::Function];

    fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Region => "region",
            Self::Function => "function",
        }
    }

    /// What CloudWatch's own metrics call it.
    fn name(self) -> &'static str {
        match self {
            Self::Account => "AccountId",
            Self::Region => "Region",
            Self::Function => "FunctionName",
        }
    }

    fn value(self, function: &FunctionKey) -> String {
        match self {
            Self::Account => function.account.to_string(),
            Self::Region => function.region.to_string(),
            Self::Function => function.name.to_string(),
        }
    }
}

/// By what metrics are told apart: each set makes metrics of its own, and each of those is paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionSets(Vec<Vec<Dimension>>);

impl Default for DimensionSets {
    fn default() -> Self {
        Self(vec![Dimension::ALL.to_vec()])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a list such as account,region,function or, of several sets, account,region,function;account"
)]
pub struct NoDimensions;

impl FromStr for DimensionSets {
    type Err = NoDimensions;

    fn from_str(text: &str) -> Result<Self, NoDimensions> {
        let mut sets = Vec::new();
        for set in text.split(';') {
            let mut dimensions = Vec::new();
            for word in set.split(',').map(str::trim) {
                let known = Dimension::ALL.into_iter().find(|it| it.word() == word);
                let dimension = known.filter(|it| !dimensions.contains(it)).ok_or(NoDimensions)?;
                dimensions.push(dimension);
            }
            if sets.contains(&dimensions) {
                return Err(NoDimensions);
            }
            sets.push(dimensions);
        }
        Ok(Self(sets))
    }
}

impl fmt::Display for DimensionSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |it: &Vec<Dimension>| it.iter().map(|it| it.word()).collect::<Vec<_>>().join(",");
        f.write_str(&self.0.iter().map(set).collect::<Vec<_>>().join(";"))
    }
}

/// What a block says of each of its minutes.
pub fn minutes(view: &BlockView) -> Minutes {
    let mut said = Minutes::new();
    for (minute, counts) in view.minutes() {
        let numbers =
            [counts.invocations, counts.timeouts, counts.near_timeouts, counts.init_timeouts];
        let numbers = numbers.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        if numbers != [0; METRICS.len()] {
            said.insert(minute, Minute(numbers));
        }
    }
    said
}

/// What `now` says that `before` did not.
pub fn difference(before: &Minutes, now: &Minutes) -> Minutes {
    let mut more = now.clone();
    for (minute, before) in before {
        let numbers = &mut more.entry(*minute).or_default().0;
        numbers.iter_mut().zip(before.0).for_each(|(it, before)| *it -= before);
    }
    more.retain(|_, it| it.0 != [0; METRICS.len()]);
    more
}

impl Shape {
    /// One line for each minute.
    pub fn lines(&self, function: &FunctionKey, block: Block, minutes: &Minutes) -> Vec<String> {
        let line = |(minute, numbers): (&u8, &Minute)| {
            let at = MinuteIndex::new((*minute).into())?.start(block);
            Some(self.document(function, at.0, numbers).to_string())
        };
        minutes.iter().filter_map(line).collect()
    }

    fn document(&self, function: &FunctionKey, timestamp: i64, minute: &Minute) -> Value {
        let said = METRICS.iter().zip(minute.0);
        let said = said.filter(|((_, also_zero), number)| *also_zero || *number != 0);
        let said: Vec<(&str, i64)> = said.map(|((name, _), number)| (*name, number)).collect();
        let metrics: Vec<_> =
            said.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
        let sets = self.dimensions.0.iter();
        let sets: Vec<Vec<_>> = sets.map(|set| set.iter().map(|it| it.name()).collect()).collect();
        let mut document = Map::new();
        document.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": timestamp,
                "CloudWatchMetrics": [{
                    "Namespace": self.namespace.0, "Dimensions": sets, "Metrics": metrics,
                }],
            }),
        );
        // All of them, so that a query of the log finds the function whatever the metrics are told apart by.
        for dimension in Dimension::ALL {
            document.insert(dimension.name().to_owned(), dimension.value(function).into());
        }
        for (name, number) in said {
            document.insert(name.to_owned(), number.into());
        }
        Value::Object(document)
    }
}

/// As the store keeps it: a list of minutes, each a list of its number and what is said of it.
pub fn write(minutes: &Minutes) -> String {
    let rows = minutes.iter().map(|(minute, numbers)| {
        let minute = std::iter::once(i64::from(*minute));
        minute.chain(numbers.0).collect::<Vec<_>>()
    });
    rows.collect::<Value>().to_string()
}

/// What [`write()`] wrote.
pub fn read(text: &str) -> Option<Minutes> {
    let rows: Vec<Vec<i64>> = serde_json::from_str(text).ok()?;
    let row = |row: Vec<i64>| {
        let (minute, numbers) = row.split_first()?;
        Some((u8::try_from(*minute).ok()?, Minute(numbers.try_into().ok()?)))
    };
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests;
