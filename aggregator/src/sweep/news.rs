//! Which functions have something that an OpenTelemetry receiver was not told: looked for once a minute.
//!
//! The rows say how much each function has seen. What they said the last time is remembered by this process alone: one that begins
//! takes every function of the last day for news, and whoever tells of it finds that it is none ([`deliver`](crate::deliver)).
//!
//! **Invariant.** A row is remembered as seen only when what it says is asked to be told.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use overtime_wire::{EpochMillis, FunctionKey};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use crate::{
    domain::{
        hour::Hour,
        otlp::{errand, metrics::FUNCTIONS_MAX},
        summary::{Basis, Summary, window_start},
    },
    store::{Store, StoreError},
};

/// Looks for news. Cheap to clone; clones look together.
#[derive(Debug, Clone)]
pub struct News {
    store: Store,
    clock: fn() -> EpochMillis,
    seen: Arc<Mutex<BTreeMap<FunctionKey, Basis>>>,
}

impl News {
    pub fn new(store: Store, clock: fn() -> EpochMillis) -> Self {
        Self { store, clock, seen: Arc::default() }
    }

    /// Looks every so often until `stop`, and calls `enqueued` when there is something to deliver.
    pub async fn run(
        self,
        every: Duration,
        enqueued: impl Fn(),
        stop: impl Future<Output = ()> + Send,
    ) {
        let mut stop = std::pin::pin!(stop);
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            match self.look().await {
                Ok(ids) if ids.is_empty() => {}
                Ok(_) => enqueued(),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what functions did is not told, and will be");
                }
            }
        }
    }

    /// Asks that all news be told, and gives the ids of the messages that this put into the outbox.
    pub async fn look(&self) -> Result<Vec<String>, StoreError> {
        let now = (self.clock)();
        let mut seen = self.seen.lock().await;
        let rows = self.store.fleet().await?;
        let oldest = window_start(Hour::of(now));
        let is_news = |it: &Summary| {
            it.basis.newest >= oldest && seen.get(&it.function).is_none_or(|seen| *seen < it.basis)
        };
        let news: Vec<Summary> = rows.into_iter().filter(is_news).collect();
        let mut enqueued = Vec::new();
        for some in news.chunks(FUNCTIONS_MAX) {
            let ordered = errand::metrics(some, now);
            let id = ordered.id.clone();
            if self.store.enqueue(&ordered.into()).await? {
                enqueued.push(id);
            }
            seen.extend(some.iter().map(|it| (it.function.clone(), it.basis)));
        }
        seen.retain(|_, basis| basis.newest >= oldest);
        Ok(enqueued)
    }
}

#[cfg(test)]
mod tests;
