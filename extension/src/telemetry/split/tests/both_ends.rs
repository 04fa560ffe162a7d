//! Bodies that begin with the second half of one record and end with the first half of another.

use proptest::{prop_oneof, sample::Index};

use super::*;

/// What a function logs, in which whatever looks like the platform's words stands at every depth.
fn deceits() -> [String; 3] {
    let quoted = serde_json::to_string(&format!("x }},{TIMEOUT},{{\"a\":\"")).unwrap();
    [
        format!(r#"{{"a":[{{"b":"x"}},{TIMEOUT},{TIMEOUT}],"c":"{{","d":{TIMEOUT}}}"#),
        format!(r#"{{"m":{{"q":[0]}},"s":{quoted},"l":[[{TIMEOUT}],{TIMEOUT}]}}"#),
        quoted,
    ]
}

/// A body between two cuts, with so many real timeouts in it.
fn body(second_half: &str, real: usize, first_half: &str) -> String {
    let between = format!("{TIMEOUT},").repeat(real);
    format!("[{ENVELOPE}{second_half}}},{between}{ENVELOPE}{first_half}}}]")
}

/// Each cut of the one with some cuts of the other: what is found is what the platform wrote, exactly.
#[test]
fn between_two_halves_nothing_is_lost_and_nothing_invented() {
    for (before, after) in deceits().iter().zip(deceits().iter().rev()) {
        for at in 1..before.len() {
            for to in (1 + at % 29..after.len()).step_by(29) {
                for real in [0, 2] {
                    let body = body(&before[at..], real, &after[..to]);
                    let decoded = decode(body.as_bytes(), Lines(100));
                    let found = (timeouts(std::slice::from_ref(&decoded)), decoded.unreadable);
                    assert_eq!(found, (real, 0), "{body}");
                    let lines = decoded.records.iter().filter(|it| matches!(it, Record::Log(_)));
                    assert_eq!(lines.count(), 2, "{body}");
                }
            }
        }
    }
}

#[test]
fn where_it_cannot_be_told_what_the_platform_wrote_that_is_counted() {
    // Cut off as no platform does, so no way of reading it holds out.
    let body = format!(r#"[{ENVELOPE}x"}},{TIMEOUT},{{"time":"2026-"#);
    let decoded = decode(body.as_bytes(), Lines(100));
    assert_eq!((timeouts(&[decode(body.as_bytes(), Lines(100))]), decoded.unreadable), (0, 1));
    // The middle of a record holds nothing else.
    let middle = decode(format!(r"[{ENVELOPE}xxxx}}]").as_bytes(), Lines(100));
    assert_eq!(middle.unreadable, 0);
}

#[derive(Debug, Clone)]
enum Written {
    Timeout,
    /// A log record's value, as JSON.
    Log(String),
}

fn written() -> impl Strategy<Value = Written> {
    let text = r#"[a-zé {}\[\]:,"\\\n]{0,60}"#;
    prop_oneof![
        2 => Just(Written::Timeout),
        2 => text.prop_map(|it| Written::Log(serde_json::to_string(&it).unwrap())),
        1 => (text, 0i32..9).prop_map(|(it, number)| {
            let said = serde_json::to_string(&it).unwrap();
            Written::Log(format!(r#"{{"message":{said},"n":[{number},{{"m":{said}}}]}}"#))
        }),
        1 => prop::sample::select(deceits().to_vec()).prop_map(Written::Log),
    ]
}

/// The bodies of so many records, posted as the platform posts them: each cut goes through a log record.
fn posts(records: &[Written], cuts: &[(Index, Index)]) -> Vec<Vec<u8>> {
    let mut bodies = vec![b"[".to_vec()];
    let logs: Vec<usize> =
        (0..records.len()).filter(|at| matches!(records[*at], Written::Log(_))).collect();
    for (at, record) in records.iter().enumerate() {
        let mut last = bodies.pop().unwrap_or_default();
        if last.len() > 1 {
            last.push(b',');
        }
        match record {
            Written::Timeout => last.extend(TIMEOUT.bytes()),
            Written::Log(value) => {
                last.extend(ENVELOPE.bytes());
                let cut = cuts.iter().find(|(log, _)| logs[log.index(logs.len())] == at);
                // At any byte: within a character or an escape as well.
                let cut = cut.map_or(value.len(), |(_, it)| 1 + it.index(value.len() - 1));
                let (head, tail) = value.as_bytes().split_at(cut);
                last.extend(head);
                if !tail.is_empty() {
                    last.extend(b"}]");
                    bodies.push(last);
                    last = [b"[", ENVELOPE.as_bytes(), tail].concat();
                }
                last.push(b'}');
            }
        }
        bodies.push(last);
    }
    if let Some(last) = bodies.last_mut() {
        last.push(b']');
    }
    bodies
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    /// However many posts and wherever the cuts: every record of the platform's is found, none is invented, none is in doubt.
    #[test]
    fn over_several_posts_the_platforms_records_are_all_found(
        records in vec(written(), 1..12),
        cuts in vec(any::<(Index, Index)>(), 0..6),
    ) {
        let real = records.iter().filter(|it| matches!(it, Written::Timeout)).count();
        let has_logs = real < records.len();
        let posts = posts(&records, if has_logs { &cuts } else { &[] });
        let read: Vec<_> = posts.iter().map(|it| decode(it, Lines(100))).collect();
        let shown: Vec<_> = posts.iter().map(|it| String::from_utf8_lossy(it)).collect();
        prop_assert_eq!(timeouts(&read), real, "{:#?}", shown);
        prop_assert_eq!(read.iter().map(|it| it.unreadable).sum::<u32>(), 0, "{:#?}", shown);
        // Without logs a half is a record that cannot be read, and the others are the same.
        let plain: Vec<_> = posts.iter().map(|it| decode(it, Lines::NONE)).collect();
        prop_assert_eq!(timeouts(&plain), real);
    }
}
