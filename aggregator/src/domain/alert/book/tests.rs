//! What is told of a function's alerts, in words: `a!` a timeout, `a-` taken back, `ok` a success, `+10m` time passes, `s` a silence
//! of an hour begins, `s-` it is ended early, `u-` the subscription is disabled.
//!
//! Told back after every word: `F`iring, `U`pdate, `R`epeat, `✓` resolved; in brackets what was held back; `·` for nothing.

use std::time::Duration;

use expect_test::{Expect, expect};
use overtime_wire::{Block, Evidence, Outcome};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::*;
use crate::domain::{
    alert::{Past, tests::claim},
    configuration::{Entity, Id, Kind as Configured, Versioned},
    notification::{Notification, Transition as Kind},
    timeout::Timeout,
};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

struct World {
    configuration: Configuration,
    claims: BTreeMap<char, Timeout>,
    last_success: Option<EpochMillis>,
    now: EpochMillis,
    book: Book,
    ids: BTreeSet<String>,
    told: String,
}

fn entity(kind: Configured, value: serde_json::Value) -> Versioned<Entity> {
    let value = kind.read(&value, Some(START)).unwrap();
    Versioned { value, version: 1, updated_at: START, updated_by: "me".to_owned() }
}

impl World {
    /// With one subscription, `night`, to a channel that exists and one that does not.
    fn new(subscription: serde_json::Value) -> Self {
        let mut whole = json!({"id": "night", "name": "Night", "condition": {"any_timeout": {}},
            "group_wait": "0s", "repeat_interval": "0s", "channels": ["pager"]});
        for (name, value) in subscription.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let mut configuration = Configuration::default();
        configuration.put(entity(Configured::Subscription, whole));
        let pager = json!({"id": "pager", "name": "Pager",
            "kind": {"eventbridge": {"bus": "default"}}});
        configuration.put(entity(Configured::Channel, pager));
        Self {
            configuration,
            claims: BTreeMap::new(),
            last_success: None,
            now: START,
            book: Book::default(),
            ids: BTreeSet::new(),
            told: String::new(),
        }
    }

    fn play(&mut self, word: &str) -> String {
        match word.split_at(1) {
            ("+", pause) => {
                let pause: jiff::SignedDuration = pause.parse().unwrap();
                self.now = self.now.plus(pause.unsigned_abs());
            }
            ("o", "k") => self.last_success = Some(self.now),
            ("s", "") => {
                let silence = json!({"id": "deploy", "matchers": {"subscriptions": ["night"]},
                    "starts_at": Notification::moment(self.now),
                    "ends_at": Notification::moment(self.now.plus(Duration::from_hours(1))),
                    "comment": "deploying", "created_by": "ada"});
                let id: Id = "deploy".parse().unwrap();
                self.configuration.take(Configured::Silence, &id);
                self.configuration.put(entity(Configured::Silence, silence));
            }
            ("s", _) => {
                for silence in &mut self.configuration.silences {
                    silence.value.ended_early_at = Some(self.now);
                }
            }
            ("u", _) => self.configuration.subscriptions[0].value.enabled = false,
            (name, what) => self.claim(name.chars().next().unwrap(), what == "-"),
        }
        self.look()
    }

    fn claim(&mut self, name: char, is_taken_back: bool) {
        let fresh = claim(name, self.now);
        let claim = self.claims.entry(name).or_insert(fresh);
        claim.verdict.revision += 1;
        claim.verdict.evidence = Evidence::Report;
        claim.verdict.outcome = if is_taken_back { Outcome::Success } else { Outcome::Timeout };
    }

    fn look(&mut self) -> String {
        let mut blocks = BTreeMap::<Block, Vec<Timeout>>::new();
        for claim in self.claims.values() {
            blocks.entry(claim.block()).or_default().push(claim.clone());
        }
        let function = &claim('a', START).function;
        let past = Past::default();
        let last_success = self.last_success;
        let seen = Observation { function, blocks, last_success, past, at: self.now };
        let tags = BTreeMap::new();
        let context = Context {
            configuration: &self.configuration,
            tags: &tags,
            console: "",
            background: Background::NOTHING,
        };
        let step = advance(&context, &self.book, &seen, &Known::new());
        let again = advance(&context, &step.book, &seen, &Known::new());
        assert_eq!((&again.book, again.owed.len()), (&step.book, 0), "twice changes nothing");
        assert!(step.wake.is_none_or(|it| it > self.now), "a wake lies ahead");
        let written = serde_json::to_string(&step.book).unwrap();
        assert_eq!(serde_json::from_str::<Book>(&written).unwrap(), step.book);
        self.book = step.book;
        let words: Vec<String> = step.owed.iter().map(|it| self.note(it)).collect();
        if words.is_empty() { "·".to_owned() } else { words.join("") }
    }

