//! Which functions there are, as somebody's list of them says: against it, who reports is held.
//!
//! A list is made outside, by AWS Config or by Lambda itself, and read leniently ([`listing`]); what is kept of it is small and read with
//! care. It is kept by account and region, because that is what such a list is whole for: a new one replaces what was said of the same
//! account and region before, and nothing else.
//!
//! **Invariant.** Pure. What an inventory says was true when it was taken, and not since.

pub mod layer;
pub mod listing;

use std::{fmt, str::FromStr, time::Duration};

use overtime_wire::{AccountId, EpochMillis, FunctionName, InvalidFunction, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::layer::Layer;
use super::{
    configuration::{
        Faults,
        read::{Fields, Node, whole},
    },
    instant::When,
};

/// Most functions of one account and region. Lambda's own quota is how much code they may have.
pub const FUNCTIONS_MAX: usize = 30_000;

/// What a list is whole for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub account: AccountId,
    pub region: Region,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.account, self.region)
    }
}

/// How a function's code comes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Package {
    #[default]
    Zip,
    /// A container image takes no layers: the extension is copied into it.
    Image,
}

impl Package {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Image => "image",
        }
    }
}

impl FromStr for Package {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "zip" => Ok(Self::Zip),
            "image" => Ok(Self::Image),
            _ => Err("is neither zip nor image"),
        }
    }
}

/// One function of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub name: FunctionName,
    /// A replica of a Lambda@Edge function, which takes neither layers nor variables.
    pub edge: bool,
    pub package: Package,
    /// The extension's, if it has it.
    pub layer: Option<Layer>,
}

/// A list of everything in one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    pub taken_at: EpochMillis,
    /// In their order, each once.
    pub functions: Vec<Listed>,
}

/// Says of a list when it was taken and who brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub place: Place,
    pub inventory: Inventory,
    pub imported_at: EpochMillis,
    pub imported_by: String,
}

/// One function as it is sent and kept: what goes without saying is left out, for there may be tens of thousands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    name: String,
    #[serde(default, skip_serializing_if = "is_zip")]
    package: Package,
    #[serde(default, skip_serializing_if = "is_no")]
    edge: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zip(package: &Package) -> bool {
    *package == Package::Zip
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_no(flag: &bool) -> bool {
    !flag
}

impl From<&Listed> for Line {
    fn from(listed: &Listed) -> Self {
        Self {
            name: listed.name.to_string(),
            package: listed.package,
            edge: listed.edge,
            layer: listed.layer.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<Line> for Listed {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, &'static str> {
        let name = line.name.parse().map_err(|_: InvalidFunction| "has a name that is none")?;
        let layer = line.layer.map(|it| it.parse()).transpose();
        let layer = layer.map_err(|_| "has a layer that is none")?;
        Ok(Self { name, edge: line.edge, package: line.package, layer })
    }
}

impl Inventory {
    /// Reads one as it is sent: `{"functions": [{"name": "orders", "layer": "arn:…"}], "taken_at": "2026-…"}`. Every fault is named by its
    /// place.
    pub fn read(value: &Value, now: EpochMillis) -> Result<Self, Faults> {
        whole(value, |node| node.object(|it| read(it, now)))
    }

    /// One of these functions, in their order and each once: of two lines about the same one, the later stands.
    pub fn of(taken_at: EpochMillis, functions: impl IntoIterator<Item = Listed>) -> Self {
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.reverse();
        functions.sort_by(|one, other| (&one.name, one.edge).cmp(&(&other.name, other.edge)));
        functions.dedup_by(|one, other| (&one.name, one.edge) == (&other.name, other.edge));
        Self { taken_at, functions }
    }

    /// Whether a function is in it.
    pub fn find(&self, name: &FunctionName) -> Option<&Listed> {
        let place = self.functions.binary_search_by(|it| (&it.name, it.edge).cmp(&(name, false)));
        place.ok().map(|at| &self.functions[at])
    }
}

fn read(fields: &mut Fields<'_>, now: EpochMillis) -> Option<Inventory> {
    let functions = fields.at("functions").list(FUNCTIONS_MAX, listed);
    let taken_at = fields.at("taken_at").optional(|it| taken(it, now));
    Some(Inventory::of(taken_at?.unwrap_or(now), functions?))
}

/// Whoever takes a list has another clock.
const AHEAD: Duration = Duration::from_mins(5);

/// When a list was taken: not after it came.
fn taken(node: Node<'_>, now: EpochMillis) -> Option<EpochMillis> {
    let place = node.place();
    match When::parse(&node.text(1..=40)?) {
        Some(When::At(at)) if at <= now.plus(AHEAD) => Some(at.min(now)),
        Some(When::At(_)) => place.fault("lies in the future"),
        Some(When::Ago(_)) | None => place.fault("is not RFC 3339"),
    }
}

fn listed(node: Node<'_>) -> Option<Listed> {
    node.object(|fields| {
        let name = fields.at("name").parsed();
        let package = fields.at("package").or(Package::Zip, Node::parsed);
        let edge = fields.at("edge").or(false, Node::boolean);
        let layer = fields.at("layer").optional(Node::parsed);
        Some(Listed { name: name?, edge: edge?, package: package?, layer: layer? })
    })
}

#[cfg(test)]
mod tests;
