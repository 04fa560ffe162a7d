//! Facts of a fleet, as many as the aggregator takes, and afterwards the accounts.
//!
//! ```text
//! the embedded store alone: so many conditional writes a second
//! 32 writers ──batches: doubled, out of order, late, of the future, some never sent──▶ overtime serve ── kill -9, restarted
//!     └ what every function did, by what was said in the end ═══ compared ═══ GET /api/v1/functions/…, /api/v1/timeouts
//! ```
//!
//! The fleet follows from a seed and knows the truth. What was acknowledged is not sent again, so a fact that the aggregator
//! lost after it had said 200 is missing from the accounts.

mod bare;
mod fleet;
mod reader;
mod truth;
mod writer;

use std::{
    io::Write as _,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use sandbox::{aggregator::Aggregator, binaries, clock, dice::Dice};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    reader::Reader,
    truth::Truth,
    writer::{Progress, Writer},
};

/// How long counts are gathered before they are evaluated: a fleet's for longer than a laptop's. On AWS it is up to a minute.
const TALLY_DELAY: &str = "30s";
/// So many differences are named.
const NAMED: usize = 20;

/// Sends a fleet's facts to `overtime serve` and checks that every count is exact in the end.
#[derive(Debug, Clone, Parser)]
#[command(name = "load", version)]
struct Arguments {
    /// How many batches are sent; a few more, as every sandbox finishes what it has begun.
    #[arg(long, default_value_t = 20_000)]
    batches: u64,
    /// How many functions.
    #[arg(long, default_value_t = 20)]
    functions: u64,
    /// How many batches a sandbox sends before another takes its place.
    #[arg(long, default_value_t = 10)]
    life: u64,
    /// How many are sent at the same time.
    #[arg(long, default_value_t = 32)]
    writers: u64,
    /// Where the choices follow from; drawn when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// The aggregator is killed and started again, every few seconds.
    #[arg(long)]
    kill: bool,
    /// How long the embedded store is measured alone, before and after, in seconds.
    #[arg(long, default_value_t = 4)]
    bare: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| clock::now().as_microsecond().unsigned_abs());
    say(&format!("seed {seed}, {} batches, {} functions", arguments.batches, arguments.functions));
    let binary = tokio::task::spawn_blocking(binaries::overtime).await??;
    let span = Duration::from_secs(arguments.bare);
    let before = bare::rate(arguments.writers, span).await?;
    say(&format!("the embedded store alone: {before:.0} conditional writes/s"));
    let settings = [("OVERTIME_TALLY_DELAY".to_owned(), TALLY_DELAY.to_owned())];
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Arc::new(Aggregator::start_with(binary, any, settings).await?);
    let progress = Arc::<Progress>::default();
    let kills = Arc::<AtomicU64>::default();

    let began = Instant::now();
    let truth = under_fire(&arguments, seed, &aggregator, (&progress, &kills)).await?;
    let took = began.elapsed();
    let facts = f64::from(progress.facts()) / took.as_secs_f64();
    say(&format!(
        "sent: {progress}, in {:.1} s; killed {} times",
        took.as_secs_f64(),
        kills.load(Ordering::Relaxed)
    ));

    let reader = Reader::of(&aggregator.url())?;
    let settling = Instant::now();
    let differences = reader.settled(&truth).await?;
    say(&format!("{truth}; settled after {:.1} s", settling.elapsed().as_secs_f64()));
    aggregator.stop().await;
    let after = bare::rate(arguments.writers, span).await?;
    let bare = f64::midpoint(before, after);
    say(&format!(
        "{:.0} batches/s, {facts:.0} facts/s; the embedded store alone {before:.0} and {after:.0} conditional writes/s: ratio {:.2}",
        f64::from(progress.batches()) / took.as_secs_f64(),
        facts / bare,
    ));
    let wrong = [progress.problems(), differences].concat();
    wrong.iter().take(NAMED).for_each(|it| say(&format!("wrong: {it}")));
    say(&format!("seed {seed}: {} differences", wrong.len()));
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends everything, while the aggregator is killed if it is to be; it stands when this returns.
async fn under_fire(
    arguments: &Arguments,
    seed: u64,
    aggregator: &Arc<Aggregator>,
    (progress, kills): (&Arc<Progress>, &Arc<AtomicU64>),
) -> anyhow::Result<Truth> {
    let mut writers = JoinSet::new();
    for number in 0..arguments.writers {
        let share = arguments.batches / arguments.writers;
        let writer = Writer {
            number,
            functions: arguments.functions,
            life: arguments.life,
            dice: Dice::of(seed, number),
            url: aggregator.url(),
            http: sandbox::http::client()?,
            progress: Arc::clone(progress),
        };
        writers.spawn(writer.write(share));
    }
    let watcher = tokio::spawn(watch(Arc::clone(progress)));
    let writing = async {
        let mut truth = Truth::default();
        while let Some(told) = writers.join_next().await {
            truth += told??;
        }
        anyhow::Ok(truth)
    };
    let truth = if arguments.kill {
        tokio::select! {
            truth = writing => truth,
            ended = kill(aggregator, Dice::of(seed, 10_000), kills) => Err(ended),
        }
    } else {
        writing.await
    };
    watcher.abort();
    if arguments.kill {
        // It may have been killed a moment ago; and what was acknowledged must survive once more.
        aggregator.restart().await?;
    }
    truth
}

/// Kills it at moments that nobody can prepare for; ends only when it does not come back.
async fn kill(aggregator: &Aggregator, mut dice: Dice, kills: &AtomicU64) -> anyhow::Error {
    loop {
        sleep(dice.milliseconds(500..6_000)).await;
        aggregator.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
        sleep(dice.milliseconds(0..500)).await;
        if let Err(error) = aggregator.restart().await {
            return error.into();
        }
    }
}

async fn watch(progress: Arc<Progress>) {
    loop {
        sleep(Duration::from_secs(10)).await;
        say(&progress.to_string());
    }
}

/// One line for whoever watches; a closed pipe is their choice.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
