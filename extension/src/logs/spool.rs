//! What is not stored yet, in the temporary directory, which survives the reset of an environment.
//!
//! A file for each object, beside the journal: `overtime/logs/FUNCTION.HOUR.INCARNATION.NUMBER.gz`. Each is appended to as its object
//! grows, and removed once that is stored. A process that lives holds the locks of its files, so a lock that can be had is a
//! predecessor's. Where the directory cannot be written, what waits is in memory alone.
//!
//! **Invariant.** All files of one function together hold at most about `WAITING_MAX`, and there are at most `FILES_MAX`.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use overtime_wire::IncarnationId;

use super::{
    key::{Hour, Name},
    shelf::{Object, WAITING_MAX},
};

const FILES_MAX: usize = 128;
const SUFFIX: &str = "gz";
/// How many times a file that cannot be written is left alone.
const PAUSE: u32 = 16;

#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    /// As it is written in the names of files.
    function: String,
    files: BTreeMap<Name, Kept>,
    bytes: usize,
    pause: u32,
}

#[derive(Debug)]
struct Kept {
    /// Its lock is ours for as long as this lives.
    file: File,
    path: PathBuf,
    length: usize,
}

impl Spool {
    pub(super) fn under(temporary: &Path, function: &str) -> Self {
        let plain = |it: char| if it.is_ascii_alphanumeric() || it == '-' { it } else { '_' };
        Self {
            folder: temporary.join("overtime").join("logs"),
            function: function.chars().map(plain).collect(),
            files: BTreeMap::new(),
            bytes: 0,
            pause: 0,
        }
    }

    /// Takes over what predecessors left, oldest first.
    pub(super) fn inherit(&mut self) -> Vec<Object> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut left = Vec::new();
        for path in entries.filter_map(|it| Some(it.ok()?.path())).take(FILES_MAX) {
            let Some(name) = self.name_of(&path) else { continue };
            let Ok(Some((file, length))) = open(&path) else { continue };
            self.bytes += length;
            self.files.insert(name, Kept { file, path, length });
            left.push(Object { name, length, lines: None, body: None });
        }
        left.sort_by_key(|it| it.name);
        left
    }

    /// After a restore: whatever is there tells of an environment that is not ours.
    pub(super) fn clear(&mut self) {
        self.files.clear();
        self.bytes = 0;
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.filter_map(|it| Some(it.ok()?.path())).take(FILES_MAX) {
            let _ = fs::remove_file(path);
        }
    }

    /// Brings the file of an object up to date.
    pub(super) fn follow(&mut self, name: Name, bytes: &[u8]) {
        let done = self.files.get(&name).map_or(0, |it| it.length);
        if bytes.len() == done {
            return;
        }
        // A file that is there must not fall behind.
        if done == 0 && self.pause > 0 {
            self.pause -= 1;
            return;
        }
        if self.bytes + bytes.len() - done > WAITING_MAX
            || self.append(name, &bytes[done..]).is_err()
        {
            self.remove(name);
            self.pause = PAUSE;
        }
    }

    fn append(&mut self, name: Name, more: &[u8]) -> io::Result<()> {
        if !self.files.contains_key(&name) {
            let kept = self.create(name)?;
            self.files.insert(name, kept);
        }
        let Some(kept) = self.files.get_mut(&name) else { return Ok(()) };
        kept.file.write_all(more)?;
        kept.length += more.len();
        self.bytes += more.len();
        Ok(())
    }

    fn create(&self, name: Name) -> io::Result<Kept> {
        if self.files.len() >= FILES_MAX {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!(
            "{}.{}.{}.{}.{SUFFIX}",
            self.function, name.hour.0, name.by, name.number
        ));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        // Where files cannot be locked there is one process in an environment, and nobody to keep away.
        let _ = file.try_lock();
        Ok(Kept { file, path, length: 0 })
    }

    /// Whether there is any of it.
    pub(super) fn holds(&self, name: Name) -> bool {
        self.files.contains_key(&name)
    }

    /// Whether all of an object is there.
    pub(super) fn has(&self, object: &Object) -> bool {
        self.files.get(&object.name).is_some_and(|it| it.length == object.length)
    }

    pub(super) fn read(&self, name: Name) -> Option<Vec<u8>> {
        let mut file = &self.files.get(&name)?.file;
        file.seek(SeekFrom::Start(0)).ok()?;
        let (mut bytes, most) = (Vec::new(), u64::try_from(WAITING_MAX).unwrap_or(u64::MAX));
        file.take(most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// A file that cannot be removed is met again, and its object stored once more under its name.
    pub(super) fn remove(&mut self, name: Name) {
        if let Some(kept) = self.files.remove(&name) {
            self.bytes = self.bytes.saturating_sub(kept.length);
            let _ = fs::remove_file(kept.path);
        }
    }

    fn name_of(&self, path: &Path) -> Option<Name> {
        let parts: Vec<&str> = path.file_name()?.to_str()?.split('.').collect();
        let [function, hour, by, number, SUFFIX] = parts[..] else { return None };
        (function == self.function).then_some(())?;
        let hour = hour.parse().ok().filter(|it| *it >= 0).map(Hour)?;
        Some(Name { hour, by: IncarnationId::parse(by)?, number: number.parse().ok()? })
    }
}

/// `None` while another process lives with it.
fn open(path: &Path) -> io::Result<Option<(File, usize)>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(None);
    }
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    Ok(Some((file, length.min(WAITING_MAX))))
}
