//! What it costs to store a function's logs: beside one that prints as much and is watched by the floor, or by an extension that
//! stores none.

use std::time::Duration;

use anyhow::ensure;
use sandbox::{Environment, Invocation};
use serde_json::json;
use tokio::time;

use crate::{Effort, Subject, Subjects, sink::Sink, warm, warm::Cost};

/// How much an ordinary invocation prints.
pub(crate) const LINES: u32 = 20;
/// And one that prints a lot.
const BURST: u32 = 5_000;
/// Until all of it was posted, read and stored.
const QUIET: Duration = Duration::from_secs(2);

/// All with a function that prints.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) floor: Cost,
    /// Stores none.
    pub(crate) extension: Cost,
    pub(crate) storing: Cost,
    /// Of the floor and of ours.
    pub(crate) bursts: [Burst; 2],
}

/// One invocation that prints a lot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Burst {
    pub(crate) peak_rss_bytes: u64,
    pub(crate) cpu: Duration,
    pub(crate) object_bytes: u64,
}

pub(crate) async fn measure(subjects: &Subjects, effort: Effort) -> anyhow::Result<Logs> {
    let (floor, extension, storing) = tokio::try_join!(
        warm::measure_saying(&subjects.floor, effort, LINES),
        warm::measure_saying(&subjects.extension, effort, LINES),
        warm::measure_saying(&subjects.storing, effort, LINES),
    )?;
    ensure!(storing.objects > 0 && extension.objects == 0, "{storing:?}, {extension:?}");
    let bursts = [burst(&subjects.floor).await?, burst(&subjects.storing).await?];
    Ok(Logs { floor, extension, storing, bursts })
}

async fn burst(subject: &Subject) -> anyhow::Result<Burst> {
    let sink = Sink::start().await?;
    let mut environment = Environment::start(warm::spec(subject, &sink.url()).await?).await?;
    for _ in 0..5 {
        environment.invoke(Invocation::of(json!({ "lines": 1, "sleep_ms": 30 }))).await?;
    }
    let before = warm::used(&environment)?;
    environment.invoke(Invocation::of(json!({ "lines": BURST, "sleep_ms": 500 }))).await?;
    environment.thaw();
    time::sleep(QUIET).await;
    let after = warm::used(&environment)?;
    environment.spin_down().await;
    Ok(Burst {
        peak_rss_bytes: after.peak_rss_bytes,
        cpu: after.cpu.saturating_sub(before.cpu),
        object_bytes: sink.object_bytes(),
    })
}
