//! A function's part in the alert of a group: what its step says of it, and the group's step reads.
//!
//! A function that times out must not wait for others that write the same item, so it says what the group must know in an item of
//! its own, together with its book. It says so again only when that is news to the group.
//!
//! **Invariant.** A part is whole: reading the newest is as good as having read all of them.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{
    alert::{
        Ending, Episode, Sample,
        mark::{millis, optional_millis},
    },
    analysis::told::Reason,
    configuration::{GroupLabel, Subscription},
    digest,
    notification::Child,
};

/// What a group's functions have in common, by the names of `group_by`.
pub type Labels = BTreeMap<String, String>;

/// Which group of which subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId {
    /// Without `#`.
    pub subscription: String,
    /// The alert's lasting name.
    pub fingerprint: String,
}

impl GroupId {
    pub fn of(subscription: &str, labels: &Labels) -> Self {
        let fingerprint = digest::hex(json!([subscription, labels]).to_string().as_bytes());
        Self { subscription: subscription.to_owned(), fingerprint }
    }
}

/// What a function is grouped by. A tag that it does not have is empty, as a label that is not there is elsewhere.
fn labels(
    grouping: &[GroupLabel],
    subscription: &Subscription,
    function: &FunctionKey,
    tags: &BTreeMap<String, String>,
) -> Labels {
    let value = |label: &GroupLabel| match label {
        GroupLabel::Account => function.account.to_string(),
        GroupLabel::Region => function.region.to_string(),
        GroupLabel::Function => function.name.to_string(),
        GroupLabel::Subscription => subscription.id.to_string(),
        GroupLabel::Tag(key) => tags.get(key).cloned().unwrap_or_default(),
    };
    grouping.iter().map(|it| (it.to_string(), value(it))).collect()
}

/// What a group knows of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub labels: Labels,
    /// The function's, for silences.
    pub tags: BTreeMap<String, String>,
    /// The function's own episode.
    pub episode: String,
    /// When its first timeout happened, by its clock.
    #[serde(with = "millis")]
    pub first: EpochMillis,
    /// When its episode opened, by ours.
    #[serde(with = "millis")]
    pub opened: EpochMillis,
    /// When its latest timeout happened that the group was told of.
    #[serde(with = "millis")]
    pub last: EpochMillis,
    /// When that came in.
    #[serde(with = "millis")]
    pub accepted: EpochMillis,
    pub timeouts: u64,
    pub corrections: u32,
    pub sample: Option<Sample>,
    /// The surest of what was found out about why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub over: Option<Over>,
    /// Of a fleet incident: the function's other alerts that somebody was told of, and how many still wait to be.
    pub told: Vec<Child>,
    pub waiting: u32,
    /// Of any other group: the fleet incidents that the function may be in.
    pub incidents: Vec<GroupId>,
}

/// That a function's episode is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    pub because: Ending,
    /// The last success that was known then.
    #[serde(with = "optional_millis")]
    pub succeeded: Option<EpochMillis>,
}

/// Most alerts of one function that are listed in a fleet incident.
pub const TOLD_MAX: usize = 5;

impl Part {
    /// Of a function whose episode goes on.
    pub fn of(labels: &Labels, tags: &BTreeMap<String, String>, episode: &Episode) -> Self {
        let standing = episode.samples.iter().find(|it| it.stands());
        Self {
            labels: labels.clone(),
            tags: tags.clone(),
            episode: episode.id.as_str().to_owned(),
            first: episode.first,
            opened: episode.opened,
            last: episode.last_timeout(),
            accepted: episode.last_accepted(),
            timeouts: episode.timeouts(),
            corrections: episode.corrections,
            sample: standing.or(episode.samples.first()).cloned(),
            reason: None,
            over: None,
            told: Vec::new(),
            waiting: 0,
            incidents: Vec::new(),
        }
    }

    /// Whether the function was none of the group's problems after all.
    pub fn is_void(&self) -> bool {
        let void = |it: &Over| matches!(it.because, Ending::Retracted | Ending::Unsubscribed);
        self.over.as_ref().is_some_and(void)
    }

    /// What is news whenever it changes.
    fn essence(&self) -> u64 {
        let Self { episode, corrections, over, told, waiting, incidents, .. } = self;
        let essence = json!([episode, corrections, over, told, waiting, incidents]);
        digest::number(essence.to_string().as_bytes())
    }
}

/// A function's membership in a group, as long as its episode goes on: whatever becomes of its tags or of the subscription, it
/// leaves the group that it joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub id: GroupId,
    pub labels: Labels,
    /// Whether the group is a fleet incident: before there are enough, its members are nobody's problem.
    pub is_incident: bool,
    said: Option<Said>,
}

/// What was last said to the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    essence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(with = "millis")]
    last: EpochMillis,
}

/// A part to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub group: GroupId,
    pub function: FunctionKey,
    pub part: Part,
    /// From when on the group is to be stepped.
    pub due: EpochMillis,
    /// Whether it may open the group, so that nobody should wait for a sweep.
    pub may_open: bool,
}

impl Membership {
    /// That of a function which such a subscription is about; `None` where it has an alert of its own.
    pub fn of(
        subscription: &Subscription,
        function: &FunctionKey,
        tags: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let labels = labels(subscription.grouping()?, subscription, function, tags);
        let id = GroupId::of(subscription.id.as_str(), &labels);
        let is_incident = subscription.incident().is_some();
        Some(Self { id, labels, is_incident, said: None })
    }

    /// What is to be said to the group, if there is news. Further timeouts alone are news after so long. Of why it times out the group
    /// is told what is surest of all that was ever found: who looks again may know less.
    pub fn say(
        &mut self,
        function: &FunctionKey,
        part: Part,
        (refresh, at): (Duration, EpochMillis),
    ) -> Option<Mark> {
        let before = self.said.as_ref();
        let reason = Reason::surest(part.reason, before.and_then(|it| it.reason.clone()));
        let part = Part { reason, ..part };
        let said = Said { essence: part.essence(), reason: part.reason.clone(), last: part.last };
        let goes_on = before.is_some_and(|it| {
            part.over.is_none() && part.last > it.last && part.last.since(it.last) >= refresh
        });
        let rank = |it: &Said| it.reason.as_ref().map(Reason::rank);
        let changed = before.is_none_or(|it| {
            it.essence != said.essence || (part.over.is_none() && rank(it) < rank(&said))
        });
        if !changed && !goes_on {
            return None;
        }
        let joins = self.said.replace(said).is_none();
        let (group, function) = (self.id.clone(), function.clone());
        Some(Mark { group, function, part, due: at, may_open: joins || goes_on })
    }
}
