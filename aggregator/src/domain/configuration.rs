//! What operators decide: who is told what, where it goes, and what is silent for now.
//!
//! Plain values, JSON outside. Reading collects every fault and names each by its field ([`read`]); what was read cannot be
//! wrong. Everything is bounded: whoever may write configuration must not be able to make evaluation expensive.
//!
//! **Invariant.** No secret is in here, only references to them ([`SecretRef`]).

pub mod audit;
mod built_in;
pub mod channel;
pub mod condition;
mod moment;
pub mod plan;
pub mod read;
pub mod scope;
pub mod secret;
pub mod silence;
pub mod subscription;
pub mod text;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    built_in::{ANY_TIMEOUT, ENVIRONMENT, defaults},
    channel::{Channel, ChannelKind},
    condition::{Condition, GroupLabel, Per, Statistic},
    read::{Fault, Faults},
    scope::Scope,
    secret::SecretRef,
    silence::{Silence, SilenceState},
    subscription::{MOfN, NotifyOn, Resolve, Severity, Subscription},
    text::{Address, Glob, Id, Span},
};

/// Reads each of some words.
macro_rules! words {
    ($($name:ty: $($word:literal => $variant:ident),+;)+) => {$(
        impl std::str::FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, &'static str> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(concat!("is none of", $(" ", $word),+)),
                }
            }
        }
    )+};
}
use words;

/// A value as it stands, and who made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Versioned<T> {
    pub value: T,
    /// The configuration's revision that brought it: it grows with every change of anything, and no two changes share one.
    pub version: u64,
    #[serde(serialize_with = "moment::serialize")]
    pub updated_at: EpochMillis,
    pub updated_by: String,
}

/// What there can be several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Subscription,
    Channel,
    Silence,
}

/// Drafts of subscriptions are tried out under this name.
const PREVIEW: &str = "preview";

/// Something to be done to one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub kind: Kind,
    pub id: Id,
    /// What it is afterwards; nothing where it is deleted.
    pub to: Option<Entity>,
    pub expects: Expects,
}

/// What a change takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    Anything,
    /// It is not there.
    Nothing,
    /// It is there, and of this version.
    Version(u64),
}

/// Any of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entity {
    Subscription(Subscription),
    Channel(Channel),
    Silence(Silence),
}

/// All of it at one moment, each list in the order of ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configuration {
    /// How often anything was changed: 0 before the first start.
    pub revision: u64,
    pub subscriptions: Vec<Versioned<Subscription>>,
    pub channels: Vec<Versioned<Channel>>,
    /// Also those that are over, for a while.
    pub silences: Vec<Versioned<Silence>>,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Subscription, Self::Channel, Self::Silence];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Channel => "channel",
            Self::Silence => "silence",
        }
    }

    /// How many there may be.
    pub fn limit(self) -> usize {
        match self {
            Self::Subscription | Self::Silence => 500,
            Self::Channel => 200,
        }
    }

    /// Reads one. `now` is when a silence begins that does not say when; where there is none, it must say.
    pub fn read(self, value: &Value, now: Option<EpochMillis>) -> Result<Entity, Faults> {
        let entity = read::whole(value, |node| match self {
            Self::Subscription => Subscription::read(node).map(Entity::Subscription),
            Self::Channel => Channel::read(node).map(Entity::Channel),
            Self::Silence => Silence::read(node, now).map(Entity::Silence),
        })?;
        let reserved = match self {
            Self::Subscription => [ANY_TIMEOUT, PREVIEW].contains(&entity.id().as_str()),
            Self::Channel => entity.id().as_str() == ENVIRONMENT,
            Self::Silence => false,
        };
        if reserved {
            return Err(Faults::one("/id", "is the name of what is built in"));
        }
        Ok(entity)
    }
}

words! {
    Kind: "subscription" => Subscription, "channel" => Channel, "silence" => Silence;
}

