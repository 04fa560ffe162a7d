//! Alert state, and the one step that changes it.
//!
//! State and the messages a change owes are written in one transaction under the state's version, so a transition
//! enqueues exactly once however many evaluate at the same time.
//!
//! A function's alerts are one item, a [`Book`]. Whatever is pending or firing wants to be looked at again some time, so all of
//! it stands in an index: [`Store::open_alerts`] lists the keys of every function that has an alert, and
//! [`Store::alert_state`] reads its book. What an alert was before is written with it, as its [episodes](super::episodes).
//!
//! What a function's step says to groups is written with its book, as items of the function's own: see [`groups`](super::groups).
//!
//! **Invariant.** An outbox entry exists if and only if the state that owes it was written.

mod open;

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, builders::PutBuilder};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::yield_now, time::sleep};

use crate::{
    chance::share,
    domain::alert::{
        Remembered,
        book::{Advance, Book},
        group::{GroupId, Known, Mark},
    },
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, text, won},
        outbox::entry::Entry,
        schema::{
            self, ALERTS_QUEUE, BY_DUE,
            attribute::{DUE, QUEUE, VALUE, VERSION},
        },
    },
};

/// What a decision makes of a state.
#[derive(Debug, Clone, Default)]
pub struct Step<S> {
    pub state: S,
    /// When the state wants to be looked at again though nothing happened: it turns up in [`Store::waking_alerts`] then.
    pub wake: Option<EpochMillis>,
    /// What must be sent because of it. All of it is written at once, so there is less than a transaction takes.
    pub entries: Vec<Entry>,
    /// What is said to groups.
    pub marks: Vec<Mark>,
    /// Groups that must be known first: nothing is written, and the decision is made anew.
    pub asks: BTreeSet<GroupId>,
    /// Whether there is more to be written, which the same decision brings once this is.
    pub more: bool,
    /// Episodes that opened or ended.
    pub episodes: Vec<Remembered>,
}

impl From<Advance> for Step<Book> {
    fn from(advance: Advance) -> Self {
        let Advance { book, wake, owed, episodes, marks, asks, more } = advance;
        let entries = owed.into_iter().map(Entry::from).collect();
        Self { state: book, wake, entries, episodes, marks, asks, more }
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stepped {
    /// The ids of the entries that wait to be sent.
    pub enqueued: Vec<String>,
    /// Groups that what was said to them may open.
    pub opening: BTreeSet<GroupId>,
}

/// Which alerts: those of a function are in one [`Book`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlertKey {
    /// Without `#`.
    pub rule: String,
    pub function: FunctionKey,
}

impl AlertKey {
    /// Where a function's alerts stand.
    pub fn of(function: &FunctionKey) -> Self {
        Self { rule: schema::BOOK.to_owned(), function: function.clone() }
    }
}

/// A state as it stands.
struct Standing<S> {
    state: S,
    wake: Option<EpochMillis>,
    version: u64,
}

/// How often a step is tried against others that are faster.
const TRIES: u32 = 20;
/// The longest pause before the second try; it doubles up to a limit.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);

impl Store {
    /// Moves an alert on: reads its state (or the default), lets `decide` make a step of it, and writes the state and what
    /// it owes together. Starts over, after a moment, when somebody else was first or in the way. Writes nothing when the step
    /// changes nothing and owes nothing.
    pub async fn step_alert<S, D>(&self, key: &AlertKey, decide: D) -> Result<Stepped, StoreError>
    where
        S: Serialize + DeserializeOwned + Default + PartialEq + Send + Sync,
        D: Fn(&S, &Known) -> Step<S> + Send + Sync,
    {
        let mut stepped = Stepped::default();
        let mut tried = 0;
        while tried < TRIES {
            let standing = self.alert(key).await?;
            let mut step = decide(&standing.state, &Known::new());
            if !step.asks.is_empty() {
                step = decide(&standing.state, &self.known_groups(&step.asks).await?);
            }
            let moved = step.state != standing.state || step.wake != standing.wake;
            if !moved && step.entries.is_empty() && step.marks.is_empty() {
                return Ok(stepped);
            }
            if self.write_step(key, &step, standing.version).await? {
                let more = step.more;
                stepped.add(step);
                if !more {
                    return Ok(stepped);
                }
                tried = 0;
                continue;
            }
            // Whoever was in our way is not alone, and all would come back in step.
            rest(pause(tried, (self.chance)())).await;
            tried += 1;
        }
        Err(StoreError::Stale(format!("the alert {} of {}", key.rule, key.function.name)))
    }

