//! The few things that a writer does to files, any of which a full or foreign disk can refuse.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::folder;

#[derive(Debug, Default)]
pub(super) enum Disk {
    #[default]
    Real,
    /// One that our own tests fill up.
    #[cfg(test)]
    Scarce(super::tests::unwritable::Room),
}

impl Disk {
    pub(super) fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Real => file.write_all(bytes),
            #[cfg(test)]
            Self::Scarce(room) => room.append(file, bytes),
        }
    }

    /// Puts a file in the place of another, locked before it is to be seen.
    pub(super) fn replace(&self, beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).open(beside)?;
        // Where files cannot be locked there is one process in an environment, and nobody to keep away.
        let _ = file.try_lock();
        self.append(&mut file, bytes)?;
        fs::rename(beside, path)?;
        Ok(file)
    }

    /// Leaves nothing of a file that could be read: emptied first, for a folder may not let go of it.
    pub(super) fn discard(&self, file: &File, path: &Path) {
        let _ = file.set_len(0);
        match self {
            Self::Real => folder::remove(path),
            #[cfg(test)]
            Self::Scarce(room) if !room.lets_go() => {}
            #[cfg(test)]
            Self::Scarce(_) => folder::remove(path),
        }
    }
}
