//! The list in order, read from partitions that are each in order.
//!
//! A day lies in several partitions. Their heads are compared and the newest is taken, a partition being asked for more
//! when its buffer is empty, some days after others back in time until the page is full, the filter's beginning is reached, or enough
//! was looked at.
//!
//! **Invariant.** The cursor is the place of the last item that was looked at, whether it matched or not.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;

use super::{Cursor, Page, timeout};
use crate::{
    domain::timeout::{Filter, Timeout},
    store::{
        Store, StoreError,
        item::{Row, failed, text},
        schema::{
            self, BY_DEADLINE, BY_FUNCTION, DAY_SHARDS,
            attribute::{DAY, FUNCTION_DAY, PLACE},
        },
    },
};

/// Most items that one page looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Most items that one request asks a partition for.
const ASKED_AT_ONCE: usize = 200;

/// Most days whose partitions are asked at the same time.
const DAYS_AT_ONCE: usize = 8;

/// Reads one page.
pub(super) async fn newest(
    store: &Store,
    filter: &Filter,
    (cursor, limit): (Option<&Cursor>, usize),
) -> Result<Page, StoreError> {
    // The least text beyond every place before `to`: places of that very instant sort after it.
    let mut before = format!("{:015}", filter.to.0.clamp(0, 999_999_999_999_999));
    if let Some(cursor) = cursor.filter(|it| it.0 < before) {
        before.clone_from(&cursor.0);
    }
    let newest_day = cursor.and_then(Cursor::deadline).map_or(filter.to, |it| it.min(filter.to));
    let (last, first) = (schema::day(newest_day), schema::day(filter.from));
    let mut page = Page { items: Vec::new(), with_tail: Vec::new(), next: None };
    let mut looked_at = 0;
    let asked = limit.clamp(1, ASKED_AT_ONCE);
    let days = store.days(first, last).await?;
    let (mut rest, mut at_once) = (days.as_slice(), 1);
    while !rest.is_empty() {
        let (some, others) = rest.split_at(at_once.min(rest.len()));
        let mut partitions = partitions(store, filter, some, &before);
        while let Some((place, (timeout, has_tail))) = take_newest(&mut partitions, asked).await? {
            looked_at += 1;
            if timeout.deadline() < filter.from {
                return Ok(Page { next: None, ..page });
            }
            if filter.covers(&timeout) {
                if has_tail {
                    page.with_tail.push(page.items.len());
                }
                page.items.push(timeout);
            }
            if page.items.len() >= limit || looked_at >= LOOKED_AT_MAX {
                page.next = Some(Cursor(place));
                return Ok(page);
            }
        }
        // The further back, the more likely that nothing matches: ask for more days at once.
        (rest, at_once) = (others, (at_once * 2).min(DAYS_AT_ONCE));
    }
    Ok(page)
}

/// One partition, being read from its newest item back.
struct Partition<'a> {
    store: &'a Store,
    index: &'static str,
    key: (&'static str, String),
    before: String,
    buffer: VecDeque<(String, (Timeout, bool))>,
    ended: bool,
    from: Option<HashMap<String, AttributeValue>>,
}

fn partitions<'a>(
    store: &'a Store,
    filter: &Filter,
    days: &[i64],
    before: &str,
) -> Vec<Partition<'a>> {
    let partition = |(index, attribute, value)| Partition {
        store,
        index,
        key: (attribute, value),
        before: before.to_owned(),
        buffer: VecDeque::new(),
        ended: false,
        from: None,
    };
    match filter.one_function() {
        Some(function) => days
            .iter()
            .map(|day| (BY_FUNCTION, FUNCTION_DAY, schema::function_day(&function, *day)))
            .map(partition)
            .collect(),
        None => days
            .iter()
            .flat_map(|day| (0..DAY_SHARDS).map(move |shard| schema::fleet_day(*day, shard)))
            .map(|key| partition((BY_DEADLINE, DAY, key)))
            .collect(),
    }
}

async fn take_newest(
    partitions: &mut [Partition<'_>],
    asked: usize,
) -> Result<Option<(String, (Timeout, bool))>, StoreError> {
    try_join_all(partitions.iter_mut().map(|it| it.refill(asked))).await?;
    let heads = partitions.iter_mut().filter(|it| !it.buffer.is_empty());
    let newest = heads.max_by(|one, other| {
        one.buffer.front().map(|it| &it.0).cmp(&other.buffer.front().map(|it| &it.0))
    });
    Ok(newest.and_then(|it| it.buffer.pop_front()))
}

impl Partition<'_> {
    async fn refill(&mut self, asked: usize) -> Result<(), StoreError> {
        while self.buffer.is_empty() && !self.ended {
            let query = self
                .store
                .dynamo
                .query()
                .table_name(self.store.state_table())
                .index_name(self.index)
                .scan_index_forward(false)
                .key_condition_expression("#key = :key AND #at < :before")
                .expression_attribute_names("#key", self.key.0)
                .expression_attribute_names("#at", PLACE)
                .expression_attribute_values(":key", text(&self.key.1))
                .expression_attribute_values(":before", text(&self.before))
                .limit(i32::try_from(asked).unwrap_or(i32::MAX))
                .set_exclusive_start_key(self.from.take());
            let answer = query.send().await.map_err(failed)?;
            self.from = answer.last_evaluated_key;
            self.ended = self.from.is_none();
            for item in answer.items.unwrap_or_default() {
                let row = Row(item);
                let place = row.text(PLACE)?.to_owned();
                let entry = self.store.unless_corrupt(timeout(&row))?;
                self.buffer.extend(entry.map(|it| (place, it)));
            }
        }
        Ok(())
    }
}
