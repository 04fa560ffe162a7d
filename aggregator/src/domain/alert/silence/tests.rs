//! A function that reports, in words: `r` something comes in, `+10m` time passes and somebody looks.
//!
//! Told back after every word: `·` nothing is waited for, `w` it is, `!` it is missed, `f`iring, `✓` it reports again, `…` expired.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use overtime_wire::EpochMillis;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::alert::{Opens, Past, tests::claim};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

struct World {
    now: EpochMillis,
    heard: EpochMillis,
    state: State,
    writes: usize,
}

fn rule() -> Rule {
    Rule { opens: Opens::Silence { after: Duration::from_hours(1) }, ..Rule::ANY_TIMEOUT }
}

impl World {
    fn new() -> Self {
        Self { now: START, heard: START, state: State::default(), writes: 0 }
    }

    fn play(&mut self, word: &str) -> char {
        let mut past = Past::default();
        if let Some(pause) = word.strip_prefix('+') {
            let pause: jiff::SignedDuration = pause.parse().unwrap();
            self.now = self.now.plus(pause.unsigned_abs());
        } else {
            past = past.heard(self.now);
            self.heard = self.now;
        }
        let function = &claim('a', START).function;
        let (blocks, last_success) = (BTreeMap::new(), None);
        let seen = Observation { function, blocks, last_success, past, at: self.now };
        let (state, told) = super::super::evaluate(&rule(), self.state.clone(), &seen);
        let again = super::super::evaluate(&rule(), state.clone(), &seen);
        assert_eq!(again, (state.clone(), None), "the same observation twice");
        let written = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state);
        assert!(state.due(&rule(), self.now).is_none_or(|it| it > self.now), "a wake lies ahead");
        self.writes += usize::from(state != self.state);
        self.state = state;
        match told {
            Some(Transition::Opened(_)) => {
                let silent = self.now.since(self.heard);
                assert!(silent >= Duration::from_hours(1), "missed after {silent:?}");
                '!'
            }
            Some(Transition::Resolved(_, Ending::Recovered)) => '✓',
            Some(Transition::Resolved(..)) => '…',
            Some(Transition::Corrected(_)) => '~',
            None => match (&self.state.phase, self.state.due(&rule(), self.now)) {
                (Phase::Firing(_), _) => 'f',
                (_, Some(_)) => 'w',
                (_, None) => '·',
            },
        }
    }
}

#[track_caller]
fn check(words: &str, expected: Expect) -> World {
    let mut world = World::new();
    let answers: String = words.split(' ').map(|word| world.play(word)).collect();
    expected.assert_eq(&answers);
    world
}

#[test]
fn what_never_reported_is_not_missed() {
    check("+24h +24h", expect!["··"]);
}

#[test]
fn silence_is_told_once_and_ends_with_a_report() {
    check("r +59m +15m +1m +1h r +1h", expect!["www!f✓w"]);
    check("r +75m r +75m", expect!["w!✓!"]);
}

#[test]
fn what_is_given_up_is_waited_for_again_when_it_reports() {
    check("r +75m +24h +24h r +75m", expect!["w!…·w!"]);
}

#[test]
fn reports_are_written_down_now_and_then() {
    let mut world = World::new();
    for _ in 0..60 {
        world.play("r");
        world.play("+1m");
    }
    assert_eq!(world.writes, 4, "once in a quarter of an hour");
    assert_eq!(world.state.due(&rule(), world.now), Some(START.plus(Duration::from_hours(2))));
}

proptest! {
    /// Nothing is missed before its time, which every opening is asked; nor later than a quarter after it.
    #[test]
    fn what_is_silent_is_missed_in_time(
        words in vec(prop::sample::select(vec!["r", "+1m", "+7m", "+20m", "+50m"]), 0..60),
    ) {
        let mut world = World::new();
        let heard_ever = words.contains(&"r");
        for word in words {
            world.play(word);
        }
        world.play("+75m");
        let firing = matches!(world.state.phase, Phase::Firing(_));
        prop_assert_eq!(firing, heard_ever);
    }
}
