//! Who should report and who does: an inventory held against what is heard.
//!
//! A fleet whose detection is broken looks like one in good health, and a function that never had the extension is never missed. So each
//! function of the inventory is one of a few states, worst first, and so is each function that is heard of and stands in no list.
//!
//! What is heard is better evidence than a list: who reports is covered, whatever a list of last week says of its layers. Silence is weak
//! evidence, for a function that is not invoked says nothing; that is said and not hidden.
//!
//! **Invariant.** Pure, and every function is in exactly one state.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::{EpochMillis, FunctionKey};

use super::{
    inventory::{Listed, Package, Place, Standing, layer::Layer},
    summary::Summary,
};

/// Where the functions live that Lambda@Edge replicates.
const EDGE_HOME: &str = "us-east-1";

/// How a function stands, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It could take the layer and does not have it.
    WithoutLayer,
    /// It has the layer, and nothing is heard of it.
    Silent,
    /// It reports, by an extension or a layer that is not the newest.
    Old,
    /// It reports, and no list has it.
    Unknown,
    /// It cannot take a layer.
    Unsupported,
    /// It reports, by the newest.
    Covered,
}

/// Why it stands so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    NoLayer,
    NeverHeard,
    NotHeardLately,
    OldExtension,
    OldLayer,
    NotListed,
    NoInventory,
    Image,
    Edge,
    Current,
}

/// What was found of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub function: FunctionKey,
    /// A replica of Lambda@Edge, which has the name of the function that it is made of.
    pub edge: bool,
    pub reason: Reason,
    pub package: Option<Package>,
    pub layer: Option<Layer>,
    /// The newest version of its layer that any function has.
    pub newest_layer: Option<u64>,
    pub extension: Option<String>,
    pub last_seen: Option<EpochMillis>,
    /// When the list was taken that it stands in, or does not.
    pub listed_at: Option<EpochMillis>,
}

/// What was found of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// In the order of functions.
    pub findings: Vec<Finding>,
    /// The newest version of the extension that is heard of.
    pub newest_extension: Option<String>,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::WithoutLayer,
        Self::Silent,
        Self::Old,
        Self::Unknown,
        Self::Unsupported,
        Self::Covered,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WithoutLayer => "without_layer",
            Self::Silent => "silent",
            Self::Old => "old",
            Self::Unknown => "unknown",
            Self::Unsupported => "unsupported",
            Self::Covered => "covered",
        }
    }
}

impl Reason {
    pub fn state(self) -> State {
        match self {
            Self::NoLayer => State::WithoutLayer,
            Self::NeverHeard | Self::NotHeardLately => State::Silent,
            Self::OldExtension | Self::OldLayer => State::Old,
            Self::NotListed | Self::NoInventory => State::Unknown,
            Self::Image | Self::Edge => State::Unsupported,
            Self::Current => State::Covered,
        }
    }

    /// In a few words, as what follows the function's name.
    pub fn why(self) -> &'static str {
        match self {
            Self::NoLayer => "does not have the layer, and is not heard of",
            Self::NeverHeard => "has the layer, and was never heard of",
            Self::NotHeardLately => "has reported, and has not been heard of lately",
            Self::OldExtension => "reports by an older extension than others",
            Self::OldLayer => "has an older version of its layer than others",
            Self::NotListed => "reports, and is not in the inventory of its account and region",
            Self::NoInventory => "reports from an account and region without an inventory",
            Self::Image => {
                "is a container image, which takes no layers: copy the extension into it"
            }
            Self::Edge => "is Lambda@Edge, which takes neither layers nor variables",
            Self::Current => "reports",
        }
    }
}

impl Finding {
    pub fn state(&self) -> State {
        self.reason.state()
    }
}

/// What is heard of, and what is the newest.
struct Heard<'a> {
    rows: BTreeMap<&'a FunctionKey, &'a Summary>,
    since: EpochMillis,
    layers: BTreeMap<&'a str, u64>,
    extension: Option<&'a str>,
    /// Functions that Lambda@Edge has replicas of.
    homes: BTreeSet<FunctionKey>,
}

