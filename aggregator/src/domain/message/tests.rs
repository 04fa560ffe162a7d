//! What receivers read, word for word.

use std::collections::BTreeMap;

use expect_test::{Expect, expect, expect_file};
use overtime_wire::{Evidence, Outcome};

use super::*;
use crate::domain::{
    alert::{Observation, State, evaluate, tests::claim},
    timeout::Timeout,
};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

/// Lets an alert see these claims one after the other, each at its own moment, and composes what must be told of the last.
fn last_message(claims: &[(u64, Timeout)], last_success: Option<u64>) -> (FunctionKey, Message) {
    let rule = Rule::ANY_TIMEOUT;
    let mut state = State::default();
    let mut message = None;
    let function = claims[0].1.function.clone();
    for (after, claim) in claims {
        let at = START.plus(Duration::from_secs(*after));
        let seen = Observation {
            function: &function,
            blocks: BTreeMap::from([(claim.block(), vec![claim.clone()])]),
            last_success: last_success.map(|it| START.plus(Duration::from_secs(it))),
            at,
        };
        let (next, transition) = evaluate(&rule, state, &seen);
        state = next;
        let scene = Scene { rule: &rule, function: &function, console: "https://o.example", at };
        message = transition.map(|it| compose(&scene, &it)).or(message);
    }
    (function, message.unwrap())
}

#[track_caller]
fn check(claims: &[(u64, Timeout)], last_success: Option<u64>, expected: Expect) {
    let (_, message) = last_message(claims, last_success);
    let body: Value = serde_json::from_str(&message.body).unwrap();
    let annotations = &body["data"]["annotations"];
    let text = format!(
        "{} {}\n{}\n{}\n",
        message.id,
        body["type"].as_str().unwrap(),
        annotations["summary"].as_str().unwrap(),
        annotations["description"].as_str().unwrap(),
    );
    expected.assert_eq(&text);
}

fn confirmed() -> Timeout {
    let mut claim = claim('a', START);
    claim.verdict.evidence = Evidence::Report;
    claim
}

fn taken_back(mut claim: Timeout) -> Timeout {
    claim.verdict.revision += 1;
    claim.verdict.outcome = Outcome::Success;
    claim
}

#[test]
fn an_opening_is_told_whole() {
    let (_, message) = last_message(&[(1, confirmed())], None);
    let body: Value = serde_json::from_str(&message.body).unwrap();
    let told = serde_json::to_string_pretty(&body).unwrap() + "\n";
    expect_file!["opening.json"].assert_eq(&told);
}

#[test]
fn every_transition_has_its_words() {
    check(
        &[(1, confirmed())],
        None,
        expect![[r"
        msg_f765cd20f54df16e4e80b5fa757f2f9b_firing dev.overtime.alert.firing
        orders timed out (123456789012, eu-west-1)
        Request 61616161-6161-6161-6161-616161616161 ran into its timeout of 3 s: the function's own code was still running; Lambda's report says so.
    "]],
    );
    let suspected = claim('a', START);
    check(
        &[(11, suspected.clone())],
        None,
        expect![[r"
            msg_f765cd20f54df16e4e80b5fa757f2f9b_firing dev.overtime.alert.firing
            orders seems to have timed out (123456789012, eu-west-1)
            Request 61616161-6161-6161-6161-616161616161 seems to have run into its timeout of 3 s: the function's own code was still running; the next process found the invocation still open.
        "]],
    );
    check(
        &[(11, suspected.clone()), (20, taken_back(suspected))],
        None,
        expect![[r"
        msg_f765cd20f54df16e4e80b5fa757f2f9b_resolved dev.overtime.alert.resolved
        Correction: orders did not time out after all (123456789012, eu-west-1)
        Every timeout this alert was about turned out to be a success.
    "]],
    );
    check(
        &[(1, confirmed()), (700, confirmed())],
        Some(60),
        expect![[r"
            msg_f765cd20f54df16e4e80b5fa757f2f9b_resolved dev.overtime.alert.resolved
            orders has recovered (123456789012, eu-west-1)
            1 timeout, the last at 2026-11-01T00:00:00.000Z; an invocation has succeeded since.
        "]],
    );
    check(
        &[(1, confirmed()), (90_000, confirmed())],
        None,
        expect![[r"
        msg_f765cd20f54df16e4e80b5fa757f2f9b_resolved dev.overtime.alert.resolved
        orders has been silent for a day; whether it recovered is not known (123456789012, eu-west-1)
        1 timeout, the last at 2026-11-01T00:00:00.000Z.
    "]],
    );
}

#[test]
fn a_body_of_the_longest_texts_stays_below_the_limit() {
    let claims: Vec<_> = ('a'..='e')
        .map(|name| {
            let mut claim = claim(name, START);
            claim.function.name = "n".repeat(140).parse().unwrap();
            claim.verdict.evidence = Evidence::Report;
            claim.verdict.version = "\u{1}".repeat(128);
            claim.verdict.environment = "\u{1}".repeat(256);
            claim
        })
        .collect();
    let rule = Rule::ANY_TIMEOUT;
    let function = claims[0].function.clone();
    let seen = Observation {
        function: &function,
        blocks: BTreeMap::from([(claims[0].block(), claims)]),
        last_success: None,
        at: START,
    };
    let (_, transition) = evaluate(&rule, State::default(), &seen);
    let scene = Scene { rule: &rule, function: &function, console: "https://o.example", at: START };
    let body = compose(&scene, &transition.unwrap()).body;
    assert!(body.len() < BODY_MAX, "{}", body.len());
}
