//! The way into the aggregator on AWS: a Function URL with `AWS_IAM`, emulated.
//!
//! ```text
//! extension ── SigV4, TLS ──▶ Front ── request + caller ──▶ aggregator
//!                               └───── event ─────────────▶ a handler's invocation endpoint
//! ```
//!
//! The signature is recomputed by botocore, in `tests/python/front.py`, because a verifier written
//! beside the signer would share its mistakes. What is answered, and what is handed on, follows the
//! developer guide's chapters on Function URLs; the Python modules cite it. Invariants: it listens
//! on loopback only, and it is gone with the value.

mod plan;
mod verdict;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

pub use self::plan::{Caller, Plan, Upstream};
pub use self::verdict::{Handshake, Verdict};
use crate::authority::{Authority, NotMade};
use crate::process::{Process, Program};
use crate::python;

/// Importing botocore takes a second on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const SETTINGS: &str = "settings.json";

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("there is no Python to run it")]
    Python(#[from] python::Unavailable),
    #[error("could not prepare the front end")]
    Prepare(#[from] io::Error),
    #[error(transparent)]
    Certificate(#[from] NotMade),
    #[error("the front end did not start:\n{said}")]
    Silent { said: String },
}

#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    plan: Mutex<Plan>,
    authority: Option<Authority>,
    heard: watch::Sender<Heard>,
    folder: TempDir,
    _process: Process,
}

/// What the process has said, line by line.
#[derive(Debug, Default)]
struct Heard {
    port: Option<u16>,
    verdicts: Vec<Verdict>,
    /// What was no message: a traceback, usually.
    other: Vec<String>,
}

impl Front {
    /// Starts it, the first time with making a virtual environment, and waits until it listens.
    pub async fn start(plan: Plan) -> Result<Self, Unavailable> {
        let made = tokio::task::spawn_blocking(|| python::environment("requirements-front.txt"));
        let venv = made.await.map_err(io::Error::other)??;
        let folder = tempfile::Builder::new().prefix("front-").tempdir()?;
        let authority = if plan.tls { Some(plan.authority()?) } else { None };
        if let Some(authority) = &authority {
            fs::write(folder.path().join("server.pem"), &authority.certificate)?;
            fs::write(folder.path().join("server.key"), &authority.key)?;
        }
        write(&plan, folder.path())?;
        let heard = watch::Sender::<Heard>::default();
        let listens = heard.clone();
        let ear = Arc::new(move |line: String| listens.send_modify(|heard| heard.take(line)));
        let program = Program {
            file: venv.join("bin/python"),
            // `-B`: nothing is to be written beside the sources.
            arguments: ["-B", "front.py"]
                .into_iter()
                .map(str::to_owned)
                .chain([path(&folder)])
                .collect(),
            variables: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            directory: python::HOME.into(),
        };
        let process = Process::start(program, ear, drop).await?;
        let port = listening(&heard, &process).await?;
        Ok(Self {
            address: ([127, 0, 0, 1], port).into(),
            plan: Mutex::new(plan),
            authority,
            heard,
            folder,
            _process: process,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Whom its clients must trust, where it speaks TLS.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Changes what it knows and what it thinks the time is, for every request from now on. How it
    /// listens cannot be changed.
    pub fn change(&self, edit: impl FnOnce(&mut Plan)) -> io::Result<()> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        edit(&mut plan);
        write(&plan, self.folder.path())
    }

    /// Every request it has judged.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.heard.borrow().verdicts.clone()
    }

    /// Waits until so many requests have been judged.
    pub async fn until_judged(&self, count: usize) -> Vec<Verdict> {
        let mut heard = self.heard.subscribe();
        // The sender lives in `self`, so this can only succeed.
        let _ = heard.wait_for(|heard| heard.verdicts.len() >= count).await;
        self.verdicts()
    }

    /// What it wrote that was no message: empty when all is well.
    pub fn complaints(&self) -> String {
        self.heard.borrow().other.join("\n")
    }
}

impl Heard {
    fn take(&mut self, line: String) {
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(port) = message["listening"].as_u64() {
            self.port = u16::try_from(port).ok();
        } else if let Some(verdict) = Verdict::read(&message) {
            self.verdicts.push(verdict);
        } else {
            self.other.push(line);
        }
    }
}

async fn listening(heard: &watch::Sender<Heard>, process: &Process) -> Result<u16, Unavailable> {
    let mut news = heard.subscribe();
    let listens = async {
        tokio::select! {
            told = news.wait_for(|heard| heard.port.is_some()) => told.ok()?.port,
            () = process.ended() => None,
        }
    };
    let port = timeout(PATIENCE, listens).await.ok().flatten();
    port.ok_or_else(|| Unavailable::Silent { said: heard.borrow().other.join("\n") })
}

/// In one step, because the process reads the file for every request.
fn write(plan: &Plan, folder: &Path) -> io::Result<()> {
    let fresh = folder.join("settings.new");
    fs::write(&fresh, plan.to_json().to_string())?;
    fs::rename(fresh, folder.join(SETTINGS))
}

fn path(folder: &TempDir) -> String {
    folder.path().to_string_lossy().into_owned()
}
