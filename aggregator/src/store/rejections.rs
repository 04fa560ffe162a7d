//! Counters of what the door refused: one item an hour, reason and caller.
//!
//! **Invariant.** Nothing is decided by them. They are the only items that are added to instead of being recomputed, so an
//! answer that is lost may be added twice, and a reader takes them for what they are: an order of magnitude with a name.

use futures::future::try_join_all;
use overtime_wire::EpochMillis;

use crate::{
    domain::{hour::Hour, rejection::Rejection},
    store::{
        Store, StoreError,
        item::{Row, failed, number, text},
        schema::{
            self, REJECTIONS_LIVE,
            attribute::{COUNT, EXPIRES, PK, SK},
        },
    },
};

impl Store {
    /// Adds to a counter.
    pub async fn add_rejections(&self, what: &Rejection, times: u64) -> Result<(), StoreError> {
        let key = schema::rejection_key(what);
        let expires = schema::expires(what.hour.start().plus(REJECTIONS_LIVE));
        let update = self
            .dynamo
            .update_item()
            .table_name(self.state_table())
            .key(PK, text(key.pk))
            .key(SK, text(key.sk))
            .update_expression("ADD #c :c SET #x = :x")
            .expression_attribute_names("#c", COUNT)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_values(":c", number(times))
            .expression_attribute_values(":x", number(expires));
        update.send().await.map_err(failed)?;
        Ok(())
    }

    /// What was refused in the hours from the one of `since` to the one of `until`, oldest first. It lags behind by what the
    /// doors have not written yet ([`GATHERED_FOR`](crate::domain::rejection::GATHERED_FOR)).
    pub async fn rejections(
        &self,
        since: EpochMillis,
        until: EpochMillis,
    ) -> Result<Vec<(Rejection, u64)>, StoreError> {
        let since = since.max(until.minus(REJECTIONS_LIVE));
        let days = schema::day(since)..=schema::day(until);
        let hours = (Hour::of(since), Hour::of(until));
        let pages = days.map(|day| self.day_of_rejections(schema::rejections_pk(day), hours));
        Ok(try_join_all(pages).await?.into_iter().flatten().collect())
    }

    async fn day_of_rejections(
        &self,
        pk: String,
        (first, last): (Hour, Hour),
    ) -> Result<Vec<(Rejection, u64)>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":first", text(schema::rejection_hour(first)))
            .expression_attribute_values(":last", text(schema::rejection_hour(last) + "~"))
            .into_paginator()
            .items()
            .send();
        let mut counts = Vec::new();
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            let what = schema::parse_rejection_sk(row.text(SK)?);
            let what = what.ok_or_else(|| row.corrupt(SK, "names no reason and caller"))?;
            counts.push((what, row.number(COUNT)?));
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::rejection::{Caller, Reason, Totals},
        store::laboratory::{Laboratory, at},
    };

    #[tokio::test]
    async fn counts_add_up_and_are_found_by_hour() {
        let lab = Laboratory::open().await;
        let account: Caller = "012345678901".parse().unwrap();
        let counted = [
            (30, Reason::Malformed, account, 7),
            (3, Reason::Clock, account, 2),
            (3, Reason::Clock, account, 3),
            (3, Reason::Clock, Caller::Loopback, 1),
            (0, Reason::Type, Caller::Unknown, 4),
        ];
        for (hours_ago, reason, caller, times) in counted {
            let hour = Hour::of(at(0).minus(Duration::from_hours(hours_ago)));
            let what = Rejection { hour, reason, caller };
            lab.store.add_rejections(&what, times).await.unwrap();
        }
        let since = |hours: u64| at(0).minus(Duration::from_hours(hours));
        let totals = |hours| {
            let read = lab.store.rejections(since(hours), at(0));
            async { read.await.unwrap().into_iter().collect::<Totals>() }
        };
        let day = totals(24).await;
        let by_reason: Vec<_> = day.by_reason.into_iter().collect();
        assert_eq!(by_reason, [(Reason::Clock, 6), (Reason::Type, 4)]);
        let by_caller: Vec<_> = day.by_caller.into_iter().collect();
        assert_eq!(by_caller, [(account, 5), (Caller::Loopback, 1), (Caller::Unknown, 4)]);
        assert_eq!(totals(31).await.by_reason[&Reason::Malformed], 7);
        assert_eq!(totals(2).await.by_reason.len(), 1);
    }
}
