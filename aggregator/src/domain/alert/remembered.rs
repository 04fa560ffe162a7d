//! An episode as it is remembered when nobody steps its alert any more: what it was about, when, and how it ended.
//!
//! It is written when the episode opens and once more when it is over, each time in the transaction of the state that says so. So
//! whoever asks for an alert's past reads what was decided, and does not guess it from what was sent.

use std::collections::BTreeMap;

use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};

use super::{Ending, Episode, mark::millis};
use crate::domain::notification;

/// One stretch of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// The alert's lasting name.
    pub fingerprint: String,
    pub episode: String,
    /// As it was when the alert opened.
    pub subscription: notification::Subscription,
    /// What the alert's group has in common, by the names of `group_by`.
    pub group: BTreeMap<String, String>,
    /// When the first breach happened, by the function's clock.
    #[serde(with = "millis")]
    pub first: EpochMillis,
    /// When the alert opened, by ours.
    #[serde(with = "millis")]
    pub opened: EpochMillis,
    /// How many timeouts there were when this was written.
    pub timeouts: u64,
    #[serde(with = "millis")]
    pub last_timeout: EpochMillis,
    /// Who may have been told: the subscription's channels, and those that were sent the opening.
    pub channels: Vec<String>,
    /// Nothing while it goes on.
    pub over: Option<Over>,
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    #[serde(with = "millis")]
    pub at: EpochMillis,
    pub because: String,
    /// Whether the opening was told, or held back by a silence; what ended before its group's wait was over was not.
    pub told: bool,
}

impl Remembered {
    /// An episode of a function's alert, going on.
    pub fn of(
        (fingerprint, function): (String, &FunctionKey),
        subscription: notification::Subscription,
        episode: &Episode,
        channels: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut channels: Vec<_> = channels.into_iter().collect();
        channels.sort();
        channels.dedup();
        Self {
            fingerprint,
            episode: episode.id.as_str().to_owned(),
            subscription,
            group: notification::compose::place(function),
            first: episode.first,
            opened: episode.opened,
            timeouts: episode.timeouts(),
            last_timeout: episode.last_timeout(),
            channels,
            over: None,
        }
    }

    /// The same, over.
    #[must_use]
    pub fn ended(self, at: EpochMillis, because: Ending, told: bool) -> Self {
        Self { over: Some(Over { at, because: because.as_str().to_owned(), told }), ..self }
    }

    /// The function that it is about, if it is about one.
    pub fn function(&self) -> Option<FunctionKey> {
        let part = |name: &str| self.group.get(name);
        Some(FunctionKey {
            account: part("account")?.parse().ok()?,
            region: part("region")?.parse().ok()?,
            name: part("function")?.parse().ok()?,
        })
    }
}
