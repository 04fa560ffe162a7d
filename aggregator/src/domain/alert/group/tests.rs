//! What is told of groups, in words: `a!` function `a` times out, `ao` it does in the init that follows a reset, `a-` its latest
//! timeout is taken back, `ak` an invocation of it succeeds, `+10m` time passes, `s` and `sa` a silence of an hour begins, over
//! everything and over `a`, `u-` subscriptions are disabled.
//!
//! Told back after every word: `F`iring, `U`pdate, `R`epeat, `✓` resolved and of how many functions, with the function's letter before
//! it where it is the function's own alert; in brackets what was held back; `·` for nothing.

use expect_test::{Expect, expect};
use overtime_wire::{Block, Cause, Evidence, FunctionKey, IncarnationId, Ordinal, Outcome};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::*;
use crate::domain::{
    alert::{
        Observation, Past,
        book::{self, Book, Context},
        tests::claim,
    },
    configuration::{Entity, Kind as Configured, Versioned},
    notification::{Notification, Transition as Kind},
    timeout::Timeout,
};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

struct World {
    configuration: Configuration,
    functions: BTreeMap<char, Member>,
    groups: BTreeMap<GroupId, Group>,
    parts: BTreeMap<GroupId, BTreeMap<FunctionKey, Part>>,
    now: EpochMillis,
    ids: BTreeSet<String>,
    told: Vec<Owed>,
}

#[derive(Default)]
struct Member {
    book: Book,
    claims: Vec<Timeout>,
    last_success: Option<EpochMillis>,
}

fn entity(kind: Configured, value: &serde_json::Value) -> Versioned<Entity> {
    let value = kind.read(value, Some(START)).unwrap();
    Versioned { value, version: 1, updated_at: START, updated_by: "me".to_owned() }
}

fn function(name: char) -> FunctionKey {
    FunctionKey { name: name.to_string().parse().unwrap(), ..claim('a', START).function }
}

