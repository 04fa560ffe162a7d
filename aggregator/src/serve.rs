//! `overtime serve`: all five doors in one process, on one machine.
//!
//! The store is a DynamoDB in this process, or one that `--dynamodb-endpoint` names; the doors cannot tell. Facts that came
//! in ring the stream's follower, messages that were written ring the deliverer, so that a deadline that passes becomes a
//! webhook within milliseconds; both also look by themselves, so that a ring that is lost costs time and nothing else.
//!
//! Stopping goes the way the data flows: no more connections, what came in is answered, what was read is evaluated, what
//! is being sent is sent. What does not end in time is done again by the next start.
//!
//! **Invariant.** Nothing but loopback is listened on unless whoever comes must sign in.

pub mod config;
mod front;

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

use self::config::Config;
use crate::{
    api::{
        self, Bell, Reader,
        batches::Inlet,
        metrics::{self, Metrics},
    },
    clock,
    console::{self, Console},
    deliver::Deliverer,
    domain::{fact::Job, portal::Portal, rejection::GATHERED_FOR},
    egress,
    evaluate::{Evaluator, damper::Budget, emit::Emitter, paced::Paced},
    ingest::ledger::Ledger,
    settings::sign_in::Place,
    sign_in::Gate,
    store::{
        Store, StoreError,
        access::Access,
        changes::Changes,
        embedded::{Engine, EngineError},
    },
    stream::{Follower, gather::Pace},
    sweep::{Sweep, news::News},
    throughput::Throughput,
};

/// Runs everything on this machine: takes facts in, evaluates them, sends alerts, and shows the fleet.
///
/// Without --dynamodb-endpoint, data is kept in one file by a DynamoDB embedded in this process. With it, another DynamoDB
/// is used, with the usual AWS settings (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, …); its
/// tables are made if they are missing.
///
/// Settings are read from the environment: `OVERTIME_WEBHOOK_URL`, `OVERTIME_WEBHOOK_SECRET` and `OVERTIME_WEBHOOK_ALLOW`
/// say where alerts go, `OVERTIME_LOG` what is logged to standard error (`info`, or a filter such as
/// `info,overtime=debug`), `OVERTIME_TALLY_DELAY` how long ordinary counts are gathered before they are evaluated (`1s`),
/// `OVERTIME_BASE_PATH` under which path everything is served, `OVERTIME_PORTAL_URL` how people get into functions' accounts,
/// `OVERTIME_SIGN_IN` how whoever comes says who they are (`none`, `token` or `oidc`),
/// `OVERTIME_METRICS_FUNCTIONS` how many functions have counters of their own under `/metrics`, `OVERTIME_EMF_NAMESPACE` and
/// `OVERTIME_EMF_DIMENSIONS` where what functions count goes as lines for CloudWatch, `OVERTIME_OTLP_ENDPOINT`,
/// `OVERTIME_OTLP_HEADERS` and `OVERTIME_OTLP_INTERVAL` which OpenTelemetry receiver is told what functions did, and
/// `OVERTIME_RETAIN_FACTS`, `_BLOCKS`, `_HOURS`, `_TIMEOUTS`, `_LOG_TAILS` and `_MESSAGES` how long each is kept.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The address to listen on: loopback only, unless whoever comes must sign in. Port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Where the embedded store keeps its file [default: `overtime` in `$XDG_DATA_HOME` or `~/.local/share`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Another DynamoDB to use instead of the embedded one, such as `http://127.0.0.1:8000`
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    dynamodb_endpoint: Option<String>,
}

/// How long everything may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How often to look for what was put off and is due.
const WAKE_EVERY: Duration = Duration::from_secs(1);
/// How often metrics look at every function though nobody asks for them.
const COUNT_EVERY: Duration = Duration::from_mins(30);
/// How often the embedded store's file is tidied.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// How many turns of that pass between looks for what has expired.
const EXPIRE_EVERY: u64 = 60;

