//! What survives a process, and what is counted where nothing does.

use std::{io::Read as _, path::PathBuf};

use flate2::read::GzDecoder;

use super::*;

const ALL: Wanted = Wanted { function: true, extension: true, platform: true };
const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

/// A temporary directory of a function's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = env::temp_dir().join(format!("overtime-stock-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        Self(place)
    }

    /// A process begins.
    fn process(&self, number: u8) -> Logs {
        let logs = Logs::new(ALL, String::new(), false);
        logs.begin_in(&self.0, IncarnationId([number; 16]), "orders:x");
        logs
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.0.join("overtime/logs")).map_or(0, Iterator::count)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn say(logs: &Logs, words: &str) -> bool {
    let body =
        format!(r#"[{{"time":"2026-11-01T00:00:01.000Z","type":"function","record":"{words}"}}]"#);
    logs.hear(body.as_bytes(), NOW)
}

/// Stores all there is, and gives its lines by object.
fn stored(logs: &Logs) -> Vec<String> {
    let mut objects = Vec::new();
    while let Some(cargo) = logs.next(true) {
        let mut text = String::new();
        GzDecoder::new(&*cargo.body).read_to_string(&mut text).unwrap();
        objects.push(text.lines().map(|it| message(it) + " ").collect());
        logs.stored(&cargo);
    }
    objects
}

fn message(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["message"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_sends_is_told_once_of_what_waits() {
    let place = Place::new("told");
    let logs = place.process(1);
    assert!(say(&logs, "a"));
    assert!(!say(&logs, "b"));
    assert_eq!(stored(&logs), ["a b "]);
    assert_eq!(place.files(), 0, "what is stored is nowhere else");
    assert!(say(&logs, "c"));
}

#[test]
fn a_killed_process_leaves_what_it_heard_to_the_next() {
    let place = Place::new("killed");
    let killed = place.process(1);
    say(&killed, "a");
    let on_its_way = killed.next(true).unwrap();
    say(&killed, "b");
    say(&killed, "c");
    // While it lives its files are its own.
    let stranger = place.process(2);
    assert_eq!(stored(&stranger), Vec::<String>::new());
    drop(killed);
    let next = place.process(3);
    say(&next, "d");
    let again = next.next(false).unwrap();
    assert_eq!(again, on_its_way, "the same bytes under the same name");
    next.returned(false);
    assert_eq!(stored(&next), ["a ", "b c ", "d "]);
    assert_eq!((place.files(), next.take_lost()), (0, Lost::default()));
}

#[test]
fn where_nothing_can_be_written_memory_has_it() {
    let place = Place::new("full");
    std::fs::write(place.0.join("overtime"), "in the way").unwrap();
    let logs = place.process(1);
    say(&logs, "a");
    logs.leave();
    assert_eq!(logs.take_lost(), Lost { unsent: 1, ..Lost::default() });
    say(&logs, "b");
    assert_eq!(stored(&logs), ["b "]);
}

#[test]
fn what_the_environment_takes_along_is_counted_by_the_reason() {
    let place = Place::new("gone");
    let left = place.process(1);
    say(&left, "a");
    say(&left, "b");
    left.leave();
    assert_eq!(left.take_lost(), Lost::default(), "the disk has it");
    drop(left);
    let logs = place.process(2);
    say(&logs, "c");
    logs.give_up();
    assert_eq!(logs.take_lost(), Lost { unsent: 3, ..Lost::default() });
    assert_eq!(place.files(), 0);
    say(&logs, "d");
    logs.next(true).unwrap();
    logs.returned(true);
    logs.give_up();
    assert_eq!(logs.take_lost(), Lost { refused: 1, ..Lost::default() });
}

#[test]
fn what_lies_there_and_is_no_object_is_let_go() {
    let place = Place::new("strange");
    let folder = place.0.join("overtime/logs");
    std::fs::create_dir_all(&folder).unwrap();
    let by = IncarnationId([9; 16]);
    for (name, content) in [
        (format!("orders_x.1.{by}.0.gz"), "no gzip"),
        (format!("orders_x.1.{by}.1.gz"), ""),
        (format!("another.1.{by}.0.gz"), "another function's"),
        ("orders_x.-1.zz.0.gz".to_owned(), "x"),
        ("notes".to_owned(), "x"),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let logs = place.process(1);
    say(&logs, "a");
    assert_eq!(stored(&logs), ["a "]);
    assert_eq!(place.files(), 3, "what is not ours is left alone");
}

#[test]
fn a_copy_begins_with_nothing() {
    let place = Place::new("copy");
    let logs = place.process(1);
    say(&logs, "a");
    logs.restored_in(&place.0, "orders:x");
    assert_eq!(place.files(), 0);
    logs.begin_in(&place.0, IncarnationId([2; 16]), "orders:x");
    say(&logs, "b");
    assert_eq!(stored(&logs), ["b "]);
}
