//! The sweep door: a minute has passed.
//!
//! What the schedule says besides that is not looked at. Alerts that are due are stepped, evaluations that were put off and whose
//! message was lost are done, the fleet's totals are brought up to date, what an OpenTelemetry receiver was not told is asked to be told, and entries of the outbox that are due are queued: those whose message was lost, whose retry is further away than a
//! queue's longest delay, or whose deliverer died.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Failure, OutOfTime, queue::Queue};
use crate::{
    clock,
    domain::emission::Shape,
    evaluate::{Evaluator, damper::Budget, emit::Emitter, paced::Paced},
    store::Store,
    sweep::{Sweep, news::News},
};

/// How many entries are queued at a time; the next minute queues the next ones.
const AT_ONCE: usize = 1_000;

#[derive(Debug)]
pub(super) struct Sweeping {
    paced: Paced,
    sweep: Sweep,
    /// Where an OpenTelemetry receiver wants to hear of it.
    news: Option<News>,
    queue: Queue,
}

impl Sweeping {
    pub(super) fn new(store: Store, console: String, queue: Queue) -> Self {
        let evaluator = Evaluator { store: store.clone(), console: console.clone() };
        let paced = Paced::new(evaluator, Budget::default());
        let news = store.has_receiver().then(|| News::new(store.clone(), clock::now));
        let sweep = Sweep { store, console, clock: clock::now };
        Self { paced, sweep, news, queue }
    }

    /// The same, which also says what functions count.
    pub(super) fn emitting(self, shape: Option<Shape>) -> Self {
        let paced = self.paced.emitting(shape.map(Emitter::to_standard_output));
        Self { paced, ..self }
    }

    /// Does each part whatever becomes of the others, and fails if any did. One that takes all the time takes nobody else's.
    pub(super) async fn take(&self, until: Instant) -> Result<Value, Failure> {
        // The first door that may write the defaults does so again each minute for as long as it failed.
        let defaults = self.sweep.store.ensure_defaults(clock::now());
        let (begun, alerts, wakes, totals, news) = tokio::join!(
            timeout_at(until, defaults),
            timeout_at(until, self.alerts()),
            timeout_at(until, self.wakes()),
            timeout_at(until, self.sweep.total(clock::now())),
            timeout_at(until, self.news()),
        );
        begun.map_err(|_| OutOfTime)??;
        alerts.map_err(|_| OutOfTime)??;
        wakes.map_err(|_| OutOfTime)??;
        totals.map_err(|_| OutOfTime)??;
        news.map_err(|_| OutOfTime)??;
        Ok(Value::Null)
    }

    async fn news(&self) -> Result<(), Failure> {
        let Some(news) = &self.news else { return Ok(()) };
        self.queue.tell(news.look().await?).await;
        Ok(())
    }

    async fn wakes(&self) -> Result<(), Failure> {
        let evaluated = self.paced.wake(clock::now()).await?;
        self.queue.tell(evaluated.enqueued).await;
        Ok(())
    }

    async fn alerts(&self) -> Result<(), Failure> {
        let swept = self.sweep.sweep(clock::now()).await;
        let due = self.sweep.store.due_entries(clock::now(), AT_ONCE).await?;
        // The index may not show yet what has just been written.
        let enqueued = swept.as_ref().ok().into_iter().flatten().cloned();
        let ids: BTreeSet<String> = due.into_iter().chain(enqueued).collect();
        self.queue.tell(ids.into_iter().collect()).await;
        swept?;
        Ok(())
    }
}