/// Holds lists against what is heard. Whoever was last heard of longer ago than `silent_after` is silent.
pub fn compare(
    lists: &[Standing],
    rows: &[Summary],
    (now, silent_after): (EpochMillis, Duration),
) -> Coverage {
    let heard = Heard::of(lists, rows, now.minus(silent_after));
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    for list in lists {
        for line in &list.inventory.functions {
            let function = key(&list.place, line);
            findings.push(heard.finding(&function, line, list.inventory.taken_at));
            if !line.edge {
                listed.insert(function);
            }
        }
    }
    let taken: BTreeMap<&Place, EpochMillis> =
        lists.iter().map(|it| (&it.place, it.inventory.taken_at)).collect();
    let strangers = rows.iter().filter(|it| heard.is_lately(it) && !listed.contains(&it.function));
    findings.extend(strangers.map(|row| {
        let FunctionKey { account, region, .. } = row.function.clone();
        let listed_at = taken.get(&Place { account, region }).copied();
        stranger(row, listed_at)
    }));
    findings.sort_by(|one, other| (&one.function, one.edge).cmp(&(&other.function, other.edge)));
    Coverage { findings, newest_extension: heard.extension.map(str::to_owned) }
}

fn key(place: &Place, line: &Listed) -> FunctionKey {
    let Place { account, region } = place.clone();
    FunctionKey { account, region, name: line.name.clone() }
}

fn stranger(row: &Summary, listed_at: Option<EpochMillis>) -> Finding {
    Finding {
        function: row.function.clone(),
        edge: false,
        reason: if listed_at.is_some() { Reason::NotListed } else { Reason::NoInventory },
        package: None,
        layer: None,
        newest_layer: None,
        extension: extension(row).map(str::to_owned),
        last_seen: row.last_seen(),
        listed_at,
    }
}

fn extension(row: &Summary) -> Option<&str> {
    let version = row.digest.profile.extension_version.as_str();
    (!version.is_empty()).then_some(version)
}

/// A version to compare: its numbers. What is no number of any kind is older than all.
fn rank(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').map(|it| it.parse().unwrap_or(0)).collect()
}

impl<'a> Heard<'a> {
    fn of(lists: &'a [Standing], rows: &'a [Summary], since: EpochMillis) -> Self {
        let mut layers = BTreeMap::new();
        let mut homes = BTreeSet::new();
        for list in lists {
            for line in &list.inventory.functions {
                if let Some(layer) = &line.layer {
                    let newest: &mut u64 = layers.entry(layer.arn.as_str()).or_default();
                    *newest = layer.version.max(*newest);
                }
                let home = EDGE_HOME.parse().ok().filter(|_| line.edge);
                homes.extend(home.map(|region| FunctionKey {
                    account: list.place.account,
                    region,
                    name: line.name.clone(),
                }));
            }
        }
        let rows: BTreeMap<_, _> = rows.iter().map(|it| (&it.function, it)).collect();
        let mut heard = Self { rows, since, layers, extension: None, homes };
        let lately = heard.rows.values().filter(|it| heard.is_lately(it));
        heard.extension = lately.filter_map(|it| extension(it)).max_by_key(|it| rank(it));
        heard
    }

    fn is_lately(&self, row: &Summary) -> bool {
        row.last_seen().is_some_and(|it| it >= self.since)
    }

    fn finding(&self, function: &FunctionKey, line: &Listed, listed_at: EpochMillis) -> Finding {
        // What is heard under the name of a replica is of the function that it could be taken for.
        let row = self.rows.get(function).copied().filter(|_| !line.edge);
        let newest_layer =
            line.layer.as_ref().and_then(|it| self.layers.get(it.arn.as_str())).copied();
        Finding {
            function: function.clone(),
            edge: line.edge,
            reason: self.reason(function, line, row),
            package: Some(line.package),
            layer: line.layer.clone(),
            newest_layer,
            extension: row.and_then(extension).map(str::to_owned),
            last_seen: row.and_then(Summary::last_seen),
            listed_at: Some(listed_at),
        }
    }

    fn reason(&self, function: &FunctionKey, line: &Listed, row: Option<&Summary>) -> Reason {
        if let Some(row) = row.filter(|it| self.is_lately(it)) {
            let is_old = |it: &str| self.extension.is_some_and(|newest| rank(it) < rank(newest));
            return if extension(row).is_some_and(is_old) {
                Reason::OldExtension
            } else if line.layer.as_ref().is_some_and(|it| self.is_outdone(it)) {
                Reason::OldLayer
            } else {
                Reason::Current
            };
        }
        match (&line.layer, line.package) {
            (_, _) if line.edge || self.homes.contains(function) => Reason::Edge,
            // Nobody can see from outside what lies in an image, unless it was heard of before.
            (_, Package::Image) | (Some(_), Package::Zip) if row.is_some() => {
                Reason::NotHeardLately
            }
            (_, Package::Image) => Reason::Image,
            (None, Package::Zip) => Reason::NoLayer,
            (Some(_), Package::Zip) => Reason::NeverHeard,
        }
    }

    fn is_outdone(&self, layer: &Layer) -> bool {
        self.layers.get(layer.arn.as_str()).is_some_and(|it| layer.version < *it)
    }
}

#[cfg(test)]
mod tests;
