//! What was changed, or done by hand, when and by whom.

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, moment};

/// One change or deed. What it holds of the configuration holds no secrets, because the configuration does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The revision that the change made, or that stood when something else was done.
    pub revision: u64,
    #[serde(with = "moment")]
    pub at: EpochMillis,
    pub by: String,
    pub action: Action,
    pub kind: About,
    pub id: String,
    pub before_version: Option<u64>,
    pub after_version: Option<u64>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Created,
    Replaced,
    Deleted,
    /// A channel was sent a message to see that it arrives.
    Tested,
    /// A message was sent again.
    Replayed,
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    Subscription,
    Channel,
    Silence,
    Delivery,
    /// Which functions there are in an account and region.
    Inventory,
}

impl From<Kind> for About {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Subscription => Self::Subscription,
            Kind::Channel => Self::Channel,
            Kind::Silence => Self::Silence,
        }
    }
}

/// Something that was done by hand and changed nothing of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    pub action: Action,
    pub kind: About,
    pub id: String,
    /// What it was done to, as far as that tells something.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Action {
    /// What was done to what there was, if there was something.
    pub fn of(was_there: bool, is_there: bool) -> Self {
        match (was_there, is_there) {
            (false, _) => Self::Created,
            (true, true) => Self::Replaced,
            (true, false) => Self::Deleted,
        }
    }
}
