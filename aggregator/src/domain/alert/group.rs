//! Alerts about more than one function: when a group of them is somebody's problem, and when it stops being one.
//!
//! Where a subscription groups by less than the function, and for every `fleet_incident`, the function's own state ([`alert`](super))
//! makes it a member, which says so in a [`part::Part`]; a step of the group reads all of them:
//!
//! ```text
//!            a member fires, or enough           group_wait is over     new members, after group_interval: an update
//!   at rest ───────────────────────▶ pending ───────────────────▶ firing ──┐◀── every repeat_interval, and when a silence ends
//!      ▲          of an incident        │                           │ └────┘
//!      └────────────────────────────────┴───────────────────────────┘ all members are over; an incident: quiet, and a success since
//! ```
//!
//! **Silences** are held against each member. One that is covered is neither news nor named; where all are, the group is silenced
//! and what would be told is written as suppressed. When a silence ends over members that fire, the group is told again at once.
//!
//! **An incident inhibits** what is about its members: while it is open, their other alerts that are still in their `group_wait` are
//! not told. A group is held back in the same way if all of its members lie in open incidents. Whoever asks for no wait is
//! always told at once.
//!
//! An incident is over when none of its members has timed out for `resolve.after` and one of them has succeeded since the last
//! timeout of any, or some have recovered and fewer fire than make an incident: those are told of by themselves. A member knows of
//! its own success when its own episode ends.
//!
//! **Invariant.** Pure. The same parts twice change nothing and owe nothing. A group's state is made of parts as they stand, never
//! added to, so a step that was lost is made up for by the next.

mod incident;
pub mod part;
pub mod roll;
mod telling;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};

pub use self::{
    part::{GroupId, Labels, Mark, Part},
    roll::Roll,
};
use super::{
    Ending, Remembered,
    mark::{millis, optional_millis},
    news::{News, describe},
};
use crate::domain::{
    configuration::{Configuration, Subscription},
    digest,
    notification::Owed,
};

/// What a group is stepped by.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub configuration: &'a Configuration,
    /// `None` when it is gone or disabled.
    pub subscription: Option<&'a Subscription>,
    /// Where links in messages begin.
    pub console: &'a str,
    pub at: EpochMillis,
}

/// What is remembered of a group between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    pub labels: Labels,
    /// What goes on, if anything does.
    pub stretch: Option<Stretch>,
    /// How many there have been.
    stretches: u32,
    /// The last timeout of the last one.
    #[serde(with = "optional_millis")]
    covered: Option<EpochMillis>,
}

/// One stretch of a group's alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub id: String,
    /// When the first of its timeouts happened, by the functions' clock.
    #[serde(with = "millis")]
    pub first: EpochMillis,
    /// When we knew, by ours.
    #[serde(with = "millis")]
    pub opened: EpochMillis,
    /// As of the last step.
    pub functions: u64,
    pub timeouts: u64,
    /// Whom the messages were about, by hash, and how many they were.
    told: BTreeSet<u64>,
    told_count: u64,
    corrections: u64,
    updates: u32,
    /// Whether a silence covers every function that fires, so that nobody is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    muted: bool,
    news: News,
}

/// What is known of incidents: whether each is open.
pub type Known = BTreeMap<GroupId, bool>;

/// What to write, all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    pub group: Group,
    pub wake: Option<EpochMillis>,
    pub owed: Vec<Owed>,
    /// The stretch, when it opens and when it is over.
    pub remembered: Vec<Remembered>,
    /// Which incidents must be known before anything is written.
    pub asks: BTreeSet<GroupId>,
}

/// How many members are remembered one by one as told of.
const TOLD_MAX: usize = 1_000;
/// How often a group that is open is looked at though nothing asks for it: its subscription may be gone.
const REVIEW: Duration = Duration::from_mins(10);
/// How often one that is silenced or inhibited is: what holds it back may be over before its time.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

impl Group {
    /// Whether it is pending or firing.
    pub fn is_open(&self) -> bool {
        self.stretch.is_some()
    }

    fn has_heard_of(&self, member: u64) -> bool {
        self.stretch.as_ref().is_some_and(|it| it.told.contains(&member))
    }

    /// How many were told of, if they are more than can be remembered.
    fn heard_in_full(&self) -> Option<u64> {
        let stretch = self.stretch.as_ref().filter(|it| it.told.len() >= TOLD_MAX)?;
        Some(stretch.told_count)
    }

    fn covering(&self, last: Option<EpochMillis>) -> Option<EpochMillis> {
        self.covered.max(last)
    }
}

