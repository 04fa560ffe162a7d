//! What ships, as it ships: built by `infra/build`, unpacked from its zips the way Lambda unpacks them.
//!
//! A program from Cargo's target directory is built for this machine, with this machine's C library; what is deployed is
//! built for Lambda's. Only what comes out of the zip has been tested. The zips are read with another library than the one
//! that writes them, so that a misunderstanding of the format is not shared by both sides.

use std::{
    collections::HashMap,
    env,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::binaries;

/// Where Debian puts a program that runs those of arm64, and the C library it runs them with.
const QEMU: &str = "/usr/bin/qemu-aarch64-static";
const ARM64_ROOT: &str = "/usr/aarch64-linux-gnu";

/// What is to be deployed is not there, and why. It is never a reason to skip a test.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    #[error("infra/build could not be started: {0}")]
    Start(String),
    #[error("infra/build failed:\n{0}")]
    Build(String),
    #[error("the zip could not be unpacked: {0}")]
    Unpack(String),
    #[error("nothing here runs programs for arm64: install qemu-user-static and libc6-arm64-cross")]
    Qemu,
}

/// An artefact, as `infra/build` is asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Artefact {
    Extension,
    Aggregator,
}

/// An architecture, by the name Lambda has for it in file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Architecture {
    X86_64,
    Arm64,
}

impl Artefact {
    fn asked_as(self) -> &'static str {
        match self {
            Self::Extension => "extension",
            Self::Aggregator => "aggregator",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Extension => "overtime-extension",
            Self::Aggregator => "overtime",
        }
    }

    /// Where its program lies once the zip is unpacked.
    fn program(self) -> &'static str {
        match self {
            Self::Extension => "extensions/overtime",
            Self::Aggregator => "bootstrap",
        }
    }
}

impl Architecture {
    fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The zip of an artefact. Blocks, for minutes when it has not been built yet.
pub fn zip(artefact: Artefact, architecture: Architecture) -> Result<PathBuf, Unavailable> {
    static BUILT: Mutex<Option<HashMap<(Artefact, Architecture), PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    if let Some(zip) = built.get(&(artefact, architecture)) {
        return Ok(zip.clone());
    }
    let shelf = binaries::target().map_err(|why| Unavailable::Start(why.to_string()))?;
    let name = format!("{}-{}", artefact.file(), architecture.name());
    let folder = shelf.join("artefacts/tested").join(&name);
    let mut command = build();
    command.args(["--arch", architecture.name(), "--only", artefact.asked_as(), "--out"]);
    said(command.arg(&folder)).map_err(Unavailable::Build)?;
    let zip = folder.join(name).with_extension("zip");
    built.insert((artefact, architecture), zip.clone());
    Ok(zip)
}

/// The program of an artefact, out of its zip, executable only if the zip says so.
pub fn unpacked(artefact: Artefact, architecture: Architecture) -> Result<PathBuf, Unavailable> {
    let zip = zip(artefact, architecture)?;
    let folder = zip.with_extension("unpacked");
    unpack(&zip, &folder).map_err(|why| Unavailable::Unpack(why.to_string()))?;
    Ok(folder.join(artefact.program()))
}

/// A program for arm64, wrapped so that it starts on any machine that has qemu. It sees the name it would have had.
pub fn emulated(program: &Path, folder: &Path) -> Result<PathBuf, Unavailable> {
    if !Path::new(QEMU).exists() || !Path::new(ARM64_ROOT).exists() {
        return Err(Unavailable::Qemu);
    }
    let wrapper = folder.join(program.file_name().unwrap_or_default());
    let program = program.display();
    let script = format!("#!/bin/sh\nexec {QEMU} -L {ARM64_ROOT} -0 \"$0\" '{program}' \"$@\"\n");
    let written = fs::write(&wrapper, script)
        .and_then(|()| fs::set_permissions(&wrapper, Permissions::from_mode(0o755)));
    written.map_err(|why| Unavailable::Unpack(why.to_string()))?;
    Ok(wrapper)
}

/// Whether the zips of a folder, and its checksums, are what can be deployed; else what `infra/build` says of them.
pub fn verify(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    said(build().arg("--verify").arg("--out").arg(folder).args(arguments))
}

fn build() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = Command::new(root.join("infra/build"));
    if let Ok(target) = binaries::target() {
        build.env("CARGO_TARGET_DIR", target);
    }
    build
}

fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|why| format!("{command:?}: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn unpack(zip: &Path, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut archive = zip::ZipArchive::new(File::open(zip)?)?;
    archive.extract(folder)?;
    Ok(())
}
