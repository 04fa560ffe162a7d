//! What the parts of a group add up to.
//!
//! Parts are taken in one after the other and let go of, so a group of ten thousand functions takes no more memory than one of ten;
//! only of an incident that has not begun they are kept until all are there.
//!
//! **Invariant.** The same parts in any order add up to the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use overtime_wire::{EpochMillis, FunctionKey};

use super::{
    Group, Scene, TOLD_MAX, incident,
    part::{GroupId, Labels, Part},
};
use crate::domain::{
    alert::{Ending, Sample},
    analysis::{Kind, told::Reason},
    configuration::{Silence, Subscription},
    digest,
    notification::{Child, FUNCTIONS_MAX},
};

/// How many alerts that were told before are listed.
const CHILDREN_MAX: usize = 20;
/// How many sets of incidents are told apart that functions lie in. What lies in others is not held back.
const INCIDENTS_MAX: usize = 50;

/// How late what happened within a window may come in and still count in it.
const LATE: Duration = Duration::from_mins(15);

/// A function that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Those that no silence covers go first, of these the ones that fire, of these the ones that nobody was told of, of these the
    /// latest.
    order: (bool, bool, bool, EpochMillis),
    pub function: FunctionKey,
    pub timeouts: u64,
    pub sample: Option<Sample>,
}

/// A kind of reason that was found of some functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub functions: u64,
    /// One of them: of those of which it is surest, the first by name.
    pub function: FunctionKey,
    pub reason: Reason,
}

impl Shared {
    fn with(self, other: Self) -> Self {
        let functions = self.functions + other.functions;
        let order = |it: &Self| (Reverse(it.reason.confidence), it.function.clone());
        let first = if order(&other) < order(&self) { other } else { self };
        Self { functions, ..first }
    }
}

/// What is known of a group's functions at one moment.
#[derive(Debug)]
pub struct Roll<'a> {
    scene: Scene<'a>,
    group: &'a Group,
    /// Of an incident: how many functions within which window.
    asked: Option<(usize, Duration)>,
    /// Of an incident that is at rest: what it might begin with, and when the first timeout was if it does begin.
    candidates: Vec<(FunctionKey, Part)>,
    pub(super) begins: Option<EpochMillis>,
    /// Silences that may hold some of it back.
    silences: Vec<&'a Silence>,
    pub(super) labels: Labels,
    /// Functions that belong to the stretch, and those of them whose own episodes go on, or which did time out after all.
    pub(super) members: u64,
    pub(super) firing: u64,
    pub(super) standing: u64,
    /// How the episodes ended that are over.
    pub(super) endings: BTreeSet<Ending>,
    /// The one that opened first of those that go on.
    pub(super) earliest: Option<(EpochMillis, String)>,
    pub(super) first: Option<EpochMillis>,
    pub(super) last: Option<EpochMillis>,
    pub(super) accepted: Option<EpochMillis>,
    pub(super) succeeded: Option<EpochMillis>,
    pub(super) timeouts: u64,
    pub(super) corrections: u64,
    /// Functions that no silence covers, and those of them that nobody was told of.
    pub(super) awake: u64,
    unheard: u64,
    pub(super) hashes: BTreeSet<u64>,
    pub(super) silence: Option<&'a Silence>,
    /// How many of them lie in which incidents.
    pub(super) held: BTreeMap<Vec<GroupId>, u64>,
    shown: Vec<Shown>,
    reasons: BTreeMap<Kind, Shared>,
    pub(super) children: BTreeSet<Child>,
    pub(super) more_children: u64,
    pub(super) waiting: u64,
}

