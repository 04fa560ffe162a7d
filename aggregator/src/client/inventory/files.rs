//! Files of what AWS printed: any number of documents in each.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, bail};
use overtime_wire::EpochMillis;
use serde_json::Value;

/// What is longer is not what AWS printed of functions.
const FILE_MAX: u64 = 512 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// When what it says was so, as far as can be known.
    pub(super) written_at: EpochMillis,
    pub(super) documents: Vec<Value>,
}

/// Reads files, those of directories, and standard input for `-`.
pub(super) fn read(paths: &[PathBuf], now: EpochMillis) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = Vec::new();
            io::stdin()
                .take(FILE_MAX)
                .read_to_end(&mut text)
                .context("standard input cannot be read")?;
            files.push(File::of("standard input".to_owned(), now, &text)?);
        } else if path.is_dir() {
            for file in listed(path)? {
                files.push(open(&file, now)?);
            }
        } else {
            files.push(open(path, now)?);
        }
    }
    Ok(files)
}

/// The JSON files that lie in a directory.
fn listed(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unread = || format!("{} cannot be read", path.display());
    let entries = fs::read_dir(path).with_context(unread)?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(unread)?.path();
        if file.is_file() && file.extension().is_some_and(|it| it == "json") {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("{} has no files that end in .json", path.display());
    }
    files.sort();
    Ok(files)
}

fn open(path: &Path, now: EpochMillis) -> anyhow::Result<File> {
    let name = path.display().to_string();
    let unread = || format!("{name} cannot be read");
    let metadata = fs::metadata(path).with_context(unread)?;
    if metadata.len() > FILE_MAX {
        bail!("{name} is longer than {} MB", FILE_MAX / 1024 / 1024);
    }
    let written = metadata.modified().ok().and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|it| i64::try_from(it.as_millis()).ok()).map(EpochMillis);
    let text = fs::read(path).with_context(unread)?;
    File::of(name, written.map_or(now, |it| it.min(now)), &text)
}

impl File {
    fn of(name: String, written_at: EpochMillis, text: &[u8]) -> anyhow::Result<Self> {
        let documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        let documents = documents.collect::<Result<Vec<_>, _>>().map_err(|why| {
            let (line, column) = (why.line(), why.column());
            anyhow::anyhow!(
                "{name} is not JSON, from line {line}, column {column} on: nothing was brought"
            )
        })?;
        if documents.is_empty() {
            bail!("{name} is empty");
        }
        Ok(Self { name, written_at, documents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    #[test]
    fn a_file_holds_any_number_of_documents_and_is_json_to_its_end() {
        let of = |text: &str| File::of("list".to_owned(), NOW, text.as_bytes());
        assert_eq!(of("{} [1]\n{}").unwrap().documents.len(), 3);
        let broken = of("{}\n{\"Functions\": [").unwrap_err().to_string();
        assert!(broken.starts_with("list is not JSON, from line 2"), "{broken}");
        assert_eq!(of(" \n").unwrap_err().to_string(), "list is empty");
    }

    #[test]
    fn a_directory_is_its_files_and_a_file_is_as_old_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let none = read(&[directory.path().to_owned()], NOW).unwrap_err().to_string();
        assert!(none.ends_with("has no files that end in .json"), "{none}");
        for name in ["b.json", "a.json", "notes.txt"] {
            fs::write(directory.path().join(name), "{}").unwrap();
        }
        let files = read(&[directory.path().to_owned()], NOW).unwrap();
        let names: Vec<_> = files.iter().map(|it| it.name.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["a.json", "b.json"]);
        assert!(files.iter().all(|it| it.written_at <= NOW), "nothing is from the future");
        assert!(read(&[directory.path().join("c.json")], NOW).is_err());
    }
}
