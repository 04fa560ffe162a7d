//! The fleet that pages are measured over, in a folder for somebody else to serve.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use super::seed::{DAYS, Size, seed};
use crate::{measure::START, stand::Stand};

/// Pages over a fleet read no hours but the first function's.
const HOURS_OF: usize = 100_000;

/// Fills a folder with the fleet of `pages`, for `overtime serve --data`; its days end on 2026-11-01 at 12:00 UTC.
#[derive(Debug, Parser)]
pub(crate) struct Fill {
    /// How many functions.
    #[arg(long, default_value_t = 10_000)]
    functions: u32,
    /// How many days.
    #[arg(long, default_value_t = DAYS)]
    days: u32,
    /// The folder.
    #[arg(long)]
    data: PathBuf,
}

impl Fill {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let stand = Stand::open_in(&self.data).await?;
        let size = Size { functions: self.functions, hours_of: HOURS_OF, days: self.days };
        seed(&stand, size, START).await?;
        Ok(ExitCode::SUCCESS)
    }
}
