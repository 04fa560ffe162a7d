//! Evaluations at a pace: now, or later and durably.
//!
//! This is what every caller of [`Evaluator`] goes through: records of the facts' stream as a Lambda door gets them
//! ([`Paced::records`]), single jobs as `serve`'s follower makes them ([`Paced::run`]), and what was put off before
//! ([`Paced::wake`], [`Paced::wake_of`]).
//!
//! **Invariant.** When any of these returns success, all that it was given is either evaluated or written down to be: the
//! caller may acknowledge it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt as _, stream};
use overtime_wire::{Block, EpochMillis, FunctionKey};

use super::{
    Evaluated, Evaluator,
    damper::{Budget, Damper},
    emit::Emitter,
};
use crate::{
    domain::fact::{Job, Part},
    store::{Store, StoreError, schema, wakes::Wake},
};

/// Has jobs done later.
pub trait Later: Clone + Send + Sync {
    /// Writes down that the job is to be done when `due`; it is by the time this returns.
    fn later(
        &self,
        job: &Job,
        due: EpochMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An item in the index of what is due, for whoever calls [`Paced::wake`] from time to time.
impl Later for Store {
    async fn later(&self, job: &Job, due: EpochMillis) -> Result<(), StoreError> {
        self.put_wake(job, due).await
    }
}

/// Evaluates at a pace. Cheap to clone; clones share the pace.
#[derive(Debug, Clone)]
pub struct Paced<L = Store> {
    evaluator: Evaluator,
    later: L,
    damper: Arc<Mutex<Damper>>,
    emitter: Option<Emitter>,
}

/// A record of the facts' stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its sequence number: what a failure is reported by.
    pub sequence: String,
    pub pk: String,
    pub sk: String,
    /// Whether it says that an item is gone, which is news to nobody: facts go because their time has come.
    pub removed: bool,
}

/// What became of some records.
#[derive(Debug, Default)]
pub struct Answer {
    /// Sequence numbers of records to be brought again, in the order in which they came.
    pub failed: Vec<String>,
    /// Messages that were put into the outbox.
    pub enqueued: Vec<String>,
}

/// How many jobs of a batch of records are evaluated at the same time.
const AT_ONCE: usize = 8;
/// How many wakes are read from each queue at a time.
const WAKES_AT_A_TIME: usize = 50;

impl Paced {
    /// What is put off is written into the index of what is due.
    pub fn new(evaluator: Evaluator, budget: Budget) -> Self {
        let later = evaluator.store.clone();
        Self::putting_off(evaluator, budget, later)
    }
}

impl<L: Later> Paced<L> {
    /// What is put off goes to `later`.
    pub fn putting_off(evaluator: Evaluator, budget: Budget, later: L) -> Self {
        let damper = Arc::new(Mutex::new(Damper::new(budget)));
        Self { evaluator, later, damper, emitter: None }
    }

    /// The same, which also says what each evaluation has counted, where somebody wants to know.
    #[must_use]
    pub fn emitting(self, emitter: Option<Emitter>) -> Self {
        Self { emitter, ..self }
    }

    /// Evaluates a job, or those parts of it that may be read again already, and has the others done later.
    pub async fn run(&self, job: &Job, now: EpochMillis) -> Result<Evaluated, StoreError> {
        let mut admitted = Job { tallies: false, verdicts: false, ..job.clone() };
        for (wanted, part) in [(job.tallies, Part::Tally), (job.verdicts, Part::Verdict)] {
            if !wanted {
                continue;
            }
            let one = only(job, part);
            match self.admit(&one.function, part, now) {
                Ok(()) => admitted = merged(&admitted, &one),
                Err(due) => self.later.later(&one, due).await?,
            }
        }
        if admitted.tallies || admitted.verdicts {
            self.evaluate(&admitted, now).await
        } else {
            Ok(Evaluated::default())
        }
    }

    /// Evaluates what some records of the stream ask for, each block once. A record that means nothing to us is done with: it
    /// must hold up neither its shard nor anybody else.
    pub async fn records(&self, records: &[Record], now: EpochMillis) -> Answer {
        self.records_until(std::future::pending(), records, now).await
    }

