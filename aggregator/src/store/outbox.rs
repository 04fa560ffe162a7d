//! Messages that wait to be delivered.
//!
//! ```text
//!   waiting ──claim──▶ claimed ──settle──▶ delivered | dead | suppressed
//!      ▲                  │                     │
//!      ├──────────────────┘ settle to retry,    │
//!      │                    or the lease ends   │
//!      └────────────────────────────────────────┘ replay
//! ```
//!
//! Delivery is at least once: an entry is claimed by a lease, so that two do not send it at the same time, and settled
//! under that lease. A claimed entry is due again when its lease ends, so whoever dies with a claim leaves nothing behind.
//!
//! Entries of one episode to one channel are a lane: one of them is given out only when all before it are settled, because a
//! resolution must not overtake what it resolves.
//!
//! **Invariant.** An entry leaves the due index only by being delivered, given up for dead or suppressed, and each of them says so for
//! as long as messages are kept.

pub mod entry;
pub mod lane;
pub mod overflow;
pub mod reading;

use std::time::Duration;

use futures::future::try_join_all;
use overtime_wire::EpochMillis;

use self::{
    entry::{Claim, Claimed, Settlement},
    lane::Lane,
};
use crate::{
    domain::delivery::record,
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, text, won},
        schema::{
            self, BY_DUE,
            attribute::{
                COUNT, DUE, EXPIRES, LINES, LOG, PIN, PK, PROBLEM, QUEUE, SEALED, SK, STATUS,
                TRIES, VERSION,
            },
        },
    },
};

/// How long one that has to wait for another waits at least before it is looked at again.
const BEHIND: Duration = Duration::from_secs(1);
/// Counts of what a channel got in a minute are of no use after it.
const RATES_LIVE: Duration = Duration::from_hours(1);
/// The longest problem that is kept, in characters.
const PROBLEM_MAX: usize = 1_000;

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
        let queues = schema::outbox::queues().map(|queue| {
            self.dynamo
                .query()
                .table_name(self.state_table())
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
                let id = schema::outbox::parse(row.text(PK)?, row.text(SK)?);
                let id = id.ok_or_else(|| row.corrupt(SK, "names no message"));
                let Some(id) = self.unless_corrupt(id)? else { continue };
                due.push((EpochMillis(row.number(DUE)?), id.to_owned()));
            }
        }
        due.sort();
        Ok(due)
    }

    /// Takes an entry for `lease`, if it is due, nobody else has it, and none before it is on its way.
    pub async fn claim(
        &self,
        id: &str,
        now: EpochMillis,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let lane = self.lane(id).await?;
        let Some(item) = lane.item(id) else { return Ok(Claimed::No) };
        let row = Row(item.clone());
        if row.optional::<i64>(DUE)?.is_none_or(|due| due > now.0) {
            return Ok(Claimed::No);
        }
        let version: u64 = row.number(VERSION)?;
        if let Some(until) = lane.before(id) {
            let until = until.max(now.plus(BEHIND));
            let values = [(":due", number(until.0))];
            self.move_on(id, version, ("SET #due = :due", &values)).await?;
            return Ok(Claimed::Behind { until });
        }
        let values = [(":due", number(now.plus(lease).0)), (":status", text("claimed"))];
        if !self.move_on(id, version, ("SET #due = :due, #status = :status", &values)).await? {
            return Ok(Claimed::No);
        }
        Ok(Claimed::Yours(Box::new(Claim::of(&row, &lane, version + 1)?)))
    }

    /// Says how the attempt ended. `false` when the lease was over and somebody else has it.
    pub async fn settle(&self, claim: &Claim, how: Settlement) -> Result<bool, StoreError> {
        let Settlement { ending, record } = how;
        let mut sets = vec!["#status = :status", "#tries = :tries", "#log = :log"];
        let tries = claim.attempts + u32::from(record.is_some());
        let mut records = claim.records.clone();
        if let Some(record) = record {
            record::add(&mut records, record);
        }
        let mut values = vec![
            (":status", text(ending.status())),
            (":tries", number(tries)),
            (":log", json(&records)?),
        ];
        let mut removes = Vec::new();
        // Not every DynamoDB takes an empty text, so where there is no problem there is no attribute.
        if let Some(problem) = ending.problem() {
            let problem: String = problem.chars().take(PROBLEM_MAX).collect();
            sets.push("#why = :why");
            values.push((":why", text(if problem.is_empty() { "unknown" } else { &problem })));
        } else {
            removes.push("#why");
        }
        if let Some(pin) = ending.pin() {
            sets.push("#pin = :pin");
            values.push((":pin", text(pin)));
        }
        if let Some(due) = ending.due() {
            sets.push("#due = :due");
            values.push((":due", number(due.0)));
        } else {
            let kept_until = ending.at().plus(self.retention.messages);
            sets.push("#x = :x");
            values.push((":x", number(schema::expires(kept_until))));
            removes.extend(["#queue", "#due"]);
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression = format!("{expression} REMOVE {}", removes.join(", "));
        }
        self.move_on(&claim.id, claim.version, (&expression, &values)).await
    }

    /// The next of the lane, if it waits only for its turn: it is due from now on. For whoever has settled the one before it.
    pub async fn release(&self, id: &str, now: EpochMillis) -> Result<Option<String>, StoreError> {
        let lane = self.lane(id).await?;
        let Some((next, item)) = lane.next() else { return Ok(None) };
        let row = Row(item.clone());
        let untouched = row.text(STATUS)? == "waiting" && row.number::<u32>(TRIES)? == 0;
        if !untouched {
            return Ok(None);
        }
        if row.number::<i64>(DUE)? > now.0 {
            let values = [(":due", number(now.0))];
            if !self.move_on(&next, row.number(VERSION)?, ("SET #due = :due", &values)).await? {
                return Ok(None);
            }
        }
        Ok(Some(next))
    }

    /// Everything in the lane of a delivery.
    async fn lane(&self, id: &str) -> Result<Lane, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(schema::outbox::pk(id)))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(item.map_err(failed)?);
        }
        Lane::of(found)
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
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::key(id))))
            .update_expression(format!("{expression} ADD #ver :one"))
            .condition_expression("#ver = :ver")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":ver", number(version))
            .expression_attribute_names("#ver", VERSION);
        for (name, attribute) in names_in(expression) {
            update = update.expression_attribute_names(name, attribute);
        }
        for (name, value) in values {
            update = update.expression_attribute_values(*name, value.clone());
        }
        won(update.send().await)
    }
}

/// The names that an expression uses: DynamoDB refuses one that it does not.
fn names_in(expression: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = [
        ("#due", DUE),
        ("#status", STATUS),
        ("#tries", TRIES),
        ("#why", PROBLEM),
        ("#x", EXPIRES),
        ("#queue", QUEUE),
        ("#log", LOG),
        ("#pin", PIN),
        ("#c", COUNT),
        ("#lines", LINES),
        ("#sealed", SEALED),
    ];
    let words: Vec<&str> = expression.split([' ', ',']).collect();
    let used: Vec<_> = names.into_iter().filter(|(name, _)| words.contains(name)).collect();
    used.into_iter()
}

#[cfg(test)]
mod tests;
