//! What does not go straight to its channel: what there is no room for, and what its channel does not take.

use overtime_wire::EpochMillis;

use super::{
    Deliverer,
    letter::{Letter, own},
};
use crate::{
    domain::{
        configuration::{Change, Channel, Entity, Expects, Kind, Versioned},
        delivery::id::{DeliveryId, Turn},
        notification::trial,
        overflow,
    },
    store::{
        StoreError,
        configuration::By,
        outbox::{
            entry::{Claim, Entry},
            overflow::Fold,
        },
    },
};

/// How often somebody else may be faster before a message waits for the end of its lease instead.
const FOLDS_MAX: i64 = 4;

impl Deliverer {
    /// Puts a message into its channel's digest. `false` when it has to wait.
    pub(super) async fn fold(
        &self,
        claim: &Claim,
        letter: &Letter,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        // A digest that is on its way already takes nothing more: the next one does.
        for after in 0..FOLDS_MAX {
            let (id, due) = overflow::digest_of(&letter.channel, overflow::minute(now) + after / 2);
            let body = own(&letter.channel, &serde_json::Value::Null);
            let fold = Fold { digest: Entry::waiting(id, due, body), line: letter.line() };
            if self.store.fold(claim, &fold, now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells the fallback channel what this one does not take, and that it does not.
    pub(super) async fn fall_back(
        &self,
        channel: &Channel,
        (claim, letter): (&Claim, &Letter),
        (problem, now): (&str, EpochMillis),
    ) -> Result<Vec<String>, StoreError> {
        // Whoever tries a channel looks at what becomes of it; nobody else wants to hear that.
        let fallback = channel.fallback.as_ref().filter(|_| !trial::is_trial(&claim.id));
        let Some(fallback) = fallback else { return Ok(Vec::new()) };
        let (from, to) = (channel.id.as_str(), fallback.as_str());
        let notice = overflow::compose_failing(from, problem, &self.console, now);
        let notice = Entry::waiting(overflow::failing(from, to, now), now, own(to, &notice));
        let mut entries = vec![notice];
        entries.extend(copy(claim, letter, to, now));
        self.put_in(entries).await
    }

    /// Resolves at the fallback channel, too, what it was told of.
    pub(super) async fn resolve_fallback(
        &self,
        channel: &Channel,
        (claim, letter): (&Claim, &Letter),
        now: EpochMillis,
    ) -> Result<Vec<String>, StoreError> {
        let Some(fallback) = &channel.fallback else { return Ok(Vec::new()) };
        let Some(id) = DeliveryId::parse(&claim.id).filter(|it| it.turn() == Turn::Last) else {
            return Ok(Vec::new());
        };
        if self.store.deliveries_of(id.episode, fallback.as_str()).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.put_in(copy(claim, letter, fallback.as_str(), now).into_iter().collect()).await
    }

    /// Those that were not there yet.
    async fn put_in(&self, entries: Vec<Entry>) -> Result<Vec<String>, StoreError> {
        let mut put = Vec::new();
        for entry in entries {
            if self.store.enqueue(&entry).await? {
                put.push(entry.id);
            }
        }
        Ok(put)
    }

    /// Nobody listens there any more: nothing is sent there until an operator says otherwise.
    pub(super) async fn disable(&self, channel: &Versioned<Channel>, now: EpochMillis) {
        let id = channel.value.id.clone();
        if channel.is_built_in() {
            self.gone.store(true, std::sync::atomic::Ordering::Relaxed);
            return;
        }
        let disabled = Channel { enabled: false, ..channel.value.clone() };
        let change = Change {
            kind: Kind::Channel,
            id: id.clone(),
            to: Some(Entity::Channel(disabled)),
            expects: Expects::Version(channel.version),
        };
        let by = By { author: "overtime: it answered 410 Gone", at: now };
        match self.store.change(&[change], None, by).await {
            Ok(_) => tracing::warn!(channel = %id, "channel answered 410 and is disabled"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(channel = %id, error, "channel answered 410 and cannot be disabled");
            }
        }
    }
}

fn copy(claim: &Claim, letter: &Letter, to: &str, now: EpochMillis) -> Option<Entry> {
    let id = DeliveryId::parse(&claim.id)?.towards(to);
    Some(Entry::waiting(id, now, letter.towards(to)))
}
