//! What is to be evaluated later, so that whoever puts it off may forget it.
//!
//! A function in a storm is not read again for every record of the stream. Before such a record is acknowledged, the part of the
//! block that it changed is written here, and whoever looks when it is due evaluates it.
//!
//! ```text
//!              put                            settle, nothing put since
//!   at rest ─────────▶ waking ── due, evaluated ────────────────────────▶ at rest
//!                       ▲  │ put: a version later, due as before      │
//!                       └──┘◀──────── settle, put since ──────────────┘
//! ```
//!
//! **Invariant.** What was put is evaluated by a read that began after it was put: an item comes to rest only at the version that
//! was read before its evaluation began, and versions are never used twice.

use futures::future::try_join_all;
use overtime_wire::EpochMillis;

use crate::{
    domain::fact::{Job, Part},
    store::{
        Store, StoreError,
        item::{Row, failed, keyed, number, text, won},
        schema::{
            self, BY_DUE, Key, WAKES_LIVE,
            attribute::{DUE, EXPIRES, PK, QUEUE, SK, VERSION},
        },
    },
};

/// One part of a block that is due, and the state of it that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    pub job: Job,
    version: u64,
}

impl Store {
    /// Has the job done at `due`, or when it was due already.
    pub async fn put_wake(&self, job: &Job, due: EpochMillis) -> Result<(), StoreError> {
        const PUT: &str = "SET #queue = :queue, #due = if_not_exists(#due, :due), #x = :x \
             ADD #ver :one";
        let expires = schema::expires(job.block.end().plus(WAKES_LIVE));
        let puts = parts(job).map(|part| {
            self.dynamo
                .update_item()
                .table_name(self.state_table())
                .set_key(Some(keyed(&schema::wake_key(&job.function, job.block, part))))
                .update_expression(PUT)
                .expression_attribute_names("#queue", QUEUE)
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#x", EXPIRES)
                .expression_attribute_names("#ver", VERSION)
                .expression_attribute_values(":queue", text(schema::wake_queue(&job.function)))
                .expression_attribute_values(":due", number(due.0))
                .expression_attribute_values(":x", number(expires))
                .expression_attribute_values(":one", number(1))
                .send()
        });
        try_join_all(puts).await.map_err(failed)?;
        Ok(())
    }

    /// What is due at `now`, earliest first within its queue, about `limit` of each.
    pub async fn due_wakes(&self, now: EpochMillis, limit: usize) -> Result<Vec<Wake>, StoreError> {
        let queues = schema::wake_queues().map(|queue| {
            self.dynamo
                .query()
                .table_name(self.state_table())
                .index_name(BY_DUE)
                .key_condition_expression("#queue = :queue AND #due <= :now")
                .expression_attribute_names("#queue", QUEUE)
                .expression_attribute_names("#due", DUE)
                .expression_attribute_values(":queue", text(queue))
                .expression_attribute_values(":now", number(now.0))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .send()
        });
        let mut wakes = Vec::new();
        for page in try_join_all(queues).await.map_err(failed)? {
            for item in page.items.unwrap_or_default() {
                let row = Row(item);
                let key = Key { pk: row.text(PK)?.to_owned(), sk: row.text(SK)?.to_owned() };
                let job = schema::parse_wake(&key.pk, &key.sk);
                let job = job.ok_or_else(|| row.corrupt(SK, "names no part of a block"));
                let Some(job) = self.unless_corrupt(job)? else { continue };
                wakes.extend(self.standing_wake(job, &key).await?);
            }
        }
        Ok(wakes)
    }

    /// What waits of a job, due or not.
    pub async fn wakes_of(&self, job: &Job) -> Result<Vec<Wake>, StoreError> {
        let standing = parts(job).map(|part| async move {
            let key = schema::wake_key(&job.function, job.block, part);
            let (tallies, verdicts) = (part == Part::Tally, part == Part::Verdict);
            self.standing_wake(Job { tallies, verdicts, ..job.clone() }, &key).await
        });
        Ok(try_join_all(standing).await?.into_iter().flatten().collect())
    }

