//! Alert state, and the one step that changes it.
//!
//! State and the messages a change owes are written in one transaction under the state's version, so a transition
//! enqueues exactly once however many evaluate at the same time.
//!
//! **Invariant.** An outbox entry exists if and only if the state that owes it was written.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, builders::PutBuilder};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;

use crate::{
    domain::{advance::Advance, alert::State},
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number, text, won},
        outbox::Entry,
        schema::{
            self, ALERTS_QUEUE, BY_DUE,
            attribute::{DUE, PK, QUEUE, SK, VALUE, VERSION},
        },
    },
};

/// What a decision makes of a state.
#[derive(Debug, Clone)]
pub struct Step<S> {
    pub state: S,
    /// When the state wants to be looked at again though nothing happened: it turns up in [`Store::waking_alerts`] then.
    pub wake: Option<EpochMillis>,
    /// What must be sent because of it; a handful at most.
    pub entries: Vec<Entry>,
}

impl From<Advance> for Step<State> {
    fn from(advance: Advance) -> Self {
        let entries = advance.message.into_iter();
        Self {
            state: advance.state,
            wake: advance.wake,
            entries: entries.map(|it| Entry { id: it.id, due: it.at, body: it.body }).collect(),
        }
    }
}

/// Which alert: a rule's, about a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlertKey {
    /// Without `#`.
    pub rule: String,
    pub function: FunctionKey,
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
    /// changes nothing and owes nothing. Gives the ids of the entries that were written.
    pub async fn step_alert<S, D>(
        &self,
        key: &AlertKey,
        decide: D,
    ) -> Result<Vec<String>, StoreError>
    where
        S: Serialize + DeserializeOwned + Default + PartialEq + Send + Sync,
        D: Fn(&S) -> Step<S> + Send + Sync,
    {
        for tried in 0..TRIES {
            let standing = self.alert(key).await?;
            let step = decide(&standing.state);
            let moved = step.state != standing.state || step.wake != standing.wake;
            if !moved && step.entries.is_empty() {
                return Ok(Vec::new());
            }
            if self.write_step(key, &step, standing.version).await? {
                return Ok(step.entries.into_iter().map(|it| it.id).collect());
            }
            // Whoever was in our way is not alone, and all would come back in step.
            sleep(pause(tried, getrandom::u32().unwrap_or_default())).await;
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
            let put = Put::builder().table_name(self.state_table()).set_item(Some(entry.item()));
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
        let key = |row: &Row| {
            let function = schema::parse_alert_pk(row.text(PK)?);
            let function = function.ok_or_else(|| row.corrupt(PK, "names no function"))?;
            Ok(AlertKey { rule: row.text(SK)?.to_owned(), function })
        };
        items
            .into_iter()
            .filter_map(|item| self.unless_corrupt(key(&Row(item))).transpose())
            .collect()
    }
}

/// How long to wait after so many tries, up to a limit that grows: where in between, `draw` says.
fn pause(tried: u32, draw: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tried.min(10)).min(PAUSE_MAX);
    most.mul_f64(f64::from(draw) / f64::from(u32::MAX))
}

fn action(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
