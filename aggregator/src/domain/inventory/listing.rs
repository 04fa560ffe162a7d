//! What AWS prints of functions, read leniently: the good part is taken, and what is left out is said.
//!
//! Two things are understood, alone, one after the other or in a list:
//!
//! - `aws lambda list-functions`: `{"Functions": [{"FunctionArn": …, "PackageType": …, "Layers": [{"Arn": …}]}]}`
//! - `aws configservice select-resource-config` and its sibling for aggregators: `{"Results": ["{\"arn\": …}"]}`, where each result is JSON
//!   in a text
//!
//! Tools between AWS and us rename and unwrap, so names are taken in either spelling, and a list without its wrapping is one, too.
//!
//! **Invariant.** Every entry is either in a place or counted among the skipped, with a reason.

use std::collections::BTreeMap;

use overtime_wire::{AccountId, Arn, FunctionName, Region};
use serde_json::{Map, Value};

use super::{
    Listed, Package, Place,
    layer::{self, Layer},
};

/// How many of the skipped are named; the others are only counted.
const NAMED_MAX: usize = 20;
/// How deep lists may lie in each other.
const DEPTH_MAX: usize = 3;
/// What the names of Lambda@Edge's replicas begin with, which no function's own may have.
const REPLICA: &str = "us-east-1.";

const PUBLISHED: &str = "is a published version, and not the function";

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub places: BTreeMap<Place, Vec<Listed>>,
    pub skipped: Skipped,
    /// How many lists say that they go on, and how many that they do not.
    pub go_on: u32,
    pub end: u32,
}

/// What was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many, by why.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The first of them, by what they call themselves.
    pub named: Vec<(String, &'static str)>,
}

/// By which names the extension's layer is known.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

impl Default for Names {
    fn default() -> Self {
        Self(layer::NAMES.map(str::to_owned).to_vec())
    }
}

impl Names {
    /// By this one only.
    pub fn only(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl Skipped {
    pub fn total(&self) -> u64 {
        self.by_reason.values().sum()
    }

    fn add(&mut self, name: &str, why: &'static str) {
        *self.by_reason.entry(why).or_default() += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push((name.chars().filter(|it| !it.is_control()).take(140).collect(), why));
        }
    }
}

impl Listing {
    /// Adds what a document says.
    pub fn add(&mut self, document: &Value, names: &Names) {
        self.document(document, names, DEPTH_MAX);
    }

    /// How many functions were understood.
    pub fn functions(&self) -> usize {
        self.places.values().map(Vec::len).sum()
    }

    /// Whether no list that was read is the last page of itself.
    pub fn is_cut(&self) -> bool {
        self.go_on > 0 && self.end == 0
    }

    fn document(&mut self, document: &Value, names: &Names, depth: usize) {
        match document {
            Value::Array(items) if depth > 0 => {
                for it in items {
                    self.document(it, names, depth - 1);
                }
            }
            Value::Object(fields) => self.wrapped(fields, names, depth),
            // A result of AWS Config: JSON in a text.
            Value::String(text) => match serde_json::from_str(text) {
                Ok(it @ (Value::Object(_) | Value::Array(_))) if depth > 0 => {
                    self.document(&it, names, depth - 1);
                }
                Ok(_) | Err(_) => self.skipped.add("", "is a text that is no JSON object"),
            },
            Value::Array(_) => self.skipped.add("", "lies too deep"),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.skipped.add("", "is not an object");
            }
        }
    }

    /// A list in its wrapping, or an entry.
    fn wrapped(&mut self, fields: &Map<String, Value>, names: &Names, depth: usize) {
        let list = ["Functions", "Results"].iter().find_map(|it| fields.get(*it));
        let Some(list) = list else { return self.entry(fields, names) };
        let said = |it: &&str| fields.get(*it).is_some_and(|it| !it.is_null());
        if ["NextToken", "NextMarker"].iter().any(said) {
            self.go_on += 1;
        } else {
            self.end += 1;
        }
        match list {
            Value::Array(items) if depth > 0 => {
                for it in items {
                    self.document(it, names, depth - 1);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => self.skipped.add("", "has a list that is none"),
        }
    }

    fn entry(&mut self, fields: &Map<String, Value>, names: &Names) {
        let entry = Entry::of(fields);
        match entry.read(names) {
            Ok((place, listed)) => self.places.entry(place).or_default().push(listed),
            Err(why) => self.skipped.add(entry.name(), why),
        }
    }
}

/// What is said of one function, perhaps by AWS Config, which wraps what Lambda says.
struct Entry<'a> {
    outer: &'a Map<String, Value>,
    /// What Config has under `configuration`, which some of its answers have as JSON in a text.
    inner: Map<String, Value>,
}

impl<'a> Entry<'a> {
    fn of(outer: &'a Map<String, Value>) -> Self {
        let inner = match outer.get("configuration") {
            Some(Value::Object(inner)) => inner.clone(),
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
                Map::new()
            }
        };
        Self { outer, inner }
    }

