//! Conditions in a line: timeouts in hand by the second they happened, then what views say, `minute×count` or `@second`.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use overtime_wire::{Block, EpochMillis, IncarnationId, Ordinal, Outcome, Subject};

use super::*;
use crate::domain::alert::tests::claim;

const START: EpochMillis = EpochMillis(1_793_491_200_000);

fn second(at: i64) -> EpochMillis {
    EpochMillis(START.0 + at * 1_000)
}

fn timeout(at: i64) -> Timeout {
    let mut claim = claim('a', second(at));
    claim.incarnation = IncarnationId([1; 16]);
    claim.verdict.ordinal = Ordinal(u32::try_from(at + 1_000_000).unwrap());
    claim
}

fn seen(blocks: BTreeMap<Block, Vec<Timeout>>, past: Past) -> Observation<'static> {
    let function = Box::leak(Box::new(claim('a', START).function));
    Observation { function, blocks, last_success: None, past, at: START }
}

/// `10 20 | -1×3 @-600 | 5`: in hand, the past, and up to where the last episode reached. Says the second of the first ground.
#[track_caller]
fn check_rule(rule: &Rule, line: &str, expected: Expect) {
    let mut parts = line.split('|');
    let seconds = |it: Option<&str>| -> Vec<i64> {
        it.unwrap_or("").split_whitespace().map(|it| it.parse().unwrap()).collect()
    };
    let grounds = seconds(parts.next());
    let mut past = Past::default();
    for word in parts.next().unwrap_or("").split_whitespace() {
        match (word.strip_prefix('@'), word.split_once('×')) {
            (Some(at), _) => {
                past.last.push((second(at.parse().unwrap()), [Cause::Handler].into()));
            }
            (None, Some((minute, count))) => {
                let minute = second(minute.parse::<i64>().unwrap() * 60);
                past.timeouts.insert(minute, [(Cause::Handler, count.parse().unwrap())].into());
            }
            (None, None) => panic!("{word}"),
        }
    }
    let covered = seconds(parts.next()).first().map(|it| Mark::of(&timeout(*it)));
    let grounds: Vec<_> = grounds.into_iter().rev().map(timeout).collect();
    let seen = seen(BTreeMap::new(), past);
    let first = first_ground(rule, covered.as_ref(), grounds.iter().collect(), &seen);
    let said = first.map_or("-".to_owned(), |it| ((it.first.at.0 - START.0) / 1_000).to_string());
    expected.assert_eq(&said);
}

#[track_caller]
fn check(opens: Opens, line: &str, expected: Expect) {
    check_rule(&Rule { opens, ..Rule::ANY_TIMEOUT }, line, expected);
}

#[test]
fn any_timeout_will_do() {
    check(Opens::AnyTimeout, "20 10", expect!["10"]);
    check(Opens::AnyTimeout, "", expect!["-"]);
}

#[test]
fn a_count_is_reached_within_its_window() {
    let three = Opens::TimeoutCount { count: 3, window: Duration::from_mins(5) };
    check(three, "10 20", expect!["-"]);
    check(three, "10 20 30", expect!["10"]);
    check(three, "10 320 330", expect!["-"]);
    check(three, "10 320 330 340", expect!["320"]);
    check(three, "10 20 | -1×1", expect!["10"]);
    check(three, "10 20 | -6×9", expect!["-"]);
    // What was told of before does not count again.
    check(three, "10 20 | -1×1 | -5", expect!["-"]);
}

#[test]
fn a_new_offender_was_quiet_for_long() {
    let two_days = Opens::NewOffender { quiet_for: Duration::from_hours(48) };
    check(two_days, "10 20", expect!["10"]);
    check(two_days, "10 | @-172000", expect!["-"]);
    check(two_days, "10 | @-172800", expect!["10"]);
    check(two_days, "10 | | -600", expect!["-"]);
    // What happened later says nothing about before.
    check(two_days, "10 | @900", expect!["10"]);
}

#[test]
fn other_causes_than_are_asked_for_say_nothing() {
    let with = |opens, cause| Rule { opens, causes: [cause].into(), ..Rule::ANY_TIMEOUT };
    let three = Opens::TimeoutCount { count: 3, window: Duration::from_mins(5) };
    check_rule(&with(three, Cause::Handler), "10 20 | -1×1", expect!["10"]);
    check_rule(&with(three, Cause::Init), "10 20 | -1×1", expect!["-"]);
    let two_days = Opens::NewOffender { quiet_for: Duration::from_hours(48) };
    check_rule(&with(two_days, Cause::Handler), "10 | @-600", expect!["-"]);
    check_rule(&with(two_days, Cause::Init), "10 | @-600", expect!["10"]);
}

/// A row as a line: an incarnation and an ordinal, then how it ended, of one environment unless it begins with a capital: `a0!` a
/// timeout, `a1-` taken back, `b0i` an init.
fn row(count: usize, line: &str) -> String {
    let mut claims = Vec::new();
    for (at, word) in (0_i64..).zip(line.split_whitespace()) {
        let mut claim = timeout(at * 5);
        let mut letters = word.chars();
        let incarnation = letters.next().unwrap();
        let is_elsewhere = incarnation.is_ascii_uppercase();
        claim.incarnation = IncarnationId([u8::try_from(incarnation).unwrap(); 16]);
        if is_elsewhere {
            claim.verdict.environment = "elsewhere".to_owned();
        }
        claim.verdict.ordinal = Ordinal(letters.next().unwrap().to_digit(10).unwrap());
        match letters.next().unwrap() {
            '!' => {}
            '-' => claim.verdict.outcome = Outcome::Success,
            'i' => claim.verdict.subject = Subject::Init,
            other => panic!("{other}"),
        }
        claims.push(claim);
    }
    let grounds = claims.iter().filter(|it| it.is_listed()).cloned().collect::<Vec<_>>();
    let seen = seen([(Block::of(START), claims)].into(), Past::default());
    let rule = Rule { opens: Opens::InARow { count }, ..Rule::ANY_TIMEOUT };
    let found = first_ground(&rule, None, grounds.iter().collect(), &seen);
    found.map_or("-".to_owned(), |it| ((it.first.at.0 - START.0) / 5_000).to_string())
}

#[test]
fn timeouts_are_in_a_row_where_nothing_lies_between() {
    for (line, first) in [
        ("a0! a1! a2!", "0"),
        ("a0! a1!", "-"),
        ("a0! a2! a3!", "-"),
        ("a0! a2! a3! a4!", "1"),
        ("a7! b0! c0!", "0"),
        ("a7! b1! c0!", "-"),
        ("a7! b0i b1! c0!", "0"),
        ("a0! a1- a2! a3!", "-"),
        ("a0! B0! a1! B1!", "-"),
        ("a0! B0! a1! B1! a2!", "0"),
    ] {
        assert_eq!(row(3, line), first, "{line}");
    }
}
