//! Messages that wait to be delivered.
//!
//! ```text
//!   waiting ──claim──▶ claimed ──settle──▶ delivered | dead
//!      ▲                  │
//!      └──────────────────┘ settle to retry, or the lease ends
//! ```
//!
//! Delivery is at least once: an entry is claimed by a lease, so that two do not send it at the same time, and settled
//! under that lease. A claimed entry is due again when its lease ends, so whoever dies with a claim leaves nothing behind.
//!
//! **Invariant.** An entry leaves the due index only by being delivered or given up for dead.

use std::time::Duration;

use futures::future::try_join_all;
use overtime_wire::EpochMillis;

use crate::store::{
    Store, StoreError,
    item::{Item, Row, failed, keyed, number, text, won},
    schema::{
        self, BY_DUE, STATE,
        attribute::{DUE, EXPIRES, PK, PROBLEM, QUEUE, QUEUED, STATUS, TRIES, VALUE, VERSION},
    },
};

/// A message to be delivered. The body is the deliverer's own business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stable: the same message always has the same id, and receivers dedupe on it. Without `#`.
    pub id: String,
    pub due: EpochMillis,
    pub body: String,
}

/// An entry that is ours to deliver until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub id: String,
    pub body: String,
    /// When it was first due.
    pub enqueued_at: EpochMillis,
    /// How many attempts ended before this one.
    pub attempts: u32,
    version: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    Delivered { at: EpochMillis },
    Retry { due: EpochMillis, problem: String },
    Dead { at: EpochMillis, problem: String },
}

/// The longest problem that is kept, in characters.
const PROBLEM_MAX: usize = 1_000;

impl Entry {
    pub(super) fn item(&self) -> Item {
        let mut item = keyed(&schema::outbox_key(&self.id));
        item.insert(VALUE.to_owned(), text(&self.body));
        item.insert(VERSION.to_owned(), number(1));
        item.insert(STATUS.to_owned(), text("waiting"));
        item.insert(QUEUED.to_owned(), number(self.due.0));
        item.insert(TRIES.to_owned(), number(0));
        item.insert(QUEUE.to_owned(), text(schema::outbox_queue(&self.id)));
        item.insert(DUE.to_owned(), number(self.due.0));
        item
    }
}

impl Store {
    /// Ids of entries that are due at `now`, earliest first, at most `limit`. Others may claim them first.
    pub async fn due_entries(
        &self,
        now: EpochMillis,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let due = self.earliest(now, limit).await?;
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    /// When the earliest entry is due, if there is one.
    pub async fn next_due(&self) -> Result<Option<EpochMillis>, StoreError> {
        Ok(self.earliest(EpochMillis(i64::MAX), 1).await?.first().map(|(due, _)| *due))
    }

    async fn earliest(
        &self,
        before: EpochMillis,
        limit: usize,
    ) -> Result<Vec<(EpochMillis, String)>, StoreError> {
        let queues = schema::outbox_queues().map(|queue| {
            self.dynamo
                .query()
                .table_name(STATE)
                .index_name(BY_DUE)
                .key_condition_expression("#queue = :queue AND #due <= :before")
                .expression_attribute_names("#queue", QUEUE)
                .expression_attribute_names("#due", DUE)
                .expression_attribute_values(":queue", text(queue))
                .expression_attribute_values(":before", number(before.0))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .send()
        });
        let mut due = Vec::new();
        for page in try_join_all(queues).await.map_err(failed)? {
            for item in page.items.unwrap_or_default() {
                let row = Row(item);
                let id = schema::parse_outbox_pk(row.text(PK)?);
                let id = id.ok_or_else(|| row.corrupt(PK, "names no message"));
                let Some(id) = self.unless_corrupt(id)? else { continue };
                due.push((EpochMillis(row.number(DUE)?), id.to_owned()));
            }
        }
        due.sort();
        Ok(due)
    }

    /// Takes an entry for `lease`; `None` when it is not due, taken, or settled.
    pub async fn claim(
        &self,
        id: &str,
        now: EpochMillis,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let key = keyed(&schema::outbox_key(id));
        let get = self.dynamo.get_item().table_name(STATE).set_key(Some(key)).consistent_read(true);
        let Some(item) = get.send().await.map_err(failed)?.item else { return Ok(None) };
        let row = Row(item);
        if row.optional::<i64>(DUE)?.is_none_or(|due| due > now.0) {
            return Ok(None);
        }
        let version: u64 = row.number(VERSION)?;
        let values = [(":due", number(now.plus(lease).0)), (":status", text("claimed"))];
        if !self.move_on(id, version, ("SET #due = :due, #status = :status", &values)).await? {
            return Ok(None);
        }
        Ok(Some(Claim {
            id: id.to_owned(),
            body: row.text(VALUE)?.to_owned(),
            enqueued_at: EpochMillis(row.number(QUEUED)?),
            attempts: row.number(TRIES)?,
            version: version + 1,
        }))
    }

    /// Says how the attempt ended. `false` when the lease was over and somebody else has it.
    pub async fn settle(&self, claim: &Claim, how: Settlement) -> Result<bool, StoreError> {
        // Not every DynamoDB takes an empty text, so where there is no problem there is no attribute.
        const DELIVERED: &str =
            "SET #status = :status, #tries = :tries, #x = :x REMOVE #why, #queue, #due";
        const DEAD: &str =
            "SET #status = :status, #tries = :tries, #why = :why, #x = :x REMOVE #queue, #due";
        const AGAIN: &str = "SET #status = :status, #tries = :tries, #why = :why, #due = :due";
        let kept =
            |at: EpochMillis| (":x", number(schema::expires(at.plus(self.retention.messages))));
        let because = |problem: String| {
            let problem: String = problem.chars().take(PROBLEM_MAX).collect();
            (":why", text(if problem.is_empty() { "unknown" } else { &problem }))
        };
        let (expression, status, mut values) = match how {
            Settlement::Delivered { at } => (DELIVERED, "delivered", vec![kept(at)]),
            Settlement::Dead { at, problem } => (DEAD, "dead", vec![kept(at), because(problem)]),
            Settlement::Retry { due, problem } => {
                (AGAIN, "waiting", vec![(":due", number(due.0)), because(problem)])
            }
        };
        values.push((":status", text(status)));
        values.push((":tries", number(claim.attempts + 1)));
        self.move_on(&claim.id, claim.version, (expression, &values)).await
    }

    /// Changes an entry that is still at `version`.
    async fn move_on(
        &self,
        id: &str,
        version: u64,
        (expression, values): (&str, &[(&str, aws_sdk_dynamodb::types::AttributeValue)]),
    ) -> Result<bool, StoreError> {
        let mut update = self
            .dynamo
            .update_item()
            .table_name(STATE)
            .set_key(Some(keyed(&schema::outbox_key(id))))
            .update_expression(format!("{expression} ADD #ver :one"))
            .condition_expression("#ver = :ver")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":ver", number(version))
            .expression_attribute_names("#ver", VERSION);
        let names = [
            ("#due", DUE),
            ("#status", STATUS),
            ("#tries", TRIES),
            ("#why", PROBLEM),
            ("#x", EXPIRES),
            ("#queue", QUEUE),
        ];
        // DynamoDB refuses a name that its expression does not use.
        for (name, attribute) in names.into_iter().filter(|(name, _)| expression.contains(name)) {
            update = update.expression_attribute_names(name, attribute);
        }
        for (name, value) in values {
            update = update.expression_attribute_values(*name, value.clone());
        }
        won(update.send().await)
    }
}

#[cfg(test)]
mod tests;
