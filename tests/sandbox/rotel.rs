//! Rotel, an OpenTelemetry collector, as a process of its own: its Python package carries the program. It takes OTLP over HTTP, makes of it
//! what it makes of everybody's, and tells it on.
//!
//! Invariant: it listens on loopback, and is gone with the value.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::process::{Process, Program};
use crate::python;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("there is no Python environment with it")]
    Python(#[from] python::Unavailable),
    #[error("could not start it")]
    Start(#[from] io::Error),
    #[error("its package carries no program for this machine")]
    Nothing,
    #[error("it did not start:\n{0}")]
    Silent(String),
}

#[derive(Debug)]
pub struct Rotel {
    url: String,
    said: Arc<Mutex<Vec<String>>>,
    _process: Process,
    _home: TempDir,
}

impl Rotel {
    /// Starts it, the first time with making a virtual environment, and waits until it listens. It tells on to the receiver at that base
    /// URL.
    pub async fn start(onwards: &str) -> Result<Self, Unavailable> {
        let made = tokio::task::spawn_blocking(|| python::environment("requirements-otlp.txt"));
        let file = program(&made.await.map_err(io::Error::other)??)?;
        let home = tempfile::tempdir()?;
        let (http, grpc) = (free().await?, free().await?);
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&said);
        let ear = Arc::new(move |line: String| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let place = |name: &str| home.path().join(name).display().to_string();
        let (http_text, grpc_text) = (http.to_string(), grpc.to_string());
        let (pid, log) = (place("pid"), place("log"));
        let arguments = [
            ["--otlp-http-endpoint", &http_text],
            ["--otlp-grpc-endpoint", &grpc_text],
            ["--exporter", "otlp"],
            ["--otlp-exporter-endpoint", onwards],
            ["--otlp-exporter-protocol", "http"],
            ["--pid-file", &pid],
            ["--log-file", &log],
        ];
        let arguments = arguments.iter().flatten().map(|it| (*it).to_owned());
        let program = Program {
            file,
            arguments: std::iter::once("start".to_owned()).chain(arguments).collect(),
            variables: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            directory: home.path().to_owned(),
        };
        let process = Process::start(program, ear, drop).await?;
        let rotel = Self { url: format!("http://{http}"), said, _process: process, _home: home };
        let latest = Instant::now() + PATIENCE;
        while TcpStream::connect(http).await.is_err() {
            if Instant::now() >= latest {
                return Err(Unavailable::Silent(rotel.said()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(rotel)
    }

    /// What ends in `/v1/metrics` and `/v1/traces` below it.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

async fn free() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0").await?.local_addr()
}

/// The program in an environment, whichever Python made it.
fn program(venv: &Path) -> Result<PathBuf, Unavailable> {
    for python in std::fs::read_dir(venv.join("lib"))? {
        let program = python?.path().join("site-packages/rotel/rotel-agent");
        if program.exists() {
            return Ok(program);
        }
    }
    Err(Unavailable::Nothing)
}
