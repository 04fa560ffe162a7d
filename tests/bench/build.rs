//! The subjects, compiled the way they ship.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// The extension in the profile that ships.
pub(crate) fn extension() -> anyhow::Result<PathBuf> {
    run(Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "layer", "--package", "overtime-extension"])
        .current_dir(root()))?;
    Ok(target().join("layer/overtime-extension"))
}

/// The aggregator as it is released; a development build answers several times later.
pub(crate) fn aggregator() -> anyhow::Result<PathBuf> {
    run(Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "overtime"])
        .current_dir(root()))?;
    Ok(target().join("release/overtime"))
}

/// The doors and a Lambda function that does nothing, both in the profile that ships.
pub(crate) fn doors() -> anyhow::Result<[PathBuf; 2]> {
    let build = ["build", "--quiet", "--profile", "layer"];
    let hello = ["--package", "overtime-tests", "--bin", "hello"];
    run(Command::new(env!("CARGO")).args(build).args(hello).current_dir(root()))?;
    let doors = ["--package", "overtime", "--no-default-features", "--features", "lambda"];
    run(Command::new(env!("CARGO")).args(build).args(doors).current_dir(root()))?;
    Ok([target().join("layer/hello"), target().join("layer/overtime")])
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
