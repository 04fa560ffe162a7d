//! Every function's row: all of them anew, or as they were read within the last second.
//!
//! Whoever sorts or sums up a fleet reads all of its rows, and a page that refreshes itself does so again and again, in as
//! many tabs as there are people. Here they share one reading, whichever page they look at: while one is under way the others
//! wait for it. Most rows say what they said the last time: those are not made again, but shared with the reading before. They are read
//! all the same, because DynamoDB counts what it looks at and not what it sends: to ask first how much each row has seen, and for
//! those by their keys that have seen more, took longer and seven tenths more units.
//!
//! Where nobody but this process writes to the tables, as where the store is embedded, rows are read once in a while, and what is written
//! in between is kept ([`written`]).
//!
//! **Invariant.** What is answered was read after the second before the question began, and is what stood in the table then; or it is
//! what was read before and everything that was written since.

mod written;

use std::{fmt, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use overtime_wire::EpochMillis;
use tokio::{spawn, sync::Mutex};

use self::written::{Write, Written};
use crate::{
    domain::summary::Summary,
    store::{
        Store, StoreError, functions,
        item::{Row, failed, text},
        schema::{
            self, ROW_PARTITIONS,
            attribute::{PK, SK},
        },
    },
};

/// How many partitions are read beside each other: of all at once, the last would wait for the others longer than a call may take.
const AT_ONCE: usize = 16;
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How long rows are not read where nobody else writes them. Only the store's own clearing away of what has expired is missed by that.
const ALONE_FOR: Duration = Duration::from_mins(5);

/// The rows as they were last read. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Fleet {
    held: Arc<Mutex<Option<Reading>>>,
    /// Where nobody else writes any.
    written: Option<Written>,
}

struct Reading {
    /// When the rows were last read, and when all that was written since was added to them.
    read: EpochMillis,
    begun: EpochMillis,
    /// How much of what was written had been lost when they were read.
    lost: u64,
    rows: Arc<Vec<Summary>>,
}

impl Reading {
    /// Whether it is what stands in the table now, together with what was written since.
    fn is_whole(&self, written: &Written, now: EpochMillis) -> bool {
        self.lost == written.lost() && self.read <= now && now.since(self.read) < ALONE_FOR
    }
}

impl Store {
    /// The same store, to whose tables nobody else writes.
    #[must_use]
    pub fn alone(self) -> Self {
        let fleet = Fleet { written: Some(Written::default()), ..Fleet::default() };
        Self { fleet, ..self }
    }

    /// Has to be told what becomes of a row that is written.
    pub(super) fn writing(&self, row: &Summary) -> Option<Write> {
        self.fleet.written.as_ref().map(|it| it.write(row))
    }

    /// Every function's row as it stands, ordered by function.
    pub async fn fleet(&self) -> Result<Vec<Summary>, StoreError> {
        let held = self.fleet.held.lock().await.as_ref().map(|it| it.rows.clone());
        self.read_fleet(held.unwrap_or_default()).await
    }

    /// Every function's row as it stood at some time in the second before `now`, or as it stands.
    pub async fn fleet_lately(&self, now: EpochMillis) -> Result<Arc<Vec<Summary>>, StoreError> {
        let mut held = self.fleet.held.lock().await;
        // A clock that was set back makes what is held older than it is, which only means to read again.
        let fresh = |it: &&Reading| it.begun <= now && now.since(it.begun) < FRESH_FOR;
        if let Some(reading) = held.as_ref().filter(fresh) {
            return Ok(reading.rows.clone());
        }
        let written = self.fleet.written.as_ref();
        let whole = written.zip(held.take_if(|it| written.is_some_and(|by| it.is_whole(by, now))));
        if let Some((written, reading)) = whole {
            let rows = written.added_to(reading.rows);
            *held = Some(Reading { begun: now, rows: rows.clone(), ..reading });
            return Ok(rows);
        }
        let known = held.as_ref().map(|it| it.rows.clone()).unwrap_or_default();
        let lost = written.map_or(0, Written::lost);
        let rows = Arc::new(self.read_fleet(known).await?);
        let rows = match written {
            Some(it) => it.added_to(rows),
            None => rows,
        };
        *held = Some(Reading { read: now, begun: now, lost, rows: rows.clone() });
        Ok(rows)
    }

    /// All partitions. Rows that are `known` as they stand are not made again.
    async fn read_fleet(&self, known: Arc<Vec<Summary>>) -> Result<Vec<Summary>, StoreError> {
        // Tasks of their own: to make something of an answer takes longer than to ask for it, and there may be more than one processor.
        let partitions = (0..ROW_PARTITIONS).map(|it| {
            let (store, known) = (self.clone(), known.clone());
            async move {
                let pk = schema::row_pk(it);
                let read = spawn(async move { store.read_partition(pk, &known).await });
                read.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?
            }
        });
        let partitions = stream::iter(partitions).buffered(AT_ONCE);
        let partitions: Vec<_> = partitions.try_collect().await?;
        let mut fleet: Vec<_> = partitions.into_iter().flatten().collect();
        fleet.sort_by(|one, other| one.function.cmp(&other.function));
        Ok(fleet)
    }

    async fn read_partition(
        &self,
        pk: String,
        known: &[Summary],
    ) -> Result<Vec<Summary>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(pk))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = items.next().await {
            rows.extend(self.unless_corrupt(row(&Row(item.map_err(failed)?), known))?);
        }
        Ok(rows)
    }
}

