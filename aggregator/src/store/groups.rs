//! Alerts of groups, and what functions say to them.
//!
//! Thousands of functions may fail within a minute, so none of them writes the group's item. What each says is an item of its own,
//! written with its book and due at once (`mark_item`); a step reads all of a group's, writes the group's state and what it
//! owes in one transaction under the state's version, and then lets go of what it has read. Whoever dies in between leaves
//! something due, and stepping twice changes nothing.
//!
//! **Invariant.** What was said is let go of only after a step that read it.

mod reading;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Put, builders::PutBuilder};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use overtime_wire::EpochMillis;

use crate::{
    domain::{
        alert::{
            Remembered,
            group::{Advance, Group, GroupId, Known, Mark, Part, Roll, Scene, advance},
        },
        configuration::{Configuration, Subscription},
        digest,
    },
    store::{
        Store, StoreError,
        alerts::{action, pause, rest},
        item::{Item, Row, failed, json, keyed, number, text, won},
        outbox::entry::Entry,
        schema::{
            self, BY_DUE, Key,
            attribute::{DUE, EXPIRES, PK, QUEUE, SK, VALUE, VERSION},
            group::{self, GROUPS_LIVE},
        },
    },
};

/// How often a step is tried against others that are faster. Whoever gives up has lost nothing: it stays due.
const TRIES: u32 = 6;
/// How many members are let go of at the same time.
const AT_ONCE: usize = 16;
/// How many entries of the index are looked through for groups that are due.
const DUE_MAX: usize = 20_000;

/// A group as it was read.
#[derive(Debug, Default)]
struct Standing {
    group: Group,
    wake: Option<EpochMillis>,
    version: u64,
}

/// A member as it was read.
#[derive(Debug)]
struct Seen {
    sk: String,
    version: u64,
    is_due: bool,
    may_forget: bool,
}

/// What a step decides by.
#[derive(Debug, Clone, Copy)]
struct Stage<'a> {
    id: &'a GroupId,
    configuration: &'a Configuration,
    console: &'a str,
    at: EpochMillis,
}

impl Store {
    /// What a function says to a group, as an item.
    pub(super) fn mark_item(mark: &Mark) -> Result<Item, StoreError> {
        let mut item = keyed(&group::member_key(&mark.group, &mark.function));
        let value = json(&mark.part)?;
        let written = value.as_s().map(String::as_str).unwrap_or_default();
        item.insert(VERSION.to_owned(), number(digest::number(written.as_bytes())));
        item.insert(VALUE.to_owned(), value);
        item.insert(QUEUE.to_owned(), text(group::QUEUE));
        item.insert(DUE.to_owned(), number(mark.due.0));
        item.insert(EXPIRES.to_owned(), number(schema::expires(mark.due.plus(GROUPS_LIVE))));
        Ok(item)
    }

    /// Whether each of some groups is open.
    pub(super) async fn known_groups(&self, ids: &BTreeSet<GroupId>) -> Result<Known, StoreError> {
        let reads = ids.iter().map(|id| async move {
            let group = self.unless_corrupt(self.group(id).await)?;
            Ok((id.clone(), group.is_some_and(|it| it.is_open())))
        });
        Ok(try_join_all(reads).await?.into_iter().collect())
    }

    /// A group as it stands, or one that is at rest.
    pub async fn group(&self, id: &GroupId) -> Result<Group, StoreError> {
        let key = keyed(&group::state_key(id));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.consistent_read(true).send().await.map_err(failed)?.item;
        item.map_or(Ok(Group::default()), |it| Row(it).json(VALUE))
    }

