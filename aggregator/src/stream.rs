//! Follows the facts table's stream and has every change evaluated.
//!
//! On AWS, Lambda does this; `serve` does it itself. Each shard is followed from a checkpoint in the table, children after
//! their parents. Ingest rings when facts came in, so that nobody waits for the next poll, and polling makes up for rings
//! that were lost.
//!
//! **Invariant.** A checkpoint is written only past records whose evaluation is done, so a process that is killed leaves
//! nothing undone: the next one does some of it again, which changes nothing.

pub mod gather;

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use overtime_wire::EpochMillis;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use self::gather::{Gather, Pace};
use crate::{
    domain::fact::Job,
    store::{
        Store, StoreError,
        changes::{Changes, Iterator, Place, Read, Shard},
    },
};

/// How long to wait for a ring before looking anyway.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// How often to look at most, however often it rings: under load a look then finds what many rang for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often to look for new shards.
const SHARDS_EVERY: Duration = Duration::from_secs(10);
/// How long to leave a stream alone that did not answer.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often a checkpoint is written at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How many evaluations run at the same time. Each asks for several things at once, and the embedded store answers one after
/// the other, so more would not end sooner; they would only take its time from ingest, and read again what has hardly changed.
const AT_ONCE: usize = 4;
/// How long evaluations may still take when we are asked to stop.
const FAREWELL: Duration = Duration::from_secs(3);

/// Follows the stream; cheap to clone, one copy for each shard.
#[derive(Debug, Clone)]
pub struct Follower<E> {
    pub store: Store,
    pub changes: Changes,
    pub clock: fn() -> EpochMillis,
    pub pace: Pace,
    /// Rung when facts came in.
    pub arrived: Arc<Notify>,
    /// Does what a change asks for.
    pub evaluate: E,
}

