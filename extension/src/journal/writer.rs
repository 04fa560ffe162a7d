//! The file that this process writes.
//!
//! Nothing is created before there is something to say. Then every turn of the loop that changes anything is one append.
//! A fault ends the file, because a journal that is not kept up would claim what is long over. What it said is still known, so it
//! is written anew once there is room again: a function that fills `/tmp` often empties it, too. The tries come ever more rarely.

use std::{fs, fs::File, io, mem, path::PathBuf};

use super::{Contents, MAX_BYTES, disk::Disk, entry, entry::Entry, folder, folder::Folder};

/// An ordinary append is shorter.
const APPEND: usize = 256;
/// Most notes that go by between two tries.
const PAUSE_MAX: u32 = 32;

/// Our own journal.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    contents: Contents,
    disk: Disk,
    file: Pen,
}

#[derive(Debug)]
enum Pen {
    /// Nothing was worth a file yet.
    Resting,
    Writing {
        file: File,
        length: usize,
    },
    /// It could not be written. So many notes go by before the next try, and did before the last.
    Blocked {
        left: u32,
        pause: u32,
    },
    Finished,
}

impl Writer {
    /// Begins with what is known already; written with the first entries.
    pub fn new(folder: Folder, contents: Contents) -> Self {
        Self { folder, contents, disk: Disk::Real, file: Pen::Resting }
    }

    #[cfg(test)]
    pub(super) fn on(mut self, disk: Disk) -> Self {
        self.disk = disk;
        self
    }

    /// Whether the file has everything that was noted.
    pub fn is_kept(&self) -> bool {
        matches!(self.file, Pen::Writing { .. })
    }

    /// Whether there should be a file, and it could not be written.
    pub fn is_blocked(&self) -> bool {
        matches!(self.file, Pen::Blocked { .. })
    }

    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Notes what happened; when this returns, it survives the process, unless the file [is blocked](Self::is_blocked).
    pub fn note(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() || matches!(self.file, Pen::Finished) {
            return;
        }
        let mut bytes = Vec::with_capacity(APPEND);
        for entry in entries {
            entry::write(&entry, &mut bytes);
            self.contents.apply(entry);
        }
        let is_written = match &mut self.file {
            Pen::Blocked { left: left @ 1.., .. } => {
                *left -= 1;
                return;
            }
            Pen::Writing { file, length } if *length + bytes.len() <= MAX_BYTES => {
                *length += bytes.len();
                self.disk.append(file, &bytes).is_ok()
            }
            Pen::Resting | Pen::Writing { .. } | Pen::Blocked { .. } | Pen::Finished => {
                self.write_anew().is_ok()
            }
        };
        if !is_written {
            self.block();
        }
    }

    fn write_anew(&mut self) -> io::Result<()> {
        self.contents.trim();
        let mut bytes = Vec::new();
        self.contents.entries().iter().for_each(|it| entry::write(it, &mut bytes));
        if !self.is_kept() {
            fs::create_dir_all(self.folder.path())?;
        }
        let beside = self.folder.beside(self.contents.incarnation);
        let replaced = self.disk.replace(&beside, &self.path(), &bytes);
        if replaced.is_err() {
            folder::remove(&beside);
        }
        self.file = Pen::Writing { file: replaced?, length: bytes.len() };
        Ok(())
    }

    fn block(&mut self) {
        let pause = match &self.file {
            Pen::Blocked { pause, .. } => (2 * pause).min(PAUSE_MAX),
            Pen::Resting | Pen::Writing { .. } | Pen::Finished => 1,
        };
        if let Pen::Writing { file, .. } = &self.file {
            self.disk.discard(file, &self.path());
        }
        self.file = Pen::Blocked { left: pause, pause };
    }

    /// Nothing more will be noted; what is left to say is in the file, or there is no file. Whether there is one.
    pub fn finish(&mut self, is_crash: bool) -> bool {
        // In a crash loop the next process must know when the aggregator was last told.
        let is_read = is_crash && self.contents.told.is_some();
        let is_needed = is_read || !self.contents.is_spent();
        if self.is_blocked() && is_needed {
            // The last chance, and where it is gone there is nothing left to be done.
            let _ = self.write_anew();
        }
        let is_kept = matches!(mem::replace(&mut self.file, Pen::Finished), Pen::Writing { .. });
        if is_kept && !is_needed {
            folder::remove(&self.path());
        }
        is_kept && is_needed
    }

    fn path(&self) -> PathBuf {
        self.folder.file(self.contents.incarnation)
    }
}

/// Somebody panicked, or was not waited for: what is open in the file may be long over.
impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_kept() {
            self.note(vec![Entry::Blind]);
        }
    }
}
