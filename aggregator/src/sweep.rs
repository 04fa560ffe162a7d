//! The fifth door: time has passed.
//!
//! Suspicions grow old enough to be told, alerts recover or expire: nothing arrives that would say so. Alerts that want to
//! be looked at again stand in an index by that moment, so a sweep reads what is due and nothing else. Deliveries that are
//! due are looked for by [`deliver`](crate::deliver) itself.
//!
//! **Invariant.** A sweep that does nothing, runs twice, or runs beside another changes nothing: it goes through the same step
//! under the same version as everybody else.

use std::{collections::BTreeMap, future::Future, time::Duration};

use futures::future::{try_join, try_join_all};
use overtime_wire::{Block, EpochMillis, FunctionKey};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    domain::{
        advance::advance,
        alert::{Observation, Phase, Rule, State},
        fleet::totals,
        hour::Hour,
        summary::HOURS,
        timeout::Timeout,
        view::BlockView,
    },
    store::{Store, StoreError, alerts::AlertKey},
};

const EVERY: Duration = Duration::from_secs(10);
/// How many alerts are read from the index at a time.
const AT_A_TIME: usize = 100;
/// How many hours back a total may still change: rows hold them all, see [`HOURS`].
const OPEN_HOURS: u32 = HOURS - 2;
/// How far back a success is looked for.
const SUCCESS_WITHIN: Duration = Duration::from_hours(2);

/// Looks again at what wants to be looked at.
#[derive(Debug, Clone)]
pub struct Sweep {
    pub store: Store,
    pub rule: Rule,
    /// Where links in messages lead.
    pub console: String,
    pub clock: fn() -> EpochMillis,
}

impl Sweep {
    /// Sweeps until `stop`, and calls `enqueued` when there is something to deliver.
    pub async fn run(self, enqueued: impl Fn(), stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.total((self.clock)()).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the fleet's totals were not brought up to date");
            }
            match self.sweep((self.clock)()).await {
                Ok(enqueued) if enqueued.is_empty() => {}
                Ok(_) => enqueued(),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "sweep was cut short");
                }
            }
        }
    }

    /// Brings the fleet's totals up to date: every hour that can still change, from the rows that hold it. Writes what changed,
    /// and says how many hours that were.
    pub async fn total(&self, now: EpochMillis) -> Result<usize, StoreError> {
        let this = Hour::of(now);
        let (first, last) = (this.minus(OPEN_HOURS), this.plus(1));
        let (rows, stand) =
            try_join(self.store.fleet(), self.store.fleet_totals(first, last)).await?;
        let stand: BTreeMap<_, _> = stand.into_iter().map(|it| (it.hour, it.basis)).collect();
        let mut changed = totals(&rows, first, last);
        changed.retain(|it| stand.get(&it.hour).is_none_or(|basis| *basis < it.basis));
        try_join_all(changed.iter().map(|it| self.store.put_total(it))).await?;
        Ok(changed.len())
    }

    /// Steps every alert that is due, and gives the ids of the messages that this put into the outbox.
    pub async fn sweep(&self, now: EpochMillis) -> Result<Vec<String>, StoreError> {
        let mut enqueued = Vec::new();
        loop {
            let due = self.store.waking_alerts(now, AT_A_TIME).await?;
            let mut looked_at = 0;
            for key in &due {
                // One that cannot be read must not hold up the others, now or in the next sweep.
                if let Some(ids) = self.store.unless_corrupt(self.look(key, now).await)? {
                    enqueued.extend(ids);
                    looked_at += 1;
                }
            }
            // Every alert that was looked at has moved its wake beyond now, so a full page means that there may be more.
            if due.len() < AT_A_TIME || looked_at == 0 {
                return Ok(enqueued);
            }
        }
    }

    async fn look(&self, key: &AlertKey, now: EpochMillis) -> Result<Vec<String>, StoreError> {
        let state: State = self.store.alert_state(key).await?;
        let mut blocks = BTreeMap::new();
        for block in state.blocks_in_doubt() {
            blocks.insert(block, self.claims(&key.function, block).await?);
        }
        let last_success = match state.phase {
            Phase::Firing(_) => self.last_success(&key.function, now).await?,
            Phase::Inactive | Phase::Pending(_) => None,
        };
        let seen = Observation { function: &key.function, blocks, last_success, at: now };
        let step = |state: &State| advance(&self.rule, &self.console, state, &seen).into();
        self.store.step_alert(key, step).await
    }

    /// The block's claims as they stand, those taken back included.
    async fn claims(
        &self,
        function: &FunctionKey,
        block: Block,
    ) -> Result<Vec<Timeout>, StoreError> {
        let standing = self.store.verdicts(function, block).await?;
        Ok(standing.iter().map(|it| Timeout::of(function, it)).collect())
    }

    async fn last_success(
        &self,
        function: &FunctionKey,
        now: EpochMillis,
    ) -> Result<Option<EpochMillis>, StoreError> {
        let (first, last) = (Block::of(now.minus(SUCCESS_WITHIN)), Block::of(now));
        let views = self.store.blocks(function, first, last).await?;
        Ok(views.iter().filter_map(BlockView::last_success).max())
    }
}

#[cfg(test)]
mod tests;
