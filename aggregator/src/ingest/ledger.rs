//! What this process has refused, on its way into the table.
//!
//! Refusals are gathered and written together, because whoever is refused may come back as fast as it can. The first after
//! a pause is written at once: a Lambda may be frozen the moment it has answered.
//!
//! **Invariant.** Nobody waits long for it, and its failure is nobody else's: what cannot be written is kept for the next
//! time, within bounds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use overtime_wire::EpochMillis;
use tokio::time::timeout;

use crate::{
    domain::rejection::{Caller, Pending, Reason, Rejection},
    store::Store,
};

/// How long one write may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Counts refusals. Cheap to clone, and the clones count together.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Store,
    pending: Arc<Mutex<Pending>>,
    /// Who else hears of what was written down.
    told: Option<fn(Reason, u64)>,
}

impl Ledger {
    pub fn new(store: Store) -> Self {
        Self { store, pending: Arc::default(), told: None }
    }

    /// The same, telling somebody else what it has written down.
    #[must_use]
    pub fn telling(self, told: fn(Reason, u64)) -> Self {
        Self { told: Some(told), ..self }
    }

    /// Counts, and writes what is due. What it writes is in the table when it returns, unless the table did not answer.
    pub async fn count(&self, reason: Reason, caller: Caller, now: EpochMillis) {
        self.pending().count((reason, caller), 1, now);
        self.write_due(now).await;
    }

    /// The same for facts of one batch.
    pub async fn count_facts(
        &self,
        reasons: impl Iterator<Item = Reason>,
        caller: Caller,
        now: EpochMillis,
    ) {
        {
            let mut pending = self.pending();
            reasons.for_each(|reason| pending.count((reason, caller), 1, now));
        }
        self.write_due(now).await;
    }

    /// Writes what has been gathered for long enough.
    pub async fn write_due(&self, now: EpochMillis) {
        let due = self.pending().take_due(now);
        self.write(due).await;
    }

    /// Writes everything: there will be no later.
    pub async fn write_all(&self) {
        let all = self.pending().take();
        self.write(all).await;
    }

    async fn write(&self, mut counts: BTreeMap<Rejection, u64>) {
        while let Some((rejection, times)) = counts.pop_first() {
            let adding = self.store.add_rejections(&rejection, times);
            let problem = match timeout(PATIENCE, adding).await {
                Ok(Ok(())) => {
                    if let Some(told) = self.told {
                        told(rejection.reason, times);
                    }
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the table is too slow".to_owned(),
            };
            tracing::warn!(problem, "what was refused is not written down yet");
            let mut pending = self.pending();
            pending.add(rejection, times);
            for (rejection, times) in counts {
                pending.add(rejection, times);
            }
            return;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::rejection::Totals,
        store::{
            access::Access,
            laboratory::{Laboratory, at},
        },
    };

    async fn written(lab: &Laboratory) -> Option<u64> {
        let read = lab.store.rejections(at(0), at(0)).await.unwrap();
        read.into_iter().collect::<Totals>().by_reason.get(&Reason::Malformed).copied()
    }

    #[tokio::test]
    async fn the_first_is_written_at_once_and_a_flood_together() {
        let lab = Laboratory::open().await;
        let ledger = Ledger::new(lab.store.clone());
        let (reason, caller) = (Reason::Malformed, Caller::Unknown);
        ledger.count(reason, caller, at(0)).await;
        assert_eq!(written(&lab).await, Some(1));
        for second in 0..5 {
            ledger.count(reason, caller, at(second * 1_000)).await;
        }
        assert_eq!(written(&lab).await, Some(1));
        ledger.write_due(at(10_000)).await;
        assert_eq!(written(&lab).await, Some(6));
        ledger.count(reason, caller, at(10_001)).await;
        ledger.write_all().await;
        assert_eq!(written(&lab).await, Some(7));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_kept() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let away = Store::new(Access::embedded(&format!("http://{nobody}")).dynamo);
        let lab = Laboratory::open().await;
        let ledger = Ledger::new(away);
        ledger.count(Reason::Malformed, Caller::Unknown, at(0)).await;
        let back = Ledger { store: lab.store.clone(), ..ledger };
        back.write_all().await;
        assert_eq!(written(&lab).await, Some(1));
    }
}
