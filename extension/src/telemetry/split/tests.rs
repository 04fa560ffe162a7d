//! Records split across two POSTs: what is joined, and that no platform record beside them is lost.

use expect_test::{Expect, expect};
use overtime_wire::EpochMillis;
use proptest::{collection::vec, prelude::*};

use super::super::{Decoded, Record, decode, tests::is_timeout};
use crate::log::{Lines, redact::redact, tail::Tail};

mod both_ends;

const TIMEOUT: &str = r#"{"time":"2026-11-01T00:00:03.001Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"timeout"}}"#;
const ENVELOPE: &str = r#"{"time":"2026-11-01T00:00:01.000Z","type":"function","record":"#;

/// What the lines of some bodies, posted one after the other, come to.
fn said(bodies: &[Decoded]) -> String {
    let mut tail = Tail::default();
    for record in bodies.iter().flat_map(|it| &it.records) {
        if let Record::Log(line) = record {
            tail.add(line.clone(), Lines(100), EpochMillis(0));
        }
    }
    tail.text()
}

fn timeouts(bodies: &[Decoded]) -> usize {
    bodies.iter().flat_map(|it| &it.records).filter(|it| is_timeout(it)).count()
}

#[track_caller]
fn check(bodies: &[&str], expected: Expect) {
    let bodies: Vec<_> = bodies.iter().map(|it| decode(it.as_bytes(), Lines(100))).collect();
    let unreadable: u32 = bodies.iter().map(|it| it.unreadable).sum();
    let timeouts = timeouts(&bodies);
    expected
        .assert_eq(&format!("{:?}, {timeouts} timeouts, {unreadable} unreadable", said(&bodies)));
}

#[test]
fn the_halves_of_an_object_are_one_line() {
    check(
        &[
            &format!(r#"[{TIMEOUT},{ENVELOPE}{{"message":"AAAA}}]"#),
            &format!(r#"[{ENVELOPE}BBBB\"}}"}}}},{TIMEOUT}]"#),
        ],
        expect![[r#""AAAABBBB\"}", 2 timeouts, 0 unreadable"#]],
    );
}

#[test]
fn the_halves_of_a_text_are_one_line() {
    check(
        &[
            &format!(r#"[{ENVELOPE}"first"}},{ENVELOPE}"AA\nAA}}]"#),
            &format!(r#"[{ENVELOPE}BB"}},{ENVELOPE}"last"}},{TIMEOUT}]"#),
        ],
        expect![[r#""first\nAA\nAABB\nlast", 1 timeouts, 0 unreadable"#]],
    );
}

#[test]
fn a_half_without_the_other_is_still_a_line() {
    check(&[&format!(r#"[{ENVELOPE}"AAAA}}]"#)], expect![[r#""AAAA", 0 timeouts, 0 unreadable"#]]);
    check(
        &[&format!(r#"[{ENVELOPE}BBBB"}},{TIMEOUT}]"#)],
        expect![[r#""BBBB", 1 timeouts, 0 unreadable"#]],
    );
}

#[test]
fn what_is_torn_and_no_line_is_unreadable() {
    check(
        &["BBBB", r#"[{"time":"x","type":"platform.start","record":{"a"#],
        expect![[r#""", 0 timeouts, 2 unreadable"#]],
    );
}

#[test]
fn nothing_is_read_where_no_logs_are_asked_for() {
    let body = format!(r#"[{ENVELOPE}"x"}},{TIMEOUT},{ENVELOPE}"AAAA}}]"#);
    let decoded = decode(body.as_bytes(), Lines::NONE);
    assert_eq!((decoded.records.len(), decoded.unreadable), (1, 1));
}

#[test]
fn of_many_lines_only_those_that_can_be_wanted_are_handed_on() {
    let line = format!(r#"{ENVELOPE}"{}"}}"#, "x".repeat(5_000));
    let body =
        format!("[{},{TIMEOUT},{}]", vec![&*line; 300].join(","), vec![&*line; 300].join(","));
    let decoded = decode(body.as_bytes(), Lines(100));
    assert_eq!((decoded.records.len(), decoded.unreadable), (9, 0));
}

/// A function logs objects, and in them whatever looks like the platform's words. The platform splits one anywhere.
#[test]
fn what_a_function_logs_is_no_record_wherever_it_is_split() {
    let logged = format!(r#"{{"a":[{{"b":"x"}},{TIMEOUT},{TIMEOUT}],"c":"{{","d":{TIMEOUT}}}"#);
    for at in 1..logged.len() {
        let (head, tail) = logged.split_at(at);
        for real in [0, 1, 2] {
            let first = format!("[{}{ENVELOPE}{head}}}]", format!("{TIMEOUT},").repeat(real));
            let second = format!("[{ENVELOPE}{tail}}}{}]", format!(",{TIMEOUT}").repeat(real));
            for body in [first, second] {
                let decoded = decode(body.as_bytes(), Lines(100));
                assert_eq!(timeouts(&[decoded]), real, "{body}");
            }
        }
    }
}

proptest! {
    /// However long it is, whatever it says and wherever it is split, as the platform splits.
    #[test]
    fn a_record_split_anywhere_costs_no_other_and_no_line(
        text in r#"[a-zé {}:,"\n]{0,300}"#,
        object in any::<bool>(),
        at in any::<prop::sample::Index>(),
        (before, after) in (0usize..3, 1usize..3),
    ) {
        let quoted = serde_json::to_string(&text).unwrap();
        let (open, close) = if object { (r#"{"message":"#, "}") } else { ("", "") };
        // Within the string, and not within an escape.
        let is_possible = |at: &usize| quoted.is_char_boundary(*at) && !quoted[..*at].ends_with('\\');
        let inside: Vec<usize> = (1..quoted.len()).filter(is_possible).collect();
        let (head, tail) = quoted.split_at(inside[at.index(inside.len())]);
        let first = format!("[{}{ENVELOPE}{open}{head}}}]", format!("{TIMEOUT},").repeat(before));
        let second = format!("[{ENVELOPE}{tail}{close}}}{}]", format!(",{TIMEOUT}").repeat(after));
        let bodies = [first, second].map(|it| decode(it.as_bytes(), Lines(100)));
        prop_assert_eq!(timeouts(&bodies), before + after);
        prop_assert_eq!(bodies.iter().map(|it| it.unreadable).sum::<u32>(), 0);
        prop_assert_eq!(said(&bodies), redact(text.trim_end()));
    }

    #[test]
    fn no_torn_body_is_too_strange(pieces in vec(prop::sample::select(vec![
        ENVELOPE, TIMEOUT, "[", "]", "{", "}", ",", "\"", "\\", "x", "\"record\":", "{\"time\":", "\u{fffd}",
    ]), 0..20)) {
        decode(pieces.concat().as_bytes(), Lines(3));
    }
}
