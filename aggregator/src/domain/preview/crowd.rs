//! What a subscription that puts functions together would have told: an incident, or alerts by account, region or tag.
//!
//! Each function plays for itself and says to its group what it would have said; the group is stepped as it is in production, but for
//! silences and other subscriptions' incidents, of which a draft knows nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::{EpochMillis, FunctionKey};

use super::{Known, Opening, PACE, Player};
use crate::domain::{
    alert::{
        Ending, Remembered, Rule, Transition,
        group::{
            Group, Roll, Scene, advance,
            part::{Labels, Mark, Membership, Over, Part},
        },
    },
    configuration::{Configuration, Subscription},
};

/// More steps than this are not taken, of all functions and groups together.
const STEPS_MAX: usize = 200_000;

/// A function that a draft covers, with its tags.
pub type Member = (Known, BTreeMap<String, String>);

/// A group's alert that would have opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathering {
    pub labels: Labels,
    /// Who was in it.
    pub functions: BTreeSet<FunctionKey>,
    pub opening: Opening,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Function(usize),
    Group(Labels),
}

/// What the groups of these functions would have told until `to`, by when they opened, and whether that is all of it.
pub fn rehearse(
    subscription: &Subscription,
    rule: &Rule,
    members: Vec<Member>,
    to: EpochMillis,
) -> (Vec<Gathering>, bool) {
    let mut crowd = Crowd::new(subscription, rule, members);
    for _ in 0..STEPS_MAX {
        let Some((now, turn)) = crowd.turns.pop_first().filter(|(at, _)| *at <= to) else {
            return (crowd.told(), true);
        };
        match turn {
            Turn::Function(number) => crowd.step_function(number, now),
            Turn::Group(labels) => crowd.step_group(labels, now),
        }
    }
    (crowd.told(), false)
}

struct Crowd<'a> {
    subscription: &'a Subscription,
    configuration: Configuration,
    functions: Vec<Actor<'a>>,
    groups: BTreeMap<Labels, Circle>,
    turns: BTreeSet<(EpochMillis, Turn)>,
}

struct Actor<'a> {
    function: FunctionKey,
    tags: BTreeMap<String, String>,
    player: Player<'a>,
    membership: Option<Membership>,
}

/// A group, and what it has heard.
#[derive(Default)]
struct Circle {
    group: Group,
    parts: BTreeMap<FunctionKey, Part>,
    /// When its turn is.
    turn: Option<EpochMillis>,
    /// Before this, what it hears waits.
    free: Option<EpochMillis>,
    told: Vec<Gathering>,
}

impl<'a> Crowd<'a> {
    fn new(subscription: &'a Subscription, rule: &'a Rule, members: Vec<Member>) -> Self {
        let functions: Vec<_> = members
            .into_iter()
            .map(|(known, tags)| Actor {
                function: known.function.clone(),
                tags,
                player: Player::new(rule, known),
                membership: None,
            })
            .collect();
        let first = functions.iter().enumerate();
        let turns =
            first.filter_map(|(number, it)| Some((it.player.next()?, Turn::Function(number))));
        let turns = turns.collect();
        let (configuration, groups) = (Configuration::default(), BTreeMap::new());
        Self { subscription, configuration, functions, groups, turns }
    }

    fn step_function(&mut self, number: usize, now: EpochMillis) {
        let actor = &mut self.functions[number];
        let mark = actor.step(self.subscription, now);
        if let Some(next) = actor.player.next() {
            self.turns.insert((next, Turn::Function(number)));
        }
        let Some(mark) = mark else { return };
        let labels = mark.part.labels.clone();
        let circle = self.groups.entry(labels.clone()).or_default();
        circle.parts.insert(mark.function, mark.part);
        let at = circle.free.map_or(mark.due, |it| it.max(mark.due));
        self.wake(labels, at);
    }

