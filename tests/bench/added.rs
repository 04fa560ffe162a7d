//! What an extension adds to invocations: after the handler has returned, and while it runs beside a send.
//!
//! The subjects that send do so after every invocation, so that there is always a send under way or overdue. They take turns
//! in bursts, with a pause after each for what it left behind, so that nobody's telemetry or send falls into another's
//! turn, and all of it into their own. The floor runs twice, as two subjects: how far it is from itself is the noise. And
//! it runs once told of telemetry: how far that is from it, the platform spends, at the end of every invocation, on anybody
//! who is told.

use std::time::Duration;

use sandbox::{
    Environment, Invocation,
    conditions::Condition,
    proxy::{Proxy, Weather},
};
use serde_json::json;
use tokio::time;

use crate::{Subject, Subjects, logs, sink::Sink, spread::Rounds, warm};

const WEATHERS: [(&str, Weather); 4] = [
    ("well", Weather::Clear),
    ("slow", Weather::Slow(Duration::from_millis(500))),
    ("refusing", Weather::Refusing),
    ("black-holed", Weather::BlackHole),
];

/// From one invocation of a burst to the next: below and above the 25 ms that telemetry is buffered, so that it falls into
/// every moment of an invocation.
const PAUSES: [u64; 10] = [3, 9, 17, 28, 6, 21, 13, 33, 11, 24];
/// After a burst: telemetry is posted and batches are sent by then.
const QUIET: Duration = Duration::from_millis(60);
const PACE: Duration = Duration::from_millis(25);
/// Some milliseconds of processor time in the function's development build.
const WORK: u32 = 20;

/// By subject, from the handler's return to the end of the invocation.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) floor: Rounds,
    pub(crate) floor_again: Rounds,
    /// The floor, told of telemetry.
    pub(crate) told: Rounds,
    /// Ours as it is deployed, and ours sending, by the state of the aggregator.
    pub(crate) ours: Vec<(&'static str, Rounds)>,
    /// The floor beside a function that prints, and ours that stores what it prints.
    pub(crate) talking: [Rounds; 2],
}

/// A subject that takes turns with others.
pub(crate) struct Turns {
    name: &'static str,
    /// How many lines the function prints each time.
    lines: u32,
    environment: Environment,
    rounds: Rounds,
    _proxy: Proxy,
}

impl Turns {
    async fn of(subject: &Subject, name: &'static str, weather: Weather) -> anyhow::Result<Self> {
        let proxy = Proxy::to(Sink::start().await?.address())?;
        proxy.set(weather).await;
        let environment = Environment::start(warm::spec(subject, &proxy.url()).await?).await?;
        Ok(Self { name, lines: 0, environment, rounds: Rounds::default(), _proxy: proxy })
    }

    /// Where all is well.
    pub(crate) async fn sending(subject: &Subject) -> anyhow::Result<Self> {
        Self::of(subject, subject.name, Weather::Clear).await
    }

    async fn talking(subject: &Subject, name: &'static str) -> anyhow::Result<Self> {
        Ok(Self { lines: logs::LINES, ..Self::of(subject, name, Weather::Clear).await? })
    }

    async fn burst(&mut self) -> anyhow::Result<()> {
        let mut overheads = Vec::new();
        for pause in PAUSES {
            let payload = json!({ "lines": self.lines, "sleep_ms": 1 });
            let ended = self.environment.invoke(Invocation::of(payload)).await?;
            overheads.extend(ended.extension_overhead);
            time::sleep(Duration::from_millis(pause)).await;
        }
        self.rounds.0.push(overheads);
        time::sleep(QUIET).await;
        Ok(())
    }
}

pub(crate) async fn after_the_handler(subjects: &Subjects, rounds: usize) -> anyhow::Result<Added> {
    let Subjects { floor, told, extension, sending, storing, .. } = subjects;
    let mut all = vec![
        Turns::of(floor, "floor", Weather::Clear).await?,
        Turns::of(floor, "floor again", Weather::Clear).await?,
        Turns::of(told, "told", Weather::Clear).await?,
        Turns::of(extension, "well, as deployed", Weather::Clear).await?,
    ];
    for (name, weather) in WEATHERS {
        all.push(Turns::of(sending, name, weather).await?);
    }
    all.push(Turns::talking(floor, "floor, talking").await?);
    all.push(Turns::talking(storing, "storing").await?);
    let names: Vec<_> = all.iter().map(|it| it.name).collect();
    let mut all = names.into_iter().zip(take_turns(all, rounds).await?);
    let mut next = || all.next().map(|it| it.1).unwrap_or_default();
    let (floor, floor_again, told) = (next(), next(), next());
    let mut ours: Vec<_> = all.collect();
    let talking = ours.split_off(ours.len().saturating_sub(2)).into_iter().map(|it| it.1);
    let talking: Vec<_> = talking.collect();
    let talking = talking.try_into().unwrap_or_default();
    Ok(Added { floor, floor_again, told, ours, talking })
}

/// Bursts of all, one after the other in each round, and what each showed.
pub(crate) async fn take_turns(mut all: Vec<Turns>, rounds: usize) -> anyhow::Result<Vec<Rounds>> {
    // The first invocations of a process are not warm.
    for it in &mut all {
        it.burst().await?;
        it.rounds = Rounds::default();
    }
    for round in 0..rounds {
        // Each in turn is the first, and each has any of the others before it.
        let count = all.len();
        for at in 0..count {
            let at = if round % 2 == 0 { at } else { count - 1 - at };
            all[(at + round / 2) % count].burst().await?;
        }
    }
    Ok(all.into_iter().map(|it| it.rounds).collect())
}

/// How long a handler with a fixed amount of work takes on average, at a 128 MB share. On average, because the share comes
/// in portions, and what takes a moment longer often takes a whole portion longer.
pub(crate) async fn beside_the_handler(
    subject: &Subject,
    invocations: u32,
) -> anyhow::Result<Duration> {
    let sink = Sink::start().await?;
    let spec = Condition::SmallShare.apply(warm::spec(subject, &sink.url()).await?);
    let mut environment = Environment::start(spec).await?;
    let mut sum = Duration::ZERO;
    for _ in 0..invocations {
        let ended = environment.invoke(Invocation::of(json!({ "work": WORK }))).await?;
        sum += Duration::try_from(ended.runtime_done.duration_since(ended.started))?;
        time::sleep(PACE).await;
    }
    Ok(sum / invocations.max(1))
}
