//! The sweep door: a minute has passed.
//!
//! What the schedule says besides that is not looked at. Alerts that are due are stepped, evaluations that were put off and whose
//! message was lost are done, the fleet's totals are brought up to date, and entries of the outbox that are due are queued: those whose message was lost, whose retry is further away than a
//! queue's longest delay, or whose deliverer died.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Failure, queue::Queue};
use crate::{
    clock,
    domain::alert::Rule,
    evaluate::{Evaluator, damper::Budget, paced::Paced},
    store::Store,
    sweep::Sweep,
};

/// How many entries are queued at a time; the next minute queues the next ones.
const AT_ONCE: usize = 1_000;

#[derive(Debug)]
pub(super) struct Sweeping {
    paced: Paced,
    sweep: Sweep,
    queue: Queue,
}

impl Sweeping {
    pub(super) fn new(store: Store, console: String, queue: Queue) -> Self {
        let evaluator = Evaluator { store: store.clone(), console: console.clone() };
        let paced = Paced::new(evaluator, Budget::default());
        let sweep = Sweep { store, rule: Rule::ANY_TIMEOUT, console, clock: clock::now };
        Self { paced, sweep, queue }
    }

    /// Does each part whatever became of the others, and fails if any did.
    pub(super) async fn take(&self, until: Instant) -> Result<Value, Failure> {
        let swept = timeout_at(until, self.alerts()).await;
        let woken = timeout_at(until, self.paced.wake(clock::now())).await;
        if let Ok(Ok(evaluated)) = &woken {
            self.queue.tell(evaluated.enqueued.clone()).await;
        }
        let totalled = timeout_at(until, self.sweep.total(clock::now())).await;
        swept??;
        woken??;
        totalled??;
        Ok(Value::Null)
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
