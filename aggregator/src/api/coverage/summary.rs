//! How many functions stand how, and how far the lists are to be believed.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Found;
use crate::{
    api::words::{AccountText, Moment, RegionText, Text},
    domain::{
        coverage::{Finding, State},
        inventory::Place,
    },
};

/// How many functions stand how.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoverageSummary)]
pub(crate) struct Summary {
    pub(crate) counts: Counts,
    /// The newest version of the extension that is heard of.
    pub(crate) newest_extension_version: Option<String>,
    /// When the oldest of the inventories was taken; null where there is none.
    pub(crate) oldest_inventory_at: Option<Moment>,
    pub(crate) silent_after_ms: u64,
    /// Every account and region that has an inventory or is heard of.
    pub(crate) places: Vec<Standing>,
}

/// Functions by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CoverageCounts)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) functions: u64,
    /// Could take the layer and do not have it.
    pub(crate) without_layer: u64,
    /// Have the extension, and are not heard of.
    pub(crate) silent: u64,
    /// Report by an extension or a layer that is not the newest.
    pub(crate) old: u64,
    /// Report, and are in no list.
    pub(crate) unknown: u64,
    /// Cannot take the layer.
    pub(crate) unsupported: u64,
    /// Report by the newest.
    pub(crate) covered: u64,
}

/// One account and region.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoveragePlace)]
pub(crate) struct Standing {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) counts: Counts,
    /// When its inventory was taken; null where there is none.
    pub(crate) inventory_at: Option<Moment>,
    pub(crate) imported_at: Option<Moment>,
    pub(crate) imported_by: Option<String>,
}

impl Counts {
    fn add(&mut self, finding: &Finding) {
        self.functions += 1;
        let count = match finding.state() {
            State::WithoutLayer => &mut self.without_layer,
            State::Silent => &mut self.silent,
            State::Old => &mut self.old,
            State::Unknown => &mut self.unknown,
            State::Unsupported => &mut self.unsupported,
            State::Covered => &mut self.covered,
        };
        *count += 1;
    }

    pub(crate) fn of(&self, state: State) -> u64 {
        match state {
            State::WithoutLayer => self.without_layer,
            State::Silent => self.silent,
            State::Old => self.old,
            State::Unknown => self.unknown,
            State::Unsupported => self.unsupported,
            State::Covered => self.covered,
        }
    }
}

impl Summary {
    pub(crate) fn of(found: &Found) -> Self {
        let mut counts = Counts::default();
        let mut places: BTreeMap<Place, Counts> =
            found.lists.iter().map(|it| (it.place.clone(), Counts::default())).collect();
        for finding in &found.coverage.findings {
            counts.add(finding);
            let (account, region) = (finding.function.account, finding.function.region.clone());
            places.entry(Place { account, region }).or_default().add(finding);
        }
        let lists: BTreeMap<_, _> = found.lists.iter().map(|it| (&it.place, it)).collect();
        let standing = places.iter().map(|(place, counts)| {
            let list = lists.get(place);
            Standing {
                account: Text(place.account),
                region: Text(place.region.clone()),
                counts: *counts,
                inventory_at: list.map(|it| Text(it.inventory.taken_at)),
                imported_at: list.map(|it| Text(it.imported_at)),
                imported_by: list.map(|it| it.imported_by.clone()),
            }
        });
        let oldest = found.lists.iter().map(|it| it.inventory.taken_at).min();
        Self {
            counts,
            newest_extension_version: found.coverage.newest_extension.clone(),
            oldest_inventory_at: oldest.map(Text),
            silent_after_ms: crate::api::shapes::millis(found.silent_after),
            places: standing.collect(),
        }
    }
}
