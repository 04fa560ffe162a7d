//! What receivers read, word for word.

use std::{collections::BTreeMap, time::Duration};

use expect_test::{Expect, expect, expect_file};
use overtime_wire::{Evidence, FunctionKey, Outcome};

use super::{
    compose::{Scene, Told, compose},
    *,
};
use crate::domain::{
    alert::{
        self, Breach, Ending, Measure, Observation, Past, Rule, State, book::describe, evaluate,
        tests::claim,
    },
    configuration::Configuration,
    timeout::Timeout,
};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

/// What the built-in subscription's receiver is told of a transition.
fn told(function: &FunctionKey, transition: &alert::Transition, at: EpochMillis) -> Notification {
    let configuration = Configuration::default().with_environment();
    let subscription = &configuration.subscriptions[0].value;
    let rule = &Rule::ANY_TIMEOUT;
    let (labels, annotations) = (&subscription.labels, &subscription.annotations);
    let subscription = &describe(subscription);
    let console = "https://o.example";
    let analysis: &[String] = &[];
    let scene = Scene { rule, subscription, labels, annotations, analysis, function, console, at };
    compose(&scene, &Told::from(transition))
}

/// Lets an alert see these claims one after the other, each at its own moment, and composes what must be told of the last.
fn last_message(
    claims: &[(u64, Timeout)],
    last_success: Option<u64>,
) -> (FunctionKey, Notification) {
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
            past: Past::default(),
            at,
        };
        let (next, transition) = evaluate(&rule, state, &seen);
        state = next;
        message = transition.map(|it| told(&function, &it, at)).or(message);
    }
    (function, message.unwrap())
}

#[track_caller]
fn check(claims: &[(u64, Timeout)], last_success: Option<u64>, expected: Expect) {
    let (_, message) = last_message(claims, last_success);
    let body = message.standard();
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
    let body = message.standard();
    let told = serde_json::to_string_pretty(&body).unwrap() + "\n";
    expect_file!["opening.json"].assert_eq(&told);
}

#[test]
fn a_subscription_cannot_say_what_analyses_found() {
    let theirs = ["analysis", "summary", "runbook_url"].map(|it| (it.to_owned(), "x".to_owned()));
    let ours: Vec<_> = compose::annotations(&theirs.into()).into_keys().collect();
    assert_eq!(ours, ["runbook_url"]);
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
        orders has been quiet for long; whether it recovered is not known (123456789012, eu-west-1)
        1 timeout, the last at 2026-11-01T00:00:00.000Z.
    "]],
    );
}

/// What is said while it goes on, and when it is over, where something was measured.
#[track_caller]
fn check_measured(measure: Measure, ending: Ending, expected: Expect) -> Stats {
    let claim = confirmed();
    let function = claim.function.clone();
    let seen = Observation {
        function: &function,
        blocks: BTreeMap::from([(claim.block(), vec![claim])]),
        last_success: None,
        past: Past::default(),
        at: START,
    };
    let (_, transition) = evaluate(&Rule::ANY_TIMEOUT, State::default(), &seen);
    let Some(alert::Transition::Opened(mut episode)) = transition else { panic!() };
    episode.breach = Some(Box::new(Breach::of(measure)));
    let opened = alert::Transition::Opened(episode.clone());
    let opened = told(&function, &opened, START);
    let over = told(&function, &alert::Transition::Resolved(episode, ending), START);
    let text = |it: &Notification| {
        let Annotations { summary, description, .. } = &it.annotations;
        format!("{summary}\n{description}\n")
    };
    expected.assert_eq(&(text(&opened) + &text(&over)));
    opened.stats
}

