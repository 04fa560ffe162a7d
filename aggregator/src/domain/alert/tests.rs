//! A day in the life of a function's alert, told in words of one or two letters.
//!
//! | word | what happens |
//! |---|---|
//! | `a?` | invocation `a` is suspected to have timed out |
//! | `a!` | the platform says that `a` timed out |
//! | `a-` | it is taken back |
//! | `a*` | an extension is found to be the cause |
//! | `a~` | the platform says that `a` timed out, twenty minutes ago |
//! | `ok` | an invocation succeeds |
//! | `+9s`, `+10m`, `+24h` | time passes, then somebody looks |
//!
//! Told back after every word: `I`nactive, `P`ending or `F`iring, and `!` opened, `~` corrected, `✓` recovered, `✗` retracted,
//! `…` expired.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use overtime_wire::{
    Cause, Evidence, IncarnationId, Ordinal, Outcome, RequestId, Spans, Subject, TraceId, Verdict,
};
use proptest::{collection::vec, prelude::*};

use super::*;

const RULE: Rule = Rule::ANY_TIMEOUT;
const START: EpochMillis = EpochMillis(1_793_491_200_000);

/// What the aggregator holds of one function, and its alert.
struct World {
    function: FunctionKey,
    claims: BTreeMap<char, Timeout>,
    last_success: Option<EpochMillis>,
    now: EpochMillis,
    state: State,
    told: Vec<Transition>,
}

impl World {
    fn new() -> Self {
        Self {
            function: function(),
            claims: BTreeMap::new(),
            last_success: None,
            now: START,
            state: State::default(),
            told: Vec::new(),
        }
    }

    /// Plays one word and tells what came of it.
    fn play(&mut self, word: &str) -> String {
        let mut blocks: BTreeSet<Block> = self.state.blocks_in_doubt().into_iter().collect();
        if let Some(pause) = word.strip_prefix('+') {
            let pause: jiff::SignedDuration = pause.parse().unwrap();
            self.now = self.now.plus(pause.unsigned_abs());
            blocks = self.state.blocks_in_doubt().into_iter().collect();
        } else if word == "ok" {
            self.last_success = Some(self.now);
        } else {
            let name = word.chars().next().unwrap();
            let claim = self.claim(name, &word[1..]);
            blocks.insert(claim.block());
            self.claims.insert(name, claim);
        }
        let (state, transition) = self.look(&blocks);
        self.check_laws(&blocks, &state, transition.as_ref());
        self.state = state;
        let mut answer = match &self.state.phase {
            Phase::Inactive => "I",
            Phase::Pending(_) => "P",
            Phase::Firing(_) => "F",
        }
        .to_owned();
        if let Some(transition) = transition {
            answer.push_str(sign(&transition));
            self.told.push(transition);
        }
        answer
    }

    fn claim(&self, name: char, what: &str) -> Timeout {
        let mut claim = self.claims.get(&name).cloned().unwrap_or_else(|| claim(name, self.now));
        let verdict = &mut claim.verdict;
        verdict.revision += 1;
        match what {
            "?" => verdict.evidence = verdict.evidence.max(Evidence::Deadline),
            "!" => verdict.evidence = Evidence::Report,
            "-" => verdict.outcome = Outcome::Success,
            "*" => verdict.cause = Cause::Extension,
            "~" => {
                verdict.evidence = Evidence::Report;
                verdict.deadline = Some(self.now.minus(Duration::from_mins(20)));
            }
            other => panic!("{other}"),
        }
        if matches!(what, "?" | "!" | "~") {
            verdict.outcome = Outcome::Timeout;
        }
        claim
    }

    fn seen(&self, blocks: &BTreeSet<Block>) -> Observation<'_> {
        let whole = |block: &Block| {
            let claims = self.claims.values().filter(|it| it.block() == *block).cloned();
            (*block, claims.collect())
        };
        Observation {
            function: &self.function,
            blocks: blocks.iter().map(whole).collect(),
            last_success: self.last_success,
            past: Past::default(),
            at: self.now,
        }
    }

    fn look(&self, blocks: &BTreeSet<Block>) -> (State, Option<Transition>) {
        evaluate(&RULE, self.state.clone(), &self.seen(blocks))
    }

    /// Twice changes nothing, openings and resolutions alternate, and a state survives being written down.
    fn check_laws(&self, blocks: &BTreeSet<Block>, state: &State, told: Option<&Transition>) {
        let again = evaluate(&RULE, state.clone(), &self.seen(blocks));
        assert_eq!(again, (state.clone(), None), "the same observation twice");

        let firing = matches!(self.state.phase, Phase::Firing(_));
        match told {
            Some(Transition::Opened(_)) => assert!(!firing),
            Some(Transition::Corrected(_) | Transition::Resolved(..)) => assert!(firing),
            None => assert_eq!(firing, matches!(state.phase, Phase::Firing(_))),
        }

        let written = serde_json::to_string(state).unwrap();
        assert_eq!(&serde_json::from_str::<State>(&written).unwrap(), state);
    }
}

fn sign(transition: &Transition) -> &'static str {
    match transition {
        Transition::Opened(_) => "!",
        Transition::Corrected(_) => "~",
        Transition::Resolved(_, Ending::Recovered) => "✓",
        Transition::Resolved(_, Ending::Retracted) => "✗",
        Transition::Resolved(_, Ending::Expired | Ending::Unsubscribed) => "…",
    }
}

fn function() -> FunctionKey {
    FunctionKey {
        account: "123456789012".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders".parse().unwrap(),
    }
}

