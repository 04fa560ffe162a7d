//! What Overtime costs to run: units of `DynamoDB`, and from them the bill; and what its pages cost to read.
//!
//! ```text
//!   extension's core ──batches──▶ ingest ──▶ evaluate ──▶ sweep        the doors' own code on the embedded store
//!   (simulated time)                 └────────┴─────────────┴──units──▶ Meter ──▶ Usage × prices ──▶ table
//! ```
//!
//! Nothing in the product knows: the store takes an SDK client, and the meter is an interceptor of it.

mod effort;
mod fleets;
mod measure;
mod meter;
mod pages;
mod prices;
mod report;
mod sender;
mod stand;
mod sweeping;
mod traffic;
mod usage;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

use self::{
    measure::Care,
    pages::{Pages, fill::Fill},
    report::Report,
    sweeping::Swept,
};

/// Measures what Overtime costs to run.
#[derive(Debug, Parser)]
#[command(name = "cost", version)]
enum Cost {
    /// The bill of three fleets and of an organisation, from measured units.
    Fleets(Fleets),
    /// Time, units and bytes of the pages over a fleet with thirty days of data.
    Pages(Pages),
    /// The fleet of those pages, for somebody else to serve.
    Fill(Fill),
}

#[derive(Debug, Parser)]
struct Fleets {
    /// One object of JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Only the fleets that have a target.
    #[arg(long)]
    quick: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cost::parse() {
        Cost::Fleets(it) => it.run().await,
        Cost::Pages(it) => it.run().await,
        Cost::Fill(it) => it.run().await,
    }
}

impl Fleets {
    /// Fails when something was not metered, because then every figure is too low, and when units are above what they
    /// should be. Dollars that miss a target are said: they depend on the machine's processor and on the build.
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let care = if self.quick { Care::Quick } else { Care::Whole };
        let swept = Swept::measure(care).await?;
        let fleets = fleets::price(care, &swept).await?;
        let month = if self.quick { None } else { Some(fleets::organisation(&swept).await?) };
        let report = Report { fleets, month };
        if self.json {
            say(&report.json().to_string());
        } else {
            say(&report.table());
            report.misses().iter().for_each(|it| say(&format!("misses: {it}")));
        }
        let faults = report.faults();
        anyhow::ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(ExitCode::SUCCESS)
    }
}

/// One line for whoever watches; a closed pipe is their choice.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