impl Stretch {
    /// Whether the opening was told, or held back by a silence.
    pub fn is_told(&self) -> bool {
        self.news.openings > 0
    }

    /// The silence that holds back what would be told; one that covers only some of its functions holds back nothing of the others.
    pub fn silenced_by(&self) -> Option<&str> {
        self.news.silenced.as_ref().filter(|_| self.muted).map(|it| it.id.as_str())
    }
}

/// What a group's parts make of it.
pub fn advance(scene: &Scene<'_>, group: &Group, roll: &Roll<'_>, known: &Known) -> Advance {
    let mut after = Advance {
        group: Group { labels: roll.labels.clone(), ..group.clone() },
        wake: None,
        owed: Vec::new(),
        remembered: Vec::new(),
        asks: BTreeSet::new(),
    };
    let stretch = group.stretch.clone().or_else(|| open(scene, group, roll));
    let Some(mut stretch) = stretch else { return after };
    if group.stretch.is_none() {
        after.group.stretches += 1;
    }
    stretch.functions = stretch.functions.max(roll.standing);
    stretch.timeouts = roll.timeouts;
    let desk = telling::Desk { scene, labels: &roll.labels, roll, known };
    let remembered = desk.remembered(&stretch);
    if let Some(ending) = ending(scene, &stretch, roll) {
        let told = stretch.is_told();
        after.remembered.extend(remembered.map(|it| it.ended(scene.at, ending, told)));
        after.owed = desk.end(&stretch, ending);
        after.group.stretch = None;
        after.group.covered = group.covering(roll.last);
        return after;
    }
    after.remembered.extend(remembered.filter(|_| group.stretch.is_none()));
    if let Some(subscription) = scene.subscription {
        after.owed = desk.watch(subscription, &mut stretch, &mut after.asks);
        after.wake = Some(desk.due(subscription, &stretch));
    }
    after.group.stretch = Some(stretch);
    after
}

fn open(scene: &Scene<'_>, group: &Group, roll: &Roll<'_>) -> Option<Stretch> {
    let subscription = scene.subscription?;
    let (seed, first) = if roll.is_incident() {
        let first = roll.begins?;
        (first.0.to_string(), first)
    } else {
        let (opened, episode) = roll.earliest.clone()?;
        (episode, roll.first.unwrap_or(opened))
    };
    let id = GroupId::of(subscription.id.as_str(), &roll.labels);
    let number = group.stretches + 1;
    Some(Stretch {
        id: digest::hex(format!("{}|{number}|{seed}", id.fingerprint).as_bytes()),
        first,
        opened: scene.at,
        functions: 0,
        timeouts: 0,
        told: BTreeSet::new(),
        told_count: 0,
        corrections: 0,
        updates: 0,
        muted: false,
        news: News { subscription: Some(describe(subscription)), ..News::default() },
    })
}

/// Why a stretch is over, if it is.
fn ending(scene: &Scene<'_>, stretch: &Stretch, roll: &Roll<'_>) -> Option<Ending> {
    let Some(subscription) = scene.subscription else { return Some(Ending::Unsubscribed) };
    if roll.is_incident() && roll.standing > 0 {
        let resolve = subscription.resolve;
        let quiet_for = scene.at.since(quiet_since(stretch, roll));
        // Whoever recovered before the last timeout is not asked again: too few are left for it to be an incident any more.
        let asked = subscription.incident().map_or(0, |(functions, _)| functions);
        let is_few = |it: u64| usize::try_from(it).is_ok_and(|it| it < asked);
        let recovered = roll.succeeded > roll.last
            || (is_few(roll.firing) && roll.endings.contains(&Ending::Recovered));
        return if quiet_for >= resolve.expire_after.0 && !recovered {
            Some(Ending::Expired)
        } else if quiet_for < resolve.after.0 {
            None
        } else if recovered {
            Some(Ending::Recovered)
        } else {
            // So many were taken back that it never was one.
            is_few(roll.standing).then_some(Ending::Retracted)
        };
    }
    if roll.firing > 0 && !roll.is_incident() {
        return None;
    }
    // The least that may be said of all of them.
    let how = [Ending::Expired, Ending::Recovered, Ending::Retracted, Ending::Unsubscribed];
    Some(how.into_iter().find(|it| roll.endings.contains(it)).unwrap_or(Ending::Expired))
}

/// Since when nothing has happened in an incident, by our clock.
fn quiet_since(stretch: &Stretch, roll: &Roll<'_>) -> EpochMillis {
    roll.accepted.map_or(stretch.opened, |it| it.max(stretch.opened))
}

#[cfg(test)]
mod tests;