impl World {
    fn new(subscriptions: &[serde_json::Value]) -> Self {
        let mut configuration = Configuration::default();
        for (number, subscription) in subscriptions.iter().enumerate() {
            let mut whole = json!({"id": format!("s{number}"), "name": "S",
                "condition": {"any_timeout": {}}, "repeat_interval": "0s", "channels": ["pager"]});
            for (name, value) in subscription.as_object().unwrap() {
                whole[name] = value.clone();
            }
            configuration.put(entity(Configured::Subscription, &whole));
        }
        let pager = json!({"id": "pager", "name": "Pager",
            "kind": {"eventbridge": {"bus": "default"}}});
        configuration.put(entity(Configured::Channel, &pager));
        Self {
            configuration,
            functions: BTreeMap::new(),
            groups: BTreeMap::new(),
            parts: BTreeMap::new(),
            now: START,
            ids: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    fn play(&mut self, word: &str) -> String {
        let (first, rest) = word.split_at(1);
        let name = first.chars().next().unwrap();
        match (first, rest) {
            ("+", pause) => {
                let pause: jiff::SignedDuration = pause.parse().unwrap();
                self.now = self.now.plus(pause.unsigned_abs());
            }
            ("s", "" | "a" | "b") => self.silence(rest),
            ("u", "-") => {
                self.configuration.subscriptions.iter_mut().for_each(|it| it.value.enabled = false);
            }
            (_, "!") => self.time_out(name, false),
            (_, "o") => self.time_out(name, true),
            (_, "-") => {
                let claim = self.functions.get_mut(&name).and_then(|it| it.claims.last_mut());
                let Some(claim) = claim else { return "·".to_owned() };
                claim.verdict.revision += 1;
                claim.verdict.outcome = Outcome::Success;
            }
            (_, "k") => {
                self.functions.entry(name).or_default().last_success = Some(self.now);
            }
            other => panic!("{other:?}"),
        }
        let names: Vec<char> = self.functions.keys().copied().collect();
        let mut owed = Vec::new();
        for name in names {
            owed.extend(self.look(name).into_iter().map(|it| (Some(name), it)));
        }
        let groups: Vec<GroupId> = self.parts.keys().cloned().collect();
        for id in groups {
            owed.extend(self.step(&id).into_iter().map(|it| (None, it)));
        }
        let words: Vec<String> = owed.into_iter().map(|(of, it)| self.note(of, it)).collect();
        if words.is_empty() { "·".to_owned() } else { words.join("") }
    }

    fn silence(&mut self, name: &str) {
        let functions = if name.is_empty() { json!(["*"]) } else { json!([name]) };
        let silence = json!({"id": format!("deploy{name}"), "matchers": {"functions": functions},
            "starts_at": Notification::moment(self.now),
            "ends_at": Notification::moment(self.now.plus(Duration::from_hours(1))),
            "comment": "deploying", "created_by": "ada"});
        let silence = entity(Configured::Silence, &silence);
        let id = silence.value.id().clone();
        self.configuration.take(Configured::Silence, &id);
        self.configuration.put(silence);
    }

    fn time_out(&mut self, name: char, after_reset: bool) {
        let member = self.functions.entry(name).or_default();
        let mut claim = claim(name, self.now);
        claim.function = function(name);
        claim.verdict.evidence = Evidence::Report;
        let number = u8::try_from(member.claims.len()).unwrap();
        if after_reset {
            claim.incarnation = IncarnationId([number; 16]);
            claim.verdict.cause = Cause::Init;
        }
        claim.verdict.ordinal = Ordinal(if after_reset { 0 } else { number.into() });
        member.claims.push(claim);
    }

    fn known(&self, asks: &BTreeSet<GroupId>) -> Known {
        let open = |it: &GroupId| self.groups.get(it).is_some_and(Group::is_open);
        asks.iter().map(|it| (it.clone(), open(it))).collect()
    }

    fn look(&mut self, name: char) -> Vec<Owed> {
        let member = &self.functions[&name];
        let mut blocks = BTreeMap::<Block, Vec<Timeout>>::new();
        for claim in &member.claims {
            blocks.entry(claim.block()).or_default().push(claim.clone());
        }
        let function = &function(name);
        let (past, last_success) = (Past::default(), member.last_success);
        let seen = Observation { function, blocks, last_success, past, at: self.now };
        let tags = BTreeMap::from([("team".to_owned(), "payments".to_owned())]);
        let context = Context {
            configuration: &self.configuration,
            tags: &tags,
            console: "",
            background: crate::domain::analysis::told::Background::NOTHING,
        };
        let step = |book: &Book| {
            let asked = book::advance(&context, book, &seen, &Known::new());
            book::advance(&context, book, &seen, &self.known(&asked.asks))
        };
        let stepped = step(&member.book);
        let again = step(&stepped.book);
        assert_eq!((&again.book, again.owed.len()), (&stepped.book, 0), "twice changes nothing");
        assert!(again.marks.is_empty(), "nothing is said twice");
        assert!(stepped.wake.is_none_or(|it| it > self.now), "a wake lies ahead");
        let written = serde_json::to_string(&stepped.book).unwrap();
        assert_eq!(serde_json::from_str::<Book>(&written).unwrap(), stepped.book);
        for mark in stepped.marks {
            let written = serde_json::to_string(&mark.part).unwrap();
            assert_eq!(serde_json::from_str::<Part>(&written).unwrap(), mark.part);
            self.parts.entry(mark.group).or_default().insert(mark.function, mark.part);
        }
        self.functions.get_mut(&name).unwrap().book = stepped.book;
        stepped.owed
    }

    fn step(&mut self, id: &GroupId) -> Vec<Owed> {
        let group = self.groups.get(id).cloned().unwrap_or_default();
        let subscriptions = self.configuration.subscriptions.iter().map(|it| &it.value);
        let subscription =
            { subscriptions }.find(|it| it.enabled && it.id.as_str() == id.subscription);
        let (configuration, at) = (&self.configuration, self.now);
        let scene = Scene { configuration, subscription, console: "", at };
        let step = |group: &Group| {
            let mut roll = Roll::new(scene, group);
            for (function, part) in &self.parts[id] {
                roll.add(function, part);
            }
            let roll = roll.whole();
            let asked = advance(&scene, group, &roll, &Known::new());
            advance(&scene, group, &roll, &self.known(&asked.asks))
        };
        let stepped = step(&group);
        let again = step(&stepped.group);
        assert_eq!((&again.group, again.owed.len()), (&stepped.group, 0), "twice changes nothing");
        assert_eq!(again.wake, stepped.wake);
        assert!(stepped.wake.is_none_or(|it| it > self.now), "a wake lies ahead");
        let written = serde_json::to_string(&stepped.group).unwrap();
        assert_eq!(serde_json::from_str::<Group>(&written).unwrap(), stepped.group);
        self.groups.insert(id.clone(), stepped.group);
        stepped.owed
    }

    fn note(&mut self, of: Option<char>, owed: Owed) -> String {
        assert!(self.ids.insert(owed.dispatch.id()), "told twice: {}", owed.dispatch.id());
        let notification = &owed.dispatch.notification;
        let word = match notification.transition {
            Kind::Firing => "F",
            Kind::Update => "U",
            Kind::Repeat => "R",
            Kind::Resolved => "✓",
            Kind::Test | Kind::Digest => "?",
        };
        let word = match of {
            Some(name) => format!("{name}{word}"),
            None => format!("{word}{}", notification.stats.distinct_functions),
        };
        let word = if owed.suppressed.is_some() { format!("({word})") } else { word };
        self.told.push(owed);
        word
    }
}

#[track_caller]
fn check(subscriptions: &[serde_json::Value], words: &str, expected: Expect) -> World {
    let mut world = World::new(subscriptions);
    let answers: Vec<_> = words.split(' ').map(|word| world.play(word)).collect();
    expected.assert_eq(&answers.join(" "));
    world
}

fn region() -> serde_json::Value {
    json!({"group_by": ["account", "region"], "group_wait": "30s"})
}

fn incident() -> serde_json::Value {
    json!({"condition": {"fleet_incident": {"functions": 3}}, "group_wait": "10s"})
}

#[test]
fn a_group_is_told_of_once_and_ends_when_all_of_it_does() {
    check(&[region()], "a! b! +30s b! +1s ak bk +11m +1m", expect!["· · F2 · · · · ✓2 ·"]);
    // Whoever recovers alone does not end it.
    check(&[region()], "a! b! +30s ak +11m bk +1m", expect!["· · F2 · · ✓2 ·"]);
    check(&[region()], "a! a- +30s", expect!["· · ·"]);
    check(&[region()], "a! b! +30s a- +5m b- +5m", expect!["· · F2 · U1 ✓2 ·"]);
}

#[test]
fn new_members_are_an_update_after_the_group_interval() {
    let world = check(&[region()], "a! +30s b! c! +4m +1m +5m", expect!["· F1 · · · U3 ·"]);
    let update = &world.told[1].dispatch.notification;
    expect!["2 more functions timed out, 3 in all (account 123456789012, region eu-west-1) | 3 timeouts of 3 functions, the first at 2026-11-01T00:00:00.000Z, the last at 2026-11-01T00:00:30.000Z."].assert_eq(&format!("{} | {}", update.annotations.summary, update.annotations.description));
    let names: Vec<_> = update.functions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "a"], "those that are new go first");
    let silent = json!({"group_by": ["tag:team"], "notify_on": {"update": false}});
    check(&[silent], "a! +10s b! +1h", expect!["· F1 · ·"]);
    let hourly = json!({"group_by": [], "repeat_interval": "1h"});
    check(&[hourly], "a! +10s +1h b! +5m +1h", expect!["· F1 R1 · U2 R2"]);
}