    /// A field as Lambda spells it (`PackageType`), or as Config does (`packageType`).
    fn field(&self, name: &str) -> Option<&Value> {
        let mut lower = name.to_owned();
        if let Some(first) = lower.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        let of = |map: &'a Map<String, Value>| map.get(name).or_else(|| map.get(&lower));
        let inner = self.inner.get(&lower).or_else(|| self.inner.get(name));
        of(self.outer).or(inner).filter(|it| !it.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(Value::as_str)
    }

    fn name(&self) -> &str {
        let names = ["FunctionArn", "arn", "FunctionName", "resourceName", "resourceId"];
        names.iter().find_map(|it| self.text(it)).unwrap_or_default()
    }

    fn read(&self, names: &Names) -> Result<(Place, Listed), &'static str> {
        if self.text("resourceType").is_some_and(|it| it != "AWS::Lambda::Function") {
            return Err("is not a function");
        }
        if self.text("configurationItemStatus").is_some_and(|it| it.starts_with("ResourceDeleted"))
        {
            return Err("is deleted");
        }
        // Config's own `version` is something else.
        if self.outer.get("Version").is_some_and(|it| it != "$LATEST") {
            return Err(PUBLISHED);
        }
        let (account, region, name) = self.identity()?;
        let replica = name.strip_prefix(REPLICA);
        let edge = replica.is_some() || self.text("MasterArn").is_some_and(|it| !it.is_empty());
        let name: FunctionName =
            replica.unwrap_or(name).parse().map_err(|_| "has a name that no function can have")?;
        let package = match self.text("PackageType") {
            Some("Image") => Package::Image,
            Some("Zip") | None => Package::Zip,
            Some(_) => return Err("has a package type that is neither Zip nor Image"),
        };
        let layer =
            self.layers()?.into_iter().find(|it| it.is_called(names.0.iter().map(String::as_str)));
        Ok((Place { account, region }, Listed { name, edge, package, layer }))
    }

    fn identity(&self) -> Result<(AccountId, Region, &str), &'static str> {
        const ARN: &str = "has an ARN that is no function's";
        let arn = self.text("FunctionArn").or_else(|| self.text("arn"));
        let Some(arn) = arn else {
            let account = self.text("accountId").and_then(|it| it.parse().ok());
            let region = self.text("awsRegion").and_then(|it| it.parse().ok());
            let name = self.text("FunctionName").or_else(|| self.text("resourceName"));
            let whole = account.zip(region).zip(name);
            return whole
                .map(|((account, region), name)| (account, region, name))
                .ok_or("has no ARN, and no account, region and name");
        };
        // A replica's name has a dot in it, which the type of a function's ARN does not take.
        let parts: Vec<&str> = arn.splitn(8, ':').collect();
        let name = parts.get(6).copied().ok_or(ARN)?;
        let plain = arn.replacen(REPLICA, "", usize::from(name.starts_with(REPLICA)));
        let read: Arn = plain.parse().map_err(|_| ARN)?;
        if read.qualifier.is_some_and(|it| it.as_str() != "$LATEST") {
            return Err(PUBLISHED);
        }
        Ok((read.function.account, read.function.region, name))
    }

    /// Its layers: a list of objects with an ARN, of ARNs, or one of either.
    fn layers(&self) -> Result<Vec<Layer>, &'static str> {
        const NONE: &str = "has layers that are none";
        let layers = match self.field("Layers") {
            None => return Ok(Vec::new()),
            Some(Value::Array(layers)) => layers.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let arn = |it: &Value| {
            let arn = it.get("Arn").or_else(|| it.get("arn")).unwrap_or(it).as_str()?.parse();
            arn.ok()
        };
        layers.iter().map(|it| arn(it).ok_or(NONE)).collect()
    }
}

#[cfg(test)]
mod tests;
