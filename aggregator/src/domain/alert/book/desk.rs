//! Where one subscription's alert about a function is stepped.

use std::{collections::BTreeSet, time::Duration};

use overtime_wire::EpochMillis;

use super::{Context, Member, earlier};
use crate::domain::{
    alert::{
        Ending, Episode, Observation, Phase, Remembered, Rule, State, Transition, evaluate,
        fingerprint,
        group::{
            GroupId, Known,
            part::{Membership, Over, Part},
        },
        news::{Audience, News, Silenced, describe},
    },
    configuration::{Condition, Silence, Subscription},
    notification::{
        self, Child, Notification, Owed, Transition as Kind,
        compose::{Scene, Told, compose},
    },
};

#[derive(Debug, Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) subscription: &'a Subscription,
    pub(super) rule: &'a Rule,
    pub(super) seen: &'a Observation<'a>,
    /// The fleet incidents that the function is a member of, and what is known of any.
    pub(super) incidents: &'a [GroupId],
    pub(super) known: &'a Known,
}

/// What a step made of an alert.
#[derive(Debug)]
pub(super) struct Stepped {
    pub(super) member: Member,
    pub(super) owed: Vec<Owed>,
    /// An episode that opened or ended.
    pub(super) episode: Option<Remembered>,
    /// The group that the function has left, and what is to be said to it.
    pub(super) left: Option<(Membership, Part)>,
}

/// How often an alert that an incident holds back is looked at: there may be thousands, and most end with it.
const INHIBITED_LOOK: Duration = Duration::from_mins(5);