/// Runs until a signal says stop. Failures go to standard error in one line.
#[expect(clippy::print_stderr, reason = "before there is a log, and where people look")]
pub fn main(serve: &Serve) -> ExitCode {
    let lookup = |name: &str| std::env::var(name).ok();
    let config = match Config::read(lookup) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("overtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(config.log.clone()).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime
        .context("cannot start the runtime")
        .and_then(|it| it.block_on(run(serve, config, config::data_directory(lookup))));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overtime: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: &Serve, config: Config, data_default: PathBuf) -> anyhow::Result<()> {
    if let Err(why) = front::may_listen(serve.listen, &config.sign_in) {
        bail!("--listen {why}");
    }
    let gate = Gate::new(config.sign_in.clone(), Place::Machine, clock::now)?;
    gate.try_keys().await?;
    let listener = TcpListener::bind(serve.listen)
        .await
        .with_context(|| format!("cannot listen on {}", serve.listen))?;
    let address = listener.local_addr()?;
    let (access, engine) = if let Some(endpoint) = &serve.dynamodb_endpoint {
        (Access::remote(endpoint).await, None)
    } else {
        let engine = start_engine(&serve.data.clone().unwrap_or(data_default)).await?;
        (Access::embedded(&engine.endpoint()), Some(Arc::new(engine)))
    };
    let store =
        Store::new(access.dynamo).in_tables(config.tables.clone()).keeping(config.retention);
    // The embedded engine lets nobody else in.
    let store = if engine.is_some() { store.alone() } else { store };
    let store = store.with_environment(config.outside.environment.is_some());
    let store = store.with_receiver(config.outside.collector.is_some());
    store.ensure_tables().await.context("the tables cannot be made")?;
    let defaults = store.ensure_defaults(clock::now()).await;
    defaults.context("the default subscriptions cannot be written")?;
    let changes = store.changes(access.streams).await.context("the stream cannot be found")?;
    let throughput = Throughput::default();
    // Before anything is evaluated: what comes from here on is counted.
    let counting = (throughput.clone(), config.metered);
    let metrics = Metrics::begin(store.clone(), clock::now, counting).await;
    let metrics = metrics.context("the functions' rows cannot be read")?;
    let here = format!("http://{address}{}", config.base);
    let url = config.sign_in.url.as_ref().map(|it| it.as_str().trim_end_matches('/').to_owned());
    let house = House::new(store, changes, url.unwrap_or(here.clone())).counting(throughput);
    let front = front::Front::new(gate, &config);
    let portal = config.portal.clone();
    let ledger = house.inlet.ledger.clone();
    let stop = watch::Sender::new(false);
    let mut doors = house.open(config, &stop);
    if let Some(engine) = &engine {
        doors.spawn(tidy(engine.clone(), house.clone(), stop.subscribe()));
    }
    doors.spawn(watch_metrics(metrics.clone(), until(stop.subscribe())));
    announce(&here);
    let mut stopping = stop.subscribe();
    let router = front.before(house.router(metrics::routes(metrics), portal));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = stopping.wait_for(|it| *it).await;
    });
    doors.spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "no longer listening");
        }
    });
    asked_to_stop().await?;
    tracing::info!("stopping");
    // The receivers may all be gone, and then there is nobody to tell.
    let _ = stop.send(true);
    let closing = async {
        while doors.join_next().await.is_some() {}
        ledger.write_all().await;
    };
    if timeout(STOP_WITHIN, closing).await.is_err() {
        tracing::warn!("not everything ended in time; the next start does it again");
    }
    Ok(())
}

/// Whoever restarts us may start the next before the last has let go of the data.
async fn start_engine(directory: &Path) -> Result<Engine, EngineError> {
    let asked = Instant::now();
    loop {
        match Engine::start(directory) {
            Err(EngineError::Locked(_)) if asked.elapsed() < STOP_WITHIN => {
                sleep(Duration::from_millis(100)).await;
            }
            started => return started,
        }
    }
}

/// What the doors share.
#[derive(Debug, Clone)]
struct House {
    store: Store,
    changes: Changes,
    /// Where messages say to look.
    console: String,
    inlet: Inlet,
    /// Rung when messages were written.
    enqueued: Arc<Notify>,
}

impl House {
    fn new(store: Store, changes: Changes, console: String) -> Self {
        let inlet = Inlet::new(store.clone(), clock::now, Arc::default());
        Self { store, changes, console, inlet, enqueued: Arc::default() }
    }

    /// The same, counting what it lets in and sends.
    fn counting(mut self, throughput: Throughput) -> Self {
        self.inlet.throughput = throughput;
        self
    }

    fn router(&self, metrics: Router, portal: Option<Portal>) -> Router {
        let enqueued = self.enqueued.clone();
        let bell = Bell::new(move |_| {
            enqueued.notify_one();
            std::future::ready(())
        });
        let reader = Reader::new(self.store.clone(), clock::now)
            .following(self.changes.clone())
            .ringing(bell);
        let api = api::router(self.inlet.clone(), reader.clone()).merge(metrics);
        console::beside(api, Console::new(reader).through(portal))
    }