    /// Groups that are due at `now`, each once.
    pub async fn due_groups(&self, now: EpochMillis) -> Result<BTreeSet<GroupId>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .index_name(BY_DUE)
            .key_condition_expression("#queue = :queue AND #due <= :now")
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_names("#due", DUE)
            .expression_attribute_values(":queue", text(group::QUEUE))
            .expression_attribute_values(":now", number(now.0))
            .into_paginator()
            .items()
            .send();
        let mut due = BTreeSet::new();
        for _ in 0..DUE_MAX {
            let Some(item) = items.next().await else { break };
            let row = Row(item.map_err(failed)?);
            let id = group::parse_pk(row.text(PK)?);
            let id = id.ok_or_else(|| row.corrupt(PK, "names no group"));
            due.extend(self.unless_corrupt(id)?);
        }
        Ok(due)
    }

    /// Steps a group that what was just said to it may open. One that is open already has time until a sweep.
    pub async fn open_group(
        &self,
        id: &GroupId,
        console: &str,
        now: EpochMillis,
    ) -> Result<Vec<String>, StoreError> {
        if self.group(id).await?.is_open() {
            return Ok(Vec::new());
        }
        self.step_group(id, console, now).await
    }

    /// Brings a group up to what its members say and to the time, and gives the ids of the entries that wait to be sent. Where
    /// others are faster each time, nothing was done, and the group stays due.
    pub async fn step_group(
        &self,
        id: &GroupId,
        console: &str,
        now: EpochMillis,
    ) -> Result<Vec<String>, StoreError> {
        for tried in 0..TRIES {
            let configuration = self.configuration(now).await?;
            let stage = Stage { id, configuration: &configuration, console, at: now };
            let (standing, seen, step) = self.decide(stage).await?;
            let moved = step.group != standing.group || step.wake != standing.wake;
            let entries: Vec<Entry> = step.owed.into_iter().map(Entry::from).collect();
            if moved || !entries.is_empty() {
                let next = (&step.group, step.wake, &step.remembered[..]);
                if !self.write_group(stage, next, (standing.version, &entries)).await? {
                    rest(pause(tried, (self.chance)())).await;
                    continue;
                }
            }
            self.let_go(id, &seen, step.group.is_open()).await?;
            let waiting = entries.into_iter().filter(|it| it.suppressed.is_none());
            return Ok(waiting.map(|it| it.id).collect());
        }
        Ok(Vec::new())
    }

    async fn decide(&self, stage: Stage<'_>) -> Result<(Standing, Vec<Seen>, Advance), StoreError> {
        let Stage { id, configuration, console, at } = stage;
        let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
        let is_it = |it: &&Subscription| it.enabled && it.id.as_str() == id.subscription;
        let subscription = { subscriptions }.find(is_it);
        let scene = Scene { configuration, subscription, console, at };
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(group::pk(id)))
            .into_paginator()
            .items()
            .send();
        let mut next = items.next().await.transpose().map_err(failed)?.map(Row);
        let first = next.take_if(|it| it.text(SK).is_ok_and(|sk| sk == group::STATE));
        let standing = first.map_or(Ok(Standing::default()), |it| Standing::of(&it))?;
        let mut roll = Roll::new(scene, &standing.group);
        let mut seen = Vec::new();
        loop {
            if let Some(row) = next {
                seen.extend(self.unless_corrupt(take_in(&row, &mut roll))?);
            }
            next = items.next().await.transpose().map_err(failed)?.map(Row);
            if next.is_none() {
                break;
            }
        }
        let roll = roll.whole();
        let mut step = advance(&scene, &standing.group, &roll, &Known::new());
        if !step.asks.is_empty() {
            let known = self.known_groups(&step.asks).await?;
            step = advance(&scene, &standing.group, &roll, &known);
        }
        Ok((standing, seen, step))
    }

    async fn write_group(
        &self,
        stage: Stage<'_>,
        (next, wake, remembered): (&Group, Option<EpochMillis>, &[Remembered]),
        (version, entries): (u64, &[Entry]),
    ) -> Result<bool, StoreError> {
        let mut item = keyed(&group::state_key(stage.id));
        item.insert(VALUE.to_owned(), json(next)?);
        item.insert(VERSION.to_owned(), number(version + 1));
        item.insert(EXPIRES.to_owned(), number(schema::expires(stage.at.plus(GROUPS_LIVE))));
        if let Some(wake) = wake {
            item.insert(QUEUE.to_owned(), text(group::QUEUE));
            item.insert(DUE.to_owned(), number(wake.0));
        }
        let put = self.put_of_group(item).expression_attribute_names("#ver", VERSION);
        let put = if version == 0 {
            put.condition_expression("attribute_not_exists(#ver)")
        } else {
            put.condition_expression("#ver = :ver")
                .expression_attribute_values(":ver", number(version))
        };
        let mut write = self.dynamo.transact_write_items().transact_items(action(put)?);
        for entry in entries {
            let put = self.put_of_group(entry.item(self.retention.messages));
            write = write.transact_items(action(put)?);
        }
        for episode in remembered {
            let put = self.put_of_group(self.episode_item(episode)?);
            write = write.transact_items(action(put)?);
        }
        won(write.send().await)
    }

    fn put_of_group(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(self.state_table()).set_item(Some(item))
    }

    /// Lets go of what was read: it is not due any more, and once the group is at rest, what is over is forgotten. What has changed
    /// meanwhile, or is being written, stays as it is.
    async fn let_go(&self, id: &GroupId, seen: &[Seen], is_open: bool) -> Result<(), StoreError> {
        let done = seen.iter().filter(|it| it.is_due || (it.may_forget && !is_open));
        let acts = done.map(|it| self.let_go_of(id, it, it.may_forget && !is_open));
        // Borrowed futures must be gathered before they are driven together.
        let acts: Vec<_> = acts.collect();
        stream::iter(acts).buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    async fn let_go_of(&self, id: &GroupId, it: &Seen, forget: bool) -> Result<(), StoreError> {
        let key = keyed(&Key { pk: group::pk(id), sk: it.sk.clone() });
        let left = if forget {
            let delete = self.dynamo.delete_item().table_name(self.state_table());
            let delete = delete
                .set_key(Some(key))
                .condition_expression("#ver = :ver")
                .expression_attribute_names("#ver", VERSION)
                .expression_attribute_values(":ver", number(it.version));
            won(delete.send().await)
        } else {
            let update = self.dynamo.update_item().table_name(self.state_table());
            let update = update
                .set_key(Some(key))
                .update_expression("REMOVE #queue, #due")
                .condition_expression("#ver = :ver")
                .expression_attribute_names("#queue", QUEUE)
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#ver", VERSION)
                .expression_attribute_values(":ver", number(it.version));
            won(update.send().await)
        };
        match left {
            // Its function is writing it at this moment, or the table is busy: it stays due.
            Ok(_) | Err(StoreError::Unavailable(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Standing {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            group: row.json(VALUE)?,
            wake: row.optional(DUE)?.map(EpochMillis),
            version: row.number(VERSION)?,
        })
    }
}

/// Adds what a member says to the roll.
fn take_in(row: &Row, roll: &mut Roll<'_>) -> Result<Seen, StoreError> {
    let sk = row.text(SK)?;
    let function = group::parse_member(sk).ok_or_else(|| row.corrupt(SK, "names no function"))?;
    let part: Part = row.json(VALUE)?;
    roll.add(&function, &part);
    Ok(Seen {
        sk: sk.to_owned(),
        version: row.number(VERSION)?,
        is_due: row.0.contains_key(DUE),
        may_forget: roll.may_forget(&part),
    })
}
