//! A disk that is full, or becomes so, at any byte: what is found afterwards is never more than what was true.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use proptest::sample::select;

use super::{super::disk::Disk, *};

/// How many more bytes a disk takes, and whether its folder lets go of files.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Room(Arc<(AtomicUsize, AtomicBool)>);

impl Room {
    fn set(&self, bytes: usize, lets_go: bool) {
        self.0.0.store(bytes, Ordering::Relaxed);
        self.0.1.store(lets_go, Ordering::Relaxed);
    }

    pub(in super::super) fn lets_go(&self) -> bool {
        self.0.1.load(Ordering::Relaxed)
    }

    /// Takes what fits, as a file system does, and refuses the rest.
    pub(in super::super) fn append(&self, file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
        let left = self.0.0.load(Ordering::Relaxed);
        let fits = bytes.len().min(left);
        file.write_all(&bytes[..fits])?;
        self.0.0.store(left - fits, Ordering::Relaxed);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// What the next process would find, were this one killed now.
fn found(place: &Place, writer: &Writer) -> Option<Result<Contents, Unreadable>> {
    let file = place.folder().file(writer.contents().incarnation);
    fs::read(file).ok().map(|bytes| decode(&bytes))
}

/// The journal is what was said, or it is none, or it is known not to be whole.
fn is_true(place: &Place, writer: &Writer) -> bool {
    match found(place, writer) {
        None | Some(Err(Unreadable)) => !writer.is_kept(),
        Some(Ok(contents)) => &contents == writer.contents() && writer.is_kept(),
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Notes(Vec<Entry>),
    Changes { room: usize, lets_go: bool },
}

fn happens() -> impl Strategy<Value = Happens> {
    let rooms = select(vec![0, 1, 40, 90, 300, 1_000, usize::MAX]);
    prop_oneof![
        3 => vec(any_entry(), 0..3).prop_map(Happens::Notes),
        1 => (rooms, any::<bool>()).prop_map(|(room, lets_go)| Happens::Changes { room, lets_go }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn however_full_a_disk_becomes_the_journal_is_true_or_none(steps in vec(happens(), 1..60)) {
        let place = Place::new("scarce");
        let room = Room::default();
        room.set(usize::MAX, true);
        let mut writer = place.writer().on(Disk::Scarce(room.clone()));
        for step in steps {
            match step {
                Happens::Notes(entries) => writer.note(entries),
                Happens::Changes { room: bytes, lets_go } => room.set(bytes, lets_go),
            }
            let said = found(&place, &writer);
            prop_assert!(is_true(&place, &writer), "{said:?} beside {:?}", writer.contents());
        }
        // Where there is room again, everything is in the file within some notes.
        room.set(usize::MAX, true);
        for _ in 0..=32 {
            writer.note(vec![Entry::Told(START)]);
        }
        prop_assert!(writer.is_kept());
        prop_assert!(is_true(&place, &writer));
    }
}

#[test]
fn a_full_disk_is_tried_ever_more_rarely_and_once_more_at_the_end() {
    let place = Place::new("tries");
    let room = Room::default();
    let mut writer = place.writer().on(Disk::Scarce(room.clone()));
    let mut tries = Vec::new();
    for note in 0..60 {
        // Every try takes the one byte that there is.
        room.set(1, true);
        writer.note(vec![Entry::Opened(verdict(note, 0)), Entry::Closed(Ordinal(note))]);
        if room.0.0.load(Ordering::Relaxed) == 0 {
            tries.push(note);
        }
    }
    assert_eq!(tries, [0, 2, 5, 10, 19, 36]);
    assert!(writer.is_blocked() && place.files().is_empty());
    room.set(usize::MAX, true);
    writer.note(vec![Entry::Fact(fact(Said::Verdict(verdict(9, 0).encode())))]);
    assert!(writer.is_blocked());
    writer.finish(false);
    let found = place.folder().read("orders").journals.pop().unwrap().contents;
    assert_eq!((found.facts.len(), found.counted.opened), (1, 60));
}

/// The kernel's own words for it: whatever is written to this device finds it full.
#[test]
fn a_device_without_space_takes_nothing() {
    let place = Place::new("device");
    fs::create_dir_all(place.0.join("overtime")).unwrap();
    let beside = place.folder().beside(LIFE);
    std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
    let mut writer = place.writer();
    writer.note(vec![Entry::Opened(verdict(0, 0))]);
    assert!(writer.is_blocked());
    assert!(place.files().is_empty(), "what could not be written is not left lying");
    // Now there is no such device any more.
    writer.note(vec![Entry::Closed(Ordinal(0))]);
    writer.note(vec![Entry::Told(START)]);
    assert!(writer.is_kept());
}

#[test]
fn a_folder_in_the_place_of_a_journal_is_counted_and_in_the_place_of_ours_blocks() {
    let place = Place::new("folder");
    fs::create_dir_all(place.0.join("overtime/0.journal")).unwrap();
    assert_eq!(place.folder().read("orders").ignored, 1);
    fs::create_dir_all(place.folder().file(LIFE).join("full")).unwrap();
    let mut writer = place.writer();
    writer.note(vec![Entry::Opened(verdict(0, 0))]);
    assert!(writer.is_blocked());
    assert!(!place.folder().beside(LIFE).exists());
}
