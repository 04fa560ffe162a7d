//! What the pages over a fleet cost to read: time of the server, units, bytes.
//!
//! The doors' own routers answer over HTTP on loopback, from a store with thirty days of a fleet in it. Each page is asked for
//! many times on one connection, with the clock put forward and a tenth of the functions reporting in between, so that nothing
//! which is held for a moment helps; as often without, as when many look at the same time; and now and then of a server that
//! has only just started.

pub(crate) mod fill;
pub(crate) mod population;
pub(crate) mod replay;
mod reports;
pub(crate) mod seed;
mod show;
pub(crate) mod tray;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use axum::{Extension, Router};
use clap::Parser;
use flate2::{Compression, write::GzEncoder};
use overtime::{
    api::{self, Reader, batches::Inlet},
    console::{self, Console},
    domain::rejection::Caller,
    store::Store,
};
use overtime_wire::EpochMillis;
use tokio::{net::TcpListener, time::Instant};

use self::{
    replay::Recorder,
    reports::Reports,
    seed::{DAYS, Seeded, Size, seed},
};
use crate::{measure::START, meter::Consumed, say, stand::Stand};

/// Server time of the overview, warm.
const OVERVIEW_WITHIN: Duration = Duration::from_millis(150);
/// First load of the page's assets.
const ASSETS_MAX: usize = 60_000;
/// In which rounds a server is started for the first page that it is asked for.
const FIRST_EVERY: usize = 10;
/// Longer than anything is held.
const LATER_MS: i64 = 2_000;
/// And in so much more what was written by others is read by whoever does not expect that.
const ALONE_MS: i64 = 300_000;

