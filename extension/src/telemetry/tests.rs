//! What bodies are reduced to, and that every body of the corpus is survived.

use std::{fmt::Write, fs, path::Path};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{status::Status, *};
use crate::log::Part;

const TIMEOUT: &str = r#"{"time":"2026-11-01T00:00:00.001Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"timeout","metrics":{"durationMs":3000.1}}}"#;

/// One word per record: what it is, whose, and how it ended.
fn words(decoded: &Decoded) -> String {
    let mut text = String::new();
    for record in &decoded.records {
        let word = match record {
            Record::InitStart(it) => format!("init-start {:?}", it.phase),
            Record::InitEnd(it) => format!("init-end {:?}", it.status),
            Record::Start(it) => format!("start {}", it.request),
            Record::RuntimeDone(it) => {
                let request = it.request.as_ref().map_or("?".to_owned(), ToString::to_string);
                format!("done {request} {:?}", it.status)
            }
            Record::Report(it) => format!("report {} {:?}", it.request, it.status),
            Record::Resubscribed => "resubscribed".to_owned(),
            Record::Dropped(records) => format!("dropped {records}"),
            Record::Log(it) => match it.part {
                Part::Whole => format!("log {:?}", it.text),
                Part::Begins => format!("log {:?}...", it.text),
                Part::Continues => format!("log ...{:?}", it.text),
            },
            Record::Fault(place) => format!("fault {place:?}"),
        };
        let _ = write!(text, "{word}; ");
    }
    if decoded.unreadable > 0 {
        let _ = write!(text, "{} unreadable", decoded.unreadable);
    }
    text.trim_end_matches([' ', ';']).to_owned()
}

#[track_caller]
fn check(body: &str, expected: Expect) {
    expected.assert_eq(&words(&decode(body.as_bytes(), Lines::NONE)));
}

#[test]
fn unknown_records_are_passed_over_and_unreadable_ones_counted() {
    check(
        &format!(
            r#"[{{"type":"platform.newThing","record":{{"x":1}}}},{{"type":"function","record":"x"}},
            {{"record":{{}}}},{{"type":"platform.start","record":{{}}}},7,{TIMEOUT}]"#
        ),
        expect!["done r Timeout; 3 unreadable"],
    );
}

#[test]
fn what_newer_platforms_add_is_passed_over() {
    check(
        r#"[{"type":"platform.start","record":{"requestId":"r","tenantId":"blue","functionArn":7,"tracing":null}},
            {"type":"platform.runtimeDone","record":{"requestId":"r","status":"TimeOut","tenantId":{"id":"blue"},"metrics":null}},
            {"type":"platform.report","record":{"requestId":"r","status":"error","errorType":"Runtime.InvokeTimeout","tenantId":null,"spans":{}}}]"#,
        expect!["start r; done r Timeout; report r Some(Timeout)"],
    );
}

#[test]
fn a_body_that_is_no_array_is_searched() {
    check(TIMEOUT, expect!["done r Timeout"]);
    check(&format!("\u{feff}[{TIMEOUT}]"), expect!["done r Timeout"]);
    check(&format!("{TIMEOUT}\n{TIMEOUT}\n"), expect!["done r Timeout; done r Timeout"]);
    check(&format!("[{TIMEOUT},{}", &TIMEOUT[..90]), expect!["done r Timeout; 1 unreadable"]);
    check(&format!(r#"BBBB\"}}"}}}},{TIMEOUT}]"#), expect!["done r Timeout; 1 unreadable"]);
    check("not json", expect!["1 unreadable"]);
    check("", expect![""]);
}

#[test]
fn what_a_function_logs_never_becomes_a_record() {
    let quoted = serde_json::to_string(TIMEOUT).unwrap();
    check(&format!(r#"[{{"type":"function","record":{quoted}}},"#), expect![""]);
    check(&format!(r#"xx","m":{TIMEOUT}}}}},"#), expect!["1 unreadable"]);
}

#[test]
fn lone_surrogates_and_nesting_cost_only_their_own_record() {
    check(
        &format!(r#"[{{"type":"function","record":"\ud83d"}},{TIMEOUT}]"#),
        expect!["done r Timeout"],
    );
    check(
        &format!(r#"[{{"type":"platform.start","record":{{"requestId":"\ud83d"}}}},{TIMEOUT}]"#),
        expect!["done r Timeout; 1 unreadable"],
    );
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    check(
        &format!(r#"[{{"type":"function","record":{open}{close}}},{TIMEOUT}]"#),
        expect!["done r Timeout"],
    );
}

#[test]
fn a_body_made_to_be_expensive_is_given_up_in_time() {
    let body = format!("x{}", r#"{"time":"#.repeat(400_000));
    check(&body, expect!["1 unreadable"]);
}

proptest! {
    #[test]
    fn no_body_is_too_strange(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode(&body, Lines::NONE);
        decode(&body, Lines(3));
    }

    #[test]
    fn a_timeout_survives_being_cut_anywhere_after_it(end in 0usize..200, junk in "[a-z\\\\\"{}\\[\\]:,]{0,40}") {
        let body = format!("[{TIMEOUT},{TIMEOUT}]");
        let cut = &body.as_bytes()[..(TIMEOUT.len() + 1 + end).min(body.len())];
        let decoded = decode(&[cut, junk.as_bytes()].concat(), Lines::NONE);
        let survives = matches!(&decoded.records[..], [Record::RuntimeDone(first), ..] if first.status == Status::Timeout);
        prop_assert!(survives);
    }
}

/// Every file below a folder of the corpus; `None` when the corpus is not there.
fn corpus(folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(folder);
    let mut files = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()? {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    Some(files)
}

/// Every body of telemetry in the corpus.
pub(crate) fn bodies() -> Option<Vec<(String, Vec<u8>)>> {
    let folders = ["raw", "synthetic", "real", "awsdoc", "awsdoc-2025-01-29", "aws-rie-lmi"];
    Some(folders.map(corpus).into_iter().collect::<Option<Vec<_>>>()?.concat())
}

#[test]
fn every_body_of_the_corpus_is_survived_and_every_timeout_in_it_found() {
    let Some(bodies) = bodies() else {
        println!("skipped: no corpus beside the project");
        return;
    };
    for (name, body) in bodies {
        let decoded = decode(&body, Lines::NONE);
        let timeouts = decoded.records.iter().filter(|it| is_timeout(it)).count();
        let text = String::from_utf8_lossy(&body);
        let said = text.matches("\"timeout\"").count();
        match name.as_str() {
            // The status is said twice in one record, and the later one counts.
            "duplicate-keys.json.txt" => assert_eq!(timeouts, 0, "{name}"),
            _ => assert_eq!(timeouts, said, "{name}"),
        }
        let broken = ["not-json", "split-", "truncated", "missing-fields", "java21"];
        if !broken.iter().any(|it| name.starts_with(it)) {
            assert_eq!(decoded.unreadable, 0, "{name}");
        }
    }
}

pub(crate) fn is_timeout(record: &Record) -> bool {
    match record {
        Record::RuntimeDone(it) => it.status == Status::Timeout,
        Record::Report(it) => it.status == Some(Status::Timeout),
        Record::InitEnd(it) => it.status == Status::Timeout,
        Record::InitStart(_)
        | Record::Start(_)
        | Record::Resubscribed
        | Record::Dropped(_)
        | Record::Log(_)
        | Record::Fault(_) => false,
    }
}
