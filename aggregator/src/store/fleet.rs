//! Every function's row, read once a second at most.
//!
//! Whoever sorts or sums up a fleet reads all of its rows, and a page that refreshes itself does so again and again, in as
//! many tabs as there are people. Here they share one reading: while one is under way the others wait for it.
//!
//! **Invariant.** What is answered was read after the second before the question began.

use std::{fmt, sync::Arc, time::Duration};

use overtime_wire::EpochMillis;
use tokio::sync::Mutex;

use crate::{
    domain::summary::Summary,
    store::{Store, StoreError},
};

const FRESH_FOR: Duration = Duration::from_secs(1);

/// The rows as they were last read. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Fleet(Arc<Mutex<Option<Reading>>>);

struct Reading {
    begun: EpochMillis,
    rows: Arc<Vec<Summary>>,
}

impl Fleet {
    /// Every function's row, ordered by function.
    pub(super) async fn rows(
        &self,
        store: &Store,
        now: EpochMillis,
    ) -> Result<Arc<Vec<Summary>>, StoreError> {
        let mut held = self.0.lock().await;
        // A clock that was set back makes what is held older than it is, which only means to read again.
        let fresh = |it: &&Reading| it.begun <= now && now.since(it.begun) < FRESH_FOR;
        if let Some(reading) = held.as_ref().filter(fresh) {
            return Ok(reading.rows.clone());
        }
        let rows = Arc::new(store.fleet().await?);
        *held = Some(Reading { begun: now, rows: rows.clone() });
        Ok(rows)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fleet")
    }
}
