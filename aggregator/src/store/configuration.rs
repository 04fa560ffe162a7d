//! What operators decide, and who decided what.
//!
//! Every change of anything raises one revision, in the same transaction. So changes are made one after the other, a version is
//! never used twice, also not after a deletion, and whoever holds a copy learns with one small read that it is still true.
//! Changes are rare; evaluations, which read the copy, are not.
//!
//! **Invariant.** A record of a change exists if and only if the change was made. There are no secrets here, only references.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use overtime_wire::EpochMillis;
use serde_json::Value;

use crate::{
    domain::configuration::{
        Change, Configuration, Entity, Expects, Id, Kind, Versioned,
        audit::{Action, Record},
        defaults,
    },
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, text, won},
        schema::{
            self, AUDIT_LIVE, CONFIGURATION, REVISION, SILENCES_LIVE,
            attribute::{ACCEPTED, AUTHOR, EXPIRES, PK, SK, VALUE, VERSION},
        },
    },
};

/// How long a copy is believed without asking whether it is still true.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// A change that meets others is tried so many times.
const TRIES: u32 = 10;
/// How many changes go into one transaction: each is two items, and all of them fit into what DynamoDB takes at once.
const TOGETHER_MAX: usize = 30;
/// Who makes changes that nobody asked for.
pub const OURSELVES: &str = "overtime";

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// It is not what the change took for granted.
    #[error("{} {id} is not what it was", kind.as_str())]
    Moved { kind: Kind, id: Id, now: Option<Box<Versioned<Entity>>> },
    /// The configuration as a whole is not what it was.
    #[error("the configuration has changed")]
    MovedOn,
    #[error("there are {} {}s, and no more are allowed", kind.limit(), kind.as_str())]
    TooMany { kind: Kind },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A copy, and when it was last found to be true.
#[derive(Debug)]
struct Held {
    at: EpochMillis,
    configuration: Arc<Configuration>,
}

/// What this process remembers of the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy {
    held: Arc<Mutex<Option<Held>>>,
    /// Whether the environment names a webhook.
    environment: bool,
}

/// One part of a change that is to be made.
struct Part<'a> {
    change: &'a Change,
    before: Option<Versioned<Entity>>,
}

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// As the door that took it knows them.
    pub author: &'a str,
    pub at: EpochMillis,
}

impl Store {
    /// The same store, in whose configuration there is what the environment's webhook needs.
    #[must_use]
    pub fn with_environment(mut self, names_webhook: bool) -> Self {
        self.configuration = Copy { held: Arc::default(), environment: names_webhook };
        self
    }

    /// The configuration, at most a few seconds old: for evaluations.
    pub async fn configuration(&self, now: EpochMillis) -> Result<Arc<Configuration>, StoreError> {
        let held = self.held();
        if let Some(held) = &held
            && now < held.at.plus(BELIEVED_FOR)
            && now >= held.at
        {
            return Ok(Arc::clone(&held.configuration));
        }
        let revision = self.revision().await?;
        let configuration = match held {
            Some(held) if held.configuration.revision == revision => held.configuration,
            _ => Arc::new(self.read_configuration(revision).await?),
        };
        self.hold(Some(Held { at: now, configuration: Arc::clone(&configuration) }));
        Ok(configuration)
    }

    /// The configuration as it stands: for whoever changes it.
    pub async fn configuration_now(&self) -> Result<Configuration, StoreError> {
        self.read_configuration(self.revision().await?).await
    }

    /// Writes the default subscriptions, if nothing was ever configured here.
    pub async fn ensure_defaults(&self, now: EpochMillis) -> Result<(), StoreError> {
        if self.revision().await? > 0 {
            return Ok(());
        }
        let changes = defaults().into_iter().map(|it| Change {
            kind: Kind::Subscription,
            id: it.id.clone(),
            to: Some(Entity::Subscription(it)),
            expects: Expects::Nothing,
        });
        let changes: Vec<_> = changes.collect();
        let parts: Vec<_> = changes.iter().map(|change| Part { change, before: None }).collect();
        // Whoever was first has written the same.
        self.write_changes(0, &parts, By { author: OURSELVES, at: now }).await?;
        Ok(())
    }

