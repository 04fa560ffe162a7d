//! A fleet on a laptop: functions that time out for real, and the aggregator that notices.
//!
//! Every function of the [`fleet`] runs as a process in an emulated execution environment, with the real extension
//! beside it and the real aggregator behind that; nothing here tells the aggregator anything. The demonstration knows
//! which timeouts it caused ([`Injected`]), reads which ones were detected, and ends with the [`verdict`] on both.

mod drive;
mod fleet;
mod reasons;
mod verdict;
mod watch;

use std::{
    collections::HashMap,
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use sandbox::{aggregator::Aggregator, binaries};
use tokio::{
    signal::unix::{self, SignalKind},
    sync::watch as signal,
    task::JoinSet,
};

use self::{
    reasons::Reasons,
    verdict::{Injected, Verdict},
};

/// How long the aggregator may take to show what the fleet's last environments sent.
const SETTLING: Duration = Duration::from_secs(10);

/// Runs a fleet of Lambda functions on this machine, some of which time out, and watches Overtime notice.
///
/// Starts the aggregator with its embedded store in a temporary directory and some functions in two accounts and two
/// regions, each in an emulated execution environment with a real extension process. Prints the address of the page, and
/// each timeout as it is detected. Exits with 0 only if no timeout was missed, counted twice or invented, and each of three causes was
/// found by its own analysis.
#[derive(Debug, Parser)]
#[command(name = "demo", version)]
struct Arguments {
    /// How long to run, for example 30s or 5m; until Ctrl-C when absent.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
    /// Where the page listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
}

/// What the fleet has done so far.
#[derive(Debug, Default)]
struct Ledger {
    injected: Vec<Injected>,
    invocations: u64,
    /// By the function's name.
    tried: HashMap<String, Tried>,
}

/// What one function has done so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    invocations: u64,
    timeouts: u64,
}

type SharedLedger = Arc<Mutex<Ledger>>;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    say(
        "building the extension, the aggregator and the functions (the first time takes minutes) …",
    );
    let built = tokio::task::spawn_blocking(binaries::build).await??;
    let aggregator = Arc::new(Aggregator::start(&built.overtime, arguments.listen).await?);
    let url = aggregator.url();
    say(&format!("the page:  {url}/"));

    let verdict = run(&arguments, &built, &aggregator).await?;
    say(&verdict.in_words());
    if arguments.json {
        say(&serde_json::to_string(&verdict).context("failed to write the result")?);
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(
    arguments: &Arguments,
    built: &binaries::Built,
    aggregator: &Arc<Aggregator>,
) -> anyhow::Result<Verdict> {
    let url = aggregator.url();
    let ledger = SharedLedger::default();
    let (stop, stopped) = signal::channel(false);
    let mut crew = JoinSet::new();
    for member in fleet::members() {
        let place = drive::Place { url: url.clone(), built: built.clone() };
        crew.spawn(drive::live(member, place, Arc::clone(&ledger), stopped.clone()));
    }
    say(&format!("starting {} functions …", crew.len()));
    let client = watch::Client::new(&url)?;
    let watcher = tokio::spawn(watch::report(client.clone(), stopped.clone()));
    let supervisor = tokio::spawn(supervise(Arc::clone(aggregator), stopped));

    let ended_early = tokio::select! {
        () = time_is_up(arguments.duration) => None,
        () = told_to_stop() => None,
        Some(failed) = crew.join_next() => Some(failed),
    };
    stop.send_replace(true);
    if let Some(failed) = ended_early {
        failed??;
    }
    say("letting the environments go …");
    while let Some(ended) = crew.join_next().await {
        ended??;
    }
    supervisor.await??;
    watcher.await?;

    let settled = client.settled(&ledger, SETTLING).await?;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap_or_else(PoisonError::into_inner));
    let members = fleet::members();
    let reasons = Reasons::of((&client, &members), &ledger, SETTLING).await?;
    let verdict = verdict::compare(&ledger.injected, &settled, ledger.invocations);
    Ok(verdict.because(reasons))
}

/// Starts the aggregator again, on the same data, when somebody kills it: what was acknowledged must still be there.
async fn supervise(
    aggregator: Arc<Aggregator>,
    mut stopped: signal::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            // The guard must not live on into the other branch, which waits.
            () = async { drop(stopped.wait_for(|it| *it).await) } => return Ok(()),
            () = aggregator.ended() => {
                say("the aggregator is gone; starting it again on the same data");
                aggregator.restart().await?;
            }
        }
    }
}

async fn time_is_up(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// However one ends a program that one has started: nothing of the fleet may go on without it.
async fn told_to_stop() {
    let hear = |kind| async move {
        match unix::signal(kind) {
            Ok(mut told) => drop(told.recv().await),
            // Without an ear for it, the signal does what it always did.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = hear(SignalKind::interrupt()) => (),
        () = hear(SignalKind::terminate()) => (),
        () = hear(SignalKind::hangup()) => (),
    }
}

/// One line for whoever watches; a closed pipe is their choice.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "expected a number and a unit: 30s, 5m, 1h")?;
    match &text[digits.len()..] {
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3_600))),
        unit => Err(format!("'{unit}' is not a unit: use s, m or h")),
    }
}
