//! What a journal says after a kill at any point, and after anything else that can happen to a file.

use std::{fs, io, time::Duration};

use overtime_wire::{
    Block, Cause, Evidence, MinuteCounts, Ordinal, Outcome, Profile, RequestId, Spans, Subject,
};
use proptest::{collection::vec, prelude::*};

use super::{
    entry::{read, write},
    folder::Folder,
    writer::Writer,
    *,
};

pub(super) mod unwritable;

const START: EpochMillis = EpochMillis(1_793_491_200_000);
const LIFE: IncarnationId = IncarnationId([7; 16]);

fn verdict(ordinal: u32, revision: u32) -> Verdict {
    Verdict {
        block: Block::of(START),
        ordinal: Ordinal(ordinal),
        revision,
        evidence: Evidence::Recovered,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Unknown,
        seen: START,
        started: Some(START),
        deadline: Some(START.plus(Duration::from_secs(3))),
        detected: START,
        timeout: Duration::from_secs(3),
        duration: None,
        request: RequestId::parse(&format!("r-{ordinal}")),
        version: "$LATEST".to_owned(),
        alias: String::new(),
        cold_start: false,
        memory_mb: 256,
        max_memory_used_mb: 0,
        trace: None,
        environment: String::new(),
        log_tail: String::new(),
        last_log: None,
        spans: Spans::default(),
    }
}

fn tally(block: u32, revision: u32) -> Recorded<Tally> {
    let mut tally = Tally::new(Block::from_number(block), Profile::default());
    tally.revision = revision;
    let minute = tally.block.minute(tally.block.start());
    tally.minutes.insert(minute, MinuteCounts { invocations: revision, ..MinuteCounts::default() });
    tally.encode()
}

fn begun() -> Begun {
    Begun { incarnation: LIFE, function: "orders".to_owned() }
}

fn fact(said: Said) -> Fact {
    Fact { incarnation: LIFE, said }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let some_verdict =
        (0u32..5, 0u32..3).prop_map(|(ordinal, revision)| verdict(ordinal, revision));
    let some_fact = prop_oneof![
        some_verdict.clone().prop_map(|it| fact(Said::Verdict(it.encode()))),
        (1u32..4, 1u32..4).prop_map(|(block, revision)| fact(Said::Tally(tally(block, revision)))),
    ];
    prop_oneof![
        ("[a-zé]{0,9}", any::<bool>())
            .prop_map(|(name, is_drawn)| Entry::Environment { name, is_drawn }),
        any::<i64>().prop_map(|it| Entry::Told(EpochMillis(it))),
        (0u32..9, 0u32..9).prop_map(|(opened, settled)| Entry::Counted(Counted {
            opened,
            settled,
            dropped: 0
        })),
        some_verdict.prop_map(Entry::Opened),
        (0u32..5).prop_map(|it| Entry::Closed(Ordinal(it))),
        (0u32..5).prop_map(|it| Entry::Witnessed(Ordinal(it))),
        some_fact.clone().prop_map(Entry::Fact),
        some_fact.prop_map(|it| Entry::Delivered { key: it.key(), rank: it.rank() }),
    ]
}

/// The bytes of a journal, and what it says after each entry, by where that entry ends.
fn journal(entries: &[Entry]) -> (Vec<u8>, Vec<(usize, Contents)>) {
    let (mut bytes, mut contents) = (Vec::new(), Contents::of(begun()));
    write(&Entry::Begun(begun()), &mut bytes);
    let mut states = vec![(bytes.len(), contents.clone())];
    for entry in entries {
        write(entry, &mut bytes);
        contents.apply(entry.clone());
        states.push((bytes.len(), contents.clone()));
    }
    (bytes, states)
}

proptest! {
    #[test]
    fn an_entry_is_read_back_as_it_was_written(entry in any_entry()) {
        let mut bytes = Vec::new();
        write(&entry, &mut bytes);
        let mut rest = &*bytes;
        prop_assert_eq!(read(&mut rest), Some(entry));
        prop_assert!(rest.is_empty());
    }

    /// A kill at any byte leaves what was said before the entry it tore, and the tear is seen.
    #[test]
    fn a_kill_at_any_point_leaves_what_was_said_before(entries in vec(any_entry(), 0..12)) {
        let (bytes, states) = journal(&entries);
        for end in 0..=bytes.len() {
            let last = states.iter().rfind(|(at, _)| *at <= end);
            match (decode(&bytes[..end]), last) {
                (Err(Unreadable), None) => {}
                (Ok(seen), Some((at, said))) => {
                    let expected = Contents { is_whole: *at == end, ..said.clone() };
                    prop_assert_eq!(seen, expected);
                }
                (seen, said) => prop_assert!(false, "at {}: {:?} for {:?}", end, seen, said),
            }
        }
    }

    /// One byte changed anywhere is seen: what stands before it is read, and nothing is concluded from what is open.
    #[test]
    fn a_changed_byte_is_seen(entries in vec(any_entry(), 1..8), change in 1u8..) {
        let (bytes, states) = journal(&entries);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            match (decode(&changed), states.iter().rfind(|(end, _)| *end <= at)) {
                (Err(Unreadable), None) => {}
                (Ok(seen), Some((_, said))) => {
                    prop_assert_eq!(seen, Contents { is_whole: false, ..said.clone() });
                }
                (seen, said) => prop_assert!(false, "at {}: {:?} for {:?}", at, seen, said),
            }
        }
    }

    #[test]
    fn anything_can_be_read(bytes in vec(any::<u8>(), 0..400), entries in vec(any_entry(), 0..3)) {
        let _ = decode(&bytes);
        let (mut journal, _) = journal(&entries);
        journal.extend_from_slice(&bytes);
        prop_assert!(decode(&journal).is_ok());
    }

    /// A file that is written anew says what the old one said.
    #[test]
    fn contents_are_written_anew_as_they_were(entries in vec(any_entry(), 0..30)) {
        let (_, states) = journal(&entries);
        let (_, said) = states.last().unwrap();
        let mut bytes = Vec::new();
        said.entries().iter().for_each(|it| write(it, &mut bytes));
        prop_assert_eq!(&decode(&bytes).unwrap(), said);
    }
}

