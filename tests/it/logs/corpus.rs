//! Everything that was ever seen of the platform: each record of a log becomes one line that every reader of JSON takes.
//!
//! The corpus lies beside the repository, not in it; where it is absent nothing can be read, and the test says so.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use overtime_extension::logs::Wanted;
use overtime_extension::logs::stock::Logs;
use overtime_wire::EpochMillis;
use serde_json::Value;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

#[test]
fn every_record_of_the_corpus_is_a_line() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    if !root.exists() {
        eprintln!("skipped: there is no corpus beside the repository");
        return;
    }
    let (mut files, mut records) = (0, 0);
    for file in files_below(&root) {
        let body = fs::read(&file).unwrap();
        // What is nested too deeply for this reader, or no array, is read without one in the extension's own tests.
        if let Ok(Value::Array(elements)) = serde_json::from_slice(&body) {
            let lines = lines_of(&body);
            let kinds: Vec<_> = elements
                .iter()
                .filter_map(|it| it["type"].as_str())
                .filter(|it| is_wanted(it))
                .collect();
            let seen: Vec<_> = lines.iter().map(|it| it["type"].as_str().unwrap()).collect();
            assert_eq!(seen, kinds, "{}", file.display());
            (files, records) = (files + 1, records + kinds.len());
        }
    }
    assert!(files > 20 && records > 1_000, "{records} records in {files} files");
}

fn is_wanted(kind: &str) -> bool {
    kind == "function" || kind == "extension" || kind.starts_with("platform.")
}

/// What is stored of one body, or nothing.
fn lines_of(body: &[u8]) -> Vec<Value> {
    let logs =
        Logs::new(Wanted { function: true, extension: true, platform: true }, String::new(), false);
    logs.hear(body, NOW);
    let mut text = String::new();
    while let Some(cargo) = logs.next(true) {
        GzDecoder::new(&*cargo.body).read_to_string(&mut text).unwrap();
        logs.stored(&cargo);
    }
    text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
