//! A deadline comes near: it is watched, and the way to the aggregator is opened ahead.
//!
//! If the function overruns, its verdict then costs no lookup and no handshake. The connection that was kept may have died
//! while the environment was frozen, which would show only in silence, so another takes its place. Whoever finishes
//! before pays for nothing.

use std::time::Duration;

use overtime_wire::EpochMillis;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::Watch;
use crate::uplink::Uplink;

/// The longest that a connection may take that nobody waits for yet.
const BUDGET: Duration = Duration::from_secs(1);
/// How long a send waits for it; after that, it is quicker to open one's own.
const PATIENCE: Duration = Duration::from_millis(50);

/// The way to the aggregator, perhaps in a moment.
#[derive(Debug)]
pub(super) enum Way {
    Open(Uplink),
    Opening { task: JoinHandle<Uplink>, otherwise: Uplink },
}

impl Way {
    pub(super) async fn uplink(self) -> Uplink {
        match self {
            Self::Open(uplink) => uplink,
            Self::Opening { mut task, otherwise } => {
                if let Ok(Ok(uplink)) = timeout(PATIENCE, &mut task).await {
                    return uplink;
                }
                task.abort();
                otherwise
            }
        }
    }
}

impl Watch {
    /// Returns when to look again.
    pub(super) fn watch_deadline(&mut self, now: EpochMillis) -> Option<EpochMillis> {
        let vigilance = self.sandbox.watch(now);
        if vigilance.is_witness {
            self.note_changes();
        }
        // A send under way has its connection.
        if vigilance.is_near && self.sending.is_none() {
            let way = self.way();
            self.opening = Some(tokio::spawn(async move {
                let mut uplink = way.uplink().await;
                uplink.prepare(Instant::now() + BUDGET).await;
                uplink
            }));
        }
        vigilance.wake
    }

    /// Takes the way to the aggregator, to be used at once.
    pub(super) fn way(&mut self) -> Way {
        let kept = self.uplink.take();
        match self.opening.take() {
            Some(task) => Way::Opening { task, otherwise: self.spare.sibling() },
            None => Way::Open(kept.unwrap_or_else(|| self.spare.sibling())),
        }
    }
}