    fn step_group(&mut self, labels: Labels, now: EpochMillis) {
        let Some(circle) = self.groups.get_mut(&labels) else { return };
        circle.turn = None;
        let window = self.subscription.incident().map_or(Duration::ZERO, |(_, window)| window);
        let scene = Scene {
            configuration: &self.configuration,
            subscription: Some(self.subscription),
            console: "",
            at: now,
        };
        if let Some(wake) = circle.step(&scene, window) {
            // What is due now was just looked at.
            self.wake(labels, wake.max(EpochMillis(now.0 + 1)));
        }
    }

    /// Gives a group its turn, if it has none before.
    fn wake(&mut self, labels: Labels, at: EpochMillis) {
        let Some(circle) = self.groups.get_mut(&labels) else { return };
        if let Some(turn) = circle.turn {
            if turn <= at {
                return;
            }
            self.turns.remove(&(turn, Turn::Group(labels.clone())));
        }
        circle.turn = Some(at);
        self.turns.insert((at, Turn::Group(labels)));
    }

    fn told(self) -> Vec<Gathering> {
        let mut told: Vec<_> = self.groups.into_values().flat_map(|it| it.told).collect();
        told.sort_by(|one, other| {
            (one.opening.opened, &one.labels).cmp(&(other.opening.opened, &other.labels))
        });
        told
    }
}

impl Actor<'_> {
    /// What it has to say to its group.
    fn step(&mut self, subscription: &Subscription, now: EpochMillis) -> Option<Mark> {
        let transition = self.player.step(now);
        if matches!(transition, Some(Transition::Opened(_))) {
            self.membership = Membership::of(subscription, &self.function, &self.tags);
        }
        let mut membership = self.membership.take()?;
        let part = |episode| Part::of(&membership.labels, &self.tags, episode);
        let part = match (&transition, self.player.episode()) {
            (Some(Transition::Resolved(episode, because)), _) => {
                let succeeded = self.player.stage.last_success(now);
                Part { over: Some(Over { because: *because, succeeded }), ..part(episode) }
            }
            (_, Some(episode)) => part(episode),
            (_, None) => return None,
        };
        let goes_on = part.over.is_none();
        let mark = membership.say(&self.function, part, (subscription.refresh(), now));
        self.membership = goes_on.then_some(membership);
        mark
    }
}

impl Circle {
    /// When it wants to be looked at again.
    fn step(&mut self, scene: &Scene<'_>, window: Duration) -> Option<EpochMillis> {
        let mut roll = Roll::new(*scene, &self.group);
        for (function, part) in &self.parts {
            roll.add(function, part);
        }
        let roll = roll.whole();
        let after = advance(scene, &self.group, &roll, &BTreeMap::new());
        let is_at_rest = !after.group.is_open();
        let forgets = |part: &Part| is_at_rest && roll.may_forget(part);
        let forgotten = self.parts.iter().filter(|(_, part)| forgets(part));
        let forgotten: Vec<_> = forgotten.map(|(function, _)| function.clone()).collect();
        after.remembered.iter().for_each(|it| self.remember(it));
        let members = after.group.stretch.as_ref().map(|it| (it.first.minus(window), it.timeouts));
        if let (Some((since, timeouts)), Some(told)) = (members, self.told.last_mut()) {
            let concerned = self.parts.iter().filter(|(_, it)| !it.is_void() && it.last >= since);
            told.functions.extend(concerned.map(|(function, _)| function.clone()));
            told.opening.timeouts = timeouts;
        }
        for it in &forgotten {
            self.parts.remove(it);
        }
        self.group = after.group;
        self.free = Some(scene.at.plus(PACE));
        after.wake
    }

    fn remember(&mut self, it: &Remembered) {
        let over = it.over.as_ref().and_then(|over| Some((over.at, Ending::named(&over.because)?)));
        let opening = Opening { first: it.first, opened: it.opened, over, timeouts: it.timeouts };
        let going_on = self.told.last_mut().filter(|last| last.opening.opened == it.opened);
        if let Some(last) = going_on {
            last.opening = opening;
            return;
        }
        let (labels, functions) = (it.group.clone(), BTreeSet::new());
        self.told.push(Gathering { labels, functions, opening });
    }
}
