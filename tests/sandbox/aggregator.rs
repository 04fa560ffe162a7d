//! `overtime serve` as a process beside the environments: started, killed, started again.
//!
//! Its data lie in a directory that outlives the process, because what was acknowledged must
//! survive `kill -9`. Invariants: it listens on the same address after a restart, and it is gone,
//! with its data, when the value is dropped.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::http;
use crate::process::{Exit, Process, Program};
use crate::variables::Variables;

/// The first start creates tables; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_mins(1);
const LINES_KEPT: usize = 200;

/// The aggregator does not serve.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("could not prepare the aggregator")]
    Prepare(#[source] io::Error),
    #[error("{address} cannot be listened on")]
    Address { address: SocketAddr, source: io::Error },
    #[error("could not start {program}")]
    Start { program: PathBuf, source: io::Error },
    #[error("could not make an HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("the aggregator ended before it was ready:\n{said}")]
    Ended { said: String },
    #[error("the aggregator was not ready in time:\n{said}")]
    Slow { said: String },
}

#[derive(Debug)]
pub struct Aggregator {
    binary: PathBuf,
    variables: Variables,
    address: SocketAddr,
    data: TempDir,
    process: Mutex<Option<Arc<Process>>>,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Aggregator {
    /// Starts `overtime serve` on an address, port 0 meaning any free one, and waits until it is
    /// ready.
    pub async fn start(binary: &Path, listen: SocketAddr) -> Result<Self, Unavailable> {
        Self::start_with(binary, listen, []).await
    }

    /// The same, with settings beside the ones of this process's own environment.
    pub async fn start_with(
        binary: &Path,
        listen: SocketAddr,
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Unavailable> {
        let mut variables: Variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        variables.extend(settings);
        let data = tempfile::Builder::new().prefix("overtime-data-").tempdir();
        let aggregator = Self {
            binary: binary.to_owned(),
            variables,
            address: free(listen)
                .await
                .map_err(|source| Unavailable::Address { address: listen, source })?,
            data: data.map_err(Unavailable::Prepare)?,
            process: Mutex::default(),
            lines: Arc::default(),
        };
        aggregator.restart().await?;
        Ok(aggregator)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    pub fn pid(&self) -> Option<u32> {
        self.process().filter(|process| process.exit().is_none()).map(|process| process.pid())
    }

    /// The last lines it wrote.
    pub fn said(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// `kill -9`, which nobody can prepare for.
    pub async fn kill(&self) {
        if let Some(process) = self.process() {
            process.kill().await;
        }
    }

    /// SIGTERM, which a server answers by finishing what it has begun.
    pub async fn stop(&self) -> Option<Exit> {
        let process = self.process()?;
        process.signal(Signal::SIGTERM);
        process.ended().await;
        process.exit()
    }

    /// Waits until it is gone, whoever ended it.
    pub async fn ended(&self) {
        if let Some(process) = self.process() {
            process.ended().await;
        }
    }

    /// Starts it on the same address and the same data, and waits until it is ready.
    pub async fn restart(&self) -> Result<(), Unavailable> {
        self.kill().await;
        let program = Program {
            file: self.binary.clone(),
            arguments: vec![
                "serve".to_owned(),
                "--listen".to_owned(),
                self.address.to_string(),
                "--data".to_owned(),
                self.data.path().to_string_lossy().into_owned(),
            ],
            variables: self.variables.clone(),
            directory: self.data.path().to_owned(),
        };
        let lines = Arc::clone(&self.lines);
        let ear = Arc::new(move |line: String| {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(line);
        });
        let process = Process::start(program, ear, drop).await;
        let process = process
            .map_err(|source| Unavailable::Start { program: self.binary.clone(), source })?;
        let process = Arc::new(process);
        self.remember(Arc::clone(&process));
        self.until_ready(&process).await
    }

    fn remember(&self, process: Arc<Process>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    async fn until_ready(&self, process: &Process) -> Result<(), Unavailable> {
        let client = http::client()?;
        let url = format!("{}/healthz", self.url());
        let latest = Instant::now() + PATIENCE;
        loop {
            let asked = client.get(&url).timeout(Duration::from_secs(5)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if process.exit().is_some() {
                return Err(Unavailable::Ended { said: self.said() });
            }
            if Instant::now() >= latest {
                return Err(Unavailable::Slow { said: self.said() });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The address, with a port that was free a moment ago. Somebody else's server there would answer in ours' place.
async fn free(listen: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind(listen).await?.local_addr()
}