    /// The same, until `stop`: what is not done by then has failed, and what is done stays done.
    pub async fn records_until(
        &self,
        stop: impl Future<Output = ()> + Send,
        records: &[Record],
        now: EpochMillis,
    ) -> Answer {
        let mut jobs = BTreeMap::<(FunctionKey, Block), (Job, Vec<usize>)>::new();
        for (at, record) in records.iter().enumerate().filter(|(_, it)| !it.removed) {
            let Some((function, block, part)) = schema::changed(&record.pk, &record.sk) else {
                let sequence = &record.sequence;
                tracing::error!(sequence, "a record names no fact of ours and is passed over");
                continue;
            };
            let nothing =
                Job { function: function.clone(), block, tallies: false, verdicts: false };
            let entry = jobs.entry((function, block));
            let (job, from) = entry.or_insert_with(|| (nothing, Vec::new()));
            *job = merged(job, &only(job, part));
            from.push(at);
        }
        let mut answer = Answer::default();
        // Nothing is done until it is known to be.
        let mut failed: BTreeSet<usize> =
            jobs.values().flat_map(|(_, from)| from).copied().collect();
        let running = jobs.into_values().map(|(job, from)| async move {
            let result = self.run(&job, now).await;
            (job, from, result)
        });
        let running = stream::iter(running).buffer_unordered(AT_ONCE);
        let mut done = std::pin::pin!(running.take_until(stop));
        while let Some((job, from, result)) = done.next().await {
            match result {
                Ok(evaluated) => {
                    answer.enqueued.extend(evaluated.enqueued);
                    for at in from {
                        failed.remove(&at);
                    }
                }
                Err(error) => {
                    let function = job.function.name.as_str();
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(function, error, "an evaluation failed and will be repeated");
                }
            }
        }
        answer.failed = failed.into_iter().map(|at| records[at].sequence.clone()).collect();
        answer
    }

    /// Evaluates all that was put off and is due. One that fails stays due and holds up no other.
    pub async fn wake(&self, now: EpochMillis) -> Result<Evaluated, StoreError> {
        let mut evaluated = Evaluated::default();
        loop {
            let due = self.evaluator.store.due_wakes(now, WAKES_AT_A_TIME).await?;
            let full = due.len() >= WAKES_AT_A_TIME;
            let (done, failed) = self.settle(due, now).await;
            let moved = !done.enqueued.is_empty() || done.facts > 0;
            evaluated.add(done);
            if let Some(error) = failed {
                return if moved { Ok(evaluated) } else { Err(error) };
            }
            if !full {
                return Ok(evaluated);
            }
        }
    }

    /// Evaluates what of this job was put off, due or not: for a timer that was set for this job alone.
    pub async fn wake_of(&self, job: &Job, now: EpochMillis) -> Result<Evaluated, StoreError> {
        let waiting = self.evaluator.store.wakes_of(job).await?;
        match self.settle(waiting, now).await {
            (_, Some(error)) => Err(error),
            (done, None) => Ok(done),
        }
    }

    /// Evaluates and settles, and gives the last failure if there was one.
    async fn settle(&self, wakes: Vec<Wake>, now: EpochMillis) -> (Evaluated, Option<StoreError>) {
        let settled = wakes.into_iter().map(|wake| async move {
            let evaluated = self.evaluate(&wake.job, now).await?;
            let next = now.plus(self.budget().wait_max);
            self.evaluator.store.settle_wake(&wake, next).await?;
            Ok(evaluated)
        });
        let mut settled = stream::iter(settled).buffer_unordered(AT_ONCE);
        let (mut sum, mut failed) = (Evaluated::default(), None);
        while let Some(result) = settled.next().await {
            match result {
                Ok(evaluated) => sum.add(evaluated),
                Err(error) => failed = Some(error),
            }
        }
        (sum, failed)
    }

    async fn evaluate(&self, job: &Job, now: EpochMillis) -> Result<Evaluated, StoreError> {
        let mut evaluated = Box::pin(self.evaluator.evaluate(job, now)).await?;
        if let (Some(emitter), Some(block)) = (&self.emitter, evaluated.block.take()) {
            emitter.emit(&self.evaluator.store, &job.function, &block).await?;
        }
        let mut damper = self.damper.lock().unwrap_or_else(PoisonError::into_inner);
        for (read, part) in [(job.tallies, Part::Tally), (job.verdicts, Part::Verdict)] {
            if read {
                damper.spend(&job.function, part, (evaluated.facts, now));
            }
        }
        Ok(evaluated)
    }

    fn admit(
        &self,
        function: &FunctionKey,
        part: Part,
        now: EpochMillis,
    ) -> Result<(), EpochMillis> {
        let mut damper = self.damper.lock().unwrap_or_else(PoisonError::into_inner);
        damper.admit(function, part, now)
    }

    fn budget(&self) -> Budget {
        self.damper.lock().unwrap_or_else(PoisonError::into_inner).budget()
    }
}

fn only(job: &Job, part: Part) -> Job {
    let (tallies, verdicts) = (part == Part::Tally, part == Part::Verdict);
    Job { tallies, verdicts, ..job.clone() }
}

fn merged(one: &Job, other: &Job) -> Job {
    let (tallies, verdicts) = (one.tallies || other.tallies, one.verdicts || other.verdicts);
    Job { tallies, verdicts, ..one.clone() }
}

#[cfg(test)]
mod tests;
