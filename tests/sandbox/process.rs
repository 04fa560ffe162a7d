//! A real process of the sandbox: started, listened to, stopped, continued, killed.
//!
//! Each is the leader of its own process group, so that what it starts dies with it, as the
//! process tree does on Lambda. Invariant: a dropped [`Process`] leaves nothing running.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::clock;
use crate::variables::Variables;

/// How a process ended, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub at: Timestamp,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Code(i32),
    Signal(i32),
}

/// What to start.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Variables,
    pub(crate) directory: PathBuf,
}

/// What a process says, line by line, on stdout and stderr alike.
pub(crate) type Ear = Arc<dyn Fn(String) + Send + Sync>;

#[derive(Debug)]
pub(crate) struct Process {
    group: Pid,
    exit: watch::Receiver<Option<Exit>>,
}

impl Process {
    /// Starts a program. `ended` runs once, when it has ended and its group has been swept, and
    /// before anybody who waits for that is woken.
    pub(crate) async fn start(
        program: Program,
        ear: Ear,
        ended: impl FnOnce(Exit) + Send + 'static,
    ) -> io::Result<Self> {
        let mut child = spawn(&program).await?;
        let group = Pid::from_raw(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(-1));
        listen(child.stdout.take(), Arc::clone(&ear));
        listen(child.stderr.take(), ear);
        let (says, exit) = watch::channel(None);
        tokio::spawn(async move {
            let how = how_it_ended(&mut child).await;
            // Whatever it left behind in its group goes with it. The number cannot have been
            // given to another group yet: while a member lives it is taken, and else this misses.
            let _ = killpg(group, Signal::SIGKILL);
            let exit = Exit { at: clock::now(), how };
            ended(exit);
            says.send_replace(Some(exit));
        });
        Ok(Self { group, exit })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.group.as_raw().unsigned_abs()
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Signals the whole group, unless its leader is gone.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.exit().is_none() && self.group.as_raw() > 1 {
            // The only possible failure is that it has just ended, which is no failure.
            let _ = killpg(self.group, signal);
        }
    }

    pub(crate) async fn ended(&self) {
        let mut exit = self.exit.clone();
        // An error means the watcher is gone, and then so is the process.
        let _ = exit.wait_for(Option::is_some).await;
    }

    /// Kills the group and waits until it is gone.
    pub(crate) async fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// A freshly copied file can be "busy" for a moment, while another thread's fork still holds the
/// descriptor it was written through.
async fn spawn(program: &Program) -> io::Result<Child> {
    let mut patience = 20;
    loop {
        let started = Command::new(&program.file)
            .args(&program.arguments)
            .env_clear()
            .envs(&program.variables)
            .current_dir(&program.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        match started {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && patience > 0 => {
                patience -= 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            other => return other,
        }
    }
}

async fn how_it_ended(child: &mut Child) -> How {
    use std::os::unix::process::ExitStatusExt;
    match child.wait().await {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => How::Code(code),
            (None, signal) => How::Signal(signal.unwrap_or_default()),
        },
        // It cannot be waited for, so nobody can say; it is certainly of no use any more.
        Err(_) => How::Code(-1),
    }
}

fn listen(stream: Option<impl AsyncRead + Unpin + Send + 'static>, ear: Ear) {
    let Some(stream) = stream else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            ear(String::from_utf8_lossy(&line).into_owned());
        }
    });
}
