//! What is read out of bodies of every kind, and that nothing is written down twice or torn.

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::*;

const ALL: Wanted = Wanted { function: true, extension: true, platform: true };
const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const TIME: &str = "2026-11-01T00:00:01.000Z";

fn desk(wanted: Wanted) -> Desk {
    Desk::new(wanted, Context::new("$LATEST".to_owned(), false))
}

fn text(sheets: &[Sheet]) -> String {
    let lines = sheets.iter().flat_map(Sheet::lines);
    let lines: Vec<_> = lines.map(|it| String::from_utf8(it.bytes.to_vec()).unwrap()).collect();
    lines.concat()
}

/// What some bodies, posted one after the other, come to.
#[track_caller]
fn check(wanted: Wanted, bodies: &[&str], expected: Expect) {
    let mut desk = desk(wanted);
    let sheets: Vec<_> = bodies.iter().map(|it| desk.read(it.as_bytes(), NOW)).collect();
    let torn: u32 = sheets.iter().map(|it| it.torn).sum();
    let torn = if torn > 0 { format!("{torn} torn\n") } else { String::new() };
    expected.assert_eq(&(text(&sheets) + &torn));
}

fn record(kind: &str, body: &Value) -> String {
    json!({ "time": TIME, "type": kind, "record": body }).to_string()
}

fn body(records: &[String]) -> String {
    format!("[{}]", records.join(","))
}

fn start() -> String {
    let tracing = json!({ "type": "X-Amzn-Trace-Id", "value": "Root=1-a-b;Parent=c;Sampled=1" });
    record("platform.start", &json!({ "requestId": "r", "version": "8", "tracing": tracing }))
}