impl<E, F> Follower<E>
where
    E: Fn(Job) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    /// Follows every shard, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut following = JoinSet::new();
        let (mut started, mut ended) = (HashSet::new(), HashSet::new());
        loop {
            match self.changes.shards().await {
                Ok(shards) => {
                    for shard in ready(&shards, &ended) {
                        if started.insert(shard.id.clone()) {
                            following.spawn(self.clone().follow(shard.id.clone(), stop.clone()));
                        }
                    }
                }
                Err(error) => warn("the stream's shards cannot be read", &error),
            }
            tokio::select! {
                () = stopped(&mut stop) => break,
                () = sleep(SHARDS_EVERY) => {}
                Some(Ok(shard)) = following.join_next() => { ended.insert(shard); }
            }
        }
        while following.join_next().await.is_some() {}
    }

    /// Follows one shard to its end, or until `stop`. Returns the shard.
    async fn follow(self, shard: String, mut stop: watch::Receiver<bool>) -> String {
        let mut reading = Reading {
            gather: Gather::new(self.pace),
            shard,
            iterator: None,
            last: None,
            ended: false,
            look_at: Instant::now(),
            rest_until: Instant::now(),
            written_at: Instant::now(),
        };
        let mut jobs: JoinSet<Done> = JoinSet::new();
        loop {
            if Instant::now() >= reading.look_at && !reading.gather.is_full() && !reading.ended {
                self.look(&mut reading).await;
            }
            self.start(&mut reading, &mut jobs);
            self.checkpoint(&mut reading, CHECKPOINT_EVERY).await;
            if reading.ended && reading.gather.is_idle() {
                break;
            }
            let due = reading.gather.pause((self.clock)()).unwrap_or(POLL_EVERY);
            let pause = (Instant::now() + due).min(reading.look_at);
            tokio::select! {
                () = stopped(&mut stop) => break,
                Some(done) = jobs.join_next() => self.finish(&mut reading, done.ok()),
                () = self.arrived.notified() => {
                    reading.look_at = reading.look_at.min(reading.rest_until);
                }
                () = sleep_until(pause) => {}
            }
        }
        let farewell = async {
            while let Some(done) = jobs.join_next().await {
                self.finish(&mut reading, done.ok());
            }
        };
        // What does not end in time is done again by the next process.
        let _ = timeout(FAREWELL, farewell).await;
        self.checkpoint(&mut reading, Duration::ZERO).await;
        reading.shard
    }

    fn start(&self, reading: &mut Reading, jobs: &mut JoinSet<Done>) {
        let free = AT_ONCE.saturating_sub(jobs.len());
        for job in reading.gather.start((self.clock)(), free) {
            let evaluate = self.evaluate.clone();
            jobs.spawn(async move {
                let result = evaluate(job.clone()).await;
                Done { job, result }
            });
        }
    }

    /// Takes what is new in the shard.
    async fn look(&self, reading: &mut Reading) {
        reading.rest_until = Instant::now() + LOOK_EVERY;
        match self.read(reading).await {
            Ok(true) => reading.look_at = reading.rest_until,
            Ok(false) => reading.look_at = Instant::now() + POLL_EVERY,
            Err(error) => {
                warn("the stream cannot be read", &error);
                reading.look_at = Instant::now() + BACK_OFF;
            }
        }
    }

    /// Says whether there may be more.
    async fn read(&self, reading: &mut Reading) -> Result<bool, StoreError> {
        let held = reading.iterator.take();
        let located = if held.is_some() { held } else { self.locate(reading).await? };
        let Some(iterator) = located else {
            reading.ended = true;
            return Ok(false);
        };
        let read = match self.changes.read(&iterator).await {
            Ok(read) => read,
            Err(error) => {
                reading.iterator = Some(iterator);
                return Err(error);
            }
        };
        // Not at once: a place that is lost again and again must not keep us busy.
        let Read::Changes { changes, next } = read else { return Ok(false) };
        reading.ended = next.is_none();
        reading.iterator = next;
        let some = !changes.is_empty();
        for change in changes {
            reading.last = Some(change.sequence.clone());
            reading.gather.take(change.sequence, change.changed, (self.clock)());
        }
        Ok(some)
    }

    /// Where to read on: after what was read, after the checkpoint, or from the beginning. `None`: the shard is gone.
    async fn locate(&self, reading: &mut Reading) -> Result<Option<Iterator>, StoreError> {
        let stream = &self.changes.stream;
        let last = match reading.last.clone() {
            Some(last) => Some(last),
            None => self.store.checkpoint(stream, &reading.shard).await?,
        };
        if let Some(last) = last {
            if let Some(it) = self.changes.iterator(&reading.shard, Place::After(&last)).await? {
                return Ok(Some(it));
            }
            tracing::error!(
                shard = reading.shard,
                "records of the stream are gone before they were read; their blocks wait for their next fact"
            );
        }
        self.changes.iterator(&reading.shard, Place::Oldest).await
    }

    fn finish(&self, reading: &mut Reading, done: Option<Done>) {
        let Some(Done { job, result }) = done else {
            // It is not done, so the checkpoint stays behind it.
            tracing::error!("an evaluation broke off; its function waits for the next start");
            return;
        };
        match result {
            Ok(()) => reading.gather.done(&job.function),
            // Nothing that is read again will be readable, and the others must not wait for it.
            Err(error @ StoreError::Corrupt { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a block is left as it is until its next fact");
                reading.gather.done(&job.function);
            }
            Err(error) => {
                warn("an evaluation failed and will be repeated", &error);
                reading.gather.failed(&job.function, (self.clock)());
            }
        }
    }

    async fn checkpoint(&self, reading: &mut Reading, every: Duration) {
        if reading.written_at.elapsed() < every {
            return;
        }
        let Some(sequence) = reading.gather.checkpoint() else { return };
        reading.written_at = Instant::now();
        let stream = &self.changes.stream;
        if let Err(error) = self.store.put_checkpoint(stream, &reading.shard, &sequence).await {
            // The next one says all that this one would have said.
            warn("a checkpoint cannot be written", &error);
        }
    }
}

/// One shard, being followed.
struct Reading {
    gather: Gather,
    shard: String,
    iterator: Option<Iterator>,
    /// The last record that was taken.
    last: Option<String>,
    /// Read to its end.
    ended: bool,
    look_at: Instant,
    /// It does not look before, whoever rings.
    rest_until: Instant,
    written_at: Instant,
}

/// What became of a job.
struct Done {
    job: Job,
    result: Result<(), StoreError>,
}

/// Shards whose parents are followed to their end, or are gone.
fn ready<'a>(
    shards: &'a [Shard],
    ended: &'a HashSet<String>,
) -> impl std::iter::Iterator<Item = &'a Shard> {
    let open: HashSet<&str> =
        shards.iter().map(|it| it.id.as_str()).filter(|it| !ended.contains(*it)).collect();
    shards.iter().filter(move |it| it.parent.as_deref().is_none_or(|it| !open.contains(it)))
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender gone means the same: stop.
    let _ = stop.wait_for(|it| *it).await;
}

fn warn(message: &str, error: &StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "{message}");
}

#[cfg(test)]
mod tests;
