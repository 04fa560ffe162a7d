//! A DynamoDB in this process, kept in one file: the laptop's store.
//!
//! The engine answers on a loopback port of its own and on threads of its own, because it runs each request to its end on
//! the thread that took it. Two things it leaves undone are done here, on the file it keeps:
//!
//! - It searches its stream records by number and has no index over them, so that writing would take longer with every
//!   write. We add the index when we open the file.
//! - It never forgets stream records. [`Engine::forget`] deletes those that have been followed; the file reuses their room,
//!   so it grows with what is kept and not with what ever was.
//!
//! **Invariant.** One process per data directory: a lock on a file in it, which the system lifts however we end.

use std::{
    fs::{File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    thread,
};

use dynoxide::Database;
use tokio::sync::oneshot;

/// The embedded engine, running.
pub struct Engine {
    database: Database,
    file: PathBuf,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _lock: File,
}

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot use the data directory {0}")]
    Directory(PathBuf, #[source] io::Error),
    #[error("another process uses the data directory {0}; stop it, or name another with --data")]
    Locked(PathBuf),
    #[error("cannot open the database {0}: {1}")]
    Database(PathBuf, String),
    #[error("cannot keep the stream's records in order")]
    Records(#[from] rusqlite::Error),
    #[error("cannot listen on loopback")]
    Listen(#[source] io::Error),
}

/// How the stream's sequence numbers are written: this plus the number that the file holds.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;
/// How many records are deleted in one go, so that writers wait for no more than that.
const FORGET_AT_ONCE: usize = 2_000;

impl Engine {
    /// Opens or makes the database in `directory` and answers on a loopback port.
    pub fn start(directory: &Path) -> Result<Self, EngineError> {
        let failed = |error| EngineError::Directory(directory.to_owned(), error);
        std::fs::create_dir_all(directory).map_err(failed)?;
        let lock = lock(directory)?;
        let file = directory.join("overtime.db");
        let unopened = |problem: String| EngineError::Database(file.clone(), problem);
        let path = file.to_str().ok_or_else(|| unopened("its path is not UTF-8".to_owned()))?;
        let database = Database::new(path).map_err(|error| unopened(error.to_string()))?;
        index_records(&file)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(EngineError::Listen)?;
        listener.set_nonblocking(true).map_err(EngineError::Listen)?;
        let address = listener.local_addr().map_err(EngineError::Listen)?;
        let (stop, stopped) = oneshot::channel();
        let thread = answer(listener, database.clone(), stopped).map_err(EngineError::Listen)?;
        Ok(Self { database, file, address, stop: Some(stop), thread: Some(thread), _lock: lock })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Deletes the stream records of `table` up to and including `sequence`, and items whose time has come. Blocks.
    pub fn forget(&self, table: &str, sequence: &str) -> Result<usize, EngineError> {
        let records = rusqlite::Connection::open(&self.file)?;
        let Some(last) = stored_sequence(sequence) else { return Ok(0) };
        let mut forgotten = 0;
        loop {
            let deleted = records.execute(
                "DELETE FROM _stream_records WHERE id IN (SELECT id FROM _stream_records \
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 LIMIT ?3)",
                rusqlite::params![table, last, FORGET_AT_ONCE],
            )?;
            forgotten += deleted;
            if deleted < FORGET_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    /// Deletes items whose time has come. Blocks.
    pub fn expire(&self) -> Result<usize, EngineError> {
        let swept = self.database.sweep_ttl();
        swept.map_err(|error| EngineError::Database(self.file.clone(), error.to_string()))
    }

    /// Answers what is under way, and ends. Blocks.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        // Either end may be gone already, and then there is nothing to stop or to wait for.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Not waiting: a connection that stays open must not hold up whoever drops us.
        self.thread = None;
        self.halt();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Engine");
        shown.field("file", &self.file).field("address", &self.address).finish_non_exhaustive()
    }
}

fn lock(directory: &Path) -> Result<File, EngineError> {
    let failed = |error| EngineError::Directory(directory.to_owned(), error);
    let lock = File::create(directory.join("overtime.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(EngineError::Locked(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn index_records(file: &Path) -> Result<(), EngineError> {
    let records = rusqlite::Connection::open(file)?;
    records.execute_batch(
        "CREATE INDEX IF NOT EXISTS _overtime_records \
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    Ok(())
}

fn stored_sequence(sequence: &str) -> Option<i64> {
    let public: u128 = sequence.parse().ok()?;
    i64::try_from(public.checked_sub(SEQUENCE_OFFSET)?).ok()
}

fn answer(
    listener: TcpListener,
    database: Database,
    stopped: oneshot::Receiver<()>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine")
        .enable_all()
        .build()?;
    thread::Builder::new().name("engine".to_owned()).spawn(move || {
        runtime.block_on(async {
            let serving = async {
                let listener = tokio::net::TcpListener::from_std(listener)
                    .map_err(|error| error.to_string())?;
                dynoxide::server::serve_with_shutdown(listener, database, async {
                    // The sender gone means the same: stop.
                    let _ = stopped.await;
                })
                .await
            };
            if let Err(problem) = serving.await {
                tracing::error!("the embedded store stopped: {problem}");
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_used_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Engine::start(directory.path()).unwrap();
        let second = Engine::start(directory.path());
        assert!(matches!(second, Err(EngineError::Locked(_))), "{second:?}");
        first.stop();
        Engine::start(directory.path()).unwrap().stop();
    }
}
