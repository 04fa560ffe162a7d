//! Lines against the rules that CloudWatch publishes for them, and sums against counts.

use overtime_wire::Counts;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::{serial::Counted, view::TallyPart};

fn function() -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders".parse().unwrap(),
    }
}

fn shape(dimensions: &str) -> Shape {
    Shape { namespace: "Overtime".parse().unwrap(), dimensions: dimensions.parse().unwrap() }
}

fn block() -> Block {
    Block::from_number(1_992_768)
}

/// The rules of the format's specification: what must be there, of which type, how long, how many, and that every name leads to a
/// member of the right type.
fn violations(line: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(line).unwrap();
    let mut wrong = Vec::new();
    let mut must = |holds: bool, rule: &str| {
        if !holds {
            wrong.push(format!("{rule}: {line}"));
        }
    };
    must(document["_aws"]["Timestamp"].as_i64().is_some_and(|it| it > 0), "Timestamp");
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().cloned().unwrap_or_default();
    must(!directives.is_empty(), "CloudWatchMetrics");
    let text = |it: &Value, max: usize| {
        it.as_str().is_some_and(|it| !it.trim().is_empty() && it.len() <= max && it.is_ascii())
    };
    for directive in &directives {
        must(text(&directive["Namespace"], 1_024), "Namespace");
        let sets = directive["Dimensions"].as_array().cloned().unwrap_or_default();
        must(!sets.is_empty(), "Dimensions");
        for set in &sets {
            let names = set.as_array().cloned().unwrap_or_default();
            must((1..=30).contains(&names.len()), "a set has up to 30 dimensions");
            for name in &names {
                must(text(name, 250), "a dimension's name");
                let target = name.as_str().unwrap_or_default();
                must(text(&document[target], 1_024), "a dimension's value is a text");
            }
        }
        let metrics = directive["Metrics"].as_array().cloned().unwrap_or_default();
        must((1..=100).contains(&metrics.len()), "at most 100 metrics");
        for metric in &metrics {
            must(text(&metric["Name"], 1_024), "a metric's name");
            must(metric["Unit"] == "Count", "a metric's unit");
            let target = metric["Name"].as_str().unwrap_or_default();
            must(document[target].is_number(), "a metric's value is a number");
        }
    }
    must(line.len() < 256 * 1_024 && !line.contains('\n'), "a line of at most 256 KB");
    wrong
}

#[test]
fn a_minute_is_one_document_as_the_format_wants_it() {
    let said = Minutes::from([(3, Minute([7, 1, 0, 0])), (14, Minute([-1, -1, 0, 2]))]);
    for dimensions in ["account,region,function", "function", "account,region,function;account"] {
        let lines = shape(dimensions).lines(&function(), block(), &said);
        assert_eq!(lines.len(), 2);
        for line in &lines {
            assert_eq!(violations(line), Vec::<String>::new());
        }
    }
    let lines = shape("account,function;region").lines(&function(), block(), &said);
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    let names = ["Invocations", "Timeouts", "NearTimeouts"];
    let metrics = names.map(|it| json!({ "Name": it, "Unit": "Count" }));
    let expected = json!({
        "_aws": {
            "Timestamp": block().start().0 + 3 * 60_000,
            "CloudWatchMetrics": [{
                "Namespace": "Overtime",
                "Dimensions": [["AccountId", "FunctionName"], ["Region"]],
                "Metrics": metrics,
            }],
        },
        "AccountId": "012345678901",
        "Region": "eu-west-1",
        "FunctionName": "orders",
        "Invocations": 7,
        "Timeouts": 1,
        "NearTimeouts": 0,
    });
    assert_eq!(first, expected);
    let second: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&second["Timeouts"], &second["InitTimeouts"]), (&json!(-1), &json!(2)));
}

#[test]
fn what_breaks_the_rules_is_seen_to() {
    let said = Minutes::from([(0, Minute([1, 0, 0, 0]))]);
    let line = shape("function").lines(&function(), block(), &said).remove(0);
    for (from, to) in [
        ("\"orders\"", "7"),
        ("\"Invocations\":1", "\"Invocations\":\"1\""),
        ("\"Timestamp\"", "\"Time\""),
        ("\"Unit\":\"Count\"", "\"Unit\":\"Things\""),
        ("[\"FunctionName\"]", "[]"),
        ("\"Overtime\"", "\"\""),
    ] {
        assert!(line.contains(from), "{from} in {line}");
        assert!(!violations(&line.replace(from, to)).is_empty(), "{to}");
    }
}

#[test]
fn settings_are_read_or_refused() {
    for text in ["Overtime", "team/overtime.prod-1_a#b:c"] {
        assert_eq!(text.parse::<Namespace>(), Ok(Namespace(text.to_owned())));
    }
    for text in ["", "AWS/Lambda", ":x", "two words", "größe", &"x".repeat(256)] {
        assert_eq!(text.parse::<Namespace>(), Err(NoNamespace), "{text}");
    }
    for text in ["account,region,function", "function", "account,region;function;region"] {
        assert_eq!(text.parse::<DimensionSets>().unwrap().to_string(), text);
    }
    assert_eq!(DimensionSets::default().to_string(), "account,region,function");
    for text in ["", "function,", "team", "function,function", "region;region", "function;"] {
        assert_eq!(text.parse::<DimensionSets>(), Err(NoDimensions), "{text}");
    }
}

#[test]
fn what_is_not_what_we_write_is_not_read() {
    for text in ["", "{}", "[[1]]", "[[1,2,3,4]]", "[[300,1,1,1,1]]", "[[1,2,3,4,5,6]]"] {
        assert_eq!(read(text), None, "{text}");
    }
}

fn numbers() -> impl Strategy<Value = Minutes> {
    let minute = (0_u8..15, [0_i64..1_000, 0..9, 0..9, 0..9]);
    vec(minute, 0..15).prop_map(|it| {
        let minutes = it.into_iter().map(|(minute, numbers)| (minute, Minute(numbers)));
        minutes.filter(|(_, it)| it.0 != [0; 4]).collect()
    })
}

proptest! {
    /// Whatever was said in between, and whatever was taken back.
    #[test]
    fn differences_add_up_to_what_stands(steps in vec(numbers(), 1..6)) {
        let (mut before, mut sum) = (Minutes::new(), Minutes::new());
        for now in &steps {
            for (minute, more) in difference(&before, now) {
                let numbers = &mut sum.entry(minute).or_default().0;
                numbers.iter_mut().zip(more.0).for_each(|(it, more)| *it += more);
            }
            before.clone_from(now);
        }
        sum.retain(|_, it| it.0 != [0; 4]);
        prop_assert_eq!(&sum, steps.last().unwrap());
        prop_assert!(difference(&before, &before).is_empty());
        prop_assert_eq!(read(&write(&before)), Some(before));
    }
}

#[test]
fn a_block_says_what_it_counted() {
    let counts = Counts { invocations: 5, near_timeouts: 2, cold_starts: 1, ..Counts::default() };
    let quiet = Counts { cold_starts: 1, ..Counts::default() };
    let minutes = [(2, Counted(counts)), (4, Counted(quiet))].into_iter().collect();
    let tally = Some(TallyPart { minutes, ..TallyPart::default() });
    let view = BlockView { tally, ..BlockView::empty(block()) };
    assert_eq!(super::minutes(&view), Minutes::from([(2, Minute([5, 0, 2, 0]))]));
}
