//! The fifth door: time has passed.
//!
//! Suspicions grow old enough to be told, alerts recover or expire: nothing arrives that would say so. Alerts that want to
//! be looked at again stand in an index by that moment, so a sweep reads what is due and nothing else. It also adds up the
//! fleet, because no single function's evaluation could. Deliveries that are due are looked for by
//! [`deliver`](crate::deliver) itself, and evaluations that were put off by [`evaluate`](crate::evaluate::paced). What an
//! OpenTelemetry receiver was not told is looked for by [`news`].
//!
//! **Invariant.** A sweep that does nothing, runs twice, or runs beside another changes nothing: it goes through the same step
//! under the same version as everybody else.

pub mod news;
mod read_up;

use std::{collections::BTreeMap, future::Future, time::Duration};

use futures::{
    StreamExt as _,
    future::{try_join, try_join_all},
    stream,
};
use overtime_wire::{Block, EpochMillis};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::read_up::{ReadUp, is_to_be_told};
use crate::{
    domain::{
        alert::{
            Observation, Past,
            asked::{Asked, Looking},
            book::{Book, Context, advance},
            group::Known,
        },
        analysis::told::Background,
        fleet::totals,
        hour::Hour,
        summary::HOURS,
        view::BlockView,
    },
    store::{Consistency, Store, StoreError, alerts::AlertKey},
};

const EVERY: Duration = Duration::from_secs(10);
/// For how long each row that was read lets the next totals wait: thirty thousand functions are added up once a minute, a
/// laptop's few with every sweep.
const PER_ROW: Duration = Duration::from_millis(2);
/// How many alerts are read from the index at a time.
const AT_A_TIME: usize = 100;
/// How many of them are looked at at the same time.
const AT_ONCE: usize = 8;
/// How many hours back a total may still change: rows hold them all, see [`HOURS`].
const OPEN_HOURS: u32 = HOURS - 2;
/// How far back a success is looked for.
const SUCCESS_WITHIN: Duration = Duration::from_hours(2);

/// Looks again at what wants to be looked at.
#[derive(Debug, Clone)]
pub struct Sweep {
    pub store: Store,
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
        let mut total_at = Instant::now();
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            if Instant::now() >= total_at {
                let rows = self.total_or_warn().await;
                total_at = Instant::now() + PER_ROW * rows;
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

    /// Says how many rows there were.
    async fn total_or_warn(&self) -> u32 {
        match self.total_rows((self.clock)()).await {
            Ok((rows, _)) => u32::try_from(rows).unwrap_or(u32::MAX),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the fleet's totals were not brought up to date");
                0
            }
        }
    }

    /// Brings the fleet's totals up to date: every hour that can still change, from the rows that hold it. Writes what changed,
    /// and says how many hours that were.
    pub async fn total(&self, now: EpochMillis) -> Result<usize, StoreError> {
        self.total_rows(now).await.map(|(_, written)| written)
    }

    /// How many rows there were, and how many totals were written.
    async fn total_rows(&self, now: EpochMillis) -> Result<(usize, usize), StoreError> {
        let this = Hour::of(now);
        let (first, last) = (this.minus(OPEN_HOURS), this.plus(1));
        let (rows, stand) =
            try_join(self.store.fleet(), self.store.fleet_totals(first, last)).await?;
        let stand: BTreeMap<_, _> = stand.into_iter().map(|it| (it.hour, it.basis)).collect();
        let mut changed = totals(&rows, first, last);
        changed.retain(|it| stand.get(&it.hour).is_none_or(|basis| *basis < it.basis));
        try_join_all(changed.iter().map(|it| self.store.put_total(it))).await?;
        Ok((rows.len(), changed.len()))
    }

    /// Steps every group and every alert that is due, and gives the ids of the messages that this put into the outbox.
    pub async fn sweep(&self, now: EpochMillis) -> Result<Vec<String>, StoreError> {
        // One group may stand for thousands of functions, whose own alerts take longer than a sweep has.
        let mut enqueued = self.groups(now).await?;
        enqueued.extend(self.functions(now).await?);
        enqueued.extend(self.groups(now).await?);
        Ok(enqueued)
    }

    async fn groups(&self, now: EpochMillis) -> Result<Vec<String>, StoreError> {
        let mut enqueued = Vec::new();
        for group in self.store.due_groups(now).await? {
            let stepped = self.store.step_group(&group, &self.console, now).await;
            enqueued.extend(self.store.unless_corrupt(stepped)?.unwrap_or_default());
        }
        Ok(enqueued)
    }

    async fn functions(&self, now: EpochMillis) -> Result<Vec<String>, StoreError> {
        let mut enqueued = Vec::new();
        loop {
            let due = self.store.waking_alerts(now, AT_A_TIME).await?;
            let looks: Vec<_> = due.iter().map(|key| self.look(key, now)).collect();
            let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
            let mut looked_at = 0;
            while let Some(looked) = looks.next().await {
                // One that cannot be read must not hold up the others, now or in the next sweep.
                if let Some(ids) = self.store.unless_corrupt(looked)? {
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
        let function = &key.function;
        let book: Book = self.store.alert_state(key).await?;
        let configuration = self.store.configuration(now).await?;
        let row = self.store.summary(function).await?;
        let profile = row.as_ref().map(|it| &it.digest.profile);
        let longest = profile.map_or(Duration::ZERO, |it| it.timeout);
        let asked = Asked::of(&configuration, function, Looking::Timeouts(longest));
        let doubts = book.blocks_in_doubt();
        // Suspicions are held against what happened before them, however far back a condition asks.
        let earliest = doubts.first().map_or(now, |it| it.start().min(now));
        let first = earliest.minus(asked.views).min(now.minus(SUCCESS_WITHIN));
        // Whole hours, because the rest is asked of hours.
        let (first, _) = Hour::of(first).blocks().into_inner();
        let last = Block::of(now);
        let views = self.store.blocks(function, first, last).await?;
        let mut blocks = BTreeMap::new();
        for block in doubts {
            blocks.extend(self.store.claims_around(function, &views, (block, asked.claims)).await?);
            blocks.insert(block, self.store.claims(function, block).await?);
        }
        let hours = if blocks.is_empty() || asked.hours.is_zero() {
            Vec::new()
        } else {
            let window = (Hour::of(earliest.minus(asked.hours)), Hour::of(now));
            self.store.hours(function, window, Consistency::Strong).await?
        };
        let nothing = BTreeMap::new();
        let tags = profile.map_or(&nothing, |it| &it.tags);
        let told =
            if is_to_be_told(&book) { Some(self.read_up(function, now).await?) } else { None };
        let background = told.as_ref().map_or(Background::NOTHING, ReadUp::background);
        let context =
            Context { configuration: &configuration, tags, console: &self.console, background };
        let whole: Vec<Block> = blocks.keys().copied().collect();
        let seen = Observation {
            function,
            blocks,
            last_success: views.iter().filter_map(BlockView::last_success).max(),
            past: Past::of(&views, &hours, &whole).between(first, last),
            at: now,
        };
        let step = |book: &Book, known: &Known| advance(&context, book, &seen, known).into();
        // Groups are stepped when every function was.
        Ok(self.store.step_alert(key, step).await?.enqueued)
    }
}

#[cfg(test)]
mod tests;
