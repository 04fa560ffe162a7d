//! Ten thousand timeouts in bad weather, and afterwards the accounts.
//!
//! ```text
//! environments ──▶ Proxy, one for each: resets, silence, delays, refusals, black holes ──▶ overtime serve: kill -9, away, back
//!        └ kill -9 of extensions                                                      └ /api/v1/timeouts = what was caused?
//! ```
//!
//! Everything is a real process. At the end the weather clears, every environment is invoked until its journal is told and
//! then let go, and each timeout that the platform caused must be on the list once, or counted as lost by its function's
//! extension. What an environment's journal held when it was reclaimed is lost with it, which only the storm can know.

mod account;
mod faults;
mod fleet;
mod left;
mod reader;

use std::{io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use sandbox::{
    aggregator::Aggregator,
    binaries::{self, Built},
    clock,
    dice::Dice,
    proxy::{Proxy, Weather},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    faults::{Kind, Tally, Waters},
    fleet::{Berth, Boat, Ledger},
    reader::Reader,
};

/// So many differences are named.
const NAMED: usize = 20;

/// Causes timeouts in bad weather and checks that each is listed once, or counted as lost.
#[derive(Debug, Parser)]
#[command(name = "storm", version)]
struct Arguments {
    /// How many timeouts; a few more, as all environments finish what they have begun.
    #[arg(long, default_value_t = 10_000)]
    timeouts: usize,
    /// Where the choices follow from; drawn when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How many environments run side by side.
    #[arg(long, default_value_t = 32)]
    environments: usize,
    /// The functions' timeout in milliseconds. Lambda's is at least a second; a start needs some of it.
    #[arg(long, default_value_t = 1_000)]
    timeout_ms: u64,
    /// What goes wrong; everything when absent.
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<Kind>,
    /// Nothing goes wrong but the timeouts.
    #[arg(long)]
    calm: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let seed = arguments.seed.unwrap_or_else(|| clock::now().as_microsecond().unsigned_abs());
    say(&format!(
        "seed {seed}, {} timeouts, {} environments",
        arguments.timeouts, arguments.environments
    ));
    let built = tokio::task::spawn_blocking(binaries::build).await??;
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Arc::new(Aggregator::start(&built.overtime, any).await?);
    let storm = Storm { arguments, seed, built, aggregator, tally: Arc::default() };
    let ledger = storm.rage().await?;
    let raged = began.elapsed();

    let reader = Reader::of(&storm.aggregator.url())?;
    let caused = ledger.caused();
    let listed = reader.settled(caused.len()).await?;
    let (left, losses) = (ledger.left(), reader.losses().await?);
    let account = account::compare(&caused, &listed, &left, &losses);
    let differences = [
        ("twice", &account.twice),
        ("invented", &account.invented),
        ("unexplained", &account.unexplained),
    ];
    for (kind, which) in differences {
        which.iter().take(NAMED).for_each(|it| say(&format!("{kind}: {it}")));
    }
    for it in ledger.all_stranded().iter().take(NAMED) {
        say(&format!("not told in fair weather: {it}"));
    }
    say(&format!("faults: {}", storm.tally));
    say(&format!(
        "seed {seed}: {}; {} invocations, {} of them crashed, {} s of storm",
        account.in_words(),
        ledger.invocations(),
        ledger.crashes(),
        raged.as_secs(),
    ));
    Ok(if account.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Storm {
    arguments: Arguments,
    seed: u64,
    built: Built,
    aggregator: Arc<Aggregator>,
    tally: Arc<Tally>,
}

impl Storm {
    /// Until enough has timed out; then lets the weather clear and the environments go.
    async fn rage(&self) -> anyhow::Result<Arc<Ledger>> {
        let ledger = Arc::<Ledger>::default();
        let (waters, boats) = self.launch(&ledger).await?;
        let proxies: Vec<_> = waters.iter().map(|it| Arc::clone(&it.proxy)).collect();
        let kinds = self.kinds();
        let mut weather = JoinSet::new();
        for (thrower, water) in (10_000..).zip(waters) {
            let here = kinds.iter().copied().filter(|it| it.is_local()).collect();
            let dice = Dice::of(self.seed, thrower);
            weather.spawn(water.rage(here, dice, Arc::clone(&self.tally)));
        }
        let mut crew = JoinSet::new();
        for (thrower, boat) in (0..).zip(boats) {
            crew.spawn(boat.weather_it(Dice::of(self.seed, thrower)));
        }
        let watcher = tokio::spawn(progress(Arc::clone(&ledger)));
        let boats = {
            let all = async {
                let mut landed = Vec::new();
                while let Some(boat) = crew.join_next().await {
                    landed.push(boat??);
                }
                anyhow::Ok(landed)
            };
            if kinds.contains(&Kind::Outages) {
                let dice = Dice::of(self.seed, 20_000);
                let aggregator = Arc::clone(&self.aggregator);
                tokio::select! {
                    boats = all => boats?,
                    ended = faults::outages(aggregator, dice, Arc::clone(&self.tally)) => {
                        ended?;
                        Vec::new()
                    }
                }
            } else {
                all.await?
            }
        };
        watcher.abort();
        weather.shutdown().await;
        for proxy in &proxies {
            proxy.set(Weather::Clear).await;
            proxy.on_thaw(None);
        }
        // It may have been killed, or interrupted while it started.
        self.aggregator.restart().await?;
        land(boats).await?;
        Ok(ledger)
    }

    async fn launch(&self, ledger: &Arc<Ledger>) -> anyhow::Result<(Vec<Waters>, Vec<Boat>)> {
        let mut boats = Vec::new();
        let mut waters = Vec::new();
        let upstream = self.aggregator.url();
        let upstream = upstream.trim_start_matches("http://").parse()?;
        for number in 0..self.arguments.environments {
            let reclaims = self.kinds().contains(&Kind::Reclaims);
            let berth = Berth {
                number: u64::try_from(number)?,
                timeout: Duration::from_millis(self.arguments.timeout_ms),
                wanted: self.arguments.timeouts,
                built: self.built.clone(),
                ledger: Arc::clone(ledger),
                proxy: Arc::new(Proxy::to(upstream)?),
                reclaims: reclaims.then(|| Arc::clone(&self.tally)),
            };
            let boat = Boat::launch(berth).await?;
            waters.push(boat.waters());
            boats.push(boat);
        }
        Ok((waters, boats))
    }

    fn kinds(&self) -> Vec<Kind> {
        match (self.arguments.calm, self.arguments.faults.as_slice()) {
            (true, _) => Vec::new(),
            (false, []) => faults::ALL.to_vec(),
            (false, chosen) => chosen.to_vec(),
        }
    }
}

async fn land(boats: Vec<Boat>) -> anyhow::Result<()> {
    let mut crew = JoinSet::new();
    for boat in boats {
        crew.spawn(boat.land());
    }
    while let Some(landed) = crew.join_next().await {
        landed??;
    }
    Ok(())
}

async fn progress(ledger: Arc<Ledger>) {
    loop {
        sleep(Duration::from_secs(10)).await;
        say(&format!("{} timeouts of {} invocations", ledger.count(), ledger.invocations()));
    }
}

/// One line for whoever watches; a closed pipe is their choice.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
