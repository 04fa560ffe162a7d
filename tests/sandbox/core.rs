//! The inside of an environment, shared by its APIs, its processes and its supervisor.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::hooks::Hooks;
use crate::process::{Exit, Process, Program};
use crate::share::{Member, Ration};
use crate::spec::{Extension, Spec};
use crate::state::{Agent, State};
use crate::telemetry::record::Kind;
use crate::telemetry::{Delivering, Telemetry};
use crate::variables::{self, Place};
use crate::{api, clock, ids};

/// The emulator itself could not do its work; nothing that a function or an extension did.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("could not prepare the environment's directories")]
    Directories(#[source] io::Error),
    #[error("could not listen on loopback")]
    Listen(#[source] io::Error),
    #[error("could not start {program}")]
    Start { program: PathBuf, source: io::Error },
    #[error("the environment has been shut down")]
    Gone,
}

/// A line a process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub source: Source,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Function,
    Extension(String),
}

/// Enough to explain a failure; a function in a loop must not fill the memory of its observer.
const LINES_KEPT: usize = 2_000;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) spec: Spec,
    pub(crate) place: Place,
    pub(crate) state: watch::Sender<State>,
    pub(crate) frozen: watch::Sender<bool>,
    pub(crate) before_thaw: Hooks,
    pub(crate) ration: Ration,
    pub(crate) telemetry: Telemetry,
    lines: Mutex<VecDeque<Line>>,
    root: TempDir,
}

impl Core {
    /// Lays out the directories and starts the APIs, which stop when the handle is dropped.
    pub(crate) async fn open(
        spec: Spec,
        delivering: Delivering,
    ) -> Result<(Arc<Self>, Door), Fault> {
        let root = tempfile::Builder::new().prefix("sandbox-").tempdir();
        let root = root.map_err(Fault::Directories)?;
        lay_out(root.path(), &spec).map_err(Fault::Directories)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Fault::Listen)?;
        let task_root = match &spec.runtime.task_root {
            Some(given) => given.clone(),
            None => root.path().join("task"),
        };
        let place = Place {
            api: listener.local_addr().map_err(Fault::Listen)?,
            tmp: root.path().join("tmp"),
            task_root,
            instance: ids::instance(&spec.function.name, &spec.function.version, clock::now()),
            path: std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()),
        };
        let frozen = watch::Sender::new(false);
        let core = Arc::new(Self {
            telemetry: Telemetry::new(delivering, frozen.subscribe()),
            ration: Ration::of(spec.share),
            spec,
            place,
            state: watch::Sender::new(State::default()),
            frozen,
            before_thaw: Hooks::default(),
            lines: Mutex::default(),
            root,
        });
        let door = Door(tokio::spawn(api::serve(listener, Arc::clone(&core))));
        Ok((core, door))
    }

    /// Forgets everything of the life before and expects the extensions to register anew.
    pub(crate) fn begin_life(&self) {
        let now = clock::now();
        let agents = self.spec.extensions.iter();
        let agents = agents.map(|it| Agent::new(ids::uuid(), it.name.clone(), now)).collect();
        self.state.send_modify(|state| {
            let generation = state.generation + 1;
            *state = State { generation, open: true, agents, ..State::default() };
        });
    }

    /// Waits until the state answers a question, or a moment has passed.
    pub(crate) async fn until<T>(
        &self,
        latest: Instant,
        question: impl Fn(&State) -> Option<T>,
    ) -> Option<T> {
        let mut answer = None;
        let mut states = self.state.subscribe();
        let asking = states.wait_for(|state| {
            answer = question(state);
            answer.is_some()
        });
        // The sender lives in `self`, so the only error is that the moment has passed.
        let _ = timeout_at(latest, asking).await;
        answer
    }

    pub(crate) async fn start_extension(
        self: &Arc<Self>,
        extension: &Extension,
    ) -> Result<Process, Fault> {
        let program = Program {
            file: self.root.path().join("opt/extensions").join(&extension.name),
            arguments: Vec::new(),
            variables: variables::of_extension(&self.spec, &self.place),
            directory: self.root.path().to_owned(),
        };
        let name = extension.name.clone();
        let process = self.start(program, Source::Extension(name.clone())).await?;
        self.state.send_modify(|state| {
            if let Some(agent) = state.agents.iter_mut().find(|agent| agent.name == name) {
                agent.pid = Some(process.pid());
            }
        });
        Ok(process)
    }

    pub(crate) async fn start_runtime(self: &Arc<Self>) -> Result<Process, Fault> {
        let program = Program {
            file: self.spec.runtime.program.clone(),
            arguments: self.spec.runtime.arguments.clone(),
            variables: variables::of_runtime(&self.spec, &self.place),
            directory: self.place.task_root.clone(),
        };
        let process = self.start(program, Source::Function).await?;
        self.state.send_modify(|state| state.runtime.pid = Some(process.pid()));
        Ok(process)
    }

    async fn start(self: &Arc<Self>, program: Program, source: Source) -> Result<Process, Fault> {
        let file = program.file.clone();
        let generation = self.state.borrow().generation;
        let (hears, watches) = (Arc::downgrade(self), Arc::downgrade(self));
        let speaker = source.clone();
        let ear = Arc::new(move |text: String| {
            if let Some(core) = hears.upgrade() {
                core.hear(speaker.clone(), text);
            }
        });
        let member = Member::default();
        let leaves = member.clone();
        let ended = move |exit: Exit| {
            leaves.leave();
            if let Some(core) = watches.upgrade() {
                core.state.send_modify(|state| bury(state, generation, &source, exit));
            }
        };
        let started = Process::start(program, ear, ended).await;
        let process = started.map_err(|error| Fault::Start { program: file, source: error })?;
        self.ration.admit(process.pid(), member);
        Ok(process)
    }

    /// Keeps a line for whoever looks later, and hands it to the Telemetry API.
    fn hear(&self, source: Source, text: String) {
        let kind = match &source {
            Source::Function => Kind::Function,
            Source::Extension(_) => Kind::ExtensionLog,
        };
        self.telemetry.tell(clock::now(), kind, text.clone().into());
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(Line { source, text });
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

/// An end is news only to the life in which the process was started.
fn bury(state: &mut State, generation: u64, source: &Source, exit: Exit) {
    if state.generation != generation {
        return;
    }
    match source {
        Source::Function => state.runtime.exit = Some(exit),
        Source::Extension(name) => {
            if let Some(agent) = state.agents.iter_mut().find(|agent| agent.name == *name) {
                agent.exit = Some(exit);
                agent.parked = None;
            }
        }
    }
}

/// A layer's files keep their names: an extension may look at the path it was started from, so
/// a symbolic link would show it another one.
fn lay_out(root: &Path, spec: &Spec) -> io::Result<()> {
    fs::create_dir_all(root.join("tmp"))?;
    fs::create_dir_all(root.join("task"))?;
    let layer = root.join("opt/extensions");
    fs::create_dir_all(&layer)?;
    for extension in &spec.extensions {
        let file = layer.join(&extension.name);
        if fs::hard_link(&extension.binary, &file).is_err() {
            fs::copy(&extension.binary, &file)?;
        }
    }
    Ok(())
}

/// The APIs of an environment; closed when dropped.
#[derive(Debug)]
pub(crate) struct Door(JoinHandle<()>);

impl Drop for Door {
    fn drop(&mut self) {
        self.0.abort();
    }
}