impl<'a> Roll<'a> {
    pub fn new(scene: Scene<'a>, group: &'a Group) -> Self {
        let silences = scene.configuration.silences.iter().map(|it| &it.value);
        let concerns = |it: &&Silence| {
            let concerns = |to| it.matchers.concern(to);
            it.is_active(scene.at) && scene.subscription.is_some_and(concerns)
        };
        Self {
            scene,
            group,
            silences: silences.filter(concerns).collect(),
            asked: scene.subscription.and_then(Subscription::incident),
            candidates: Vec::new(),
            begins: None,
            labels: group.labels.clone(),
            members: 0,
            firing: 0,
            standing: 0,
            endings: BTreeSet::new(),
            earliest: None,
            first: None,
            last: None,
            accepted: None,
            succeeded: None,
            timeouts: 0,
            corrections: 0,
            awake: 0,
            unheard: 0,
            hashes: BTreeSet::new(),
            silence: None,
            held: BTreeMap::new(),
            shown: Vec::new(),
            reasons: BTreeMap::new(),
            children: BTreeSet::new(),
            more_children: 0,
            waiting: 0,
        }
    }

    pub(super) fn is_incident(&self) -> bool {
        self.window().is_some()
    }

    fn window(&self) -> Option<Duration> {
        self.asked.map(|(_, window)| window)
    }

    /// Takes in what a function says.
    pub fn add(&mut self, function: &FunctionKey, part: &Part) {
        if !self.belongs(part) {
            return;
        }
        if self.is_incident() && self.group.stretch.is_none() {
            self.candidates.push((function.clone(), part.clone()));
        } else {
            self.count(function, part);
        }
    }

    /// What all of them add up to, once every part was taken in: which of them an incident begins with is not known before.
    #[must_use]
    pub fn whole(mut self) -> Self {
        let candidates = mem::take(&mut self.candidates);
        let latest: Vec<_> = candidates.iter().map(|(_, part)| part.last).collect();
        self.begins = self.asked.and_then(|asked| incident::first(asked, &latest));
        // Who was in the first window, and whose say has not come in yet, is not known: what is near it belongs to it.
        let since = self.begins.zip(self.window()).map(|(first, window)| first.minus(window));
        let Some(since) = since else { return self };
        for (function, part) in candidates.iter().filter(|(_, part)| part.last >= since) {
            self.count(function, part);
        }
        self
    }

    fn count(&mut self, function: &FunctionKey, part: &Part) {
        if self.labels.is_empty() {
            self.labels.clone_from(&part.labels);
        }
        self.members += 1;
        let hash = digest::number(format!("{function:?}").as_bytes());
        let heard = self.group.has_heard_of(hash);
        let stands = !part.is_void();
        let live = if self.is_incident() { stands } else { part.over.is_none() };
        let silence = self.covering(function, part);
        if let Some(over) = &part.over {
            self.endings.insert(over.because);
            self.succeeded = self.succeeded.max(over.succeeded);
        } else {
            self.firing += 1;
            let opened = (part.opened, part.episode.clone());
            self.earliest = self.earliest.take().into_iter().chain([opened]).min();
        }
        if stands {
            self.standing(part);
        }
        if silence.is_none() {
            let taken_back = part.over.is_some_and(|it| it.because == Ending::Retracted);
            self.corrections += u64::from(part.corrections) + u64::from(heard && taken_back);
        }
        match silence {
            Some(_) if !live => {}
            Some(silence) => {
                self.silence = self.silence.into_iter().chain([silence]).max_by_key(|it| it.ends());
            }
            None if live => {
                self.awake(part, hash, heard);
                self.reason(function, part);
            }
            None => {}
        }
        self.show(Shown {
            order: (silence.is_none(), live, !heard, part.opened),
            function: function.clone(),
            timeouts: part.timeouts,
            sample: part.sample.clone(),
        });
    }