    /// Makes changes, or none of them: all if there are few, else in order, some at a time. What is already as it shall be is left
    /// alone. `of` is the revision that they were made for, where that matters. Returns the configuration after them.
    pub async fn change(
        &self,
        changes: &[Change],
        of: Option<u64>,
        by: By<'_>,
    ) -> Result<Configuration, NotChanged> {
        self.ensure_defaults(by.at).await?;
        for tried in 0..TRIES {
            let standing = self.configuration_now().await?;
            if of.is_some_and(|it| it != standing.revision) {
                return Err(NotChanged::MovedOn);
            }
            let parts = parts(&standing, changes, by.at)?;
            let Some(first) = parts.chunks(TOGETHER_MAX).next() else { return Ok(standing) };
            if !self.write_changes(standing.revision, first, by).await? {
                tokio::time::sleep(Duration::from_millis(20) * (tried + 1)).await;
                continue;
            }
            let mut revision = standing.revision + 1;
            for more in parts.chunks(TOGETHER_MAX).skip(1) {
                if !self.write_changes(revision, more, by).await? {
                    return Err(NotChanged::MovedOn);
                }
                revision += 1;
            }
            return Ok(self.read_configuration(revision).await?);
        }
        Err(StoreError::Stale("the configuration".to_owned()).into())
    }

    fn held(&self) -> Option<Held> {
        let held = self.configuration.held.lock().ok()?;
        held.as_ref().map(|it| Held { at: it.at, configuration: Arc::clone(&it.configuration) })
    }

    fn hold(&self, held: Option<Held>) {
        if let Ok(mut place) = self.configuration.held.lock() {
            *place = held;
        }
    }

    pub(super) async fn revision(&self) -> Result<u64, StoreError> {
        let key = schema::configuration_key(REVISION);
        let get = self.dynamo.get_item().table_name(self.state_table()).consistent_read(true);
        let get = get.key(PK, text(key.pk)).key(SK, text(key.sk));
        match get.send().await.map_err(failed)?.item {
            Some(item) => Row(item).number(VERSION),
            None => Ok(0),
        }
    }

