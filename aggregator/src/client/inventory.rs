//! `overtime inventory`: tells an aggregator which functions there are, from what AWS prints of them.
//!
//! What cannot be understood is left out and said, and the rest is brought. But where a file is no JSON, nobody can say what is missing
//! from it, and a list that is too short would make functions vanish; so nothing of it is brought.
//!
//! **Invariant.** What is brought for an account and region replaces what was said of them before, and nothing else.

mod files;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use overtime_wire::EpochMillis;
use serde_json::{Value, json};

use super::{done, say};
use crate::{
    clock,
    domain::{
        instant::rfc3339,
        inventory::{
            self, Line, Listed, Package, Place,
            listing::{Listing, Names, Skipped},
        },
    },
};

/// Tells the aggregator which functions there are, so that it can say which of them are not watched.
///
/// - `overtime inventory import functions.json`: what `aws lambda list-functions` printed, for one account and region
/// - `overtime inventory import config.json`: what AWS Config answered, for all accounts and regions that it records
/// - `overtime inventory forget 111122223333 eu-west-1`: nobody looks after these any more
///
/// AWS Config is asked by
///
///   aws configservice select-aggregate-resource-config --configuration-aggregator-name NAME --expression "SELECT accountId,
///   awsRegion, resourceName, arn, configuration.packageType, configuration.layers WHERE resourceType = 'AWS::Lambda::Function'"
///
/// (without an aggregator: `select-resource-config --expression …`). Several files, a directory of them, several documents in one, and `-`
/// for standard input are all taken. What is brought for an account and region replaces what was said of them before; others are left
/// alone. Doing it twice changes nothing.
///
/// The aggregator is at --url. Where whoever stands in front of it asks for a token, `OVERTIME_TOKEN` is sent as one
/// (`authorization: Bearer …`); with --auth iam requests are signed by the AWS credentials at hand. Both over HTTPS only, or to this
/// machine. It needs the role admin.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::doc_markdown, reason = "people read it in a terminal")]
pub struct Inventory {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Brings lists of functions, each for all of its account and region.
    ///
    /// Says what was brought, and of what was left out, how much and why. Exits with 0 if anything was understood.
    Import(Import),
    /// Forgets which functions there are in an account and region.
    Forget(Forget),
}

#[derive(Debug, clap::Args)]
struct Import {
    #[command(flatten)]
    there: super::Where,
    /// Files or directories, or `-` for standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the extension's layer is called, where it is not `overtime`; an architecture may follow it.
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Only says what would be brought.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct Forget {
    #[command(flatten)]
    there: super::Where,
    account: String,
    region: String,
}

/// Does what was asked for. Failures go to standard error.
pub fn main(inventory: &Inventory) -> ExitCode {
    done(async {
        match &inventory.command {
            Command::Import(import) => import.run().await,
            Command::Forget(forget) => forget.run().await,
        }
    })
}

/// What is brought.
#[derive(Debug, Default)]
struct Brought {
    /// Each list with the age of the oldest file that it is from.
    places: BTreeMap<Place, (EpochMillis, Vec<Listed>)>,
    skipped: Skipped,
    /// Files of which no list is the last page of itself.
    cut: Vec<String>,
}

impl Import {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let aggregator = self.there.aggregator().await?;
        let names = self.layer.as_deref().map_or_else(Names::default, Names::only);
        let mut brought = Brought::default();
        for file in files::read(&self.files, clock::now())? {
            let mut listing = Listing::default();
            file.documents.iter().for_each(|it| listing.add(it, &names));
            brought.add(listing, &file);
        }
        if brought.places.is_empty() {
            say(&brought.left_out())?;
            bail!("there is no function in it");
        }
        for (place, (taken_at, functions)) in &brought.places {
            let list = inventory::Inventory::of(*taken_at, functions.iter().cloned());
            if !self.dry_run {
                let sent = aggregator.bring(place, &body(&list)).await;
                sent.with_context(|| format!("the inventory of {place} was not brought"))?;
            }
            say(&line(place, &list))?;
        }
        say(&brought.left_out())?;
        say(if self.dry_run { "nothing was brought, as was asked for" } else { "done" })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Forget {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let account =
            self.account.parse().with_context(|| format!("{} is no account", self.account))?;
        let region =
            self.region.parse().with_context(|| format!("{} is no region", self.region))?;
        let place = Place { account, region };
        self.there.aggregator().await?.forget(&place).await?;
        say(&format!("{place} is forgotten"))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Brought {
    fn add(&mut self, listing: Listing, file: &files::File) {
        if listing.is_cut() {
            self.cut.push(file.name.clone());
        }
        for (place, functions) in listing.places {
            let known = self.places.entry(place).or_insert_with(|| (file.written_at, Vec::new()));
            known.0 = known.0.min(file.written_at);
            known.1.extend(functions);
        }
        for (why, times) in listing.skipped.by_reason {
            *self.skipped.by_reason.entry(why).or_default() += times;
        }
        self.skipped.named.extend(listing.skipped.named);
    }

    /// What is not brought, in words.
    fn left_out(&self) -> String {
        let mut lines = Vec::new();
        if self.skipped.total() > 0 {
            lines.push(format!("left out: {}", self.skipped.total()));
            for (why, times) in &self.skipped.by_reason {
                lines.push(format!("  {times} × {why}"));
                let named =
                    self.skipped.named.iter().filter(|(name, it)| it == why && !name.is_empty());
                lines.extend(named.take(3).map(|(name, _)| format!("      {name}")));
            }
        }
        let cut = |it| {
            format!(
                "{it} says that its list goes on: without its other pages, functions are missing"
            )
        };
        lines.extend(self.cut.iter().map(cut));
        if lines.is_empty() { "nothing was left out".to_owned() } else { lines.join("\n") }
    }
}

/// A list as the API takes it.
fn body(list: &inventory::Inventory) -> Value {
    let functions: Vec<Line> = list.functions.iter().map(Line::from).collect();
    json!({ "taken_at": rfc3339(list.taken_at), "functions": functions })
}

fn line(place: &Place, list: &inventory::Inventory) -> String {
    let count = |wanted: fn(&Listed) -> bool| list.functions.iter().filter(|it| wanted(it)).count();
    let layered = count(|it| it.layer.is_some());
    let images = count(|it| it.package == Package::Image);
    let edge = count(|it| it.edge);
    let all = list.functions.len();
    format!(
        "{place}: {all} function{}, {layered} with the layer, {images} as container images, {edge} of Lambda@Edge, as of {}",
        if all == 1 { "" } else { "s" },
        rfc3339(list.taken_at)
    )
}

#[cfg(test)]
mod tests;