fn row(item: &Row, known: &[Summary]) -> Result<Summary, StoreError> {
    match as_known(item, known)? {
        Some(known) => Ok(known.clone()),
        None => functions::summary(item),
    }
}

/// The row that is known, if it has seen as much as the item.
fn as_known<'a>(item: &Row, known: &'a [Summary]) -> Result<Option<&'a Summary>, StoreError> {
    let basis = functions::basis(item)?;
    let key = schema::split_row_sk(item.text(SK)?);
    let key = key.ok_or_else(|| item.corrupt(SK, "names no function"))?;
    let order = |it: &Summary| {
        (it.function.account, it.function.region.as_str(), it.function.name.as_str()).cmp(&key)
    };
    let at = known.binary_search_by(order).ok();
    Ok(at.map(|at| &known[at]).filter(|it| it.basis == basis))
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fleet")
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::{
            hour::{Hour, HourView, StandingHour},
            view::Basis,
        },
        store::laboratory::{Laboratory, at, function},
    };

    use super::*;

    fn row(name: &str, invocations: u64) -> Summary {
        let mut view = HourView::default();
        view.counts.0.invocations = invocations;
        let hour = StandingHour { hour: Hour::of(at(0)), basis: Basis::of(invocations), view };
        Summary::of(&function(name), &[hour]).unwrap()
    }

    async fn put(store: &Store, name: &str, invocations: u64) {
        assert!(store.put_summary(&row(name, invocations)).await.unwrap());
    }

    fn shown(rows: &[Summary]) -> Vec<(&str, u64)> {
        let invocations = |it: &Summary| it.counts_since(at(0)).invocations;
        rows.iter().map(|it| (it.function.name.as_str(), invocations(it))).collect()
    }

    #[tokio::test]
    async fn a_reading_is_shared_for_a_second_and_never_longer() {
        let lab = Laboratory::open().await;
        put(&lab.store, "orders", 1).await;
        let (store, other) = (lab.store.clone(), lab.store.clone());
        let first = store.fleet_lately(at(5_000)).await.unwrap();
        put(&lab.store, "orders", 2).await;
        for now in [5_000, 5_999] {
            let held = other.fleet_lately(at(now)).await.unwrap();
            assert!(Arc::ptr_eq(&held, &first), "at {now}");
        }
        for now in [6_000, 4_999] {
            let anew = other.fleet_lately(at(now)).await.unwrap();
            assert_eq!(shown(&anew), [("orders", 2)], "at {now}");
        }
        assert_eq!(shown(&first), [("orders", 1)]);
        put(&lab.store, "orders", 3).await;
        assert_eq!(shown(&store.fleet().await.unwrap()), [("orders", 3)], "whatever is held");
    }

    #[tokio::test]
    async fn only_rows_that_changed_are_made_anew_and_those_that_are_gone_are_gone() {
        let lab = Laboratory::open().await;
        for name in ["basket", "orders", "payments"] {
            put(&lab.store, name, 1).await;
        }
        let before = lab.store.fleet_lately(at(0)).await.unwrap();
        put(&lab.store, "orders", 2).await;
        put(&lab.store, "newcomer", 7).await;
        let key = schema::row_key(&function("payments"));
        let delete = lab.access.dynamo.delete_item().table_name(schema::STATE);
        let delete = delete.set_key(Some(crate::store::item::keyed(&key)));
        delete.send().await.unwrap();
        let after = lab.store.fleet_lately(at(1_000)).await.unwrap();
        assert_eq!(shown(&after), [("basket", 1), ("newcomer", 7), ("orders", 2)]);
        assert!(Arc::ptr_eq(&after[0].digest, &before[0].digest), "it was made anew");
        assert!(!Arc::ptr_eq(&after[2].digest, &before[1].digest));
        assert_eq!(lab.store.fleet().await.unwrap(), *after);
    }

    #[tokio::test]
    async fn where_nobody_else_writes_what_was_written_is_added_and_not_read() {
        let lab = Laboratory::open().await;
        let store = lab.store.clone().alone();
        put(&store, "orders", 1).await;
        put(&store, "payments", 1).await;
        assert_eq!(store.fleet_lately(at(0)).await.unwrap().len(), 2);
        put(&store, "orders", 3).await;
        put(&store, "basket", 7).await;
        // Refused, as what stands there has seen more.
        assert!(!store.put_summary(&row("orders", 2)).await.unwrap());
        // What others write is not noticed before all is read anew, which is how it shows that nothing was read.
        put(&lab.store, "payments", 5).await;
        let now = store.fleet_lately(at(1_000)).await.unwrap();
        assert_eq!(shown(&now), [("basket", 7), ("orders", 3), ("payments", 1)]);
        let later = store.fleet_lately(at(2_000)).await.unwrap();
        assert!(Arc::ptr_eq(&later, &now), "nothing was written since");
        let anew = store.fleet_lately(at(0).plus(ALONE_FOR)).await.unwrap();
        assert_eq!(shown(&anew), [("basket", 7), ("orders", 3), ("payments", 5)]);
    }

    #[tokio::test]
    async fn where_it_is_not_known_whether_a_row_was_written_all_are_read() {
        let lab = Laboratory::open().await;
        let store = lab.store.clone().alone();
        put(&store, "orders", 1).await;
        assert_eq!(shown(&store.fleet_lately(at(0)).await.unwrap()), [("orders", 1)]);
        put(&lab.store, "orders", 2).await;
        drop(store.writing(&row("orders", 2)));
        assert_eq!(shown(&store.fleet_lately(at(1_000)).await.unwrap()), [("orders", 2)]);
    }
}
