//! The file that this process writes.
//!
//! Nothing is created before there is something to say. Then every turn of the loop that changes anything is one append.
//! The first fault ends it: a full disk stays full, and a journal that is not kept up would claim what is long over.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
};

use super::{Contents, MAX_BYTES, entry, entry::Entry, folder, folder::Folder};

/// An ordinary append is shorter.
const APPEND: usize = 256;

/// Our own journal.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    contents: Contents,
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
    /// It could not be written, or is finished.
    Down,
}

impl Writer {
    /// Begins with what is known already; written with the first entries.
    pub fn new(folder: Folder, contents: Contents) -> Self {
        Self { folder, contents, file: Pen::Resting }
    }

    /// Whether the file has everything that was noted.
    pub fn is_kept(&self) -> bool {
        matches!(self.file, Pen::Writing { .. })
    }

    /// Whether it could not be written, and never will be again.
    pub fn is_down(&self) -> bool {
        matches!(self.file, Pen::Down)
    }

    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Notes what happened; when this returns, it survives the process.
    pub fn note(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() || matches!(self.file, Pen::Down) {
            return;
        }
        let mut bytes = Vec::with_capacity(APPEND);
        for entry in entries {
            entry::write(&entry, &mut bytes);
            self.contents.apply(entry);
        }
        let written = match &mut self.file {
            Pen::Writing { file, length } if *length + bytes.len() <= MAX_BYTES => {
                *length += bytes.len();
                file.write_all(&bytes)
            }
            Pen::Resting | Pen::Writing { .. } | Pen::Down => self.write_anew(),
        };
        if written.is_err() {
            self.file = Pen::Down;
            folder::remove(&self.path());
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
        let replaced = replace(&beside, &self.path(), &bytes);
        if replaced.is_err() {
            folder::remove(&beside);
        }
        self.file = Pen::Writing { file: replaced?, length: bytes.len() };
        Ok(())
    }

    /// Nothing more will be noted; what is left to say is in the file, or there is no file.
    pub fn finish(&mut self, is_crash: bool) {
        let is_kept = matches!(mem::replace(&mut self.file, Pen::Down), Pen::Writing { .. });
        // In a crash loop the next process must know when the aggregator was last told.
        let is_read = is_crash && self.contents.told.is_some();
        if is_kept && self.contents.is_spent() && !is_read {
            folder::remove(&self.path());
        }
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

/// Puts a file in the place of another, locked before it is to be seen.
fn replace(beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).open(beside)?;
    // Where files cannot be locked there is one process in an environment, and nobody to keep away.
    let _ = file.try_lock();
    file.write_all(bytes)?;
    fs::rename(beside, path)?;
    Ok(file)
}
