//! What ships is what was tested: programs out of the zips report a timeout, and a zip that Lambda could not run is refused.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Duration,
};

use sandbox::{
    Environment, Invocation, Outcome, Spec,
    aggregator::Aggregator,
    artefacts::{self, Architecture, Artefact},
    binaries, http,
    spec::{Function, Launch},
};
use serde_json::{Value, json};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

const PATIENCE: Duration = Duration::from_secs(20);

/// An overrunning function beside this extension; what the aggregator then lists.
async fn a_timeout_is_reported_by(extension: &Path, timeout: Duration) {
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let function = Function::named("checkout").timeout(timeout);
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", extension)
        .variable("OVERTIME_URL", aggregator.url())
        .variable("OVERTIME_AUTH", "none");
    let mut environment = Environment::start(spec).await.unwrap();
    let ended = environment.invoke(Invocation::of(json!({ "sleep_ms": 5 }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Success, "{:?}", environment.observer().lines());
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    let killed = ended.teardown.unwrap().killed;
    assert!(killed.is_empty(), "{killed:?} {:?}", environment.observer().lines());

    let url = format!("{}/api/v1/timeouts", aggregator.url());
    let client = http::client().unwrap();
    let latest = tokio::time::Instant::now() + PATIENCE;
    loop {
        let listed: Value = client.get(&url).send().await.unwrap().json().await.unwrap();
        let items = listed["items"].as_array().unwrap();
        if items.iter().any(|it| it["request_id"] == ended.request_id) {
            assert_eq!(items.len(), 1, "{listed:#}");
            return;
        }
        let said = (aggregator.said(), environment.observer().said_by("overtime"));
        assert!(tokio::time::Instant::now() < latest, "{listed:#} {said:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layer_for_x86_64_reports_a_timeout() {
    let extension = artefacts::unpacked(Artefact::Extension, Architecture::X86_64).unwrap();
    a_timeout_is_reported_by(&extension, Duration::from_secs(1)).await;
}

/// By an emulator of the processor, which takes its time.
#[tokio::test(flavor = "multi_thread")]
async fn the_layer_for_arm64_reports_a_timeout() {
    let extension = artefacts::unpacked(Artefact::Extension, Architecture::Arm64).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let extension = artefacts::emulated(&extension, folder.path()).unwrap();
    a_timeout_is_reported_by(&extension, Duration::from_secs(3)).await;
}

/// Where a zip is checked as if it were the layer for `x86_64`.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        fs::write(bench.0.path().join("SHA256SUMS"), "").unwrap();
        bench
    }

    fn check(&self, content: &[u8], options: SimpleFileOptions) -> String {
        let file = File::create(self.0.path().join("overtime-extension-x86_64.zip")).unwrap();
        let mut zip = ZipWriter::new(file);
        zip.start_file("extensions/overtime", options).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
        artefacts::verify(self.0.path(), &["--only", "extension", "--arch", "x86_64"]).unwrap_err()
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755)
}

#[track_caller]
fn check(said: &str, expected: &str) {
    assert!(said.contains(expected), "`{expected}` is missing from: {said}");
}

fn program(architecture: Architecture) -> Vec<u8> {
    fs::read(artefacts::unpacked(Artefact::Extension, architecture).unwrap()).unwrap()
}

#[test]
fn what_amazon_linux_could_not_start_is_refused() {
    let bench = Bench::new();
    // This machine's own C library is newer than Amazon Linux 2's, and this very program was linked against it.
    let native = fs::read(std::env::current_exe().unwrap()).unwrap();
    check(&bench.check(&native, options()), "and Amazon Linux 2 has glibc 2.26");
    let said = bench.check(&program(Architecture::Arm64), options());
    check(&said, "is for EM_AARCH64 instead of EM_X86_64");
    check(&said, "instead of /lib64/ld-linux-x86-64.so.2");
    check(&bench.check(b"#!/bin/sh\n", options()), "holds no program for Linux");
    let program = program(Architecture::X86_64);
    check(&bench.check(&program, options().unix_permissions(0o644)), "has mode 100644");
    let stored = options().compression_method(CompressionMethod::Stored);
    check(&bench.check(&program, stored), "its budget is 2,000,000");
    let noon = DateTime::from_date_and_time(2026, 1, 2, 12, 0, 0).unwrap();
    check(&bench.check(&program, options().last_modified_time(noon)), "carries a time");
}

#[test]
fn a_zip_that_is_not_the_one_with_that_checksum_is_refused() {
    let zip = artefacts::zip(Artefact::Extension, Architecture::X86_64).unwrap();
    let arguments = ["--only", "extension", "--arch", "x86_64"];
    artefacts::verify(zip.parent().unwrap(), &arguments).unwrap();
    // Sound in itself, and another one.
    let said = Bench::new().check(&program(Architecture::X86_64), options());
    check(&said, "is not the file that SHA256SUMS lists");
}
