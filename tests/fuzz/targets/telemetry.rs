//! Fuzzes what the function's environment can post to us: two bodies, because a record can be split across them, read with
//! and without logs, and what becomes of the lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overtime_extension::{
    log::{LINE_MAX, Lines, redact::redact, tail::Tail},
    telemetry::{Record, decode},
};
use overtime_wire::{EpochMillis, Verdict};

/// What parts the two bodies in an input.
const BETWEEN: &[u8] = b"\n---\n";

fuzz_target!(|input: &[u8]| {
    let cut = input.windows(BETWEEN.len()).position(|it| it == BETWEEN);
    let bodies = match cut {
        Some(at) => [&input[..at], &input[at + BETWEEN.len()..]],
        None => [input, b""],
    };
    let mut tail = Tail::default();
    for body in bodies {
        let plain = decode(body, Lines::NONE);
        assert!(!plain.records.iter().any(|it| matches!(it, Record::Log(_))));
        let mut heard = decode(body, Lines(10));
        for record in &heard.records {
            if let Record::Log(line) = record {
                tail.add(line.clone(), Lines(10), EpochMillis(0));
            }
        }
        // Asking for logs costs nothing that is read without them.
        heard.records.retain(|it| !matches!(it, Record::Log(_)));
        assert_eq!(heard.records, plain.records);
        assert!(heard.unreadable <= plain.unreadable);
    }
    let shown = tail.text();
    assert!(shown.len() <= Verdict::LOG_TAIL_MAX);
    let line = String::from_utf8_lossy(&input[..input.len().min(2 * LINE_MAX)]);
    let once = redact(&line);
    assert!(once.len() <= line.len());
    assert_eq!(redact(&once), once);
});
