//! What must be so in the morning.

use std::collections::{BTreeMap, BTreeSet};

use overtime_wire::{EpochMillis, FunctionKey};
use serde_json::Value;

use crate::domain::{
    alert::{Remembered, book::Book, group::Group},
    configuration::Silence,
    notification::{self, Dispatch, Notification, Transition},
};

/// How many quiet hours there are before it is looked.
pub(super) const HOURS: usize = 2;

/// What was seen, so that a simulation in which nothing happens does not pass for one.
#[derive(Debug, Default)]
pub(super) struct Seen {
    openings: usize,
    resolved: usize,
    suppressed: usize,
    groups: usize,
    incidents: usize,
    held_back: u64,
    told_before: usize,
    told_after: usize,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.openings += other.openings;
        self.resolved += other.resolved;
        self.suppressed += other.suppressed;
        self.groups += other.groups;
        self.incidents += other.incidents;
        self.held_back += other.held_back;
        self.told_before += other.told_before;
        self.told_after += other.told_after;
    }

    #[track_caller]
    pub(super) fn is_worth_something(&self) {
        let Self { openings, resolved, suppressed, groups, incidents, told_before, .. } = *self;
        let counted = [openings, resolved, suppressed, groups, incidents, told_before];
        assert!(counted.iter().all(|it| *it > 5), "{self:?}");
        assert!(self.held_back > 5 && self.told_after > 0, "{self:?}");
    }
}

/// A message as it stands in the outbox.
struct Message {
    notification: Notification,
    is_suppressed: bool,
}

fn at(text: &str) -> EpochMillis {
    let at: jiff::Timestamp = text.parse().unwrap();
    EpochMillis(at.as_millisecond())
}

fn value<T: serde::de::DeserializeOwned>(item: &Value) -> T {
    serde_json::from_str(item["v"]["S"].as_str().unwrap()).unwrap()
}

pub(super) fn check(
    state: &BTreeMap<String, Value>,
    enqueued: &[String],
    (seed, silences): (u64, &[Silence]),
) -> Seen {
    let of = |kind: &'static str| state.iter().filter(move |(key, _)| key.starts_with(kind));
    let mut messages = BTreeMap::new();
    for (_, item) in of("O#") {
        let dispatch: Dispatch = value(item);
        let is_suppressed = item["status"]["S"] == "suppressed";
        let message = Message { notification: dispatch.notification, is_suppressed };
        messages.insert(item["sk"]["S"].as_str().unwrap().to_owned(), message);
    }
    let once: BTreeSet<&String> = enqueued.iter().collect();
    assert_eq!(once.len(), enqueued.len(), "seed {seed}: something was enqueued twice");
    assert!(once.into_iter().eq(messages.keys()), "seed {seed}: what was enqueued is there");

    let (mut goes_on, mut remembered) = (BTreeSet::new(), BTreeSet::new());
    for (key, item) in of("A#") {
        for (id, member) in value::<Book>(item).open() {
            let Some(episode) = member.episode() else { continue };
            goes_on.insert(episode.id.as_str().to_owned());
            // Whoever is in a group is remembered with it.
            if member.group().is_none() {
                remembered.insert(episode.id.as_str().to_owned());
            }
            let told = member.is_told() || member.group().is_some();
            let groups: Vec<_> = of("G#").map(|(key, it)| (key, &it["v"]["S"])).collect();
            assert!(
                told,
                "seed {seed}: {id} of {key} still fires and was never told of: {member:?}, {groups:?}"
            );
        }
    }
    for (key, item) in of("G#").filter(|(key, _)| key.ends_with("\"-\"")) {
        let Some(stretch) = value::<Group>(item).stretch else { continue };
        assert!(stretch.is_told(), "seed {seed}: {key} still fires and was never told of");
        goes_on.insert(stretch.id.clone());
        remembered.insert(stretch.id);
    }
    episodes(of("E#"), (&messages, &remembered), seed);
    let said = of("G#").filter(|(key, _)| key.contains("\"M#"));
    let unread: Vec<_> = said.filter(|(_, it)| it.get("due").is_some()).collect();
    assert!(unread.is_empty(), "seed {seed}: nobody has read {unread:?}");
    told(&messages, &goes_on, (seed, silences))
}

