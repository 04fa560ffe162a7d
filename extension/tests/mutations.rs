//! A short form of the fuzzing in `tests/fuzz`, for machines without a fuzzer: seeds of our own and of the corpus, bent by
//! a generator of a fixed seed, through the same doors.

#![expect(clippy::unwrap_used, reason = "in a test, a failure")]

use std::{fs, path::Path};

use overtime_extension::{
    journal::{
        Fact, Said, decode as read_journal,
        entry::{Begun, Entry, write},
    },
    log::{LINE_MAX, Lines, redact::redact, tail::Tail},
    telemetry::{Record, decode},
};
use overtime_wire::{Batch, EpochMillis, Tally, Verdict};

const ROUNDS: usize = 5_000;
const LENGTH_MAX: usize = 8 * 1024;
/// What formats are made of; random bytes alone rarely say anything.
const WORDS: [&[u8]; 16] = [
    b"{\"time\":",
    b"\"record\":",
    b"\"type\":\"function\"",
    b"\"status\":\"timeout\"",
    b"}]",
    b"[{",
    b"\\",
    b"\"",
    b"\xff\xff\xff\xff\x0f",
    b"\x80",
    b"\x12\x00",
    b"\xd8\x3d",
    b"password=",
    b"eyJ",
    b"@",
    b"://",
];

/// Numbers that look like chance and are the same every time (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((it ^ (it >> 31)) % end.max(1) as u64).unwrap()
    }

    /// One of the seeds, bent in up to eight places.
    fn bent(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(40)).min(bytes.len());
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                3 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    drop(bytes.splice(at..end, other[from..].iter().copied().take(200)));
                }
            }
        }
        bytes.truncate(LENGTH_MAX);
        bytes
    }
}

/// Files below a folder, and below its folders, that are not too long.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if entry.metadata().is_ok_and(|it| it.len() <= LENGTH_MAX as u64) {
                files.push(fs::read(path).unwrap());
            }
        }
    }
    files.sort();
    files
}

fn hear(body: &[u8], tail: &mut Tail) {
    let plain = decode(body, Lines::NONE);
    let mut heard = decode(body, Lines(10));
    for record in &heard.records {
        if let Record::Log(line) = record {
            tail.add(line.clone(), Lines(10), EpochMillis(0));
        }
    }
    heard.records.retain(|it| !matches!(it, Record::Log(_)));
    assert_eq!(heard.records, plain.records, "asking for logs costs no other record");
    assert!(heard.unreadable <= plain.unreadable);
}

#[test]
fn no_bent_telemetry_is_too_strange() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let own = [
        r#"[{"time":"2026-11-01T00:00:00.001Z","type":"platform.start","record":{"requestId":"r","tracing":{"value":"Root=1-69054a00-0123456789abcdef01234567"}}},{"time":"2026-11-01T00:00:03.001Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"timeout","metrics":{"durationMs":3000.1}}}]"#,
        r#"[{"time":"2026-11-01T00:00:00.001Z","type":"function","record":{"level":"INFO","message":"AAAA}]"#,
        r#"[{"time":"2026-11-01T00:00:00.001Z","type":"function","record":BBBB \ud83d\ude00\"}"}},{"type":"platform.report","record":{"requestId":"r","status":"timeout","metrics":{"durationMs":1,"memorySizeMB":128},"spans":[{"name":"extensionOverhead","durationMs":1}]}}]"#,
        "user=bob password=hunter2 bob@example.com Bearer abcdef0123456789 AKIAIOSFODNN7EXAMPLE postgres://u:p@h/x",
    ];
    let mut seeds: Vec<Vec<u8>> = own.map(|it| it.as_bytes().to_vec()).into();
    seeds.extend(files(&corpus));
    let mut chance = Chance(1);
    let mut tail = Tail::default();
    for round in 0..ROUNDS {
        let body = chance.bent(&seeds);
        hear(&body, &mut tail);
        assert!(round % 16 > 0 || tail.text().len() <= Verdict::LOG_TAIL_MAX);
        let line = String::from_utf8_lossy(&body[..body.len().min(LINE_MAX)]);
        let once = redact(&line);
        assert!(once.len() <= line.len());
        assert_eq!(redact(&once), once);
    }
}

#[test]
fn no_bent_batch_is_too_strange() {
    let seeds = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/golden"));
    assert!(!seeds.is_empty());
    let mut chance = Chance(2);
    for _ in 0..10 * ROUNDS {
        let bytes = chance.bent(&seeds);
        if let Ok(batch) = Batch::decode(&bytes) {
            assert_eq!(Batch::decode(&batch.encode()).as_ref(), Ok(&batch));
        }
        drop(Tally::decode(&bytes));
        drop(Verdict::decode(&bytes));
    }
}

/// A journal that says what the golden batches say, and more.
fn journals() -> Vec<Vec<u8>> {
    let golden = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/golden"));
    let batches = golden.iter().filter_map(|it| Batch::decode(it).ok());
    let journal = |batch: Batch| {
        let mut bytes = Vec::new();
        for life in batch.incarnations {
            let incarnation = life.id;
            let begun = Begun { incarnation, function: "orders".to_owned() };
            write(&Entry::Begun(begun), &mut bytes);
            let environment = Entry::Environment { name: "e".to_owned(), is_drawn: true };
            write(&environment, &mut bytes);
            for it in life.verdicts {
                write(&Entry::Opened(it.fact.clone()), &mut bytes);
                write(&Entry::Witnessed(it.fact.ordinal), &mut bytes);
                write(&Entry::Fact(Fact { incarnation, said: Said::Verdict(it) }), &mut bytes);
            }
            for it in life.tallies {
                write(&Entry::Fact(Fact { incarnation, said: Said::Tally(it) }), &mut bytes);
            }
        }
        bytes
    };
    batches.map(journal).collect()
}

#[test]
fn no_bent_journal_is_too_strange() {
    let seeds = journals();
    assert!(seeds.iter().any(|it| read_journal(it).is_ok_and(|it| !it.facts.is_empty())));
    let mut chance = Chance(3);
    for _ in 0..10 * ROUNDS {
        let Ok(contents) = read_journal(&chance.bent(&seeds)) else { continue };
        let mut again = Vec::new();
        contents.entries().iter().for_each(|it| write(it, &mut again));
        assert_eq!(read_journal(&again).as_ref(), Ok(&contents));
    }
}
