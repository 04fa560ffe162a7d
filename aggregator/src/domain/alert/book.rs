//! A function's alerts, one for each subscription that was ever concerned, and what was told of each.
//!
//! All of them stand in one item, so an evaluation reads and writes one however many subscriptions there are, and what several of
//! them owe is written with it. A subscription's state machine is [`alert`](super); this is what surrounds it:
//!
//! ```text
//!            opens              group_wait is over        every repeat_interval
//!   at rest ───────▶ waiting ────────────────────▶ told ──┐◀─────┐ a silence began and ended: told again, and why
//!      ▲                │ taken back: nobody hears  │ └───┘──────┘
//!      └────────────────┴───────────────────────────┘ resolved: told to whom the opening was sent, once
//! ```
//!
//! **Silences** hold back what would wake somebody: openings, updates and repeats are written as suppressed. A resolution is sent
//! even so, but only to channels that were sent the opening: it wakes nobody, and an incident that is over must not stay open.
//!
//! **Fleet incidents** hold back openings too, as long as they are open; see [`group`](super::group). Where a subscription groups by
//! less than the function, nothing is told here: the function's state goes on as a member's, and what the group must know is said to it.
//!
//! A subscription that is gone, disabled, or does not cover the function any more ends its alert as `unsubscribed`.
//!
//! **Invariant.** Pure. The same observation twice changes nothing and owes nothing. A channel is sent a resolution only after an
//! opening of the same episode, and one for each.

mod desk;
mod remember;
mod round;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};

use self::round::Round;
pub use super::news::describe;
use super::{
    Episode, Observation, Opens, Phase, Remembered, Rule, State,
    group::{GroupId, Known, Mark, part::Membership},
    news::News,
};
use crate::domain::{
    analysis::told::Background,
    configuration::{Configuration, Subscription},
    notification::Owed,
};

/// Everything that is remembered of a function's alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Book(BTreeMap<String, Member>);

/// One subscription's alert about the function.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    pub state: State,
    news: News,
    /// The group that tells of it, where the function does not do so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    membership: Option<Membership>,
}

/// What a function's alerts are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub configuration: &'a Configuration,
    /// The function's, as it last said them.
    pub tags: &'a BTreeMap<String, String>,
    /// Where links in messages begin.
    pub console: &'a str,
    /// What messages say of why it times out is made of this, beside what was observed.
    pub background: Background<'a>,
}

/// What to write, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advance {
    pub book: Book,
    pub wake: Option<EpochMillis>,
    pub owed: Vec<Owed>,
    /// What is to be said to groups.
    pub marks: Vec<Mark>,
    /// Which incidents must be known before anything is written.
    pub asks: BTreeSet<GroupId>,
    /// Whether there is more to be written than fits: the same observation brings the rest.
    pub more: bool,
    /// Episodes that opened or ended, to be remembered.
    pub episodes: Vec<Remembered>,
}

/// Most alerts of one function that are not at rest: beyond it, subscriptions open none, so that the item stays small.
pub const OPEN_MAX: usize = 40;
/// Most that is written beside the book: as much as a transaction takes.
pub const BESIDE_MAX: usize = 99;

impl Book {
    /// Alerts that are not at rest, by subscription. Having a part in what may become a fleet incident is no alert.
    pub fn open(&self) -> impl Iterator<Item = (&str, &Member)> {
        let open = self.0.iter().filter(|(_, it)| it.state.phase != Phase::Inactive);
        let open = open.filter(|(_, it)| it.membership.as_ref().is_none_or(|it| !it.is_incident));
        open.map(|(id, member)| (id.as_str(), member))
    }

    /// What is remembered of a subscription's alert.
    pub fn member(&self, subscription: &str) -> Option<&Member> {
        self.0.get(subscription)
    }

    /// Which blocks a look without news should read whole.
    pub fn blocks_in_doubt(&self) -> BTreeSet<overtime_wire::Block> {
        self.0.values().flat_map(|it| it.state.blocks_in_doubt()).collect()
    }

    pub fn is_firing(&self) -> bool {
        self.open().any(|(_, it)| matches!(it.state.phase, Phase::Firing(_)))
    }
}

impl Member {
    /// The episode, if it goes on.
    pub fn episode(&self) -> Option<&Episode> {
        match &self.state.phase {
            Phase::Firing(episode) => Some(episode),
            Phase::Inactive | Phase::Pending(_) => None,
        }
    }

    /// Whether the opening was told, or held back by a silence.
    pub fn is_told(&self) -> bool {
        self.news.openings > 0
    }

    /// The group that tells of it, if it is one's.
    pub fn group(&self) -> Option<&GroupId> {
        self.membership.as_ref().map(|it| &it.id)
    }

    /// The lasting name of the fleet incident that holds back its opening.
    pub fn inhibited_by(&self) -> Option<&str> {
        self.news.inhibited.as_deref()
    }

    /// The silence that holds back what would be told.
    pub fn silenced_by(&self) -> Option<&str> {
        self.news.silenced.as_ref().map(|it| it.id.as_str())
    }
}

/// What an observation makes of a function's alerts, with what is known of incidents.
pub fn advance(
    context: &Context<'_>,
    book: &Book,
    seen: &Observation<'_>,
    known: &Known,
) -> Advance {
    let is_incident = |it: &&Subscription| it.incident().is_some();
    let subscriptions = context.configuration.subscriptions.iter().map(|it| &it.value);
    let (incidents, others): (Vec<_>, Vec<_>) = subscriptions.partition(is_incident);
    let mut round = Round::new((context, seen, known), book);
    // What holds others back must be known before them.
    for subscription in incidents.into_iter().chain(others) {
        round.step(subscription);
    }
    round.finish()
}

fn earlier(one: Option<EpochMillis>, other: Option<EpochMillis>) -> Option<EpochMillis> {
    one.into_iter().chain(other).min()
}

impl Rule {
    pub fn of(subscription: &Subscription) -> Self {
        Self {
            id: Cow::Owned(subscription.id.to_string()),
            opens: Opens::of(subscription),
            causes: subscription.causes.clone(),
            quiet: subscription.resolve.after.0,
            expire_after: subscription.resolve.expire_after.0,
            ..Self::ANY_TIMEOUT
        }
    }
}

#[cfg(test)]
mod tests;
