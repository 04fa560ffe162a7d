//! What warm invocations cost: processor time, memory, requests and bytes.

use std::time::Duration;

use anyhow::Context as _;
use sandbox::{
    Environment, Invocation, Spec, binaries,
    spec::{Function, Launch},
    usage::{self, Usage},
};
use serde_json::json;
use tokio::time;

use crate::{Effort, Subject, sink::Sink};

/// What one subject used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) peak_rss_bytes: u64,
    pub(crate) cpu_per_invocation: Duration,
    pub(crate) requests: u64,
    pub(crate) body_bytes: u64,
    pub(crate) objects: u64,
    pub(crate) object_bytes: u64,
}

/// The environment of a subject, with a plain function.
pub(crate) async fn spec(subject: &Subject, url: &str) -> anyhow::Result<Spec> {
    let runtime = tokio::task::spawn_blocking(binaries::function).await??;
    let function = Function::named(subject.name);
    let spec = Spec::new(function, Launch::program(runtime))
        .extension("overtime", subject.binary.clone())
        .variable("OVERTIME_URL", url)
        .variable("OVERTIME_AUTH", "none")
        .variable("OVERTIME_FLUSH_INTERVAL", subject.flush_interval);
    if !subject.stores {
        return Ok(spec);
    }
    let spec = spec
        .variable("OVERTIME_LOGS", "function")
        .variable("OVERTIME_LOGS_S3", "s3://logs")
        .variable("OVERTIME_LOGS_S3_ENDPOINT", url);
    Ok(spec)
}

pub(crate) async fn measure(subject: &Subject, effort: Effort) -> anyhow::Result<Cost> {
    measure_saying(subject, effort, 0).await
}

/// The same with a function that prints so many lines each time.
pub(crate) async fn measure_saying(
    subject: &Subject,
    effort: Effort,
    lines: u32,
) -> anyhow::Result<Cost> {
    let invocation = || Invocation::of(json!({ "lines": lines, "sleep_ms": 1 }));
    let sink = Sink::start().await?;
    let mut environment = Environment::start(spec(subject, &sink.url()).await?).await?;
    // The first invocations are not warm: buffers grow, pages are touched.
    for _ in 0..5 {
        environment.invoke(invocation()).await?;
    }
    let before = used(&environment)?;
    for _ in 0..effort.invocations {
        environment.invoke(invocation()).await?;
        time::sleep(effort.pace).await;
    }
    let after = used(&environment)?;
    environment.spin_down().await;
    Ok(Cost {
        peak_rss_bytes: after.peak_rss_bytes,
        cpu_per_invocation: after.cpu.saturating_sub(before.cpu) / effort.invocations,
        requests: sink.requests(),
        body_bytes: sink.body_bytes(),
        objects: sink.objects(),
        object_bytes: sink.object_bytes(),
    })
}

pub(crate) fn used(environment: &Environment) -> anyhow::Result<Usage> {
    let pid = environment.observer().extension_pid("overtime").context("the extension is gone")?;
    usage::of(pid).context("no /proc on this machine: this benchmark needs Linux")
}