/// Invocation `name` of `orders`, with a timeout of 3 s that has just passed.
pub(in crate::domain) fn claim(name: char, now: EpochMillis) -> Timeout {
    let number = u8::try_from(name).unwrap();
    let seen = now.minus(Duration::from_secs(3));
    let verdict = Verdict {
        block: Block::of(seen),
        ordinal: Ordinal(number.into()),
        revision: 0,
        evidence: Evidence::Recovered,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen,
        started: Some(seen),
        deadline: Some(now),
        detected: now,
        timeout: Duration::from_secs(3),
        duration: Some(Duration::from_secs(3)),
        request: Some(RequestId::Uuid([number; 16])),
        version: "8".to_owned(),
        alias: "live".to_owned(),
        cold_start: false,
        memory_mb: 128,
        max_memory_used_mb: 74,
        trace: Some(TraceId([number; 16])),
        environment: "2026/10/31/[8]0123456789abcdef".to_owned(),
        log_tail: "a line".to_owned(),
        last_log: None,
        spans: Spans::default(),
    };
    Timeout { function: function(), incarnation: IncarnationId([7; 16]), verdict, detected_at: now }
}

#[track_caller]
fn check(words: &str, expected: Expect) -> World {
    let mut world = World::new();
    let answers: Vec<_> = words.split(' ').map(|word| world.play(word)).collect();
    expected.assert_eq(&answers.join(" "));
    world
}

#[test]
fn what_the_platform_says_fires_at_once_and_once() {
    let world = check("a! b! c!", expect!["F! F F"]);
    let Phase::Firing(episode) = &world.state.phase else { panic!() };
    assert_eq!((episode.timeouts(), episode.samples.len()), (3, 3));
    assert!(episode.samples.iter().all(|it| it.claim.verdict.log_tail.is_empty()));
}

#[test]
fn a_suspicion_waits_ten_seconds() {
    check("a? +9s +1s", expect!["P P F!"]);
    check("a? +3s a!", expect!["P P F!"]);
}

#[test]
fn a_suspicion_that_is_taken_back_is_never_heard_of() {
    check("a? +3s a- +10s", expect!["P P I I"]);
    check("a? b? a- +10s", expect!["P P P F!"]);
}

#[test]
fn a_correction_after_firing_is_an_update() {
    check("a! b! a*", expect!["F! F F~"]);
    check("a? +10s b! a-", expect!["P F! F F~"]);
    // Nobody was told of `b`, so nobody is told that it was nothing.
    check("a! b? b-", expect!["F! F F"]);
    check("a? +10s a!", expect!["P F! F"]);
}

#[test]
fn when_everything_is_taken_back_it_is_over_at_once() {
    check("a? +10s a-", expect!["P F! I✗"]);
    check("a? +10s a- +1s a!", expect!["P F! I✗ I F!"]);
}

#[test]
fn quiet_and_a_success_are_recovery() {
    check("a! +5m ok +5m", expect!["F! F F I✓"]);
    check("a! ok +10m", expect!["F! F F"]);
    check("a! +11m ok", expect!["F! F I✓"]);
}

#[test]
fn another_timeout_begins_the_quiet_anew() {
    check("a! +9m b! +1m ok +8m +1m", expect!["F! F F F F F I✓"]);
}

#[test]
fn silence_is_not_recovery() {
    check("a! +10m +60m +22h +50m", expect!["F! F F F I…"]);
}

#[test]
fn a_new_timeout_after_the_end_is_a_new_episode() {
    let world = check("a! +5m ok +5m b! a!", expect!["F! F F I✓ F! F"]);
    let ids: BTreeSet<_> = world.told.iter().map(id).collect();
    assert_eq!(ids.len(), 2);
}

fn id(transition: &Transition) -> String {
    let (Transition::Opened(it) | Transition::Corrected(it) | Transition::Resolved(it, _)) =
        transition;
    it.id.as_str().to_owned()
}

#[test]
fn late_facts_wake_nobody() {
    check("a~", expect!["I"]);
    check("a! b~", expect!["F! F"]);
}

#[test]
fn old_claims_are_folded_and_still_counted() {
    let world = check(
        "a! +16m b! +16m c! +16m d! +16m e! +16m f! +16m g! +16m h! +16m i! +16m j! a!",
        expect!["F! F F F F F F F F F F F F F F F F F F F"],
    );
    let Phase::Firing(episode) = &world.state.phase else { panic!() };
    assert_eq!(episode.timeouts(), 10);
}

#[test]
fn it_says_when_to_look_again() {
    let world = check("a?", expect!["P"]);
    assert_eq!(world.state.due(&RULE, START), Some(START.plus(Duration::from_secs(10))));
    let world = check("a!", expect!["F!"]);
    assert_eq!(world.state.due(&RULE, START), Some(START.plus(RULE.quiet)));
    let late = START.plus(RULE.quiet);
    assert_eq!(world.state.due(&RULE, late), Some(late.plus(RULE.look_again)));
    assert_eq!(State::default().due(&RULE, START), None);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("[a-f]", "[?!*~-]").prop_map(|(name, what)| format!("{name}{what}")),
        1 => Just("ok".to_owned()),
        3 => prop::sample::select(vec!["+1s", "+9s", "+10s", "+4m", "+10m", "+25h"]).prop_map(str::to_owned),
    ]
}

proptest! {
    /// The laws are checked after every word.
    #[test]
    fn openings_and_resolutions_alternate_and_twice_is_once(words in vec(word(), 0..40)) {
        let mut world = World::new();
        for word in &words {
            world.play(word);
        }
        let opened = world.told.iter().filter(|it| matches!(it, Transition::Opened(_)));
        let ids: BTreeSet<_> = opened.clone().map(id).collect();
        prop_assert_eq!(ids.len(), opened.count(), "every episode has its own name");
    }
}