    /// Everything there is. `revision` was read before, so that at least its changes are in it.
    async fn read_configuration(&self, revision: u64) -> Result<Configuration, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(CONFIGURATION))
            .into_paginator()
            .items()
            .send();
        let mut configuration = Configuration { revision, ..Configuration::default() };
        while let Some(item) = items.next().await {
            let row = Row(item.map_err(failed)?);
            if row.text(SK)? == REVISION {
                continue;
            }
            if let Some(entity) = self.unless_corrupt(entity(&row))? {
                configuration.put(entity);
            }
        }
        let environment = self.configuration.environment;
        Ok(if environment { configuration.with_environment() } else { configuration })
    }

    /// Whether they were made: not where the revision is another.
    async fn write_changes(
        &self,
        revision: u64,
        parts: &[Part<'_>],
        by: By<'_>,
    ) -> Result<bool, StoreError> {
        let next = revision + 1;
        let mut write = self.dynamo.transact_write_items();
        write = write.transact_items(self.raise_revision(revision)?);
        for (place, part) in parts.iter().enumerate() {
            write = write.transact_items(self.write_part(part, next, by)?);
            write = write.transact_items(self.write_record(part, (next, place), by)?);
        }
        let written = won(write.send().await)?;
        self.hold(None);
        Ok(written)
    }

    fn raise_revision(&self, from: u64) -> Result<TransactWriteItem, StoreError> {
        let key = schema::configuration_key(REVISION);
        let update = Update::builder()
            .table_name(self.state_table())
            .key(PK, text(key.pk))
            .key(SK, text(key.sk))
            .update_expression("SET #ver = :next")
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_values(":next", number(from + 1));
        let update = if from == 0 {
            update.condition_expression("attribute_not_exists(#ver)")
        } else {
            let update = update.condition_expression("#ver = :ver");
            update.expression_attribute_values(":ver", number(from))
        };
        let update = update.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn write_part(
        &self,
        part: &Part<'_>,
        version: u64,
        by: By<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let Change { kind, id, to, .. } = part.change;
        let key = schema::configuration_key(&schema::entity_sk(*kind, id.as_str()));
        let Some(entity) = to else {
            let delete = Delete::builder()
                .table_name(self.state_table())
                .key(PK, text(key.pk))
                .key(SK, text(key.sk))
                .build()
                .map_err(|error| StoreError::Refused(Box::new(error)))?;
            return Ok(TransactWriteItem::builder().delete(delete).build());
        };
        let mut item = keyed(&key);
        item.insert(VALUE.to_owned(), json(entity)?);
        item.insert(VERSION.to_owned(), number(version));
        item.insert(ACCEPTED.to_owned(), number(by.at.0));
        item.insert(AUTHOR.to_owned(), text(by.author));
        if let Entity::Silence(silence) = entity {
            let until = schema::expires(silence.ends().plus(SILENCES_LIVE));
            item.insert(EXPIRES.to_owned(), number(until));
        }
        self.put(item)
    }

    fn write_record(
        &self,
        part: &Part<'_>,
        (revision, place): (u64, usize),
        by: By<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let Change { kind, id, to, .. } = part.change;
        let record = Record {
            revision,
            at: by.at,
            by: by.author.to_owned(),
            action: Action::of(part.before.is_some(), to.is_some()),
            kind: (*kind).into(),
            id: id.to_string(),
            before_version: part.before.as_ref().map(|it| it.version),
            after_version: to.is_some().then_some(revision),
            before: part.before.as_ref().map(|it| value_of(&it.value)).transpose()?,
            after: to.as_ref().map(value_of).transpose()?,
        };
        let mut item = keyed(&schema::audit_key(revision, place));
        item.insert(VALUE.to_owned(), json(&record)?);
        item.insert(EXPIRES.to_owned(), number(schema::expires(by.at.plus(AUDIT_LIVE))));
        self.put(item)
    }

    fn put(&self, item: super::item::Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(self.state_table()).set_item(Some(item));
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

fn value_of(entity: &Entity) -> Result<Value, StoreError> {
    serde_json::to_value(entity).map_err(|error| StoreError::Refused(Box::new(error)))
}

/// What is to be written, if all of it may be.
fn parts<'a>(
    standing: &Configuration,
    changes: &'a [Change],
    now: EpochMillis,
) -> Result<Vec<Part<'a>>, NotChanged> {
    let mut after = standing.clone();
    let mut parts = Vec::new();
    for change in changes {
        let before = after.entity(change.kind, &change.id);
        let holds = match (change.expects, &before) {
            (Expects::Anything, _) | (Expects::Nothing, None) => true,
            (Expects::Version(version), Some(it)) => it.version == version,
            (Expects::Nothing, Some(_)) | (Expects::Version(_), None) => false,
        };
        if !holds || before.as_ref().is_some_and(Versioned::is_built_in) {
            let (kind, id) = (change.kind, change.id.clone());
            return Err(NotChanged::Moved { kind, id, now: before.map(Box::new) });
        }
        if before.as_ref().map(|it| &it.value) == change.to.as_ref() {
            continue;
        }
        after.take(change.kind, &change.id);
        if let Some(to) = &change.to {
            after.put(Versioned {
                value: to.clone(),
                version: u64::MAX,
                updated_at: now,
                updated_by: String::new(),
            });
            if after.count(change.kind, now) > change.kind.limit() {
                return Err(NotChanged::TooMany { kind: change.kind });
            }
        }
        parts.push(Part { change, before });
    }
    Ok(parts)
}

/// An entity as its item holds it.
fn entity(row: &Row) -> Result<Versioned<Entity>, StoreError> {
    let kind = schema::parse_entity_sk(row.text(SK)?);
    let kind = kind.ok_or_else(|| row.corrupt(SK, "names nothing that we know"))?;
    let value: Value = row.json(VALUE)?;
    Ok(Versioned {
        value: kind.read(&value, None).map_err(|faults| row.corrupt(VALUE, faults))?,
        version: row.number(VERSION)?,
        updated_at: EpochMillis(row.number(ACCEPTED)?),
        updated_by: row.text(AUTHOR)?.to_owned(),
    })
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
