//! What is told of a group, and when.

use std::collections::BTreeSet;

use overtime_wire::EpochMillis;

use super::{GroupId, Known, LOOK_AGAIN, Labels, REVIEW, Roll, Scene, Stretch, quiet_since};
use crate::domain::{
    alert::{
        Ending, Remembered,
        news::{Audience, Silenced, describe},
    },
    configuration::Subscription,
    notification::{
        self, Incident, Notification, Owed, Transition as Kind,
        crowd::{Crowd, compose},
    },
};

/// Where one group is stepped.
pub(super) struct Desk<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) labels: &'a Labels,
    pub(super) roll: &'a Roll<'a>,
    pub(super) known: &'a Known,
}

/// What happened to the stretch.
#[derive(Debug, Clone, Copy)]
struct Event {
    kind: Kind,
    /// The how-manieth of its kind, from 1.
    number: u32,
    ending: Option<Ending>,
}

impl Desk<'_> {
    /// Whoever was sent the opening is told of the end.
    pub(super) fn end(&self, stretch: &Stretch, ending: Ending) -> Vec<Owed> {
        let asked = self.scene.subscription.is_none_or(|it| it.notify_on.resolved);
        let Some(described) = stretch.news.subscription.clone().filter(|_| asked) else {
            return Vec::new();
        };
        let event = Event { kind: Kind::Resolved, number: 1, ending: Some(ending) };
        let notification = self.compose(stretch, &described, event);
        stretch.news.tell_of_end(self.scene.configuration, &notification, self.scene.at)
    }

    /// How the stretch is remembered while it goes on.
    pub(super) fn remembered(&self, stretch: &Stretch) -> Option<Remembered> {
        let subscription = stretch.news.subscription.clone()?;
        let asked = self.scene.subscription.into_iter().flat_map(|it| &it.channels);
        let asked = asked.map(ToString::to_string);
        let channels: BTreeSet<_> = asked.chain(stretch.news.channels.iter().cloned()).collect();
        Some(Remembered {
            fingerprint: GroupId::of(&subscription.id, self.labels).fingerprint,
            episode: stretch.id.clone(),
            subscription,
            group: self.labels.clone(),
            first: stretch.first,
            opened: stretch.opened,
            timeouts: stretch.timeouts,
            last_timeout: self.roll.last.unwrap_or(stretch.first),
            channels: channels.into_iter().collect(),
            over: None,
        })
    }

    /// What time, silences and new members ask for while it goes on.
    pub(super) fn watch(
        &self,
        subscription: &Subscription,
        stretch: &mut Stretch,
        asks: &mut BTreeSet<GroupId>,
    ) -> Vec<Owed> {
        let now = self.scene.at;
        let wait = subscription.group_wait.0;
        let is_untold = !stretch.is_told();
        if is_untold && now < stretch.opened.plus(wait) {
            return Vec::new();
        }
        if is_untold && !wait.is_zero() && self.is_inhibited(asks) {
            return Vec::new();
        }
        let holds = self.roll.silence;
        let held = std::mem::replace(&mut stretch.news.silenced, holds.map(Silenced::of));
        let ended = held.filter(|_| holds.is_none());
        stretch.muted = holds.is_some() && self.roll.awake == 0;
        // Where all were silenced, and one that is not has joined, it begins for whoever is told.
        let is_unheard_of = stretch.told_count == 0 && self.roll.awake > 0;
        let kind = if is_untold || is_unheard_of || ended.is_some() {
            Kind::Firing
        } else if self.updates_at(subscription, stretch).is_some_and(|it| it <= now) {
            Kind::Update
        } else if repeats_at(subscription, stretch).is_some_and(|it| it <= now) {
            Kind::Repeat
        } else {
            return Vec::new();
        };
        let news = &mut stretch.news;
        let count = if kind == Kind::Firing {
            &mut news.openings
        } else if kind == Kind::Repeat {
            &mut news.repeats
        } else {
            &mut stretch.updates
        };
        *count += 1;
        let event = Event { kind, number: *count, ending: None };
        news.told_ms = now.0;
        let described = news.subscription.get_or_insert_with(|| describe(subscription)).clone();
        let mut notification = self.compose(stretch, &described, event);
        notification.silence_ended = ended.map(|it| it.ended(now));
        self.note_told(stretch);
        let audience = Audience { configuration: self.scene.configuration, subscription, at: now };
        // Where only some are silenced, the others are told of.
        let silence = self.roll.silence.filter(|_| self.roll.awake == 0);
        stretch.news.tell(audience, notification, silence)
    }

    /// Whether every function that would be told of lies in an incident that is open. Asks for those that are not known, and holds
    /// back until they are.
    fn is_inhibited(&self, asks: &mut BTreeSet<GroupId>) -> bool {
        if self.roll.is_incident() || self.roll.awake == 0 {
            return false;
        }
        let unknown: Vec<_> =
            self.roll.held.keys().flatten().filter(|it| !self.known.contains_key(it)).collect();
        let any_unknown = !unknown.is_empty();
        asks.extend(unknown.into_iter().cloned());
        let is_open = |it: &GroupId| self.known.get(it).copied().unwrap_or_default();
        any_unknown || self.roll.held.keys().all(|within| within.iter().any(is_open))
    }

    fn note_told(&self, stretch: &mut Stretch) {
        stretch.told.extend(&self.roll.hashes);
        while stretch.told.len() > super::TOLD_MAX {
            stretch.told.pop_last();
        }
        stretch.told_count = self.roll.awake;
        stretch.corrections = self.roll.corrections;
    }

    /// When there is to be an update, if there is news for one.
    fn updates_at(&self, subscription: &Subscription, stretch: &Stretch) -> Option<EpochMillis> {
        let is_news = self.roll.unheard() > 0 || self.roll.corrections > stretch.corrections;
        let asked = stretch.is_told() && subscription.notify_on.update && self.roll.awake > 0;
        let after = EpochMillis(stretch.news.told_ms).plus(subscription.group_interval.0);
        (asked && is_news).then_some(after)
    }

    /// When the group wants to be looked at though no part asks for it.
    pub(super) fn due(&self, subscription: &Subscription, stretch: &Stretch) -> EpochMillis {
        let now = self.scene.at;
        let waits = stretch.opened.plus(subscription.group_wait.0);
        let mut due = vec![now.plus(REVIEW)];
        if !stretch.is_told() {
            due.push(if now < waits { waits } else { now.plus(LOOK_AGAIN) });
        }
        if let Some(silence) = self.roll.silence.filter(|_| stretch.news.silenced.is_some()) {
            due.push(silence.ends().min(now.plus(LOOK_AGAIN)));
        }
        due.extend(repeats_at(subscription, stretch));
        // What was told a moment ago is as much as there is to tell.
        let told_now = stretch.news.told_ms == now.0 && stretch.is_told();
        due.extend(self.updates_at(subscription, stretch).filter(|_| !told_now));
        if self.roll.is_incident() {
            let quiet = quiet_since(stretch, self.roll);
            let (after, expires) =
                (subscription.resolve.after.0, subscription.resolve.expire_after.0);
            due.extend([quiet.plus(after), quiet.plus(expires)].into_iter().filter(|it| *it > now));
        }
        due.into_iter().min().unwrap_or(now)
    }

    fn compose(
        &self,
        stretch: &Stretch,
        described: &notification::Subscription,
        event: Event,
    ) -> Notification {
        let (scene, roll) = (self.scene, self.roll);
        let nothing = Labels::new();
        let incident = roll.is_incident().then(|| Incident {
            functions: stretch.functions,
            told: roll.children.iter().cloned().collect(),
            truncated_told: roll.more_children,
            inhibited: roll.waiting,
        });
        compose(&Crowd {
            name: Notification::name(&stretch.id, event.kind, event.number),
            kind: event.kind,
            ending: event.ending,
            fingerprint: GroupId::of(&described.id, self.labels).fingerprint,
            episode: &stretch.id,
            first: stretch.first,
            opened: stretch.opened,
            last: roll.last,
            timeouts: stretch.timeouts,
            functions: roll.functions(),
            unheard: roll.unheard(),
            shown: roll.shown(event.ending.is_some()),
            // What is over needs no reason any more.
            reasons: if event.ending.is_none() { roll.reasons() } else { Vec::new() },
            group: self.labels,
            subscription: described,
            labels: scene.subscription.map_or(&nothing, |it| &it.labels),
            annotations: scene.subscription.map_or(&nothing, |it| &it.annotations),
            incident,
            console: scene.console,
            at: scene.at,
        })
    }
}

fn repeats_at(subscription: &Subscription, stretch: &Stretch) -> Option<EpochMillis> {
    let every = subscription.repeat_interval.0;
    let asked = subscription.notify_on.repeat && !every.is_zero();
    (asked && stretch.is_told()).then(|| EpochMillis(stretch.news.told_ms).plus(every))
}
