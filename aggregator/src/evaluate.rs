//! Facts changed: views, the timeouts list, the function's row and the alert follow.
//!
//! Everything here is a function of facts read whole, so any number of evaluations of the same block, in any order, stale
//! or twice, end in the same bytes. A crash between two writes is repaired by the next evaluation, because a write whose
//! basis is not greater is skipped and the following ones still happen.
//!
//! The order matters in one place: a block's entries in the timeouts list are written before its verdict part, so that the
//! part's basis says that they are there, and a later evaluation need not look at each of them again.
//!
//! Callers go through [`paced`], which keeps a function in a storm from being read for every fact.
//!
//! **Invariant.** Whoever calls acknowledges what made them call only after this returned: nothing is remembered between.

pub mod damper;
pub mod paced;

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, future::join3, stream};
use overtime_wire::{Block, EpochMillis, Tally};

use crate::{
    domain::{
        advance::advance,
        alert::{Observation, Rule, State},
        fact::{Job, Part, Standing},
        history::History,
        hour::{Hour, StandingHour},
        summary::{Summary, window_start},
        timeout::Timeout,
        view::{Basis, TallyPart, VerdictPart},
    },
    store::{Consistency, Store, StoreError, alerts::AlertKey, blocks::PartKey},
};

/// What evaluations need besides facts.
#[derive(Debug, Clone)]
pub struct Evaluator {
    pub store: Store,
    /// Where messages tell people to look: the console's base URL, without a slash at its end.
    pub console: String,
}

/// What an evaluation did, beyond views.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluated {
    /// Messages that were put into the outbox: deliver has something to do.
    pub enqueued: Vec<String>,
    /// How many facts were read.
    pub facts: usize,
}

impl Evaluated {
    fn add(&mut self, other: Self) {
        self.enqueued.extend(other.enqueued);
        self.facts += other.facts;
    }
}

/// How many entries of the timeouts list are written at the same time.
const AT_ONCE: usize = 8;
/// How long after its end a block may still change: longer than its facts are accepted.
const SEALED_AFTER: Duration = Duration::from_hours(25);

fn is_sealed(block: Block, now: EpochMillis) -> bool {
    block.end().plus(SEALED_AFTER) < now
}

impl Evaluator {
    /// Brings everything that depends on a block up to date. A block that is sealed stays as it is.
    pub async fn evaluate(&self, job: &Job, now: EpochMillis) -> Result<Evaluated, StoreError> {
        if is_sealed(job.block, now) {
            return Ok(Evaluated::default());
        }
        let tallies = if job.tallies { self.tallies(job).await? } else { Vec::new() };
        let timeouts = if job.verdicts { Some(self.verdicts(job).await?) } else { None };
        let learned = History::of(job.block, &tallies, timeouts.as_deref().unwrap_or_default());
        let facts = tallies.len() + timeouts.as_ref().map_or(0, Vec::len);
        let hours = self.hours(job, now).await?;
        // None reads what another writes, and somebody waits for the alert. What one of them cannot read is no reason for the
        // others not to be done.
        let (alerted, summed, learned) = join3(
            Box::pin(self.alert(job, (timeouts, &hours), now)),
            Box::pin(self.summary(job, &hours)),
            Box::pin(self.store.learn(&job.function, &learned)),
        )
        .await;
        let enqueued = self.store.unless_corrupt(alerted)?.unwrap_or_default();
        self.store.unless_corrupt(summed)?;
        self.store.unless_corrupt(learned)?;
        Ok(Evaluated { enqueued, facts })
    }

    async fn summary(&self, job: &Job, hours: &[StandingHour]) -> Result<(), StoreError> {
        if let Some(summary) = Summary::of(&job.function, hours) {
            self.store.put_summary(&summary).await?;
        }
        Ok(())
    }

    async fn tallies(&self, job: &Job) -> Result<Vec<Standing<Tally>>, StoreError> {
        let whole = self.store.whole_tallies(&job.function, job.block).await?;
        let key = PartKey { function: &job.function, block: job.block, part: Part::Tally };
        if whole.writes > 0 {
            let part = TallyPart::of(&whole.facts);
            self.store.put_part(key, &part, Basis::of(whole.writes)).await?;
        }
        Ok(whole.facts)
    }

    async fn verdicts(&self, job: &Job) -> Result<Vec<Timeout>, StoreError> {
        let whole = self.store.whole_verdicts(&job.function, job.block).await?;
        let timeouts: Vec<(Timeout, u64)> =
            whole.facts.iter().map(|it| (Timeout::of(&job.function, it), it.writes)).collect();
        let basis = Basis::of(whole.writes);
        let key = PartKey { function: &job.function, block: job.block, part: Part::Verdict };
        let stands = self.store.part_basis(key).await?;
        let news = whole.writes > 0 && stands.is_none_or(|it| it < basis);
        if news && !timeouts.is_empty() {
            self.list(job, &timeouts).await?;
        }
        let timeouts: Vec<Timeout> = timeouts.into_iter().map(|(timeout, _)| timeout).collect();
        if news {
            self.store.put_part(key, &VerdictPart::of(&timeouts), basis).await?;
        }
        Ok(timeouts)
    }

    /// Writes the entries that the list does not have, or has from an earlier state.
    async fn list(&self, job: &Job, timeouts: &[(Timeout, u64)]) -> Result<(), StoreError> {
        let known = self.store.listed_writes(&job.function, job.block).await?;
        let missing = timeouts.iter().filter(|(timeout, writes)| {
            let key = (timeout.incarnation, timeout.verdict.ordinal);
            known.get(&key).is_none_or(|known| known < writes)
        });
        let writes: Vec<_> =
            missing.map(|(timeout, writes)| self.store.put_timeout(timeout, *writes)).collect();
        stream::iter(writes).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
    }

    /// Brings the block's hour up to date, and reads every hour that the function's row may be made of, whichever of them is the
    /// newest.
    async fn hours(&self, job: &Job, now: EpochMillis) -> Result<Vec<StandingHour>, StoreError> {
        let hour = Hour::of_block(job.block);
        let (first, last) = hour.blocks().into_inner();
        let views = self.store.blocks(&job.function, first, last).await?;
        if let Some(standing) = StandingHour::of(hour, &views) {
            self.store.put_hour(&job.function, &standing).await?;
        }
        let newest = Hour::of(now.plus(overtime_wire::CLOCK_TOLERANCE)).max(hour);
        let window = (window_start(hour), newest.plus(1));
        self.store.hours(&job.function, window, Consistency::Strong).await
    }

    async fn alert(
        &self,
        job: &Job,
        (timeouts, hours): (Option<Vec<Timeout>>, &[StandingHour]),
        now: EpochMillis,
    ) -> Result<Vec<String>, StoreError> {
        let seen = Observation {
            function: &job.function,
            blocks: timeouts.map(|it| (job.block, it)).into_iter().collect::<BTreeMap<_, _>>(),
            last_success: hours
                .iter()
                .filter_map(|it| it.view.last_success_ms)
                .max()
                .map(EpochMillis),
            at: now,
        };
        let rule = &Rule::ANY_TIMEOUT;
        let key = AlertKey { rule: rule.id.to_owned(), function: job.function.clone() };
        let step = |state: &State| advance(rule, &self.console, state, &seen).into();
        self.store.step_alert(&key, step).await
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