#[test]
fn what_was_found_of_its_functions_is_told_with_one_of_them_and_not_when_it_is_over() {
    let world = check(
        &[region()],
        "c! ao bo +1s ao bo +1s ao bo +28s ak bk ck +11m",
        expect!["· · · · · · · · · F3 · · · ✓3"],
    );
    let said = |it: &Owed| it.dispatch.notification.annotations.others.get("analysis").cloned();
    let [opening, end] = &world.told[..] else { panic!("{:?}", world.told) };
    expect!["a: doom_loop (high confidence): An environment timed out 3 times in a row, each time on its first invocation after a reset. 1 more function: doom_loop."].assert_eq(&said(opening).unwrap_or_default());
    assert_eq!(said(end), None);
}

#[test]
fn silenced_members_are_no_news() {
    check(&[region()], "sa a! +30s b! +30s +1h +1m", expect!["· · (F1) F1 · F2 ·"]);
    check(&[region()], "s a! +30s b! +5m +55m +1m", expect!["· · (F1) · · F2 ·"]);
    check(&[region()], "s a! +30s ak +11m +1h", expect!["· · (F1) · · ·"]);
}

#[test]
fn an_incident_needs_enough_functions_within_its_window() {
    check(&[incident()], "a! b! +3m c! +10s", expect!["· · · · ·"]);
    check(&[incident()], "a! b! b! +10s", expect!["· · · ·"]);
    check(&[incident()], "a! b! c! +9s +1s d! +5m", expect!["· · · · F3 · U4"]);
    // A function that goes on timing out is heard of again within the window.
    check(&[incident()], "a! +100s a! b! +100s c! +10s", expect!["· · · · · · F3"]);
    check(&[incident()], "a! a- b! c! +10s d! +10s", expect!["· · · · · · F3"]);
}