    fn note(&mut self, owed: &Owed) -> String {
        assert!(self.ids.insert(owed.dispatch.id()), "told twice: {}", owed.dispatch.id());
        let word = match owed.dispatch.notification.transition {
            Kind::Firing => "F",
            Kind::Update => "U",
            Kind::Repeat => "R",
            Kind::Resolved => "✓",
            Kind::Test | Kind::Digest => "?",
        };
        if owed.suppressed.is_some() {
            return format!("({word})");
        }
        self.told.push_str(word);
        word.to_owned()
    }
}

#[track_caller]
fn check(subscription: serde_json::Value, words: &str, expected: Expect) -> World {
    let mut world = World::new(subscription);
    let answers: Vec<_> = words.split(' ').map(|word| world.play(word)).collect();
    expected.assert_eq(&answers.join(" "));
    world
}

#[test]
fn an_opening_is_told_once_and_so_is_its_end() {
    check(json!({}), "a! b! +11m ok +1m", expect!["F · · ✓ ·"]);
    check(json!({"notify_on": {"resolved": false}}), "a! +11m ok", expect!["F · ·"]);
}

#[test]
fn what_is_taken_back_within_the_group_wait_is_never_told() {
    check(json!({"group_wait": "30s"}), "a! +10s a- +1h", expect!["· · · ·"]);
    check(json!({"group_wait": "30s"}), "a! +30s a-", expect!["· F ✓"]);
}

#[test]
fn what_goes_on_is_repeated() {
    let hourly = json!({"repeat_interval": "1h"});
    check(hourly, "a! +59m +1m +1m +59m", expect!["F · R · R"]);
}

#[test]
fn a_silence_holds_and_ends_loudly() {
    let world = check(json!({}), "s a! +30m +30m +1m ok", expect!["· (F) · F · ✓"]);
    assert_eq!(world.told, "F✓");
    check(json!({}), "s a! +5m s- +1m", expect!["· (F) · F ·"]);
    // Nobody heard of it, so nobody hears of its end.
    check(json!({}), "s a! +11m ok +1h", expect!["· (F) · · ·"]);
    // Whoever was told hears of the end, silence or not.
    check(json!({}), "a! s +11m ok", expect!["F · · ✓"]);
}

#[test]
fn a_silence_that_ended_says_whose_it_was() {
    let mut world = World::new(json!({}));
    world.play("s");
    world.play("a!");
    world.now = world.now.plus(Duration::from_hours(1));
    let tags = BTreeMap::new();
    let context = Context {
        configuration: &world.configuration,
        tags: &tags,
        console: "",
        background: Background::NOTHING,
    };
    let function = &claim('a', START).function;
    let (blocks, past) = (BTreeMap::new(), Past::default());
    let seen = Observation { function, blocks, last_success: None, past, at: world.now };
    let owed = advance(&context, &world.book, &seen, &Known::new()).owed;
    let notification = &owed[0].dispatch.notification;
    let ended = notification.silence_ended.as_ref().unwrap();
    assert_eq!((ended.id.as_str(), ended.created_by.as_str()), ("deploy", "ada"));
    assert!(notification.id.ends_with("_firing-2"));
}

#[test]
fn a_channel_that_is_not_there_is_no_error_and_hears_of_no_end() {
    check(json!({"channels": ["nobody"]}), "a! +11m ok", expect!["(F) · ·"]);
    check(json!({"channels": ["nobody", "pager"]}), "a! +11m ok", expect!["(F)F · ✓"]);
}

#[test]
fn a_subscription_that_is_gone_ends_its_alert() {
    check(json!({}), "a! u- +1m", expect!["F ✓ ·"]);
}

#[test]
fn causes_and_counts_are_heeded() {
    check(json!({"causes": ["init"]}), "a! b!", expect!["· ·"]);
    let three = json!({"condition": {"timeout_count": {"count": 3, "window": "5m"}}});
    check(three, "a! b! c! d!", expect!["· · F ·"]);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => ("[a-d]", "[!-]").prop_map(|(name, what)| format!("{name}{what}")),
        1 => prop::sample::select(vec!["ok", "s", "s-"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["+1s", "+30s", "+10m", "+61m", "+25h"]).prop_map(str::to_owned),
    ]
}

proptest! {
    /// The laws of a look are checked after every word; no id is ever told twice.
    #[test]
    fn ends_follow_openings(words in vec(word(), 0..40), wait in 0_u32..2) {
        let wait = format!("{}s", wait * 30);
        let mut world = World::new(json!({"group_wait": wait, "repeat_interval": "1h"}));
        for word in &words {
            world.play(word);
        }
        let mut open = false;
        for told in world.told.chars() {
            match told {
                // After a silence it is told again.
                'F' => open = true,
                '✓' => { prop_assert!(open); open = false; }
                _ => prop_assert!(open),
            }
        }
    }
}
