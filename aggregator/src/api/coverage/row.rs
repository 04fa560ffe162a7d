//! How one function stands, as the list shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        shapes::parts,
        words::{AccountText, CoverageStateText, Moment, NameText, RegionText, Text, Word as _},
    },
    domain::{coverage::Finding, inventory::layer::Layer},
};

/// How one function stands. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoverageRow)]
pub(crate) struct Row {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) name: NameText,
    /// Whether it is a replica of a Lambda@Edge function.
    pub(crate) edge: bool,
    pub(crate) state: CoverageStateText,
    /// What follows its name in a sentence.
    pub(crate) why: &'static str,
    #[schema(pattern = "^(zip|image)$")]
    pub(crate) package: Option<&'static str>,
    /// The extension's layer, without its version.
    pub(crate) layer: Option<String>,
    pub(crate) layer_version: Option<u64>,
    /// The newest version of that layer that any function has.
    pub(crate) newest_layer_version: Option<u64>,
    /// As the function last said it.
    pub(crate) extension_version: Option<String>,
    /// The newest that is heard of.
    pub(crate) newest_extension_version: Option<String>,
    pub(crate) last_seen_at: Option<Moment>,
    /// When the inventory was taken that it stands in, or is missing from.
    pub(crate) inventory_at: Option<Moment>,
}

impl Row {
    pub(super) fn of(finding: &Finding, newest: Option<&str>) -> Self {
        let (account, region, name) = parts(&finding.function);
        let layer = finding.layer.as_ref();
        Self {
            account,
            region,
            name,
            edge: finding.edge,
            state: Text(finding.state()),
            why: finding.reason.why(),
            package: finding.package.map(crate::domain::inventory::Package::as_str),
            layer: layer.map(|Layer { arn, .. }| arn.clone()),
            layer_version: layer.map(|it| it.version),
            newest_layer_version: finding.newest_layer,
            extension_version: finding.extension.clone(),
            newest_extension_version: newest.map(str::to_owned),
            last_seen_at: finding.last_seen.map(Text),
            inventory_at: finding.listed_at.map(Text),
        }
    }
}

impl Tabular for Row {
    const COLUMNS: &'static [&'static [&'static str]] = &[
        &["account", "region", "name", "edge", "state", "why", "package", "layer", "layer_version"],
        &["newest_layer_version", "extension_version", "newest_extension_version"],
        &["last_seen_at", "inventory_at"],
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.account.0),
            Cell::text(self.region.0.write()),
            Cell::text(self.name.0.write()),
            Cell::plain(self.edge),
            Cell::plain(self.state.0.as_str()),
            Cell::text(self.why),
            self.package.map(Cell::plain).into(),
            self.layer.as_ref().into(),
            self.layer_version.into(),
            self.newest_layer_version.into(),
            self.extension_version.as_ref().into(),
            self.newest_extension_version.as_ref().into(),
            self.last_seen_at.as_ref().into(),
            self.inventory_at.as_ref().into(),
        ]
    }
}
