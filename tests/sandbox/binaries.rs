//! The programs under test, built once and found where Cargo put them.
//!
//! A test binary and a demonstration start other binaries of the workspace, which Cargo does not
//! build for them by itself. So this builds the workspace's binaries in the profile of whoever asks
//! and reads from Cargo's own messages where they are. It goes on where one package does not build,
//! because the emulator's own tests need only its own programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, thread};

use serde_json::Value;

/// Cargo did not produce a program.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Missing {
    #[error("could not run cargo: {0}")]
    Cargo(String),
    #[error("cargo built no binary named {name}:\n{said}")]
    Binary { name: &'static str, said: String },
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Built {
    pub overtime: PathBuf,
    pub extension: PathBuf,
    pub function: PathBuf,
}

/// All that a fleet needs. Blocks, for minutes when nothing has been built yet.
pub fn build() -> Result<Built, Missing> {
    Ok(Built {
        overtime: overtime()?.to_owned(),
        extension: extension()?.to_owned(),
        function: function()?.to_owned(),
    })
}

pub fn overtime() -> Result<&'static Path, Missing> {
    find("overtime")
}

pub fn extension() -> Result<&'static Path, Missing> {
    find("overtime-extension")
}

pub fn function() -> Result<&'static Path, Missing> {
    find("function")
}

pub fn floor() -> Result<&'static Path, Missing> {
    find("floor")
}

pub fn probe() -> Result<&'static Path, Missing> {
    find("probe")
}

/// Cargo's target directory: the one above the profile that this very program lies in.
pub(crate) fn target() -> io::Result<PathBuf> {
    let file = env::current_exe()?;
    let profile = file.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    Ok(profile.and_then(Path::parent).unwrap_or(Path::new(".")).to_owned())
}

struct Output {
    files: BTreeMap<String, PathBuf>,
    said: String,
}

fn find(name: &'static str) -> Result<&'static Path, Missing> {
    static OUTPUT: OnceLock<Result<Output, Missing>> = OnceLock::new();
    let output = OUTPUT.get_or_init(run_cargo).as_ref().map_err(Clone::clone)?;
    let found = output.files.get(name).map(PathBuf::as_path);
    found.ok_or_else(|| Missing::Binary { name, said: output.said.clone() })
}

fn run_cargo() -> Result<Output, Missing> {
    let (done, waits) = mpsc::channel::<()>();
    let patience = thread::spawn(move || {
        if waits.recv_timeout(Duration::from_secs(2)) == Err(RecvTimeoutError::Timeout) {
            let _ = writeln!(io::stderr(), "building the binaries that are to be run …");
        }
    });
    let output = cargo().output().map_err(|why| Missing::Cargo(why.to_string()));
    drop(done);
    // It has nothing to say but its line.
    let _ = patience.join();
    let output = output?;
    let lines = output.stdout.split(|byte| *byte == b'\n');
    Ok(Output {
        files: lines.filter_map(executable).collect(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn cargo() -> Command {
    let mut cargo = clean_cargo();
    cargo.args(["build", "--workspace", "--bins", "--keep-going", "--quiet"]);
    cargo.args(["--message-format", "json-render-diagnostics", "--profile", &profile()]);
    cargo
}

/// Cargo in the workspace, without what Cargo told us about ourselves: to build scripts that would look like a changed environment, and
/// cost a rebuild of everything above them.
pub fn clean_cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for (name, _) in env::vars_os() {
        let spoken = name.to_string_lossy();
        let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
        let exactly = ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
        if about_us.iter().any(|it| spoken.starts_with(it)) || exactly.contains(&&*spoken) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// The profile of the running program, from the directory it lies in.
fn profile() -> String {
    let file = env::current_exe().unwrap_or_default();
    let mut folder = file.parent().unwrap_or(Path::new(""));
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev".to_owned(),
        Some(other) => other.to_owned(),
    }
}

fn executable(line: &[u8]) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_slice(line).ok()?;
    let file = message["executable"].as_str()?;
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), PathBuf::from(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_a_binary_is() {
        let line = br#"{"reason":"compiler-artifact","target":{"name":"x"},"executable":"/t/x"}"#;
        assert_eq!(executable(line), Some(("x".to_owned(), PathBuf::from("/t/x"))));
        assert_eq!(executable(br#"{"target":{"name":"x"},"executable":null}"#), None);
        assert_eq!(executable(b""), None);
    }

    #[test]
    fn a_test_runs_in_the_profile_of_its_directory() {
        assert!(!profile().is_empty());
        assert_ne!(profile(), "debug");
    }
}
