//! What was told of an episode, and what its channels are owed.
//!
//! **Invariant.** A channel is sent an end only after an opening of the same episode, and one for each.

use std::collections::BTreeSet;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{
    configuration::{Configuration, Id, Silence, Subscription},
    notification::{self, Dispatch, Notification, Owed, SilenceEnded, Transition as Kind},
};

/// What was told of the episode that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct News {
    /// How often the opening was told, or would have been but for a silence.
    pub(super) openings: u32,
    pub(super) repeats: u32,
    /// Who was sent an opening.
    pub(super) channels: BTreeSet<String>,
    /// When the opening or a repeat was last told, in milliseconds since 1970.
    pub(super) told_ms: i64,
    pub(super) silenced: Option<Silenced>,
    /// The fleet incident that held the opening back when we last looked, by its alert's lasting name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inhibited: Option<String>,
    /// As it was when the alert opened: it may be gone when the alert ends.
    pub(super) subscription: Option<notification::Subscription>,
}

/// The silence that held when we last looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Silenced {
    pub(super) id: String,
    created_by: String,
    comment: String,
}

/// Who is told, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) subscription: &'a Subscription,
    pub(super) at: EpochMillis,
}

impl News {
    /// What every channel of the subscription is told, or would be but for `silence`.
    pub(super) fn tell(
        &mut self,
        to: Audience<'_>,
        mut notification: Notification,
        silence: Option<&Silence>,
    ) -> Vec<Owed> {
        notification.alert.silenced = silence.is_some();
        let notification = notification.fitted();
        let owed = |channel: &Id| {
            let mut owed = owe(to.configuration, channel.as_str(), notification.clone(), to.at);
            if let Some(silence) = silence.filter(|_| owed.suppressed.is_none()) {
                let until = Notification::moment(silence.ends());
                let Silence { id, created_by, comment, .. } = silence;
                let why = format!("silence {id} by {created_by} until {until}: {comment}");
                owed.suppressed = Some(why);
            }
            if notification.transition == Kind::Firing && owed.suppressed.is_none() {
                self.channels.insert(channel.to_string());
            }
            owed
        };
        to.subscription.channels.iter().map(owed).collect()
    }

    /// What whoever was sent the opening is told.
    pub(super) fn tell_of_end(
        &self,
        configuration: &Configuration,
        notification: &Notification,
        at: EpochMillis,
    ) -> Vec<Owed> {
        let owed = |it: &String| owe(configuration, it, notification.clone(), at);
        self.channels.iter().map(owed).collect()
    }
}

impl Silenced {
    pub(super) fn of(silence: &Silence) -> Self {
        let Silence { id, created_by, comment, .. } = silence;
        Self { id: id.to_string(), created_by: created_by.clone(), comment: comment.clone() }
    }

    /// As receivers read that it is over.
    pub(super) fn ended(self, at: EpochMillis) -> SilenceEnded {
        let Self { id, created_by, comment } = self;
        SilenceEnded { id, created_by, comment, ended_at: Notification::moment(at) }
    }
}

/// To be sent, unless the channel cannot.
fn owe(
    configuration: &Configuration,
    channel: &str,
    notification: Notification,
    at: EpochMillis,
) -> Owed {
    let there = configuration.channels.iter().find(|it| it.value.id.as_str() == channel);
    let suppressed = match there {
        None => Some(format!("channel {channel} does not exist")),
        Some(it) if !it.value.enabled => Some(format!("channel {channel} is disabled")),
        Some(_) => None,
    };
    let dispatch = Dispatch { channel: channel.to_owned(), notification, pinned: None };
    Owed { dispatch, at, suppressed }
}

/// A subscription as receivers read it.
pub fn describe(subscription: &Subscription) -> notification::Subscription {
    notification::Subscription {
        id: subscription.id.to_string(),
        name: subscription.name.clone(),
        severity: subscription.severity.as_str().to_owned(),
        condition: json!(subscription.condition),
    }
}
