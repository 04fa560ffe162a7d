//! Prometheus' Alertmanager as a process of its own, as Debian packages it, and `amtool` to ask it.
//!
//! Invariant: it listens on loopback, talks to no cluster, and is gone with the value.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::http;
use crate::process::{Process, Program};
use crate::tools::{Missing, find};

const PATIENCE: Duration = Duration::from_secs(30);
const PACKAGE: &str = "prometheus-alertmanager";
/// Alerts that nobody repeats are over after a second, so that a test sees which of them say when they end.
const CONFIGURATION: &str =
    "global:\n  resolve_timeout: 1s\nroute:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("could not start it")]
    Start(#[from] io::Error),
    #[error("it does not answer as it should")]
    Request(#[from] reqwest::Error),
    #[error("it did not start:\n{0}")]
    Silent(String),
}

#[derive(Debug)]
pub struct Alertmanager {
    url: String,
    client: reqwest::Client,
    amtool: PathBuf,
    _process: Process,
    _home: TempDir,
}

impl Alertmanager {
    /// Starts it, and waits until it is ready.
    pub async fn start() -> Result<Self, Unavailable> {
        let (program, amtool) =
            (find("prometheus-alertmanager", PACKAGE)?, find("amtool", PACKAGE)?);
        let home = tempfile::tempdir()?;
        let file = home.path().join("alertmanager.yml");
        std::fs::write(&file, CONFIGURATION)?;
        let address: SocketAddr = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&said);
        let ear = Arc::new(move |line: String| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let program = Program {
            file: program,
            arguments: vec![
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", home.path().display()),
                format!("--web.listen-address={address}"),
                // None: it would look for others and be found by them.
                "--cluster.listen-address=".to_owned(),
            ],
            variables: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            directory: home.path().to_owned(),
        };
        let process = Process::start(program, ear, drop).await?;
        let url = format!("http://{address}");
        let it = Self { url, client: http::client()?, amtool, _process: process, _home: home };
        let latest = Instant::now() + PATIENCE;
        while !it.is_ready().await {
            if Instant::now() >= latest {
                let said = said.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
                return Err(Unavailable::Silent(said));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(it)
    }

    async fn is_ready(&self) -> bool {
        let asked = self.client.get(format!("{}/-/ready", self.url)).send().await;
        asked.is_ok_and(|it| it.status().is_success())
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The alerts that stand, as it shows them.
    pub async fn alerts(&self) -> Result<Vec<Value>, Unavailable> {
        let asked = self.client.get(format!("{}/api/v2/alerts", self.url)).send().await?;
        Ok(serde_json::from_slice(&asked.error_for_status()?.bytes().await?).unwrap_or_default())
    }

    /// What `amtool` makes of these arguments.
    pub async fn amtool(&self, arguments: &[&str]) -> Result<Output, Unavailable> {
        let url = format!("--alertmanager.url={}", self.url);
        Ok(Command::new(&self.amtool).arg(url).args(arguments).output().await?)
    }
}
