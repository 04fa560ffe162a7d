//! What memory it takes to speak TLS, and to sign, as it does on AWS.
//!
//! The aggregator stands behind the emulated function URL, with a certificate that a private authority gave. The floor
//! has nobody to speak to.

use std::time::Duration;

use anyhow::ensure;
use sandbox::{
    Environment, Invocation,
    front::{Caller, Front, Plan, Upstream},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::time;

use crate::{Subject, sink::Sink, warm};

/// Longer than telemetry is buffered, so that each invocation has its send.
const PACE: Duration = Duration::from_millis(40);

/// The most memory used over so many invocations, after each of which something is sent.
pub(crate) async fn peak_rss(subject: &Subject, invocations: usize) -> anyhow::Result<u64> {
    let sink = Sink::start().await?;
    let spec = warm::spec(subject, "https://127.0.0.1").await?;
    let plan = Plan::to(Upstream::Requests(sink.url())).caller(Caller::of(&spec)).over_tls();
    let front = Front::start(plan).await?;
    let folder = TempDir::new()?;
    let certificate = folder.path().join("authority.pem");
    std::fs::write(&certificate, front.authority().map_or("", |it| &it.root))?;
    let spec = spec
        .variable("OVERTIME_URL", front.url())
        .variable("OVERTIME_AUTH", "iam")
        .variable("OVERTIME_SIGNING_REGION", "eu-west-1")
        .variable("OVERTIME_CA_FILE", certificate.to_string_lossy());
    let mut environment = Environment::start(spec).await?;
    for _ in 0..invocations {
        environment.invoke(Invocation::of(json!({ "sleep_ms": 1 }))).await?;
        time::sleep(PACE).await;
    }
    let used = warm::used(&environment)?;
    environment.spin_down().await;
    let verdicts = front.verdicts();
    ensure!(
        !verdicts.is_empty() && verdicts.iter().all(|it| it.status == 200 && it.tls.is_some()),
        "nothing was sent over TLS, or it was refused: {verdicts:?}\n{}",
        front.complaints()
    );
    Ok(used.peak_rss_bytes)
}