    /// Starts every door that is not answered over HTTP.
    fn open(&self, config: Config, stop: &watch::Sender<bool>) -> JoinSet<()> {
        let mut doors = JoinSet::new();
        let evaluator = Evaluator { store: self.store.clone(), console: self.console.clone() };
        let emitter = config.emission.map(Emitter::to_standard_output);
        let paced = Paced::new(evaluator, Budget::default()).emitting(emitter);
        doors.spawn(self.follower(paced.clone(), config.tally_delay).run(stop.subscribe()));
        doors.spawn(wake(paced, self.enqueued.clone(), stop.subscribe()));
        if self.store.has_receiver() {
            let (news, bell) = (News::new(self.store.clone(), clock::now), self.enqueued.clone());
            let stopped = until(stop.subscribe());
            doors.spawn(news.run(config.otlp_interval, move || bell.notify_one(), stopped));
        }
        let courier = egress::courier(config.outside);
        let deliverer = Deliverer::new(self.store.clone(), courier, clock::now);
        let deliverer = deliverer.linking_to(self.console.clone());
        let deliverer = deliverer.counting(self.inlet.throughput.clone());
        doors.spawn(deliverer.run(self.enqueued.clone(), until(stop.subscribe())));
        let sweep =
            Sweep { store: self.store.clone(), console: self.console.clone(), clock: clock::now };
        doors.spawn(account(self.inlet.ledger.clone(), until(stop.subscribe())));
        let bell = self.enqueued.clone();
        doors.spawn(sweep.run(move || bell.notify_one(), until(stop.subscribe())));
        doors
    }

    fn follower(
        &self,
        paced: Paced,
        tally_delay: Duration,
    ) -> Follower<impl Fn(Job) -> Evaluation + Clone + use<>> {
        let bell = self.enqueued.clone();
        let evaluate = move |job: Job| -> Evaluation {
            let (paced, bell) = (paced.clone(), bell.clone());
            Box::pin(async move {
                if !paced.run(&job, clock::now()).await?.enqueued.is_empty() {
                    bell.notify_one();
                }
                Ok(())
            })
        };
        Follower {
            store: self.store.clone(),
            changes: self.changes.clone(),
            clock: clock::now,
            pace: Pace { tally_delay, ..Pace::default() },
            arrived: self.inlet.arrived.clone(),
            evaluate,
        }
    }
}

type Evaluation = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Evaluates what was put off, as soon as it is due. What an earlier process put off is among it.
async fn wake(paced: Paced, enqueued: Arc<Notify>, stop: watch::Receiver<bool>) {
    let mut stopped = std::pin::pin!(until(stop));
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(WAKE_EVERY) => {}
        }
        match paced.wake(clock::now()).await {
            Ok(evaluated) if evaluated.enqueued.is_empty() => {}
            Ok(_) => enqueued.notify_one(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what was put off stays due");
            }
        }
    }
}

/// Keeps the embedded store's file from growing with what is over.
async fn tidy(engine: Arc<Engine>, house: House, stop: watch::Receiver<bool>) {
    let mut stopped = std::pin::pin!(until(stop));
    for turn in 0_u64.. {
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(TIDY_EVERY) => {}
        }
        let done_with = house.changes.done_with(&house.store).await;
        let (engine, table) = (engine.clone(), house.store.facts_table().to_owned());
        let tidied = tokio::task::spawn_blocking(move || {
            if let Ok(Some(sequence)) = done_with {
                engine.forget(&table, &sequence)?;
            }
            // Looking for what has expired means reading everything.
            if turn.is_multiple_of(EXPIRE_EVERY) { engine.expire() } else { Ok(0) }
        });
        if let Ok(Err(error)) = tidied.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the store's file was not tidied");
        }
    }
}

/// Writes down what was refused and is followed by nothing that would.
async fn account(ledger: Ledger, stop: impl Future<Output = ()> + Send) {
    let mut stopped = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(GATHERED_FOR) => ledger.write_due(clock::now()).await,
        }
    }
}

/// Counters must have seen every hour before it is forgotten, whether anybody asks for them or not.
async fn watch_metrics(metrics: Metrics, stop: impl Future<Output = ()> + Send) {
    let mut stopped = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(COUNT_EVERY) => {}
        }
        if let Err(error) = metrics.look().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "metrics were not counted, and will be");
        }
    }
}

async fn until(mut stop: watch::Receiver<bool>) {
    // The sender gone means the same: stop.
    let _ = stop.wait_for(|it| *it).await;
}

async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// One line for people and scripts, which learn from it what port 0 became.
#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn announce(console: &str) {
    println!("listening on {console}");
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod telling;
