//! What the extension costs, beside one that does nothing, in one run on one machine.
//!
//! The floor (`tests/floor`) registers and polls, and that is all: std only, blocking, one thread, compiled as the layer
//! is. Absolute numbers depend on the machine and its mood, so subjects take turns and the ratio is what counts.
//!
//! `cargo measure` prints the table that stands in the README; `-- --quick` is a short form for a smoke test.

mod build;
mod platform;
mod sink;

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use sandbox::{
    Environment, Invocation, Spec, binaries,
    spec::{Function, Launch},
    usage::{self, Usage},
};
use serde_json::json;
use tokio::time;

use self::sink::Sink;

/// One row's worth of subject.
#[derive(Debug, Clone)]
struct Subject {
    name: &'static str,
    binary: PathBuf,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    starts: usize,
    invocations: u32,
    pace: Duration,
}

const THOROUGH: Effort =
    Effort { starts: 100, invocations: 1_000, pace: Duration::from_millis(50) };
const QUICK: Effort = Effort { starts: 10, invocations: 60, pace: Duration::from_millis(20) };

/// What one subject used.
#[derive(Debug, Clone, Copy)]
struct Cost {
    first_next: Duration,
    peak_rss_bytes: u64,
    cpu_per_invocation: Duration,
    requests: u64,
    body_bytes: u64,
}

fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|it| it == "--quick");
    let effort = if quick { QUICK } else { THOROUGH };
    say("building the layer's extension and the floor …")?;
    let floor = Subject { name: "floor", binary: build::floor()? };
    let extension = Subject { name: "extension", binary: build::extension()? };
    say(&format!("extension: {} bytes on disk", std::fs::metadata(&extension.binary)?.len()))?;
    say(&format!("measuring {} starts of each …", effort.starts))?;
    let starts = platform::first_next(&[&floor.binary, &extension.binary], effort.starts)?;
    let runtime = tokio::runtime::Runtime::new()?;
    say(&format!("measuring {} warm invocations of each …", effort.invocations))?;
    let (floor, extension) = runtime.block_on(async {
        tokio::try_join!(warm(&floor, effort, starts[0]), warm(&extension, effort, starts[1]),)
    })?;
    say(&table(&floor, &extension, effort))
}

async fn warm(subject: &Subject, effort: Effort, first_next: Duration) -> anyhow::Result<Cost> {
    let runtime = tokio::task::spawn_blocking(binaries::function).await??;
    let sink = Sink::start().await?;
    let function = Function::named(subject.name);
    let spec = Spec::new(function, Launch::program(runtime))
        .extension("overtime", subject.binary.clone())
        .variable("OVERTIME_URL", sink.url())
        .variable("OVERTIME_AUTH", "none");
    let mut environment = Environment::start(spec).await?;
    // The first invocations are not warm: buffers grow, pages are touched.
    for _ in 0..5 {
        environment.invoke(Invocation::of(json!({ "sleep_ms": 1 }))).await?;
    }
    let before = used(&environment)?;
    for _ in 0..effort.invocations {
        environment.invoke(Invocation::of(json!({ "sleep_ms": 1 }))).await?;
        time::sleep(effort.pace).await;
    }
    let after = used(&environment)?;
    environment.spin_down().await;
    Ok(Cost {
        first_next,
        peak_rss_bytes: after.peak_rss_bytes,
        cpu_per_invocation: after.cpu.saturating_sub(before.cpu) / effort.invocations,
        requests: sink.requests(),
        body_bytes: sink.body_bytes(),
    })
}

fn used(environment: &Environment) -> anyhow::Result<Usage> {
    let pid = environment.observer().extension_pid("overtime").context("the extension is gone")?;
    usage::of(pid).context("no /proc on this machine: this benchmark needs Linux")
}

fn table(floor: &Cost, extension: &Cost, effort: Effort) -> String {
    let row = |what: &str, target: &str, numbers: [f64; 2], digits: usize| {
        let [floor, extension] = numbers;
        let ratio = extension / floor;
        format!("| {what} | {floor:.digits$} | {extension:.digits$} | {ratio:.2} × | {target} |")
    };
    let ms = |it: Duration| it.as_secs_f64() * 1e3;
    let mb = |bytes: u64| f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0;
    let thousands = f64::from(effort.invocations) / 1_000.0;
    let per_thousand = |it: u64| f64::from(u32::try_from(it).unwrap_or(u32::MAX)) / thousands;
    [
        "| what | floor | extension | ratio | target |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
        row(
            "exec → first `/next`, ms, median",
            "≤ 1.5 ×",
            [ms(floor.first_next), ms(extension.first_next)],
            2,
        ),
        row(
            "peak RSS on plain HTTP, MB",
            "≤ 2 ×",
            [mb(floor.peak_rss_bytes), mb(extension.peak_rss_bytes)],
            1,
        ),
        row(
            "CPU per warm invocation, ms",
            "≤ 2.5 ×",
            [ms(floor.cpu_per_invocation), ms(extension.cpu_per_invocation)],
            3,
        ),
        format!(
            "| requests per 1,000 warm invocations in a minute | – | {:.1} | – | ≤ 2 |",
            per_thousand(extension.requests)
        ),
        format!(
            "| body bytes per 1,000 warm invocations in a minute | – | {:.0} | – | ≤ 1,000 |",
            per_thousand(extension.body_bytes)
        ),
    ]
    .join("\n")
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("failed to write")
}
