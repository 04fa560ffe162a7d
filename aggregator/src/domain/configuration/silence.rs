//! Who is not told, until when, on whose word.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{EpochMillis, FunctionKey};
use serde::Serialize;
use serde_json::Value;

use super::{
    moment,
    read::{self, Faults, Fields, Node},
    scope::Scope,
    subscription::{Severity, Subscription},
    text::Id,
};

/// Alerts that nobody is told of for a while. Their state goes on, and what is not sent is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silence {
    pub id: Id,
    pub matchers: Matchers,
    #[serde(serialize_with = "moment::serialize")]
    pub starts_at: EpochMillis,
    #[serde(serialize_with = "moment::serialize")]
    pub ends_at: EpochMillis,
    pub comment: String,
    /// Whoever made it, as the door that took it knows them.
    pub created_by: String,
    /// When somebody ended it before its time.
    #[serde(serialize_with = "moment::write_optional")]
    pub ended_early_at: Option<EpochMillis>,
}

/// What is silenced: a scope, and which subscriptions and severities. At least one thing is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matchers {
    #[serde(flatten)]
    pub scope: Scope,
    pub subscriptions: Vec<Id>,
    pub severities: Vec<Severity>,
}

/// Where a silence is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceState {
    Pending,
    Active,
    Expired,
}

/// How long a silence lasts where nobody says.
pub const LASTS: Duration = Duration::from_hours(2);
/// How long a silence may last: what is silent for longer is forgotten.
pub const LASTS_MAX: Duration = Duration::from_hours(30 * 24);

const LIST_MAX: usize = 100;

impl Matchers {
    /// Whether alerts of this subscription about this function are meant.
    pub fn cover(
        &self,
        subscription: &Subscription,
        function: &FunctionKey,
        tags: &BTreeMap<String, String>,
    ) -> bool {
        self.concern(subscription) && self.scope.covers(function, tags)
    }

    /// The same of a function whose tags are not at hand: `false` where they are asked for, even if only to leave some out.
    pub fn cover_whatever_its_tags(
        &self,
        subscription: &Subscription,
        function: &FunctionKey,
    ) -> bool {
        self.concern(subscription) && self.scope.tags.is_empty() && self.scope.may_cover(function)
    }

    /// Whether alerts of this subscription may be meant, about some function.
    pub fn concern(&self, subscription: &Subscription) -> bool {
        let any = |is_empty: bool, has: bool| is_empty || has;
        any(self.subscriptions.is_empty(), self.subscriptions.contains(&subscription.id))
            && any(self.severities.is_empty(), self.severities.contains(&subscription.severity))
    }

    /// Reads them alone, as a draft of a silence has them.
    pub fn draft(value: &Value) -> Result<Self, Faults> {
        read::whole(value, Self::read)
    }

    fn read(node: Node<'_>) -> Option<Self> {
        let place = node.place();
        let matchers = node.object(|fields| {
            let scope = Scope::read_fields(fields);
            let subscriptions =
                fields.at("subscriptions").or(Vec::new(), |it| it.set(LIST_MAX, Node::parsed));
            let severities = fields.at("severities").or(Vec::new(), |it| it.set(4, Node::parsed));
            Some(Self { scope: scope?, subscriptions: subscriptions?, severities: severities? })
        })?;
        let Self { scope, subscriptions, severities } = &matchers;
        if scope.is_everything() && subscriptions.is_empty() && severities.is_empty() {
            return place.fault("asks for nothing, so that everything would be silent");
        }
        Some(matchers)
    }
}

impl Silence {
    /// Of several, the one that ends last: that is the one that is said to hold.
    pub fn longest<'a>(of: impl Iterator<Item = &'a Self>) -> Option<&'a Self> {
        of.max_by_key(|it| (it.ends(), &it.id))
    }

    /// When it is over, or will be.
    pub fn ends(&self) -> EpochMillis {
        self.ended_early_at.map_or(self.ends_at, |it| it.min(self.ends_at))
    }

    pub fn state(&self, now: EpochMillis) -> SilenceState {
        if now >= self.ends() {
            SilenceState::Expired
        } else if now < self.starts_at {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    pub fn is_active(&self, now: EpochMillis) -> bool {
        self.state(now) == SilenceState::Active
    }

    /// Reads one. Where `now` is given, what is not said begins now and lasts two hours; in a file, which is to mean the same
    /// tomorrow, it must be said.
    pub(super) fn read(node: Node<'_>, now: Option<EpochMillis>) -> Option<Self> {
        node.object(|fields| {
            let id = fields.at("id").parsed();
            let matchers = Matchers::read(fields.at("matchers"));
            let times = times(fields, now);
            let comment = fields.at("comment").text(1..=1_000);
            let created_by = fields.at("created_by").or(String::new(), |it| it.text(0..=256));
            let ended_early_at = fields.at("ended_early_at").optional(moment::read);
            let (starts_at, ends_at) = times?;
            Some(Self {
                id: id?,
                matchers: matchers?,
                starts_at,
                ends_at,
                comment: comment?,
                created_by: created_by?,
                ended_early_at: ended_early_at?,
            })
        })
    }
}

fn times(fields: &mut Fields<'_>, now: Option<EpochMillis>) -> Option<(EpochMillis, EpochMillis)> {
    let starts_at = fields.at("starts_at");
    let starts_at = match now {
        Some(now) => starts_at.or(now, moment::read),
        None => moment::read(starts_at),
    };
    let ends_at = fields.at("ends_at");
    let ends_at = match (now, starts_at) {
        (Some(_), Some(starts_at)) => ends_at.or(starts_at.plus(LASTS), moment::read),
        _ => moment::read(ends_at),
    };
    let (starts_at, ends_at) = (starts_at?, ends_at?);
    if ends_at <= starts_at {
        return fields.fault("ends_at", "is not after starts_at");
    }
    if ends_at.since(starts_at) > LASTS_MAX {
        return fields.fault("ends_at", "is more than 30 days after starts_at");
    }
    Some((starts_at, ends_at))
}

super::words! {
    SilenceState: "pending" => Pending, "active" => Active, "expired" => Expired;
}
