//! What somebody must hear about, whatever channel it goes through.
//!
//! A [`Notification`] is the canonical payload: versioned by `schema`, the same for every transition, with attribute names of
//! OpenTelemetry where it has any. Whoever makes a transition composes it then and there ([`compose`]) and puts one [`Dispatch`]
//! for each channel into the outbox, together with the state that owes it, so that all attempts send the same under the same
//! id. How a channel writes it is the channel's business; [`Notification::standard`] is the body that webhooks get.
//!
//! **Invariant.** A standard body stays below Standard Webhooks' 20 KB whatever names and texts it is made of: functions go
//! first, and are counted, then samples.

pub mod compose;
pub mod crowd;
pub mod trial;
mod words;

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{configuration::ENVIRONMENT, instant::rfc3339};

/// The longest standard body that is allowed.
pub const BODY_MAX: usize = 20_000;
/// Most functions that are named; the others are counted.
pub const FUNCTIONS_MAX: usize = 20;
/// Most invocations that are shown.
pub const SAMPLES_MAX: usize = 5;

/// The annotation that says what analyses found, a line for each.
pub const ANALYSIS: &str = "analysis";

/// The version of this shape. Fields are only ever added to it.
pub const SCHEMA: &str = "1";

/// Channel independent. Times are RFC 3339 in UTC, durations and sizes carry their unit in their name, and null is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub schema: String,
    /// Names the transition: the same on every channel and for everybody who composes it.
    pub id: String,
    /// When it was decided.
    pub at: String,
    pub status: Status,
    pub transition: Transition,
    pub test: bool,
    pub alert: Alert,
    pub subscription: Subscription,
    /// What the alert's group has in common: the names are those of `group_by`.
    pub group: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: Annotations,
    pub stats: Stats,
    /// Whom it is about, at most [`FUNCTIONS_MAX`].
    pub functions: Vec<Function>,
    /// How many more there are.
    pub truncated_functions: u64,
    /// At most [`SAMPLES_MAX`].
    pub samples: Vec<Sample>,
    /// Of a fleet incident: what it swallows.
    pub incident: Option<Incident>,
    /// Why it is told now though it began earlier: nobody was told while this silence held.
    pub silence_ended: Option<SilenceEnded>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Firing,
    Resolved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    Firing,
    Update,
    Repeat,
    Resolved,
    Test,
    Digest,
}

impl Transition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Update => "update",
            Self::Repeat => "repeat",
            Self::Resolved => "resolved",
            Self::Test => "test",
            Self::Digest => "digest",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The alert's lasting name: one per subscription and group.
    pub fingerprint: String,
    /// One stretch of it, from its opening to its end.
    pub episode: String,
    /// When the first breach happened, by the function's clock.
    pub starts_at: String,
    /// When the alert opened, by ours.
    pub opened_at: String,
    pub ends_at: Option<String>,
    /// `recovered`, `retracted`, `expired` or `unsubscribed`.
    pub ended_because: Option<String>,
    pub silenced: bool,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub name: String,
    /// `critical`, `error`, `warning` or `info`.
    pub severity: String,
    /// As it is configured.
    pub condition: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotations {
    pub summary: String,
    pub description: String,
    /// What the subscription adds, `runbook_url` for one.
    #[serde(flatten)]
    pub others: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// What the numbers are about, back from `at`.
    pub window_s: u64,
    pub invocations: Option<u64>,
    pub timeouts: u64,
    /// In percent of `invocations`.
    pub timeout_rate: Option<f64>,
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    pub p99_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
    pub timeout_ms: Option<u64>,
    pub distinct_functions: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    #[serde(rename = "cloud.account.id")]
    pub account: String,
    #[serde(rename = "cloud.region")]
    pub region: String,
    #[serde(rename = "faas.name")]
    pub name: String,
    #[serde(rename = "cloud.resource_id")]
    pub arn: String,
    #[serde(rename = "faas.version")]
    pub version: Option<String>,
    pub timeouts: u64,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    #[serde(rename = "faas.name")]
    pub function: String,
    #[serde(rename = "faas.invocation_id")]
    pub request: Option<String>,
    #[serde(rename = "faas.version")]
    pub version: Option<String>,
    #[serde(rename = "faas.coldstart")]
    pub cold_start: bool,
    #[serde(rename = "faas.max_memory")]
    pub memory_bytes: Option<u64>,
    pub max_memory_used_bytes: Option<u64>,
    /// When its time was up.
    pub time: String,
    pub started_at: Option<String>,
    pub timeout_ms: Option<u64>,
    pub duration_ms: Option<u64>,
    /// It turned out to be none.
    pub retracted: bool,
    pub cause: String,
    pub evidence: String,
    pub inferred: bool,
    pub why: String,
    pub sandbox: String,
    pub trace_id: Option<String>,
}

