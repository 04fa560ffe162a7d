//! What does not go straight to its channel: what there is no room for, and what its channel does not take.

use std::time::Duration;

use overtime_wire::EpochMillis;
use tokio::time::{Instant, sleep};

use super::{
    Deliverer,
    letter::{Letter, own},
};
use crate::{
    chance,
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
            overflow::{Fold, Folded},
        },
    },
};

/// How long a message tries to get into a digest that others are busy with, before it waits. Well within its lease.
const FOLD_WITHIN: Duration = Duration::from_secs(10);
/// The longest pause before the second try; it doubles up to a limit.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(640);

impl Deliverer {
    /// Whether there is a place for a message in this minute, which is then taken.
    pub(super) async fn has_room(
        &self,
        channel: &Channel,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        let (name, minute) = (channel.id.as_str(), overflow::minute(now));
        // Places are only taken, so who has found none need not ask again, and thousands do not write to one item.
        if self.full.lock().is_ok_and(|it| it.get(name) == Some(&minute)) {
            return Ok(false);
        }
        let has_room = self.store.take_place(name, channel.rate_limit, now).await?;
        if !has_room && let Ok(mut full) = self.full.lock() {
            full.insert(name.to_owned(), minute);
        }
        Ok(has_room)
    }

    /// Puts a message into its channel's digest. `false` when it has to wait.
    ///
    /// Messages that come at the same time are in each other's way, and how often says nothing: each goes on trying, at moments that
    /// chance spreads, until its time is over.
    pub(super) async fn fold(
        &self,
        claim: &Claim,
        letter: &Letter,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + FOLD_WITHIN;
        let (mut minute, mut tried) = (overflow::minute(now), 0);
        while Instant::now() < until {
            let (id, due) = overflow::digest_of(&letter.channel, minute);
            let body = own(&letter.channel, &serde_json::Value::Null);
            let fold = Fold { digest: Entry::waiting(id, due, body), line: letter.line() };
            match self.store.fold(claim, &fold, now).await? {
                Folded::In | Folded::Lost => return Ok(true),
                Folded::Sealed => minute += 1,
                Folded::Busy => {
                    let most = FIRST_PAUSE.saturating_mul(1 << tried.min(10)).min(PAUSE_MAX);
                    sleep(most.mul_f64(chance::share(chance::draw()))).await;
                    tried += 1;
                }
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
