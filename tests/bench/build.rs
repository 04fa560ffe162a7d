//! The subjects, compiled the way they ship.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use sandbox::{
    artefacts::{self, Architecture, Artefact},
    binaries::clean_cargo,
};

/// The extension in the profile that ships.
pub(crate) fn extension() -> anyhow::Result<PathBuf> {
    run(&mut build(&["--profile", "layer", "--package", "overtime-extension"]))?;
    Ok(target().join("layer/overtime-extension"))
}

/// The extension of another commit in the profile that ships, built in a folder of its own: what this tree builds stays as it is.
pub(crate) fn extension_of(revision: &str) -> anyhow::Result<PathBuf> {
    let (tree, built) = (target().join("against/tree"), target().join("against/target"));
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(root());
        git
    };
    let found =
        git().args(["rev-parse", "--verify", &format!("{revision}^{{commit}}")]).output()?;
    ensure!(found.status.success(), "{revision} is no commit of this repository");
    let commit = String::from_utf8(found.stdout)?;
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    run(git().args(["clone", "--quiet", "--shared", "--no-checkout", "."]).arg(&tree))?;
    run(git().arg("-C").arg(&tree).args(["checkout", "--quiet", "--detach", commit.trim()]))?;
    run(build(&["--profile", "layer", "--package", "overtime-extension"])
        .env("CARGO_TARGET_DIR", &built)
        .current_dir(&tree))?;
    Ok(built.join("layer/overtime-extension"))
}

/// The aggregator as it is released; a development build answers several times later. Of the workspace, as `cargo cost` builds it: for
/// the package alone everything that it depends on would be built once more.
pub(crate) fn aggregator() -> anyhow::Result<PathBuf> {
    run(&mut build(&["--release", "--workspace", "--bin", "overtime"]))?;
    Ok(target().join("release/overtime"))
}

/// The doors as they ship, out of their zip, and a Lambda function that does nothing in the same profile.
pub(crate) fn doors() -> anyhow::Result<[PathBuf; 2]> {
    run(&mut build(&["--profile", "door", "--package", "overtime-hello"]))?;
    let doors = artefacts::unpacked(Artefact::Aggregator, native()?)?;
    Ok([target().join("door/hello"), doors])
}

/// This machine's architecture, by the name that Lambda has for it.
fn native() -> anyhow::Result<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(Architecture::X86_64),
        "aarch64" => Ok(Architecture::Arm64),
        other => bail!("Lambda does not run on {other}"),
    }
}

/// The floor with the same flags. Compiled by itself, so that nothing of this package weighs on it.
pub(crate) fn floor() -> anyhow::Result<PathBuf> {
    alone("floor", "main.rs")
}

/// The floor that is told of telemetry.
pub(crate) fn told() -> anyhow::Result<PathBuf> {
    alone("told", "told.rs")
}

fn alone(name: &str, file: &str) -> anyhow::Result<PathBuf> {
    let binary = target().join("layer").join(name);
    std::fs::create_dir_all(target().join("layer"))?;
    let flags = ["opt-level=s", "lto=fat", "codegen-units=1", "strip=symbols", "panic=unwind"];
    let flags = flags.iter().flat_map(|it| ["-C", it]);
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "bin", "--crate-name", name])
        .args(flags)
        .arg("-o")
        .arg(&binary)
        .arg(root().join("tests/floor").join(file)))?;
    Ok(binary)
}

fn build(what: &[&str]) -> Command {
    let mut cargo = clean_cargo();
    cargo.args(["build", "--quiet"]).args(what);
    cargo
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