impl Desk<'_> {
    /// `asks` takes up what incidents must be known before anything is written.
    pub(super) fn step(&self, member: Member, asks: &mut BTreeSet<GroupId>) -> Stepped {
        let Member { state, mut news, mut membership } = member;
        let (state, transition) = evaluate(self.rule, state, self.seen);
        if matches!(transition, Some(Transition::Opened(_))) {
            let Observation { function, .. } = self.seen;
            membership = Membership::of(self.subscription, function, self.context.tags);
        }
        if let Some(membership) = membership {
            return self.step_in_group(state, membership, transition);
        }
        let remembered = transition.as_ref().and_then(|it| self.remember(it, &news));
        let notify = self.subscription.notify_on;
        let mut owed = Vec::new();
        match &transition {
            Some(Transition::Resolved(..)) => {
                let told = transition.as_ref().map(Told::from);
                if let Some(told) = told.filter(|_| notify.resolved) {
                    let notification = self.compose(&told, &news);
                    let configuration = self.context.configuration;
                    owed.extend(news.tell_of_end(configuration, &notification, self.seen.at));
                }
                news = News::default();
            }
            Some(Transition::Corrected(_)) if news.openings > 0 && notify.update => {
                let told = transition.as_ref().map(Told::from);
                owed.extend(told.into_iter().flat_map(|it| self.tell(&it, &mut news, None)));
            }
            Some(Transition::Opened(_)) => news.subscription = Some(describe(self.subscription)),
            Some(Transition::Corrected(_)) | None => {}
        }
        if let Phase::Firing(episode) = &state.phase {
            owed.extend(self.watch(episode, &mut news, asks));
        }
        let member = Member { state, news, membership: None };
        Stepped { member, owed, episode: remembered, left: None }
    }

    /// The group tells of it; the function has only to say where it stands.
    fn step_in_group(
        &self,
        state: State,
        membership: Membership,
        transition: Option<Transition>,
    ) -> Stepped {
        let news = News::default();
        if let Some(Transition::Resolved(episode, because)) = transition {
            let part = self.leave(&membership, &episode, because);
            let member = Member { state, news, membership: None };
            let left = Some((membership, part));
            return Stepped { member, owed: Vec::new(), episode: None, left };
        }
        let member = Member { state, news, membership: Some(membership) };
        Stepped { member, owed: Vec::new(), episode: None, left: None }
    }

    fn leave(&self, membership: &Membership, episode: &Episode, because: Ending) -> Part {
        let over = Some(Over { because, succeeded: self.seen.last_success });
        Part { over, ..Part::of(&membership.labels, self.context.tags, episode) }
    }

    /// How an alert that somebody was told of is listed in a fleet incident.
    pub(super) fn child(&self, member: &Member) -> Option<Child> {
        let episode = member.episode().filter(|_| !member.news.channels.is_empty())?;
        Some(Child {
            subscription: self.subscription.id.to_string(),
            fingerprint: fingerprint(self.rule, self.seen.function),
            episode: episode.id.as_str().to_owned(),
        })
    }

    /// Whether an incident holds the alert back, or will if there is one.
    pub(super) fn waits(&self, member: &Member) -> bool {
        let fires = member.episode().is_some() && member.membership.is_none();
        fires && member.news.openings == 0 && self.may_be_inhibited()
    }

    /// Who asks for no wait wants to hear of everything at once, and a function that has fallen silent is no part of a storm.
    fn may_be_inhibited(&self) -> bool {
        let is_silence = matches!(self.subscription.condition, Condition::NoSignal { .. });
        !self.subscription.group_wait.0.is_zero() && !is_silence
    }

    /// The open incident that the function is in. One that is not known is asked for, and holds back until it is.
    fn inhibited_by(&self, asks: &mut BTreeSet<GroupId>) -> Option<&GroupId> {
        if !self.may_be_inhibited() {
            return None;
        }
        let unknown = |it: &&GroupId| !self.known.contains_key(it);
        asks.extend(self.incidents.iter().filter(unknown).cloned());
        self.incidents.iter().find(|it| self.known.get(it).copied().unwrap_or(true))
    }

    /// What time, and silences, ask for while an episode goes on.
    fn watch(&self, episode: &Episode, news: &mut News, asks: &mut BTreeSet<GroupId>) -> Vec<Owed> {
        let now = self.seen.at;
        if news.openings == 0 {
            if now < episode.opened.plus(self.subscription.group_wait.0) {
                return Vec::new();
            }
            news.inhibited = self.inhibited_by(asks).map(|it| it.fingerprint.clone());
            if news.inhibited.is_some() {
                return Vec::new();
            }
        }
        let holds = self.silence();
        let held = std::mem::replace(&mut news.silenced, holds.map(Silenced::of));
        let silence_ended = held.filter(|_| holds.is_none());
        if news.openings == 0 || silence_ended.is_some() {
            news.openings += 1;
            news.told_ms = now.0;
            news.subscription = Some(describe(self.subscription));
            let told = Told { kind: Kind::Firing, number: news.openings, episode, ending: None };
            return self.tell(&told, news, silence_ended);
        }
        if self.repeats_at(news).is_some_and(|it| it <= now) {
            news.repeats += 1;
            news.told_ms = now.0;
            let told = Told { kind: Kind::Repeat, number: news.repeats, episode, ending: None };
            return self.tell(&told, news, None);
        }
        Vec::new()
    }

    fn repeats_at(&self, news: &News) -> Option<EpochMillis> {
        let every = self.subscription.repeat_interval.0;
        let asked = self.subscription.notify_on.repeat && !every.is_zero();
        (asked && news.openings > 0).then(|| EpochMillis(news.told_ms).plus(every))
    }

    /// When the alert wants to be looked at though nothing came in.
    pub(super) fn due(&self, member: &Member) -> Option<EpochMillis> {
        let now = self.seen.at;
        let mut due = member.state.due(self.rule, now);
        if let Phase::Firing(episode) = &member.state.phase {
            if member.membership.is_some() {
                return due;
            }
            let waits = if member.news.inhibited.is_some() {
                now.plus(INHIBITED_LOOK)
            } else {
                episode.opened.plus(self.subscription.group_wait.0)
            };
            due = earlier(due, Some(waits).filter(|_| member.news.openings == 0));
            due = earlier(due, self.repeats_at(&member.news));
            if let Some(silence) = self.silence().filter(|_| member.news.silenced.is_some()) {
                // It may be ended before its time.
                due = earlier(due, Some(silence.ends().min(now.plus(self.rule.look_again))));
            }
        }
        due
    }

    /// The silence that holds now; of several, the one that ends last.
    fn silence(&self) -> Option<&Silence> {
        let (function, tags) = (self.seen.function, self.context.tags);
        let silences = self.context.configuration.silences.iter().map(|it| &it.value);
        let active = silences.filter(|it| it.is_active(self.seen.at));
        Silence::longest(active.filter(|it| it.matchers.cover(self.subscription, function, tags)))
    }

    /// What every channel of the subscription is told.
    fn tell(&self, told: &Told<'_>, news: &mut News, ended: Option<Silenced>) -> Vec<Owed> {
        let (configuration, at) = (self.context.configuration, self.seen.at);
        let mut notification = self.compose(told, news);
        notification.silence_ended = ended.map(|it| it.ended(at));
        let audience = Audience { configuration, subscription: self.subscription, at };
        news.tell(audience, notification, self.silence())
    }

    fn compose(&self, told: &Told<'_>, news: &News) -> Notification {
        let described = news.subscription.clone();
        let described: notification::Subscription =
            described.unwrap_or_else(|| describe(self.subscription));
        // What is over needs no reason any more.
        let observed = self.seen.blocks.values().flatten();
        let analysis = match told.ending {
            None => self.context.background.lines(observed),
            Some(_) => Vec::new(),
        };
        let scene = Scene {
            rule: self.rule,
            subscription: &described,
            labels: &self.subscription.labels,
            annotations: &self.subscription.annotations,
            analysis: &analysis,
            function: self.seen.function,
            console: self.context.console,
            at: self.seen.at,
        };
        compose(&scene, told)
    }
}