#[test]
fn an_incident_is_over_when_it_is_quiet_and_something_has_succeeded_since() {
    check(&[incident()], "a! b! c! +10s ak +9m +1m +1m", expect!["· · · F3 · · ✓3 ·"]);
    check(&[incident()], "a! b! c! +10s +11m +1h ak +1m", expect!["· · · F3 · · ✓3 ·"]);
    check(&[incident()], "a! b! c! +10s b- c- +11m +1h", expect!["· · · F3 · · ✓1 ·"]);
    // One that goes on alone when the others have recovered is no incident.
    check(&[incident()], "a! b! c! +70s ak bk +1m c! +11m +1h", expect!["· · · F3 · · · · ✓3 ·"]);
    check(&[incident()], "a! b! c! +10s +24h +1h", expect!["· · · F3 ✓3 ·"]);
    check(&[incident()], "a! b! c! +10s a- b- c-", expect!["· · · F3 · · ✓3"]);
    check(&[incident()], "a! b! c! +10s u- +1m", expect!["· · · F3 ✓3 ·"]);
    // One that is over does not begin again with what it was about.
    check(
        &[incident()],
        "a! b! c! +10s ak +11m a! b! +1m c! +10s",
        expect!["· · · F3 · ✓3 · · · · F3"],
    );
}

#[test]
fn an_incident_holds_back_what_waits_and_lists_what_was_told() {
    let own = json!({"group_wait": "20s"});
    let world = check(
        &[incident(), own.clone()],
        "a! +20s b! c! +10s +1m d! +1m",
        expect!["· aF · · F3 · · ·"],
    );
    let told = &world.told[1].dispatch.notification;
    let swallowed = told.incident.as_ref().unwrap();
    assert_eq!((swallowed.functions, swallowed.inhibited, swallowed.told.len()), (3, 2, 1));
    expect!["3 functions timed out at about the same time (account 123456789012, region eu-west-1) | 3 timeouts of 3 functions, the first at 2026-11-01T00:00:00.000Z, the last at 2026-11-01T00:00:20.000Z. 2 alerts are held back because of it. 1 alert had been told of before."].assert_eq(&format!("{} | {}", told.annotations.summary, told.annotations.description));
    // What was told resolves, what was held back and is over was never told.
    check(
        &[incident(), own.clone()],
        "a! +20s b! c! +10s ak bk ck +11m",
        expect!["· aF · · F3 · · · a✓✓3"],
    );
    // What still fires when the incident is over is told.
    check(
        &[incident(), own],
        "a! b! c! +20s ak bk +11m +5m +1h ck +1m",
        expect!["· · · F3 · · ✓3 cF · c✓ ·"],
    );
    let at_once = json!({"group_wait": "0s"});
    check(&[incident(), at_once], "a! b! c! +10s d!", expect!["aF bF cF F3 dF"]);
}

#[test]
fn an_incident_holds_back_a_group_that_lies_in_it() {
    let team = json!({"group_by": ["tag:team"], "group_wait": "20s"});
    check(
        &[incident(), team],
        "a! b! c! +10s +10s ak bk ck +11m +1m",
        expect!["· · · F3 · · · · ✓3 ·"],
    );
    let team = json!({"group_by": ["tag:team"], "group_wait": "20s"});
    check(
        &[incident(), team],
        "a! b! c! +20s ak bk +11m +1m +1m",
        expect!["· · · F3 · · ✓3F1 · ·"],
    );
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("[a-e]", "[!!k-]").prop_map(|(name, what)| format!("{name}{what}")),
        1 => prop::sample::select(vec!["s", "sa", "sb"]).prop_map(str::to_owned),
        4 => prop::sample::select(vec!["+1s", "+10s", "+1m", "+11m", "+61m", "+25h"]).prop_map(str::to_owned),
    ]
}

proptest! {
    /// The laws of a step are checked after every word; no id is ever told twice. A channel hears of an end only after an opening,
    /// and once, and of nothing under a silence of everything.
    #[test]
    fn ends_follow_openings(words in vec(word(), 0..30), wait in 0_u32..2) {
        let wait = format!("{}s", wait * 10);
        let own = json!({"group_wait": wait, "repeat_interval": "1h"});
        let region = json!({"group_by": ["region"], "group_wait": wait, "repeat_interval": "1h"});
        let mut world = World::new(&[incident(), own, region]);
        for word in &words {
            world.play(word);
        }
        let mut open = BTreeSet::new();
        for owed in world.told.iter().filter(|it| it.suppressed.is_none()) {
            let notification = &owed.dispatch.notification;
            let episode = notification.alert.episode.clone();
            match notification.transition {
                Kind::Firing => { open.insert(episode); }
                Kind::Resolved => prop_assert!(open.remove(&episode)),
                Kind::Update | Kind::Repeat | Kind::Test | Kind::Digest => prop_assert!(open.contains(&episode)),
            }
        }
        let firing = world.functions.values().flat_map(|it| it.book.open()).filter_map(|(_, it)| it.episode());
        let firing = firing.map(|it| it.id.as_str().to_owned());
        let groups = world.groups.values().filter_map(|it| it.stretch.as_ref()).map(|it| it.id.clone());
        let goes_on: BTreeSet<String> = firing.chain(groups).collect();
        prop_assert!(open.is_subset(&goes_on), "what was told and is over was resolved");
    }
}