/// What a fleet incident stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// How many functions timed out in it.
    pub functions: u64,
    /// Alerts that had been told before it opened; they resolve by themselves.
    pub told: Vec<Child>,
    pub truncated_told: u64,
    /// How many alerts were held back because of it.
    pub inhibited: u64,
}

/// An alert in a fleet incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Child {
    pub subscription: String,
    pub fingerprint: String,
    pub episode: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceEnded {
    pub id: String,
    pub created_by: String,
    pub comment: String,
    pub ended_at: String,
}

/// An outbox entry's body: what goes through which channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The channel's id.
    pub channel: String,
    pub notification: Notification,
    /// What the channel must use though its configuration has changed since, such as the routing key that an incident was
    /// opened with: a reference, never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
}

impl Dispatch {
    /// What the outbox and receivers know it by. Names of episodes, transitions and channels hold no `#`.
    pub fn id(&self) -> String {
        let id = &self.notification.id;
        if self.channel == ENVIRONMENT { id.clone() } else { format!("{id}_{}", self.channel) }
    }

    /// As the outbox keeps it.
    pub fn written(&self) -> String {
        json!(self).to_string()
    }
}

/// What a transition puts into the outbox for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    pub dispatch: Dispatch,
    pub at: EpochMillis,
    /// Why it is kept in the log and not sent, where it is not.
    pub suppressed: Option<String>,
}

impl Owed {
    /// To be sent at once.
    pub fn to(dispatch: Dispatch, at: EpochMillis) -> Self {
        Self { dispatch, at, suppressed: None }
    }
}

impl Notification {
    /// Names a transition: the `number`th of its kind within its episode, from 1.
    pub fn name(episode: &str, transition: Transition, number: u32) -> String {
        let word = transition.as_str();
        // There is one opening and one end, but for what a silence held back; updates and repeats are counted.
        match (transition, number) {
            (Transition::Firing | Transition::Resolved, 0 | 1) => format!("msg_{episode}_{word}"),
            _ => format!("msg_{episode}_{word}-{number}"),
        }
    }

    /// The body of Standard Webhooks: `{type, timestamp, data}`.
    pub fn standard(&self) -> Value {
        let word = self.transition.as_str();
        json!({
            "type": format!("dev.overtime.alert.{word}"),
            "timestamp": self.at,
            "data": self,
        })
    }

    /// The same, small enough to be sent: the last functions go first, then the last samples.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        while self.functions.len() > FUNCTIONS_MAX {
            self.drop_function();
        }
        self.samples.truncate(SAMPLES_MAX);
        while self.standard().to_string().len() >= BODY_MAX {
            let told = self.incident.as_mut().filter(|it| !it.told.is_empty());
            if self.functions.len() > 1 {
                self.drop_function();
            } else if let Some(incident) = told {
                incident.told.pop();
                incident.truncated_told += 1;
            } else if self.samples.pop().is_none() {
                break;
            }
        }
        self
    }

    fn drop_function(&mut self) {
        if self.functions.pop().is_some() {
            self.truncated_functions += 1;
        }
    }

    /// An instant as it is written here.
    pub fn moment(at: EpochMillis) -> String {
        rfc3339(at)
    }
}

#[cfg(test)]
pub(crate) mod tests;