/// Each stretch of an alert is remembered once, as it is: whoever died, and between whichever writes.
fn episodes<'a>(
    items: impl Iterator<Item = (&'a String, &'a Value)>,
    (messages, goes_on): (&BTreeMap<String, Message>, &BTreeSet<String>),
    seed: u64,
) {
    let mut all = BTreeMap::new();
    for (key, item) in items {
        let it: Remembered = value(item);
        let expected = format!("E#{}/\"{:013}#{}\"", it.fingerprint, it.opened.0, it.episode);
        assert_eq!(*key, expected, "seed {seed}: it lies where it is looked for");
        assert_eq!(item.get("x").is_some(), it.over.is_some(), "seed {seed}: {key}");
        let twice = all.insert(it.episode.clone(), it);
        assert!(twice.is_none(), "seed {seed}: {twice:?} is remembered twice");
    }
    let open: BTreeSet<String> =
        all.values().filter(|it| it.over.is_none()).map(|it| it.episode.clone()).collect();
    assert_eq!(open, *goes_on, "seed {seed}: what is remembered as open is open");
    for (id, Message { notification, is_suppressed }) in messages {
        let episode = all.get(&notification.alert.episode);
        let episode = episode.unwrap_or_else(|| panic!("seed {seed}: nobody remembers {id}"));
        let ended = episode.over.as_ref().map(|it| it.told);
        if notification.transition == Transition::Resolved && !is_suppressed {
            assert_eq!(ended, Some(true), "seed {seed}: {id} of {episode:?}");
        }
    }
}

fn told(
    messages: &BTreeMap<String, Message>,
    goes_on: &BTreeSet<String>,
    (seed, silences): (u64, &[Silence]),
) -> Seen {
    let mut counted = Seen::default();
    let (mut opened, mut resolved) = (BTreeSet::new(), BTreeSet::new());
    for (id, Message { notification, is_suppressed }) in messages {
        let episode = &notification.alert.episode;
        if *is_suppressed {
            counted.suppressed += 1;
            continue;
        }
        if notification.transition == Transition::Resolved {
            assert!(resolved.insert(episode.clone()), "seed {seed}: {id} is a second end");
            counted.resolved += 1;
            continue;
        }
        let held = silences.iter().find(|it| covers(it, notification));
        assert!(held.is_none(), "seed {seed}: {id} was told under {held:?}");
        if notification.transition == Transition::Firing {
            opened.insert(episode.clone());
            counted.count(notification);
        }
    }
    let early: Vec<_> = resolved.difference(&opened).collect();
    assert!(early.is_empty(), "seed {seed}: {early:?} ended and nobody was told that they began");
    for episode in &opened {
        let ended = resolved.contains(episode);
        assert!(ended != goes_on.contains(episode), "seed {seed}: {episode} has ended: {ended}");
    }
    counted
}

impl Seen {
    fn count(&mut self, opening: &Notification) {
        self.openings += 1;
        self.groups += usize::from(opening.subscription.id == "region");
        let waited = at(&opening.at).since(at(&opening.alert.opened_at)).as_secs();
        let by_itself = opening.silence_ended.is_none() && opening.subscription.id == "each";
        self.told_after += usize::from(by_itself && waited >= 300);
        if let Some(incident) = &opening.incident {
            self.incidents += 1;
            self.held_back += incident.inhibited;
            self.told_before += incident.told.len();
        }
    }
}

/// Whether a silence held when this was decided, over anybody whom it names.
fn covers(silence: &Silence, notification: &Notification) -> bool {
    let ids = &silence.matchers.subscriptions;
    let subscription = &notification.subscription.id;
    let concerns = ids.is_empty() || ids.iter().any(|it| it.as_str() == subscription);
    let key = |it: &notification::Function| FunctionKey {
        account: it.account.parse().unwrap(),
        region: it.region.parse().unwrap(),
        name: it.name.parse().unwrap(),
    };
    let covered = |it| silence.matchers.scope.covers(&key(it), &BTreeMap::new());
    let holds = silence.is_active(at(&notification.at));
    holds && concerns && notification.functions.iter().any(covered)
}
