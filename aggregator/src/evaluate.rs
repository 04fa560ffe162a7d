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
pub mod emit;
pub mod paced;

use std::{collections::BTreeMap, time::Duration};

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::{join3, try_join3},
    stream,
};
use overtime_wire::{Block, EpochMillis, Profile, Tally};

use crate::{
    domain::{
        alert::{
            Observation, Past,
            asked::{Asked, Looking},
            book::{Book, Context, advance},
            group::Known,
        },
        analysis::told::Background,
        configuration::Configuration,
        fact::{Job, Part, Standing},
        history::History,
        hour::{Hour, StandingHour},
        otlp::errand,
        summary::{Summary, window_start},
        timeout::Timeout,
        view::{Basis, BlockView, TallyPart, VerdictPart},
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
    /// The block as it stands, of one evaluation that found it open.
    pub block: Option<BlockView>,
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
        // Neither part knows of the other.
        let (tallies, timeouts, configuration) = try_join3(
            Box::pin(async { if job.tallies { self.tallies(job).await } else { Ok(Vec::new()) } }),
            Box::pin(async {
                if job.verdicts { self.verdicts(job).await.map(Some) } else { Ok(None) }
            }),
            self.store.configuration(now),
        )
        .await?;
        let learned = History::of(job.block, &tallies, timeouts.as_deref().unwrap_or_default());
        let facts = tallies.len() + timeouts.as_ref().map_or(0, Vec::len);
        let longest = timeouts.iter().flatten().map(|it| it.verdict.timeout).max();
        let looking = timeouts
            .as_ref()
            .map_or(Looking::Tallies, |_| Looking::Timeouts(longest.unwrap_or_default()));
        let asked = Asked::of(&configuration, &job.function, looking);
        let seen = self.look_back(job, (asked, now)).await?;
        // None reads what another writes, and somebody waits for the alert. What one of them cannot read is no reason for the
        // others not to be done.
        let (alerted, summed, learned) = join3(
            Box::pin(self.alert((job, now), timeouts, (&configuration, &seen))),
            Box::pin(self.summary(job, &seen.hours)),
            Box::pin(self.store.learn(&job.function, &learned)),
        )
        .await;
        let enqueued = self.store.unless_corrupt(alerted)?.unwrap_or_default();
        self.store.unless_corrupt(summed)?;
        self.store.unless_corrupt(learned)?;
        let block = seen.views.into_iter().find(|it| it.block == job.block);
        Ok(Evaluated { enqueued, facts, block })
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
        // A part of a later generation stays, but of a timeout that it has not seen nobody else may know.
        let news =
            whole.writes > 0 && stands.is_none_or(|it| it < basis || it.writes < basis.writes);
        if news && !timeouts.is_empty() {
            self.list(job, &timeouts).await?;
        }
        let timeouts: Vec<Timeout> = timeouts.into_iter().map(|(timeout, _)| timeout).collect();
        if news {
            self.store.put_part(key, &VerdictPart::of(&timeouts), basis).await?;
        }
        Ok(timeouts)
    }

    /// Writes the entries that the list does not have, or has from an earlier state. Before one is there, it is written down that an
    /// OpenTelemetry receiver is to be told: afterwards nobody would look at it again.
    async fn list(&self, job: &Job, timeouts: &[(Timeout, u64)]) -> Result<(), StoreError> {
        let known = self.store.listed_writes(&job.function, job.block).await?;
        let missing = timeouts.iter().filter(|(timeout, writes)| {
            let key = (timeout.incarnation, timeout.verdict.ordinal);
            known.get(&key).is_none_or(|known| known < writes)
        });
        let write = |(timeout, writes): &(Timeout, u64)| {
            let (timeout, writes) = (timeout.clone(), *writes);
            async move {
                if self.store.has_receiver() && timeout.is_listed() {
                    self.store.enqueue(&errand::trace(&timeout).into()).await?;
                }
                self.store.put_timeout(&timeout, writes).await
            }
        };
        let writes: Vec<_> = missing.map(write).collect();
        stream::iter(writes).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
    }

    /// Brings the block's hour up to date, and reads every hour that the function's row may be made of, whichever of them is the
    /// newest, and what else its subscriptions ask for.
    async fn look_back(
        &self,
        job: &Job,
        (asked, now): (Asked, EpochMillis),
    ) -> Result<LookedBack, StoreError> {
        let hour = Hour::of_block(job.block);
        // Whole hours, because the rest is asked of hours.
        let (first, _) = Hour::of(job.block.start().minus(asked.views)).blocks().into_inner();
        let (_, last) = hour.blocks().into_inner();
        let views = self.store.blocks(&job.function, first, last).await?;
        if let Some(standing) = StandingHour::of(hour, &views) {
            self.store.put_hour(&job.function, &standing).await?;
        }
        let newest = Hour::of(now.plus(overtime_wire::CLOCK_TOLERANCE)).max(hour);
        let known = Hour::of(job.block.start().minus(asked.hours));
        let window = (window_start(hour).min(known), newest.plus(1));
        let hours = self.store.hours(&job.function, window, Consistency::Strong).await?;
        let others = self.store.claims_around(&job.function, &views, (job.block, asked.claims));
        Ok(LookedBack { between: (first, last), others: others.await?, views, hours })
    }

    async fn alert(
        &self,
        (job, now): (&Job, EpochMillis),
        timeouts: Option<Vec<Timeout>>,
        (configuration, known): (&Configuration, &LookedBack),
    ) -> Result<Vec<String>, StoreError> {
        let LookedBack { between: (first, last), views, hours, others } = known;
        let newest = hours.iter().filter(|it| it.view.profile != Profile::default());
        let newest = newest.max_by_key(|it| it.hour);
        let nothing = BTreeMap::new();
        let tags = newest.map_or(&nothing, |it| &it.view.profile.tags);
        // As it stood when this process last read or wrote it: nothing is read for a message that somebody waits for.
        let history = self.store.remembered_history(&job.function);
        let since = Hour::of_block(job.block);
        let background = Background { timeouts: None, hours, since, history: history.as_ref() };
        let context = Context { configuration, tags, console: &self.console, background };
        let mut blocks = others.clone();
        blocks.extend(timeouts.map(|it| (job.block, it)));
        let whole: Vec<Block> = blocks.keys().copied().collect();
        let successes = hours.iter().filter_map(|it| it.view.last_success_ms);
        let seen = Observation {
            function: &job.function,
            blocks,
            last_success: successes.max().map(EpochMillis),
            past: Past::of(views, hours, &whole).between(*first, *last).heard(now),
            at: now,
        };
        let step = |book: &Book, known: &Known| advance(&context, book, &seen, known).into();
        let stepped = self.store.step_alert(&AlertKey::of(&job.function), step).await?;
        let mut enqueued = stepped.enqueued;
        for group in &stepped.opening {
            // What the function said is due, so a sweep does what cannot be done now.
            match self.store.open_group(group, &self.console, now).await {
                Ok(ids) => enqueued.extend(ids),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a group is left to the sweep");
                }
            }
        }
        Ok(enqueued)
    }
}

/// What is known of a function besides the block that is evaluated.
#[derive(Debug)]
struct LookedBack {
    /// The blocks whose views were read, first and last.
    between: (Block, Block),
    views: Vec<BlockView>,
    hours: Vec<StandingHour>,
    /// The claims of other blocks, whole.
    others: BTreeMap<Block, Vec<Timeout>>,
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
