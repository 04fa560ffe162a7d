//! Programs that were not written here and that Debian packages: where they lie, and `promtool`, which is asked and answers.

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A program is not there. It is never a reason to skip a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{program} is not installed: it is in Debian's package {package}")]
pub struct Missing {
    program: &'static str,
    package: &'static str,
}

/// A program, by the places where programs lie.
pub(crate) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|it| it.join(program));
    places.into_iter().find(|it| it.is_file()).ok_or(Missing { program, package })
}

/// What Prometheus' `promtool check metrics` makes of metrics in the text format.
pub async fn check_metrics(metrics: &str) -> io::Result<Output> {
    let promtool = find("promtool", "prometheus").map_err(io::Error::other)?;
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // It reads all before it says anything.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(metrics.as_bytes()).await?;
    }
    child.wait_with_output().await
}
