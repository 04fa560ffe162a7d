//! Where journals lie, and finding the ones that nobody writes any more.
//!
//! One folder, `overtime`, in the temporary directory. A process that lives holds the lock of its file, so a lock that can
//! be had is a predecessor's. What is no journal, or one of another version, is removed, so that it is counted once;
//! another function's is left alone: on a laptop several functions share one temporary directory.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use overtime_wire::IncarnationId;

use super::{Contents, MAX_BYTES, decode};

/// Most files that are looked at; there should be one.
const FILES_MAX: usize = 64;
const SUFFIX: &str = "journal";
/// While a file is written, before it takes the other's place.
const BESIDE: &str = "new";

/// The folder of journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A predecessor's journal. Its lock is ours for as long as this lives.
#[derive(Debug)]
pub struct Found {
    pub contents: Contents,
    path: PathBuf,
    _lock: File,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Finds {
    pub journals: Vec<Found>,
    /// Files that could not be understood.
    pub ignored: u32,
}

impl Folder {
    pub fn under(temporary: &Path) -> Self {
        Self(temporary.join("overtime"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, incarnation: IncarnationId) -> PathBuf {
        self.0.join(format!("{incarnation}.{SUFFIX}"))
    }

    pub(super) fn beside(&self, incarnation: IncarnationId) -> PathBuf {
        self.0.join(format!("{incarnation}.{BESIDE}"))
    }

    /// Reads the journals that predecessors of this function left.
    pub fn read(&self, function: &str) -> Finds {
        let mut finds = Finds::default();
        for path in self.files(BESIDE) {
            if let Ok(Some(_)) = open(&path) {
                remove(&path);
            }
        }
        for path in self.files(SUFFIX) {
            match open(&path) {
                Ok(Some((bytes, lock))) => match decode(&bytes) {
                    Ok(contents) if contents.function == function => {
                        finds.journals.push(Found { contents, path, _lock: lock });
                    }
                    Ok(_) => {}
                    Err(_) => {
                        finds.ignored += 1;
                        remove(&path);
                    }
                },
                Ok(None) => {}
                Err(_) => finds.ignored += 1,
            }
        }
        finds
    }

    /// Removes whatever is there: after a restore it tells of an environment that is not ours.
    pub fn clear(&self) {
        [SUFFIX, BESIDE].iter().flat_map(|it| self.files(it)).for_each(|it| remove(&it));
    }

    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let paths = entries.filter_map(|it| Some(it.ok()?.path()));
        let is_ours = |it: &PathBuf| it.extension().is_some_and(|it| it == suffix);
        let mut paths: Vec<_> = paths.filter(is_ours).take(FILES_MAX).collect();
        paths.sort();
        paths
    }
}

impl Found {
    /// All of it is kept elsewhere now.
    pub fn remove(self) {
        remove(&self.path);
    }
}

/// `None` while another process lives with it.
fn open(path: &Path) -> io::Result<Option<(Vec<u8>, File)>> {
    // Where it cannot be written, its writer may not have been able to say what followed.
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    // Where files cannot be locked, nobody else can be told from a predecessor.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES + 1).unwrap_or(u64::MAX);
    (&file).take(most).read_to_end(&mut bytes)?;
    Ok(Some((bytes, file)))
}

/// A file that cannot be removed is met again, and is none the worse for it.
pub(super) fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}