    /// The silence that covers a function; of several, the one that ends last.
    fn covering(&self, function: &FunctionKey, part: &Part) -> Option<&'a Silence> {
        let subscription = self.scene.subscription?;
        let covers = |it: &&Silence| it.matchers.cover(subscription, function, &part.tags);
        Silence::longest(self.silences.iter().copied().filter(covers))
    }

    /// Whether it is about the stretch that goes on, or may begin one.
    fn belongs(&self, part: &Part) -> bool {
        // What was over before the last stretch ended belongs to that.
        let is_news = self.group.covered.is_none_or(|it| part.last > it);
        let Some(window) = self.window() else {
            // Whatever fires must be told of, however late it is.
            return is_news || part.over.is_none();
        };
        if let Some(stretch) = &self.group.stretch {
            return part.is_void() || (is_news && part.last >= stretch.first.minus(window));
        }
        let is_late = self.scene.at.since(part.accepted) > window + LATE;
        is_news && !is_late && !part.is_void()
    }

    /// Whether a part is of no use once the group is at rest.
    pub fn may_forget(&self, part: &Part) -> bool {
        let lately = |it| self.scene.at.since(part.accepted) <= it + LATE;
        part.over.is_some() && !self.window().is_some_and(lately)
    }

    fn standing(&mut self, part: &Part) {
        self.standing += 1;
        self.timeouts += part.timeouts;
        self.first = Some(self.first.map_or(part.first, |it| it.min(part.first)));
        self.last = self.last.max(Some(part.last));
        self.accepted = self.accepted.max(Some(part.accepted));
        if !self.is_incident() {
            return;
        }
        self.waiting += u64::from(part.waiting);
        for child in &part.told {
            if self.children.len() < CHILDREN_MAX {
                self.children.insert(child.clone());
            } else {
                self.more_children += 1;
            }
        }
    }

    fn awake(&mut self, part: &Part, hash: u64, heard: bool) {
        self.awake += 1;
        self.unheard += u64::from(!heard);
        self.hashes.insert(hash);
        if self.hashes.len() > TOLD_MAX {
            self.hashes.pop_last();
        }
        let known = self.held.len() < INCIDENTS_MAX || self.held.contains_key(&part.incidents);
        let within = if known { part.incidents.clone() } else { Vec::new() };
        *self.held.entry(within).or_default() += 1;
    }

    fn reason(&mut self, function: &FunctionKey, part: &Part) {
        let Some(reason) = &part.reason else { return };
        let own = Shared { functions: 1, function: function.clone(), reason: reason.clone() };
        let shared = match self.reasons.remove(&reason.kind) {
            Some(others) => others.with(own),
            None => own,
        };
        self.reasons.insert(reason.kind, shared);
    }

    /// What was found of those that may be told of, first what was found of most.
    pub fn reasons(&self) -> Vec<Shared> {
        let mut reasons: Vec<Shared> = self.reasons.values().cloned().collect();
        reasons.sort_by_key(|it| Reverse((it.functions, it.reason.confidence)));
        reasons
    }

    /// How many functions nobody was told of yet. Of more than can be remembered one by one, only their number says so.
    pub(super) fn unheard(&self) -> u64 {
        match self.group.heard_in_full() {
            Some(told) => self.awake.saturating_sub(told),
            None => self.unheard,
        }
    }

    fn show(&mut self, it: Shown) {
        self.shown.push(it);
        if self.shown.len() >= 2 * FUNCTIONS_MAX {
            self.shown = self.first_shown();
        }
    }

    /// The functions that a message names. One that is covered by a silence is named only where that is all there is to say, or
    /// when everything `is_over`.
    pub fn shown(&self, is_over: bool) -> Vec<Shown> {
        let mut shown = self.first_shown();
        if !is_over && self.awake > 0 {
            shown.retain(|it| it.order.0);
        }
        shown
    }

    fn first_shown(&self) -> Vec<Shown> {
        let mut shown = self.shown.clone();
        shown.sort_by(|one, other| {
            other.order.cmp(&one.order).then_with(|| one.function.cmp(&other.function))
        });
        shown.truncate(FUNCTIONS_MAX);
        shown
    }

    /// How many functions a message is about: those that fire and may be told of; of what is over, all.
    pub fn functions(&self) -> u64 {
        if self.awake > 0 { self.awake } else { self.members }
    }
}