/// Measures the pages over a fleet with thirty days of data.
#[derive(Debug, Parser)]
pub(crate) struct Pages {
    /// How many functions.
    #[arg(long, default_value_t = 10_000)]
    functions: u32,
    /// Hours are written for one function in so many; no page over the fleet reads them, and writing them takes longest.
    #[arg(long, default_value_t = 1)]
    hours_of: usize,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// A folder that keeps the store, to measure again what was filled before.
    #[arg(long)]
    data: Option<PathBuf>,
    /// One object of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The pages, and whether they are held to the overview's target.
const PAGES: [(&str, &str, bool); 6] = [
    ("the page", "/", true),
    ("overview", "/api/v1/overview", true),
    ("overview, 30 days", "/api/v1/overview?from=now-30d", true),
    ("functions, first 100", "/api/v1/functions?limit=100", false),
    (
        "functions of a tag, by timeouts",
        "/api/v1/functions?tag=team%3Dpayments&sort=timeouts",
        false,
    ),
    ("timeouts, latest 100", "/api/v1/timeouts?limit=100", false),
];

/// What a page took.
#[derive(Debug)]
struct Seen {
    name: &'static str,
    is_held_to_target: bool,
    /// The first that a server is asked.
    first: Spread,
    /// With everything read anew, after a tenth of the functions has reported.
    fresh: Spread,
    /// The same of a server beside which nobody writes, as `overtime serve` is with a store of its own.
    alone: Spread,
    /// Within a second after somebody else.
    held: Spread,
    /// What a server reads that holds nothing, bare.
    bare: Spread,
    units: Consumed,
    bytes: usize,
    zipped: usize,
}

/// Median and 99th percentile of some times.
#[derive(Debug, Clone, Copy)]
struct Spread {
    p50: Duration,
    p99: Duration,
}

/// What the page loads besides itself, the first time.
#[derive(Debug, Clone, Copy, Default)]
struct Assets {
    files: usize,
    bytes: usize,
    zipped: usize,
}

/// Everything that was found out.
#[derive(Debug)]
struct Findings {
    functions: usize,
    seen: Vec<Seen>,
    assets: Assets,
}

/// The time that the doors are told, which only we put forward.
static NOW_MS: AtomicI64 = AtomicI64::new(START.0);

fn clock() -> EpochMillis {
    EpochMillis(NOW_MS.load(Ordering::Relaxed))
}

impl Pages {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let stand = match &self.data {
            Some(folder) => Stand::open_in(folder).await?,
            None => Stand::open().await?,
        };
        if stand.store.fleet().await?.is_empty() {
            let began = Instant::now();
            let size = Size { functions: self.functions, hours_of: self.hours_of, days: DAYS };
            let seeded = seed(&stand, size, START).await?;
            let took = began.elapsed().as_secs();
            let Seeded { items, timeouts } = seeded;
            if !self.json {
                say(&format!("{items} items and {timeouts} timeouts written in {took} s\n"));
            }
        }
        let recorder = Recorder::default();
        let host = serve(Store::new(stand.client.clone())).await?;
        let alone = Store::new(stand.client.clone()).alone();
        let only = serve(alone.clone()).await?;
        let reports = Reports::of(stand.store.fleet().await?);
        let mut visitor = Visitor {
            stand,
            recorder,
            reports,
            host,
            alone,
            only,
            rounds: self.rounds,
            client: sandbox::http::client()?,
        };
        let mut seen = Vec::new();
        for page in PAGES {
            seen.push(visitor.visit(page).await?);
        }
        let assets = visitor.assets().await?;
        let functions = visitor.stand.store.fleet().await?.len();
        let findings = Findings { functions, seen, assets };
        say(&if self.json { findings.json().to_string() } else { findings.table() });
        let zipped = findings.assets.zipped;
        anyhow::ensure!(zipped <= ASSETS_MAX, "assets have {zipped} bytes, at most {ASSETS_MAX}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The read API and the console, as `serve` mounts them, on a port of our own.
async fn serve(store: Store) -> anyhow::Result<String> {
    let inlet = Inlet::new(store.clone(), clock, std::sync::Arc::default());
    let reader = Reader::new(store.clone(), clock);
    let api = api::router(inlet, reader.clone());
    let router: Router = console::beside(api, Console::new(reader));
    let router = router.layer(Extension(Caller::Loopback));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let host = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(host)
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> anyhow::Result<Self> {
        times.sort_unstable();
        let at =
            |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied();
        let (p50, p99) = at(50).zip(at(99)).context("a page was never asked for")?;
        Ok(Self { p50, p99 })
    }
}

fn zipped(body: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.len())
}

struct Visitor {
    stand: Stand,
    recorder: Recorder,
    reports: Reports,
    host: String,
    /// The store that only its own server writes to, and that.
    alone: Store,
    only: String,
    client: reqwest::Client,
    rounds: usize,
}

impl Visitor {
    async fn visit(
        &mut self,
        (name, path, is_held_to_target): (&'static str, &str, bool),
    ) -> anyhow::Result<Seen> {
        // Once to warm up, once to be metered, and once of a server that holds nothing: what that reads is the whole of it.
        NOW_MS.fetch_add(LATER_MS, Ordering::Relaxed);
        self.get(path).await?;
        self.reports.write(&self.stand.client).await?;
        self.stand.meter.take();
        NOW_MS.fetch_add(LATER_MS, Ordering::Relaxed);
        let (_, body) = self.get(path).await?;
        let units = self.stand.meter.take();
        let blank = serve(Store::new(self.recorder.on(&self.stand.client))).await?;
        self.recorder.take();
        self.ask(&blank, path).await?;
        let reads = self.recorder.take();
        let (mut first, mut fresh) = (Vec::new(), Vec::new());
        let (mut held, mut bare, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.rounds {
            if round.is_multiple_of(FIRST_EVERY) {
                let host = serve(Store::new(self.stand.client.clone())).await?;
                first.push(self.ask(&host, path).await?.0);
            }
            fresh.push(self.later(path).await?.0);
            held.push(self.get(path).await?.0);
            let began = Instant::now();
            reads.again(&self.stand.client).await?;
            bare.push(began.elapsed());
        }
        // What others wrote until now is read here, and nothing is after it.
        NOW_MS.fetch_add(ALONE_MS, Ordering::Relaxed);
        self.ask(&self.only, path).await?;
        for _ in 0..self.rounds {
            self.reports.write_by(&self.alone).await?;
            NOW_MS.fetch_add(LATER_MS, Ordering::Relaxed);
            alone.push(self.ask(&self.only, path).await?.0);
        }
        Ok(Seen {
            name,
            is_held_to_target,
            first: Spread::of(first)?,
            fresh: Spread::of(fresh)?,
            alone: Spread::of(alone)?,
            held: Spread::of(held)?,
            bare: Spread::of(bare)?,
            units,
            bytes: body.len(),
            zipped: zipped(&body)?,
        })
    }

    /// Asks when nothing is held any more that would be answered, and some of it is not as it was.
    async fn later(&mut self, path: &str) -> anyhow::Result<(Duration, Vec<u8>)> {
        self.reports.write(&self.stand.client).await?;
        NOW_MS.fetch_add(LATER_MS, Ordering::Relaxed);
        self.get(path).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<(Duration, Vec<u8>)> {
        self.ask(&self.host, path).await
    }

    async fn ask(&self, host: &str, path: &str) -> anyhow::Result<(Duration, Vec<u8>)> {
        let began = Instant::now();
        let answer = self.client.get(format!("{host}{path}")).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let took = began.elapsed();
        let text = || String::from_utf8_lossy(&body).into_owned();
        anyhow::ensure!(status.is_success(), "{path} answered {status}: {}", text());
        Ok((took, body.to_vec()))
    }
}

impl Visitor {
    /// Everything that the page names under `/assets/`.
    async fn assets(&self) -> anyhow::Result<Assets> {
        let (_, page) = self.get("/").await?;
        let page = String::from_utf8_lossy(&page).into_owned();
        let links = page.split("/assets/").skip(1);
        let names: BTreeSet<&str> =
            links.filter_map(|it| it.split(['"', '\'', ')', ' ']).next()).collect();
        anyhow::ensure!(!names.is_empty(), "the page names no assets");
        let mut assets = Assets::default();
        for name in names {
            let (_, body) = self.get(&format!("/assets/{name}")).await?;
            assets.files += 1;
            assets.bytes += body.len();
            assets.zipped += zipped(&body)?;
        }
        Ok(assets)
    }
}
