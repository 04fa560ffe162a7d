//! What an extension adds to invocations: after the handler has returned, and while it runs beside a send.
//!
//! The subject sends after every invocation, so that there is always a send under way or overdue.

use std::time::Duration;

use sandbox::{
    Environment, Invocation,
    conditions::Condition,
    proxy::{Proxy, Weather},
};
use serde_json::json;
use tokio::time;

use crate::{Subject, sink::Sink, spread::Spread, warm};

pub(crate) const WEATHERS: [(&str, Weather); 4] = [
    ("well", Weather::Clear),
    ("slow", Weather::Slow(Duration::from_millis(500))),
    ("refusing", Weather::Refusing),
    ("black-holed", Weather::BlackHole),
];

const PACE: Duration = Duration::from_millis(25);
/// Some milliseconds of processor time in the function's development build.
const WORK: u32 = 20;

/// From the handler's return to the end of the invocation.
pub(crate) async fn after_the_handler(
    subject: &Subject,
    weather: Weather,
    invocations: usize,
) -> anyhow::Result<Spread> {
    let sink = Sink::start().await?;
    let proxy = Proxy::to(sink.address())?;
    proxy.set(weather).await;
    let mut environment = Environment::start(warm::spec(subject, &proxy.url()).await?).await?;
    let mut overheads = Vec::new();
    for _ in 0..invocations {
        let ended = environment.invoke(Invocation::of(json!({ "sleep_ms": 1 }))).await?;
        overheads.extend(ended.extension_overhead);
        time::sleep(PACE).await;
    }
    Ok(Spread::of(overheads))
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