    /// An alert's state as it stands, or the default.
    pub async fn alert_state<S: DeserializeOwned + Default>(
        &self,
        key: &AlertKey,
    ) -> Result<S, StoreError> {
        Ok(self.alert(key).await?.state)
    }

    async fn alert<S: DeserializeOwned + Default>(
        &self,
        key: &AlertKey,
    ) -> Result<Standing<S>, StoreError> {
        let item = keyed(&schema::alert_key(&key.rule, &key.function));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(item));
        let Some(item) = get.consistent_read(true).send().await.map_err(failed)?.item else {
            return Ok(Standing { state: S::default(), wake: None, version: 0 });
        };
        let row = Row(item);
        Ok(Standing {
            state: row.json(VALUE)?,
            wake: row.optional(DUE)?.map(EpochMillis),
            version: row.number(VERSION)?,
        })
    }

    async fn write_step<S: Serialize>(
        &self,
        key: &AlertKey,
        step: &Step<S>,
        version: u64,
    ) -> Result<bool, StoreError> {
        let mut item = keyed(&schema::alert_key(&key.rule, &key.function));
        item.insert(VALUE.to_owned(), json(&step.state)?);
        item.insert(VERSION.to_owned(), number(version + 1));
        if let Some(wake) = step.wake {
            item.insert(QUEUE.to_owned(), text(ALERTS_QUEUE));
            item.insert(DUE.to_owned(), number(wake.0));
        }
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(item))
            .expression_attribute_names("#ver", VERSION);
        let put = if version == 0 {
            put.condition_expression("attribute_not_exists(#ver)")
        } else {
            put.condition_expression("#ver = :ver")
                .expression_attribute_values(":ver", number(version))
        };
        let mut write = self.dynamo.transact_write_items().transact_items(action(put)?);
        for entry in &step.entries {
            let put = Put::builder()
                .table_name(self.state_table())
                .set_item(Some(entry.item(self.retention.messages)));
            write = write.transact_items(action(put)?);
        }
        for mark in &step.marks {
            let put = Put::builder().table_name(self.state_table());
            let put = put.set_item(Some(Self::mark_item(mark)?));
            write = write.transact_items(action(put)?);
        }
        for episode in &step.episodes {
            let item = self.episode_item(episode)?;
            let put = Put::builder().table_name(self.state_table()).set_item(Some(item));
            write = write.transact_items(action(put)?);
        }
        won(write.send().await)
    }

    /// Alerts whose `wake` has come, earliest first, at most `limit`.
    pub async fn waking_alerts(
        &self,
        now: EpochMillis,
        limit: usize,
    ) -> Result<Vec<AlertKey>, StoreError> {
        let due = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .index_name(BY_DUE)
            .key_condition_expression("#queue = :queue AND #due <= :now")
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_names("#due", DUE)
            .expression_attribute_values(":queue", text(ALERTS_QUEUE))
            .expression_attribute_values(":now", number(now.0))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let items = due.send().await.map_err(failed)?.items.unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| self.unless_corrupt(open::key(&Row(item))).transpose())
            .collect()
    }
}

impl Stepped {
    fn add<S>(&mut self, step: Step<S>) {
        let waiting = step.entries.into_iter().filter(|it| it.suppressed.is_none());
        self.enqueued.extend(waiting.map(|it| it.id));
        let opening = step.marks.into_iter().filter(|it| it.may_open);
        self.opening.extend(opening.map(|it| it.group));
    }
}

/// How long to wait after so many tries, up to a limit that grows: where in between, `draw` says.
pub(super) fn pause(tried: u32, draw: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tried.min(10)).min(PAUSE_MAX);
    most.mul_f64(share(draw))
}

/// Waits so long; where it is no time at all, only until others have had their turn, which no clock decides.
pub(super) async fn rest(pause: Duration) {
    if pause.is_zero() { yield_now().await } else { sleep(pause).await }
}

pub(super) fn action(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
