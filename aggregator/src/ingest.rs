//! A batch becomes facts.
//!
//! Each fact goes in on its own, a few at a time, because each is right on its own: a batch that stops half way has said
//! half of what it knows, and the sender says all of it again. What comes too early or too late is refused by name, and
//! the rest of its batch is let in.
//!
//! **Invariant.** Whoever calls has checked that the sender may speak for the batch's account; nothing here asks again. What
//! is counted as accepted is in the table.

pub mod ledger;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use overtime_wire::{Batch, EpochMillis, FactKey, Untimely};

use crate::store::{
    Store, StoreError,
    facts::{Author, Fact},
};

/// How many facts of a batch are written at the same time.
const AT_ONCE: usize = 16;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingested {
    /// How many facts are in the table, or something greater is.
    pub accepted: usize,
    pub refused: Vec<Refused>,
}

/// A fact that was not let in, and never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub key: FactKey,
    pub reason: Untimely,
}

/// Lets in every fact of the batch that is of our time.
pub async fn ingest(
    store: &Store,
    batch: &Batch,
    now: EpochMillis,
) -> Result<Ingested, StoreError> {
    let (timely, refused) = sort_out(batch, now);
    let accepted = timely.len();
    let writes: Vec<_> =
        timely.into_iter().map(|(author, fact)| store.record(author, fact, now)).collect();
    stream::iter(writes).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
    Ok(Ingested { accepted, refused })
}

/// The facts of our time, and the others. Verdicts first, whoever's: they are what somebody waits for, and where time runs out
/// in the middle they are in.
fn sort_out(batch: &Batch, now: EpochMillis) -> (Vec<(Author<'_>, Fact<'_>)>, Vec<Refused>) {
    let author = |incarnation| Author { function: &batch.function, incarnation };
    let verdicts = batch.incarnations.iter().flat_map(|it| {
        it.verdicts.iter().map(move |verdict| (author(it.id), Fact::Verdict(verdict)))
    });
    let tallies = batch
        .incarnations
        .iter()
        .flat_map(|it| it.tallies.iter().map(move |tally| (author(it.id), Fact::Tally(tally))));
    let (mut timely, mut refused) = (Vec::new(), Vec::new());
    for (author, fact) in verdicts.chain(tallies) {
        match fact.block().accept(now) {
            Ok(()) => timely.push((author, fact)),
            Err(reason) => refused.push(Refused { key: fact.key(author.incarnation), reason }),
        }
    }
    (timely, refused)
}