#[test]
fn only_what_is_asked_for_is_written_down_and_all_of_it_is_learned_from() {
    let records = [
        record("platform.initStart", &json!({ "instanceId": "i", "functionVersion": "7" })),
        record("function", &json!("loading\n")),
        start(),
        record("function", &json!("hello\n")),
        record("extension", &json!("of an extension")),
        record("other", &json!({})),
        record("platform.report", &json!({ "requestId": "r", "status": "success" })),
    ];
    let body = body(&records);
    let function = Wanted { function: true, ..Wanted::default() };
    check(
        function,
        &[&body],
        expect![[r#"
        {"time":"2026-11-01T00:00:01.000Z","type":"function","message":"loading","version":"7","sandbox":"i"}
        {"time":"2026-11-01T00:00:01.000Z","type":"function","request_id":"r","message":"hello","trace_id":"1-a-b","version":"8","sandbox":"i"}
    "#]],
    );
    let others = Wanted { function: false, ..ALL };
    check(
        others,
        &[&body],
        expect![[r#"
        {"time":"2026-11-01T00:00:01.000Z","type":"platform.initStart","record":{"functionVersion":"7","instanceId":"i"},"version":"7","sandbox":"i"}
        {"time":"2026-11-01T00:00:01.000Z","type":"platform.start","request_id":"r","record":{"requestId":"r","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-a-b;Parent=c;Sampled=1"},"version":"8"},"trace_id":"1-a-b","version":"8","sandbox":"i"}
        {"time":"2026-11-01T00:00:01.000Z","type":"extension","request_id":"r","message":"of an extension","trace_id":"1-a-b","version":"8","sandbox":"i"}
        {"time":"2026-11-01T00:00:01.000Z","type":"platform.report","request_id":"r","record":{"requestId":"r","status":"success"},"trace_id":"1-a-b","version":"8","sandbox":"i"}
    "#]],
    );
}

/// 2022-07-01 has texts only; the later two have objects where the function logs JSON, which wraps what is no JSON.
#[test]
fn every_schema_and_both_formats_are_read() {
    let objects = [
        record("function", &json!(r#"{"level":"INFO","message":"a text that looks like one"}"#)),
        record(
            "function",
            &json!({ "timestamp": TIME, "level": "WARN", "requestId": "q", "message": "of q" }),
        ),
        record(
            "function",
            &json!({ "timestamp": TIME, "level": "INFO", "message": "not JSON itself" }),
        ),
        record("function", &json!({ "level": 30, "user": { "id": 7 } })),
        record(
            "function",
            &json!(format!("[ERROR]\t{TIME}\t5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11\tof Python\n")),
        ),
    ];
    check(
        ALL,
        &[&body(&objects)],
        expect![[r#"
        {"time":"2026-11-01T00:00:01.000Z","type":"function","message":"{\"level\":\"INFO\",\"message\":\"a text that looks like one\"}","version":"$LATEST"}
        {"time":"2026-11-01T00:00:01.000Z","type":"function","request_id":"q","level":"WARN","record":{"level":"WARN","message":"of q","requestId":"q","timestamp":"2026-11-01T00:00:01.000Z"},"version":"$LATEST"}
        {"time":"2026-11-01T00:00:01.000Z","type":"function","level":"INFO","record":{"level":"INFO","message":"not JSON itself","timestamp":"2026-11-01T00:00:01.000Z"},"version":"$LATEST"}
        {"time":"2026-11-01T00:00:01.000Z","type":"function","record":{"level":30,"user":{"id":7}},"version":"$LATEST"}
        {"time":"2026-11-01T00:00:01.000Z","type":"function","request_id":"5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11","level":"ERROR","message":"[ERROR]\t2026-11-01T00:00:01.000Z\t5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11\tof Python","version":"$LATEST"}
    "#]],
    );
}

#[test]
fn what_has_no_time_or_no_record_is_written_down_all_the_same() {
    check(
        ALL,
        &[
            r#"[{"type":"function","record":"a"},{"time":"soon","type":"function","record":"b"},{"time":"","type":"function","record":null}]"#,
        ],
        expect![[r#"
            {"time":"2026-11-01T00:00:00.000Z","type":"function","message":"a","version":"$LATEST"}
            {"time":"2026-11-01T00:00:00.000Z","type":"function","message":"b","version":"$LATEST"}
            {"time":"2026-11-01T00:00:00.000Z","type":"function","message":"","version":"$LATEST"}
        "#]],
    );
}

#[test]
fn a_body_that_is_posted_again_is_written_down_once() {
    let (first, second) = (body(&[start(), record("function", &json!("a"))]), body(&[start()]));
    let mut desk = desk(Wanted { function: true, ..Wanted::default() });
    let sheets: Vec<_> = [&first, &second, &first, &first]
        .map(|it| desk.read(it.as_bytes(), NOW))
        .into_iter()
        .collect();
    assert_eq!(text(&sheets).lines().count(), 1);
    for number in 0..1_000 {
        desk.read(format!("[{number}]").as_bytes(), NOW);
    }
    assert_eq!(desk.seen.len(), REMEMBERED);
}

#[test]
fn our_own_words_are_no_news() {
    let said = [
        record("extension", &json!("overtime: no logs are stored\n")),
        record("extension", &json!("of another")),
        record("function", &json!("overtime: pay")),
    ];
    let sheet = desk(ALL).read(body(&said).as_bytes(), NOW);
    assert_eq!(sheet.lines().map(|it| it.is_news).collect::<Vec<_>>(), [false, true, true]);
}

/// As the platform splits a long record: see `telemetry::split`.
fn split(kind: &str, body: &str, at: usize) -> [Vec<u8>; 2] {
    let envelope = format!(r#"{{"time":"{TIME}","type":"{kind}","record":"#);
    let (first, second) = body.as_bytes().split_at(at);
    [
        [b"[", start().as_bytes(), b",", envelope.as_bytes(), first, b"}]"].concat(),
        [
            b"[",
            envelope.as_bytes(),
            second,
            b"},",
            record("function", &json!("next")).as_bytes(),
            b"]",
        ]
        .concat(),
    ]
}

fn posted(bodies: &[Vec<u8>]) -> (Vec<Value>, u32) {
    let mut desk = desk(Wanted { platform: false, ..ALL });
    let sheets: Vec<_> = bodies.iter().map(|it| desk.read(it, NOW)).collect();
    let lines = text(&sheets).lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    (lines, sheets.iter().map(|it| it.torn).sum())
}

#[test]
fn the_halves_of_a_record_are_put_together() {
    for kind in ["function", "extension"] {
        let (lines, torn) = posted(&split(kind, r#""AAAA\"é}],{BBBB\n""#, 9));
        assert_eq!((lines[0]["message"].as_str(), torn), (Some("AAAA\"é}],{BBBB"), 0));
        assert_eq!(lines[0]["request_id"], "r");
        assert_eq!(lines[1]["message"], "next");
        let (lines, torn) = posted(&split(kind, r#"{"message":"AAAABBBB","a":[{}]}"#, 15));
        assert_eq!((&lines[0]["record"]["message"], torn), (&json!("AAAABBBB"), 0));
    }
}

#[test]
fn a_record_in_three_parts_is_put_together() {
    let envelope = format!(r#"{{"time":"{TIME}","type":"function","record":"#);
    let parts = [
        format!(r#"[{envelope}"AAAA}}]"#),
        format!("[{envelope}BBBB}}]"),
        format!(r#"[{envelope}CCCC"}}]"#),
    ];
    let (lines, torn) = posted(&parts.map(String::into_bytes));
    assert_eq!((lines.len(), &lines[0]["message"], torn), (1, &json!("AAAABBBBCCCC"), 0));
}

#[test]
fn a_half_alone_is_counted_and_harms_nobody() {
    let [first, second] = split("function", r#""AAAABBBB""#, 5);
    let (lines, torn) =
        posted(&[first.clone(), body(&[record("function", &json!("x"))]).into_bytes()]);
    assert_eq!((lines.len(), torn), (1, 1));
    let (lines, torn) = posted(std::slice::from_ref(&second));
    assert_eq!((lines.len(), &lines[0]["message"], torn), (1, &json!("next"), 1));
    let long = format!("\"{}", "x".repeat(HALF_MAX + 1));
    let (_, torn) = posted(&split("function", &long, long.len()));
    assert!(torn > 0);
}

proptest! {
    /// Wherever it is cut, a record is whole again, or counted.
    #[test]
    fn no_cut_loses_a_record(said in "[ -~é😀\n\"\\\\]{1,60}", at in any::<prop::sample::Index>(), is_object: bool) {
        let value = if is_object { json!({ "message": said, "n": 1 }) } else { json!(said) };
        let written = value.to_string();
        // The platform cuts within the string.
        let from = if is_object { r#"{"message":""#.len() } else { 1 };
        let at = from + at.index(written.len() - from - usize::from(is_object) * 7);
        let (lines, torn) = posted(&split("function", &written, at));
        if torn == 0 {
            prop_assert_eq!(lines.len(), 2);
            let expected = said.strip_suffix('\n').unwrap_or(&said);
            let seen = if is_object { &lines[0]["record"]["message"] } else { &lines[0]["message"] };
            prop_assert_eq!(seen, &json!(if is_object { &*said } else { expected }));
        }
    }

    #[test]
    fn no_body_is_too_strange(bodies in vec(vec(any::<u8>(), 0..80), 0..6), cut in 0usize..400) {
        let mut desk = desk(ALL);
        let whole = body(&[start(), record("function", &json!("a\n")), record("extension", &json!({ "a": 1 }))]);
        for body in bodies {
            desk.read(&[&whole.as_bytes()[..cut.min(whole.len())], &body].concat(), NOW);
            desk.read(&body, NOW);
        }
        let sheet = desk.read(whole.as_bytes(), NOW);
        for line in text(&[sheet]).lines() {
            prop_assert!(serde_json::from_str::<Value>(line).is_ok());
        }
    }

    /// Lines come out in the order and the number in which they went in, however they are posted.
    #[test]
    fn every_line_is_written_down_once(said in vec("[a-z]{0,20}", 1..60), size in 1usize..20) {
        let bodies: Vec<_> = said
            .chunks(size)
            .enumerate()
            .map(|(number, lines)| {
                let mark = record("platform.other", &json!(number));
                let lines = lines.iter().map(|it| record("function", &json!(format!("{it}\n"))));
                body(&std::iter::once(mark).chain(lines).collect::<Vec<_>>()).into_bytes()
            })
            .collect();
        let (lines, torn) = posted(&bodies);
        let seen: Vec<_> = lines.iter().map(|it| it["message"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!((seen, torn), (said, 0));
    }
}
