//! Every subscription's alert about a function, stepped once.
//!
//! What they owe is written together, and a transaction takes so much and no more: what does not fit stays as it was, and the same
//! observation steps it in the next round.

use std::{borrow::Cow, collections::BTreeMap, mem, time::Duration};

use overtime_wire::EpochMillis;

use super::{
    Advance, BESIDE_MAX, Book, Context, Member, OPEN_MAX, Rule,
    desk::{Desk, Stepped},
    earlier, remember,
};
use crate::domain::{
    alert::{
        Ending, Episode, Observation, Phase,
        group::{
            GroupId, Known,
            part::{Membership, Over, Part, TOLD_MAX},
        },
        news::News,
    },
    configuration::Subscription,
    notification::{
        Child, Owed, Transition as Kind,
        compose::{Scene, Told, compose},
    },
};

/// Most that one alert's step has written beside the book: twice as much as a subscription has channels, and a part or an episode.
const STEP_MAX: usize = 2 * Subscription::CHANNELS_MAX + 1;
/// How long a subscription that is gone is remembered: longer than facts could open its last alert again.
const REMEMBERED_FOR: Duration = Duration::from_hours(96);

pub(super) struct Round<'a> {
    context: &'a Context<'a>,
    seen: &'a Observation<'a>,
    known: &'a Known,
    before: Book,
    after: Advance,
    /// How many alerts are not at rest.
    open: usize,
    /// Incidents that the function is a member of.
    incidents: Vec<GroupId>,
    /// What goes on in groups, by subscription, and after how much time further timeouts are news there.
    members: Vec<(String, Duration)>,
    left: Vec<(Membership, Part)>,
    /// Alerts that are the function's own: those that somebody was told of, and how many may be held back.
    told: Vec<Child>,
    waiting: u32,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        (context, seen, known): (&'a Context<'a>, &'a Observation<'a>, &'a Known),
        book: &Book,
    ) -> Self {
        Self {
            context,
            seen,
            known,
            before: book.clone(),
            after: Advance::default(),
            open: book.0.values().filter(|it| it.state.phase != Phase::Inactive).count(),
            incidents: Vec::new(),
            members: Vec::new(),
            left: Vec::new(),
            told: Vec::new(),
            waiting: 0,
        }
    }

    fn is_full(&self) -> bool {
        let told = self.after.owed.len() + self.after.episodes.len();
        let beside = told + self.members.len() + self.left.len();
        beside > 0 && beside + STEP_MAX > BESIDE_MAX
    }

    pub(super) fn step(&mut self, subscription: &Subscription) {
        let (context, seen) = (self.context, self.seen);
        let covers = subscription.enabled && subscription.scope.covers(seen.function, context.tags);
        if !covers {
            return;
        }
        let rule = Rule::of(subscription);
        let id = subscription.id.as_str();
        let member = self.before.0.remove(id).unwrap_or_default();
        let at_rest = member.state.phase == Phase::Inactive;
        let incidents = mem::take(&mut self.incidents);
        let (rule, known) = (&rule, self.known);
        let desk = Desk { context, subscription, rule, seen, incidents: &incidents, known };
        let member = if at_rest && self.open >= OPEN_MAX {
            member
        } else if self.is_full() {
            self.put_off();
            member
        } else {
            let Stepped { member, owed, episode, left } = desk.step(member, &mut self.after.asks);
            self.after.episodes.extend(episode);
            self.open += usize::from(at_rest && member.state.phase != Phase::Inactive);
            self.after.wake = earlier(self.after.wake, desk.due(&member));
            self.after.owed.extend(owed);
            self.left.extend(left);
            if member.membership.is_some() {
                self.members.push((id.to_owned(), desk.subscription.refresh()));
            }
            member
        };
        self.told.extend(desk.child(&member));
        self.waiting += u32::from(desk.waits(&member));
        self.incidents = incidents;
        let fires = member.episode().is_some();
        let membership = member.membership.as_ref().filter(|it| fires && it.is_incident);
        self.incidents.extend(membership.map(|it| it.id.clone()));
        self.keep(id, member);
    }

    pub(super) fn finish(mut self) -> Advance {
        for (id, member) in mem::take(&mut self.before.0) {
            let member = if self.is_full() {
                self.put_off();
                member
            } else {
                self.unsubscribed(&id, member)
            };
            let recent = |it: EpochMillis| self.seen.at.since(it) < REMEMBERED_FOR;
            let fires = member.episode().is_some();
            if fires || member.state.covered.as_ref().is_some_and(|it| recent(it.at)) {
                self.keep(&id, member);
            }
        }
        self.say();
        self.after
    }

    /// The rest is for the next round, or for a sweep if there is none.
    fn put_off(&mut self) {
        self.after.more = true;
        self.after.wake = earlier(self.after.wake, Some(self.seen.at));
    }

    fn keep(&mut self, id: &str, member: Member) {
        if member != Member::default() {
            self.after.book.0.insert(id.to_owned(), member);
        }
    }

    /// Says to groups what is news to them.
    fn say(&mut self) {
        let (function, at) = (self.seen.function, self.seen.at);
        self.told.truncate(TOLD_MAX);
        for (mut membership, part) in mem::take(&mut self.left) {
            let part = self.whole(&membership, part);
            self.after.marks.extend(membership.say(function, part, (Duration::ZERO, at)));
        }
        for (id, refresh) in mem::take(&mut self.members) {
            let Some(mut member) = self.after.book.0.remove(&id) else { continue };
            if let (Some(episode), Some(membership)) = (episode(&member), &mut member.membership) {
                let part = Part::of(&membership.labels, self.context.tags, &episode);
                let reason = self.context.background.reason(self.seen.blocks.values().flatten());
                let part = Part { reason, ..self.whole(membership, part) };
                self.after.marks.extend(membership.say(function, part, (refresh, at)));
            }
            self.after.book.0.insert(id, member);
        }
    }

    /// A part with what other alerts of the function add to it.
    fn whole(&self, membership: &Membership, part: Part) -> Part {
        if membership.is_incident {
            Part { told: self.told.clone(), waiting: self.waiting, ..part }
        } else {
            Part { incidents: self.incidents.clone(), ..part }
        }
    }

    /// Ends an alert that nobody asks for any more.
    fn unsubscribed(&mut self, id: &str, member: Member) -> Member {
        let (context, seen) = (self.context, self.seen);
        let Member { state, news, membership } = member;
        let (state, episode) = state.end();
        let member = Member { state, news: News::default(), membership: None };
        let Some(episode) = episode else { return member };
        if let Some(membership) = membership {
            let over = Some(Over { because: Ending::Unsubscribed, succeeded: None });
            let part = Part::of(&membership.labels, context.tags, &episode);
            self.left.push((membership, Part { over, ..part }));
            return member;
        }
        let Some(subscription) = &news.subscription else { return member };
        let rule = Rule { id: Cow::Owned(id.to_owned()), ..Rule::ANY_TIMEOUT };
        let remembered =
            remember::unsubscribed((&rule, &news), subscription.clone(), &episode, seen);
        self.after.episodes.push(remembered);
        self.after.owed.extend(tell_of_end(context, (&rule, &news), &episode, seen));
        member
    }
}

fn episode(member: &Member) -> Option<Episode> {
    member.episode().cloned()
}

fn tell_of_end(
    context: &Context<'_>,
    (rule, news): (&Rule, &News),
    episode: &Episode,
    seen: &Observation<'_>,
) -> Vec<Owed> {
    let Some(subscription) = &news.subscription else { return Vec::new() };
    let nothing = BTreeMap::new();
    let scene = Scene {
        rule,
        subscription,
        labels: &nothing,
        annotations: &nothing,
        analysis: &[],
        function: seen.function,
        console: context.console,
        at: seen.at,
    };
    let ending = Some(Ending::Unsubscribed);
    let told = Told { kind: Kind::Resolved, number: 1, episode, ending };
    let notification = compose(&scene, &told);
    news.tell_of_end(context.configuration, &notification, seen.at)
}
