//! Bytes of every version that was ever sent still mean what they meant.
//!
//! `OVERWRITE=1 cargo test -p overtime-wire --test golden` writes a missing file; it never replaces one, because the
//! extension that sent those bytes is still out there.

#![expect(clippy::unwrap_used, reason = "in a test, a failure")]

use std::{path::PathBuf, time::Duration};

use expect_test::expect;
use overtime_wire::{
    Arn, Batch, Block, Cause, EpochMillis, Evidence, Incarnation, IncarnationId, InitSpan,
    MinuteCounts, Ordinal, Outcome, Phase, Profile, RequestId, SampleKind, Spans, Subject, Tally,
    TraceId, Verdict,
};

fn golden(name: &str, bytes: impl Fn() -> Vec<u8>) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if !path.exists() && std::env::var_os("OVERWRITE").is_some() {
        std::fs::write(&path, bytes()).unwrap();
    }
    std::fs::read(path).unwrap()
}

fn sample() -> Batch {
    let arn: Arn = "arn:aws:lambda:eu-west-1:000000000042:function:orders:live".parse().unwrap();
    let block = Block::from_number(1_992_768);
    let at = |offset: i64| EpochMillis(block.start().0 + offset);
    let request = RequestId::parse("5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11").unwrap();
    let profile = Profile {
        memory_mb: 256,
        timeout: Duration::from_secs(3),
        runtime: "python:3.13.v40".to_owned(),
        architecture: "arm64".to_owned(),
        version: "8".to_owned(),
        initialization_type: "on-demand".to_owned(),
        extension_version: "0.1.0".to_owned(),
        tags: [("team".to_owned(), "payments".to_owned())].into(),
    };
    let mut tally = Tally::new(block, profile);
    tally.revision = 3;
    let counts = MinuteCounts { invocations: 20, near_timeouts: 1, ..MinuteCounts::default() };
    tally.minutes.insert(block.minute(at(60_000)), counts);
    tally.completed(Duration::from_millis(109));
    tally.completed(Duration::from_millis(2_988));
    tally.sample(SampleKind::NearTimeout, &request);
    tally.losses.unreadable_records = 2;
    let verdict = Verdict {
        block,
        ordinal: Ordinal(21),
        revision: 1,
        evidence: Evidence::RuntimeDone,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen: at(61_000),
        started: Some(at(60_998)),
        deadline: Some(at(63_998)),
        detected: at(64_025),
        timeout: Duration::from_secs(3),
        duration: Some(Duration::from_micros(3_001_200)),
        request: Some(request),
        version: "8".to_owned(),
        alias: "live".to_owned(),
        cold_start: false,
        memory_mb: 256,
        max_memory_used_mb: 0,
        trace: TraceId::from_header("Root=1-69054a00-0123456789abcdef01234567"),
        environment: "2026/11/01/orders[8]4e1c".to_owned(),
        log_tail: String::new(),
        last_log: None,
        spans: Spans::default(),
    };
    Batch {
        function: arn.function,
        partition: arn.partition,
        sent: at(64_026),
        incarnations: vec![Incarnation {
            id: IncarnationId(*b"sixteen bytes id"),
            tallies: vec![tally.encode()],
            verdicts: vec![verdict.encode()],
        }],
    }
}

#[test]
fn version_0_1_is_still_understood_and_written_the_same() {
    let bytes = golden("v0.1.bin", || sample().encode());
    assert_eq!(Batch::decode(&bytes).unwrap(), sample());
    assert_eq!(sample().encode(), bytes);
    expect!["333"].assert_eq(&bytes.len().to_string());
}

/// Losses of logs came later, in fields of their own.
#[test]
fn version_0_2_is_still_understood_and_written_the_same() {
    let later = || {
        let mut batch = sample();
        let mut tally = batch.incarnations[0].tallies[0].fact.clone();
        tally.losses.overflowed_log_records = 300;
        tally.losses.refused_log_records = 2;
        tally.losses.unsent_log_records = 1;
        batch.incarnations[0].tallies = vec![tally.encode()];
        batch
    };
    let bytes = golden("v0.2.bin", || later().encode());
    assert_eq!(Batch::decode(&bytes).unwrap(), later());
    assert_eq!(later().encode(), bytes);
    expect!["340"].assert_eq(&bytes.len().to_string());
}

/// What lies around the function's own code came later still.
#[test]
fn version_0_3_is_still_understood_and_written_the_same() {
    let later = || {
        let mut batch = sample();
        let mut tally = batch.incarnations[0].tallies[0].fact.clone();
        for (phase, took) in [(Phase::Init, 241), (Phase::Restore, 96), (Phase::Suppressed, 1_900)]
        {
            let begun = tally.phases.of_mut(phase);
            begun.count = 2;
            begun.durations.record(Duration::from_millis(took));
        }
        let (overhead, of) = (Duration::from_micros(1_250), Duration::from_millis(110));
        tally.phases.extensions.record(overhead, of);
        let mut verdict = batch.incarnations[0].verdicts[0].fact.clone();
        verdict.spans = Spans {
            init: Some(InitSpan {
                phase: Phase::Suppressed,
                took: Some(Duration::from_millis(1_900)),
            }),
            response_latency: Some(Duration::from_micros(80_500)),
            response_duration: Some(Duration::ZERO),
            runtime_overhead: Some(Duration::from_micros(900)),
            extension_overhead: None,
        };
        batch.incarnations[0].tallies = vec![tally.encode()];
        batch.incarnations[0].verdicts = vec![verdict.encode()];
        batch
    };
    let bytes = golden("v0.3.bin", || later().encode());
    assert_eq!(Batch::decode(&bytes).unwrap(), later());
    assert_eq!(later().encode(), bytes);
    expect!["413"].assert_eq(&bytes.len().to_string());
}