    /// The job is done, by a read that began after the wake was seen. What was put since is due at `next`.
    pub async fn settle_wake(&self, wake: &Wake, next: EpochMillis) -> Result<(), StoreError> {
        let part = if wake.job.tallies { Part::Tally } else { Part::Verdict };
        let key = schema::wake_key(&wake.job.function, wake.job.block, part);
        let update = |expression, condition| {
            self.dynamo
                .update_item()
                .table_name(self.state_table())
                .set_key(Some(keyed(&key)))
                .update_expression(expression)
                .condition_expression(condition)
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#ver", VERSION)
                .expression_attribute_values(":ver", number(wake.version))
        };
        let rest = update("REMOVE #queue, #due", "#ver = :ver");
        if won(rest.expression_attribute_names("#queue", QUEUE).send().await)? {
            return Ok(());
        }
        // Not one that came to rest meanwhile: it would wake for nothing.
        let later = update("SET #due = :next", "attribute_exists(#due) AND #ver > :ver");
        won(later.expression_attribute_values(":next", number(next.0)).send().await)?;
        Ok(())
    }

    async fn standing_wake(&self, job: Job, key: &Key) -> Result<Option<Wake>, StoreError> {
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(keyed(key)));
        let Some(item) = get.consistent_read(true).send().await.map_err(failed)?.item else {
            return Ok(None);
        };
        let row = Row(item);
        let waking = row.0.contains_key(DUE);
        let version = self.unless_corrupt(row.number(VERSION))?;
        Ok(version.filter(|_| waking).map(|version| Wake { job, version }))
    }
}

fn parts(job: &Job) -> impl Iterator<Item = Part> {
    let tally = job.tallies.then_some(Part::Tally);
    tally.into_iter().chain(job.verdicts.then_some(Part::Verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laboratory::{Laboratory, at, block, function};

    fn job(name: &str, tallies: bool, verdicts: bool) -> Job {
        Job { function: function(name), block: block(), tallies, verdicts }
    }

    async fn due(lab: &Laboratory, now: i64) -> Vec<Wake> {
        lab.store.due_wakes(at(now), 10).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_put_off_is_due_once_and_when_it_was_first_put_off() {
        let lab = Laboratory::open().await;
        let both = job("orders", true, true);
        lab.store.put_wake(&both, at(10_000)).await.unwrap();
        lab.store.put_wake(&both, at(15_000)).await.unwrap();
        lab.store.put_wake(&job("other", false, true), at(20_000)).await.unwrap();
        assert_eq!(due(&lab, 9_999).await, []);
        let mut wakes = due(&lab, 10_000).await;
        // What is due at the same moment has no order in an index.
        wakes.sort_by_key(|it| it.job.verdicts);
        let jobs: Vec<_> = wakes.iter().map(|it| (it.job.tallies, it.job.verdicts)).collect();
        assert_eq!(jobs, [(true, false), (false, true)]);
        assert_eq!(lab.store.wakes_of(&both).await.unwrap(), wakes);
        for wake in &wakes {
            lab.store.settle_wake(wake, at(30_000)).await.unwrap();
        }
        assert_eq!(due(&lab, 10_000).await, []);
        assert_eq!(due(&lab, 20_000).await.len(), 1);
    }

    #[tokio::test]
    async fn what_is_put_off_again_during_its_evaluation_stays() {
        let lab = Laboratory::open().await;
        let job = job("orders", false, true);
        lab.store.put_wake(&job, at(0)).await.unwrap();
        let (one, other) = (due(&lab, 0).await.remove(0), due(&lab, 0).await.remove(0));
        lab.store.put_wake(&job, at(5_000)).await.unwrap();
        lab.store.settle_wake(&one, at(10_000)).await.unwrap();
        assert_eq!(due(&lab, 9_999).await, []);
        let later = due(&lab, 10_000).await.remove(0);
        lab.store.settle_wake(&later, at(20_000)).await.unwrap();
        assert_eq!(due(&lab, 99_999).await, []);
        // A settlement that is late wakes nobody, and a wake that is put anew is not the one it knew.
        lab.store.settle_wake(&other, at(20_000)).await.unwrap();
        assert_eq!(due(&lab, 99_999).await, []);
        lab.store.put_wake(&job, at(30_000)).await.unwrap();
        lab.store.settle_wake(&later, at(40_000)).await.unwrap();
        assert_eq!(due(&lab, 99_999).await.len(), 1);
    }
}