impl Entity {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Subscription(_) => Kind::Subscription,
            Self::Channel(_) => Kind::Channel,
            Self::Silence(_) => Kind::Silence,
        }
    }

    pub fn id(&self) -> &Id {
        match self {
            Self::Subscription(it) => &it.id,
            Self::Channel(it) => &it.id,
            Self::Silence(it) => &it.id,
        }
    }
}

impl Configuration {
    pub fn subscription(&self, id: &Id) -> Option<&Versioned<Subscription>> {
        self.subscriptions.iter().find(|it| it.value.id == *id)
    }

    pub fn channel(&self, id: &Id) -> Option<&Versioned<Channel>> {
        self.channels.iter().find(|it| it.value.id == *id)
    }

    pub fn silence(&self, id: &Id) -> Option<&Versioned<Silence>> {
        self.silences.iter().find(|it| it.value.id == *id)
    }

    /// One of them, whatever it is.
    pub fn entity(&self, kind: Kind, id: &Id) -> Option<Versioned<Entity>> {
        match kind {
            Kind::Subscription => {
                self.subscription(id).cloned().map(|it| it.map(Entity::Subscription))
            }
            Kind::Channel => self.channel(id).cloned().map(|it| it.map(Entity::Channel)),
            Kind::Silence => self.silence(id).cloned().map(|it| it.map(Entity::Silence)),
        }
    }

    /// The same with what is there while the environment names a webhook, and cannot be changed: the channel to it, and a
    /// subscription to any timeout. Their version is 0.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        let (channel, subscription) = built_in::environment();
        self.take(Kind::Channel, &channel.id);
        self.take(Kind::Subscription, &subscription.id);
        self.put(built_in::versioned(Entity::Channel(channel)));
        self.put(built_in::versioned(Entity::Subscription(subscription)));
        self
    }

    /// How many of a kind there are, without silences that are over.
    pub fn count(&self, kind: Kind, now: EpochMillis) -> usize {
        let is_over = |it: &Versioned<Silence>| it.value.state(now) == SilenceState::Expired;
        match kind {
            Kind::Subscription => self.subscriptions.len(),
            Kind::Channel => self.channels.len(),
            Kind::Silence => self.silences.iter().filter(|it| !is_over(it)).count(),
        }
    }

    /// Adds one that is not there, in its place.
    pub fn put(&mut self, entity: Versioned<Entity>) {
        let Versioned { value, version, updated_at, updated_by } = entity;
        let around = Versioned { value: (), version, updated_at, updated_by };
        match value {
            Entity::Subscription(it) => {
                insert(&mut self.subscriptions, around.map(|()| it), |it| &it.id);
            }
            Entity::Channel(it) => {
                insert(&mut self.channels, around.map(|()| it), |it| &it.id);
            }
            Entity::Silence(it) => {
                insert(&mut self.silences, around.map(|()| it), |it| &it.id);
            }
        }
    }

    /// Takes one out.
    pub fn take(&mut self, kind: Kind, id: &Id) {
        match kind {
            Kind::Subscription => self.subscriptions.retain(|it| it.value.id != *id),
            Kind::Channel => self.channels.retain(|it| it.value.id != *id),
            Kind::Silence => self.silences.retain(|it| it.value.id != *id),
        }
    }
}

fn insert<T>(among: &mut Vec<Versioned<T>>, one: Versioned<T>, id: impl Fn(&T) -> &Id) {
    let place = among.partition_point(|it| id(&it.value) < id(&one.value));
    among.insert(place, one);
}

impl<T> Versioned<T> {
    /// Whether nobody can change it.
    pub fn is_built_in(&self) -> bool {
        self.version == 0
    }

    /// The same of something else.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Versioned<U> {
        let Self { value, version, updated_at, updated_by } = self;
        Versioned { value: into(value), version, updated_at, updated_by }
    }
}

#[cfg(test)]
mod tests;
