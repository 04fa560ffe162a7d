//! The embedded store by itself: the same conditional writes, through the same client, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use overtime::store::{
    Store,
    access::Access,
    embedded::Engine,
    facts::{Author, Fact},
};
use overtime_wire::{Block, EpochMillis, IncarnationId, MinuteCounts, MinuteIndex, Profile, Tally};
use sandbox::clock;
use tokio::{task::JoinSet, time::Instant};

use crate::fleet;

/// How many tallies so many writers get in a second, each a new one.
pub(crate) async fn rate(writers: u64, span: Duration) -> anyhow::Result<f64> {
    let directory = tempfile::tempdir()?;
    let engine = Engine::start(directory.path())?;
    let store = Store::new(Access::embedded(&engine.endpoint()).dynamo);
    store.ensure_tables().await?;
    let written = Arc::new(AtomicU32::new(0));
    let (began, mut tasks) = (Instant::now(), JoinSet::new());
    for _ in 0..writers {
        tasks.spawn(write(store.clone(), Arc::clone(&written), began + span));
    }
    while let Some(wrote) = tasks.join_next().await {
        wrote??;
    }
    Ok(f64::from(written.load(Ordering::Relaxed)) / began.elapsed().as_secs_f64())
}

async fn write(store: Store, written: Arc<AtomicU32>, until: Instant) -> anyhow::Result<()> {
    let now = EpochMillis(clock::now().as_millisecond());
    let function = fleet::function(0)?;
    let mut tally = Tally::new(Block::of(now), Profile::default());
    for minute in (0..15).filter_map(MinuteIndex::new) {
        tally.minutes.insert(minute, MinuteCounts { invocations: 30, ..MinuteCounts::default() });
    }
    while Instant::now() < until {
        let number = written.fetch_add(1, Ordering::Relaxed);
        tally.revision = number;
        let incarnation = IncarnationId(u128::from(number).to_be_bytes());
        let author = Author { function: &function, incarnation };
        store.record(author, Fact::Tally(&tally.encode()), now).await?;
    }
    Ok(())
}
