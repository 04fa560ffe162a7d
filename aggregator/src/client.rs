//! `overtime config`: the configuration of an aggregator as a file, for Git; and `overtime inventory`: which functions there are
//! ([`inventory`]).
//!
//! It speaks to the same API as everybody, so what it may do is what its caller may do, and every change has an author. A plan is what the
//! aggregator says that a file would change; what is applied is that plan and no other, because it is made for the revision that the
//! plan was made for.
//!
//! **Invariant.** Only `apply` changes anything, and only what it has shown before.

mod api;
mod auth;
mod diff;
pub mod inventory;

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use self::{
    api::{Aggregator, Applied},
    auth::Auth,
};

/// What a plan ends with when there is something to do.
const CHANGES: u8 = 2;

/// Keeps subscriptions, channels and silences in a file: what there is, what a file would change, and making it so.
///
/// - `overtime config export > overtime.json`: what there is
/// - `overtime config plan overtime.json`: what the file would change, and nothing is changed
/// - `overtime config apply overtime.json`: the same, and then it is done
///
/// A file has lists: `subscriptions`, `channels`, `silences`. A list that it does not have is left alone, so that silences can be
/// made by whoever is on call while the rest comes from Git. What is there and not in a list of the file is deleted only with
/// --prune. Secrets are never in it, only references to where they lie. Applying twice changes nothing the second time.
///
/// The aggregator is at --url. Where whoever stands in front of it asks for a token, `OVERTIME_TOKEN` is sent as one
/// (`authorization: Bearer …`); with --auth iam requests are signed by the AWS credentials at hand, as the deployed console's
/// Function URL asks for. Both over HTTPS only, or to this machine.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Writes the configuration as it is to standard output.
    ///
    /// The file holds what can be changed: not what is built in, and no silences that are over. Equal configurations give equal files.
    Export(Where),
    /// Says what a file would change, and changes nothing.
    ///
    /// Exits with 0 if it would change nothing, with 2 if it would change something, and with 1 if that cannot be said: as
    /// `terraform plan -detailed-exitcode` does, for pipelines that ask before they apply.
    Plan(Plan),
    /// Makes the configuration what a file says, after showing what that changes.
    ///
    /// It asks before it does, unless --yes says that nobody is there to answer. If somebody else changes the configuration in
    /// between, nothing is done. Exits with 0 when the configuration is what the file says, whether or not anything had to change.
    Apply(Apply),
}

#[derive(Debug, clap::Args)]
struct Where {
    /// Where the aggregator is.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// How to prove who calls.
    #[arg(long, value_enum, default_value_t = Auth::Token)]
    auth: Auth,
}

impl Where {
    async fn aggregator(&self) -> anyhow::Result<Aggregator> {
        Aggregator::at(&self.url, self.auth.proof(&self.url).await?)
    }
}

#[derive(Debug, clap::Args)]
struct Plan {
    #[command(flatten)]
    there: Where,
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// Deletes what is there and not in a list that the file has.
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, clap::Args)]
struct Apply {
    #[command(flatten)]
    plan: Plan,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
}

/// Does what was asked for. Failures go to standard error.
pub fn main(config: &Config) -> ExitCode {
    done(run(&config.command))
}

/// Does it, and says why not.
#[expect(clippy::print_stderr, reason = "where people look")]
fn done(what: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.context("cannot start the runtime").and_then(|it| it.block_on(what));
    done.unwrap_or_else(|error| {
        eprintln!("overtime: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Export(there) => {
            let mut file = there.aggregator().await?.export().await?;
            // A file in Git would differ with every change of anything, though it says the same.
            if let Some(fields) = file.as_object_mut() {
                fields.remove("revision");
            }
            say(&format!("{file:#}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Plan(plan) => {
            let aggregator = plan.there.aggregator().await?;
            let planned = plan.made(&aggregator, &read(&plan.file)?).await?;
            say(&diff::plan(&planned.changes, planned.revision))?;
            let changes = !planned.changes.is_empty();
            Ok(if changes { ExitCode::from(CHANGES) } else { ExitCode::SUCCESS })
        }
        Command::Apply(apply) => apply.run().await,
    }
}

impl Plan {
    async fn made(&self, aggregator: &Aggregator, file: &Value) -> anyhow::Result<Applied> {
        let planned = aggregator.plan(file, self.prune).await;
        planned.with_context(|| format!("{} cannot be applied", shown(&self.file)))
    }
}

impl Apply {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Plan { there, file: path, prune } = &self.plan;
        let aggregator = there.aggregator().await?;
        let file = read(path)?;
        let planned = self.plan.made(&aggregator, &file).await?;
        say(&diff::plan(&planned.changes, planned.revision))?;
        if planned.changes.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !agreed(path)? {
            bail!("nothing was changed");
        }
        let applied = aggregator.apply(&file, *prune, planned.revision).await?;
        say(&diff::applied(&applied.changes, applied.revision))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks whoever is there.
fn agreed(file: &Path) -> anyhow::Result<bool> {
    if is_standard_input(file) || !io::stdin().is_terminal() {
        bail!("nobody is there to ask: say --yes to apply this, nothing was changed");
    }
    let mut out = io::stdout().lock();
    write!(out, "Apply this? Only `yes` is taken for yes: ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn shown(file: &Path) -> String {
    if is_standard_input(file) { "standard input".to_owned() } else { file.display().to_string() }
}

/// A file of JSON.
fn read(file: &Path) -> anyhow::Result<Value> {
    let text = if is_standard_input(file) {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.with_context(|| format!("{} cannot be read", shown(file)))?;
    serde_json::from_str(&text).map_err(|why| {
        let (line, column) = (why.line(), why.column());
        anyhow::anyhow!("{} is not JSON, from line {line}, column {column} on", shown(file))
    })
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("standard output is closed")
}
