//! Which functions something is about.

use std::collections::BTreeMap;

use overtime_wire::{AccountId, FunctionKey, Region};
use serde::Serialize;

use super::{
    read::{Fields, Node},
    text::{Glob, as_texts, label_name},
};

/// Functions, by where they are, what they are called and how they are tagged. What is empty asks for nothing; a function is
/// covered if it has everything that is asked for and nothing that is excluded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Scope {
    #[serde(serialize_with = "accounts")]
    pub accounts: Vec<AccountId>,
    #[serde(serialize_with = "regions")]
    pub regions: Vec<Region>,
    /// Patterns of the name: any of those without `!`, and none of those with it.
    pub functions: Vec<Glob>,
    /// Patterns of the value of each of these tags. A function without the tag is not covered, unless all patterns exclude.
    pub tags: BTreeMap<String, Vec<Glob>>,
}

/// How long lists in a scope may be.
const LIST_MAX: usize = 200;
/// How many tags may be asked for: as many as a function can have.
const TAGS_MAX: usize = 10;

fn accounts<S: serde::Serializer>(them: &[AccountId], to: S) -> Result<S::Ok, S::Error> {
    as_texts(them, to)
}

fn regions<S: serde::Serializer>(them: &[Region], to: S) -> Result<S::Ok, S::Error> {
    as_texts(them, to)
}

impl Scope {
    /// Whether it asks for nothing, which every function fulfils.
    pub fn is_everything(&self) -> bool {
        let Self { accounts, regions, functions, tags } = self;
        accounts.is_empty() && regions.is_empty() && functions.is_empty() && tags.is_empty()
    }

    /// Whether a function with these tags is one that it is about.
    pub fn covers(&self, function: &FunctionKey, tags: &BTreeMap<String, String>) -> bool {
        self.may_cover(function)
            && self.tags.iter().all(|(key, globs)| match tags.get(key) {
                Some(value) => Glob::admit(globs, value),
                None => !globs.is_empty() && globs.iter().all(Glob::excludes),
            })
    }

    /// Whether a function is one that it is about, as far as can be said without its tags.
    pub fn may_cover(&self, function: &FunctionKey) -> bool {
        let is_at = |any: bool, here: bool| any || here;
        is_at(self.accounts.is_empty(), self.accounts.contains(&function.account))
            && is_at(self.regions.is_empty(), self.regions.contains(&function.region))
            && Glob::admit(&self.functions, function.name.as_str())
    }

    pub(super) fn read(node: Node<'_>) -> Option<Self> {
        node.object(Self::read_fields)
    }

    /// Its fields, which may lie among others.
    pub(super) fn read_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let accounts = fields.at("accounts").or(Vec::new(), |it| it.set(LIST_MAX, Node::parsed));
        let regions = fields.at("regions").or(Vec::new(), |it| it.set(LIST_MAX, Node::parsed));
        let functions = fields.at("functions").or(Vec::new(), |it| it.list(LIST_MAX, name_pattern));
        let tags = fields.at("tags").or(BTreeMap::new(), |it| {
            it.map((TAGS_MAX, label_name), |it| it.list(LIST_MAX, Node::parsed))
        });
        Some(Self { accounts: accounts?, regions: regions?, functions: functions?, tags: tags? })
    }
}

/// A pattern that the name of some function can match.
fn name_pattern(node: Node<'_>) -> Option<Glob> {
    let place = node.place();
    let glob: Glob = node.parsed()?;
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_*?".contains(it);
    let pattern = glob.to_string();
    if pattern.trim_start_matches('!').chars().all(allowed) {
        return Some(glob);
    }
    place.fault("is not a pattern of A-Z, a-z, 0-9, '-', '_', '*' and '?', perhaps after '!'")
}