#[test]
fn what_was_measured_is_said() {
    let stats = check_measured(
        Measure::Rate { timeouts: 25, invocations: 400, window_s: 300 },
        Ending::Recovered,
        expect![[r"
            orders times out in 6.3 % of its invocations within 5 min (123456789012, eu-west-1)
            25 of 400 invocations. Request 61616161-6161-6161-6161-616161616161 ran into its timeout of 3 s: the function's own code was still running; Lambda's report says so.
            orders has recovered (123456789012, eu-west-1)
            1 timeout, the last at 2026-11-01T00:00:00.000Z; an invocation has succeeded since.
        "]],
    );
    assert_eq!((stats.window_s, stats.timeouts, stats.invocations), (300, 25, Some(400)));
    assert_eq!(stats.timeout_rate, Some(6.3));
    let near = |statistic: &str, requests: &[&str]| Measure::Near {
        statistic: statistic.to_owned(),
        reached_ms: 2_900,
        timeout_ms: 3_000,
        invocations: 200,
        window_s: 900,
        requests: requests.iter().map(|it| (*it).to_owned()).collect(),
    };
    let stats = check_measured(
        near("p99", &["a", "b"]),
        Ending::Recovered,
        expect![[r"
        orders comes close to its timeout: p99 is 2.9 s of 3 s (123456789012, eu-west-1)
        Of 200 invocations, p99 was 2.9 s where 3 s are configured. Requests worth looking up: a, b.
        orders has recovered (123456789012, eu-west-1)
        Last as close: of 200 invocations, p99 was 2.9 s where 3 s are configured; an invocation has succeeded since.
    "]],
    );
    assert_eq!((stats.p99_ms, stats.max_ms, stats.timeout_ms), (Some(2_900), None, Some(3_000)));
    let stats = check_measured(
        near("max", &[]),
        Ending::Expired,
        expect![[r"
        orders comes close to its timeout: the longest is 2.9 s of 3 s (123456789012, eu-west-1)
        Of 200 invocations, the longest was 2.9 s where 3 s are configured.
        orders has been quiet for long; whether it recovered is not known (123456789012, eu-west-1)
        Last as close: of 200 invocations, the longest was 2.9 s where 3 s are configured.
    "]],
    );
    assert_eq!((stats.p99_ms, stats.max_ms), (None, Some(2_900)));
}

#[test]
fn rows_and_silence_are_said() {
    check_measured(
        Measure::Count { timeouts: 3, window_s: 600 },
        Ending::Retracted,
        expect![[r"
            orders timed out 3 times within 10 min (123456789012, eu-west-1)
            Request 61616161-6161-6161-6161-616161616161 ran into its timeout of 3 s: the function's own code was still running; Lambda's report says so.
            Correction: orders did not time out after all (123456789012, eu-west-1)
            Every timeout this alert was about turned out to be a success.
        "]],
    );
    for of_one in [true, false] {
        let row = Measure::Row { timeouts: 3, of_one };
        let expected = if of_one {
            expect![[r"
            orders timed out 3 times in a row in one environment (123456789012, eu-west-1)
            Request 61616161-6161-6161-6161-616161616161 ran into its timeout of 3 s: the function's own code was still running; Lambda's report says so.
            orders has recovered (123456789012, eu-west-1)
            1 timeout, the last at 2026-11-01T00:00:00.000Z; an invocation has succeeded since.
        "]]
        } else {
            expect![[r"
            orders timed out 3 times in a row (123456789012, eu-west-1)
            Request 61616161-6161-6161-6161-616161616161 ran into its timeout of 3 s: the function's own code was still running; Lambda's report says so.
            orders has recovered (123456789012, eu-west-1)
            1 timeout, the last at 2026-11-01T00:00:00.000Z; an invocation has succeeded since.
        "]]
        };
        check_measured(row, Ending::Recovered, expected);
    }
    let silence = Measure::Silence { since_ms: START.0 };
    check_measured(
        silence.clone(),
        Ending::Recovered,
        expect![[r"
        orders has not reported since 2026-11-01T00:00:00.000Z (123456789012, eu-west-1)
        Nothing has come in from it: it is not called any more, it was removed, or its extension cannot reach us.
        orders reports again (123456789012, eu-west-1)
        Something has come in from it.
    "]],
    );
    check_measured(
        silence,
        Ending::Expired,
        expect![[r"
        orders has not reported since 2026-11-01T00:00:00.000Z (123456789012, eu-west-1)
        Nothing has come in from it: it is not called any more, it was removed, or its extension cannot reach us.
        orders still does not report and is not waited for any longer (123456789012, eu-west-1)
        Nothing has come in from it since.
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
        past: Past::default(),
        at: START,
    };
    let (_, transition) = evaluate(&rule, State::default(), &seen);
    let body = told(&function, &transition.unwrap(), START).standard().to_string();
    assert!(body.len() < BODY_MAX, "{}", body.len());
}

/// An opening, for whoever needs one to send.
pub(crate) fn example(id: &str) -> Dispatch {
    let (_, mut notification) = last_message(&[(1, confirmed())], None);
    id.clone_into(&mut notification.id);
    Dispatch { channel: ENVIRONMENT.to_owned(), notification, pinned: None }
}

#[test]
fn a_dispatch_is_read_back_as_it_was_written() {
    let dispatch = example("msg_1_firing");
    assert_eq!(serde_json::from_str::<Dispatch>(&dispatch.written()).unwrap(), dispatch);
    assert_eq!(dispatch.id(), "msg_1_firing");
    let other = Dispatch { channel: "night".to_owned(), ..dispatch };
    assert_eq!(other.id(), "msg_1_firing_night");
    assert_eq!(Notification::name("e", Transition::Firing, 2), "msg_e_firing-2");
    assert_eq!(Notification::name("e", Transition::Update, 1), "msg_e_update-1");
}

#[test]
fn functions_that_do_not_fit_are_counted() {
    let mut notification = example("msg_1_firing").notification;
    let mut function = notification.functions[0].clone();
    function.url = "u".repeat(900);
    notification.functions = vec![function; 30];
    let fitted = notification.fitted();
    assert!(fitted.standard().to_string().len() < BODY_MAX);
    assert_eq!(u64::try_from(fitted.functions.len()).unwrap() + fitted.truncated_functions, 30);
    assert!(fitted.functions.len() > 10);
}