#[test]
fn another_version_is_not_read() {
    let (mut bytes, _) = journal(&[]);
    bytes[6] = 9;
    assert_eq!(decode(&bytes), Err(Unreadable));
    assert_eq!(decode(&[]), Err(Unreadable));
    assert_eq!(decode(&vec![0; MAX_BYTES + 1]), Err(Unreadable));
}

/// A folder of its own for each test, gone afterwards.
struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("overtime-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn folder(&self) -> Folder {
        Folder::under(&self.0)
    }

    fn writer(&self) -> Writer {
        Writer::new(self.folder(), Contents::of(begun()))
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(self.0.join("overtime")).into_iter().flatten();
        entries.map(|it| it.unwrap().path()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_journal_is_its_writers_while_that_lives_and_then_anybodys() {
    let place = Place::new("lock");
    let mut writer = place.writer();
    assert!(place.files().is_empty(), "nothing is created before there is something to say");
    writer.note(vec![Entry::Opened(verdict(0, 0))]);
    assert_eq!(place.folder().read("orders").journals.len(), 0, "it is locked");
    drop(writer);
    assert_eq!(place.folder().read("ledger").journals.len(), 0, "it is another function's");
    let mut finds = place.folder().read("orders");
    let found = finds.journals.pop().unwrap();
    assert_eq!(found.contents.open.len(), 1);
    assert!(!found.contents.is_whole, "it was not finished");
    found.remove();
    assert!(place.files().is_empty());
}

#[test]
fn what_is_told_leaves_no_file_and_what_is_not_does() {
    let place = Place::new("finish");
    let mut writer = place.writer();
    let told = fact(Said::Verdict(verdict(0, 0).encode()));
    let (key, rank) = (told.key(), told.rank());
    writer.note(vec![Entry::Fact(told)]);
    writer.finish(false);
    assert_eq!(place.folder().read("orders").journals[0].contents.facts.len(), 1);
    let mut writer = place.writer();
    writer.note(vec![Entry::Fact(fact(Said::Verdict(verdict(0, 0).encode())))]);
    writer.note(vec![Entry::Delivered { key, rank }, Entry::Told(START)]);
    writer.finish(false);
    assert!(place.files().is_empty());
    let mut writer = place.writer();
    writer.note(vec![Entry::Told(START)]);
    writer.finish(true);
    assert_eq!(place.folder().read("orders").journals[0].contents.told, Some(START));
}

#[test]
fn what_is_no_journal_is_counted_once() {
    let place = Place::new("foreign");
    fs::create_dir_all(place.0.join("overtime")).unwrap();
    fs::write(place.0.join("overtime/0.journal"), b"hello").unwrap();
    fs::write(place.0.join("overtime/1.journal"), vec![1; 2 * MAX_BYTES]).unwrap();
    fs::write(place.0.join("overtime/2.new"), b"half").unwrap();
    assert_eq!(place.folder().read("orders").ignored, 2);
    assert_eq!(place.folder().read("orders").ignored, 0);
    assert!(place.files().is_empty());
}

#[test]
fn a_file_stays_small_and_says_what_it_had_no_place_for() {
    let place = Place::new("bounds");
    let mut writer = place.writer();
    for ordinal in 0..64 {
        let mut long = verdict(ordinal, 0);
        long.log_tail = "x".repeat(4_000);
        writer.note(vec![Entry::Opened(verdict(ordinal, 0)), Entry::Closed(Ordinal(ordinal))]);
        writer.note(vec![Entry::Fact(fact(Said::Verdict(long.encode())))]);
        let length = fs::metadata(&place.files()[0]).unwrap().len();
        assert!(length <= u64::try_from(MAX_BYTES).unwrap(), "{length}");
    }
    writer.finish(false);
    let found = place.folder().read("orders").journals.pop().unwrap();
    let kept = u32::try_from(found.contents.facts.len()).unwrap();
    assert_eq!(kept + found.contents.counted.dropped, 64);
    assert!(kept >= 8, "{kept}");
}

#[test]
fn without_a_place_to_write_nothing_happens() {
    let place = Place::new("nowhere");
    fs::write(place.0.join("overtime"), b"a file where the folder should be").unwrap();
    let mut writer = place.writer();
    for ordinal in 0..3 {
        writer.note(vec![Entry::Opened(verdict(ordinal, 0))]);
    }
    assert!(!writer.is_kept());
    writer.finish(false);
    assert_eq!(place.folder().read("orders").journals.len(), 0);
}
