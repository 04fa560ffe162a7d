//! What must survive us: facts, the views made of them, alerts and the messages they owe.
//!
//! There is one implementation, over the DynamoDB SDK; on a laptop the SDK talks to an engine embedded in this process,
//! and nothing here or above can tell. Everything is idempotent: a condition lets the better write win, so any of them may
//! be repeated, and a crash between two is repaired by doing both again.
//!
//! The methods of [`Store`] are spread over the modules below, one per kind of item:
//!
//! | module | what |
//! |---|---|
//! | [`schema`] | every table, key, attribute and index, and nothing else that knows their names |
//! | [`facts`] | `record`, `tallies`, `verdicts` |
//! | [`blocks`] | `put_part`, `blocks` |
//! | [`timeouts`] | `put_timeout`, `timeouts`, `timeout`, `join_log_tails` |
//! | [`hours`] | `put_hour`, `hours` |
//! | [`functions`] | `put_summary`, `summary` |
//! | `fleet` | `fleet`, `fleet_lately`: every function's row |
//! | [`histories`] | `learn`, `history` |
//! | [`totals`] | `put_total`, `fleet_totals` |
//! | [`alerts`] | `step_alert`, `waking_alerts`, `open_alerts` |
//! | [`groups`] | `step_group`, `due_groups`, `group` |
//! | [`episodes`] | `episodes`, `episodes_of`, `episode` |
//! | [`outbox`] | `due_entries`, `claim`, `settle`, `release`, `next_due`, `enqueue`, `replay`, `fold`, `seal`, `deliveries` |
//! | [`listed`] | lists that are kept by day: messages, episodes |
//! | [`configuration`] | `configuration`, `change`, `ensure_defaults` |
//! | [`audit`] | `audit` |
//! | [`inventory`] | `inventories`, `put_inventory`, `forget_inventory` |
//! | [`emissions`] | `emit_up_to` |
//! | [`meters`] | `meter`, `put_meter` |
//! | [`rejections`] | `add_rejections`, `rejections` |
//! | [`wakes`] | `put_wake`, `due_wakes`, `settle_wake` |
//! | [`changes`], [`checkpoints`] | the facts table's stream, and how far it has been followed |
//! | `views` | how whatever is made of facts is written under its basis |
//! | [`retention`] | how long what is kept is kept |
//! | [`access`], [`embedded`], [`tables`] | how to reach a DynamoDB, the one in this process, and making the tables |
//!
//! **Invariant.** No clock and no dice: `now` is an argument, and so is what pauses are drawn from. The store never sees the channels.

pub mod access;
pub mod alerts;
pub mod audit;
pub mod blocks;
#[cfg(feature = "embedded")]
pub mod changes;
#[cfg(feature = "embedded")]
pub mod checkpoints;
pub mod configuration;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod emissions;
pub mod episodes;
pub mod facts;
mod fleet;
pub mod functions;
pub mod groups;
pub mod histories;
pub mod hours;
pub mod inventory;
mod item;
#[cfg(feature = "embedded")]
#[cfg(test)]
pub(crate) mod laboratory;
pub mod listed;
pub mod meters;
pub mod outbox;
pub mod rejections;
pub mod retention;
pub mod schema;
#[cfg(feature = "embedded")]
pub mod tables;
pub mod timeouts;
pub mod totals;
mod views;
pub mod wakes;

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::{Arc, Mutex},
};

use overtime_wire::FunctionKey;

use self::{fleet::Fleet, retention::Retention};
use crate::{
    chance::{self, Chance},
    domain::history::History,
};

/// The two tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    dynamo: aws_sdk_dynamodb::Client,
    tables: Arc<Tables>,
    /// Days of the timeouts list that this process has marked, so that it marks each once.
    days: Arc<Mutex<HashSet<i64>>>,
    retention: Retention,
    /// Histories of functions as they stood when this process last saw them.
    histories: Arc<Mutex<HashMap<FunctionKey, History>>>,
    /// Every function's row as it was last read.
    fleet: Fleet,
    /// Keys of items that could not be read and were said once.
    unreadable: Arc<Mutex<HashSet<String>>>,
    configuration: configuration::Copy,
    /// What pauses between tries are drawn from.
    chance: Chance,
    /// Whether an OpenTelemetry receiver wants to hear of timeouts.
    has_receiver: bool,
}

/// More unreadable items than this are not told apart: the log is not the place for them any more.
const UNREADABLE_MAX: usize = 1_000;

/// What the tables are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub facts: String,
    pub state: String,
}

impl Default for Tables {
    fn default() -> Self {
        Self { facts: schema::FACTS.to_owned(), state: schema::STATE.to_owned() }
    }
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first, and again each time it was tried. Read it again; nothing is wrong.
    #[error("{0} keeps moving on")]
    Stale(String),
    /// What was read is not something we ever write.
    #[error("unreadable item {key}: {problem}")]
    Corrupt { key: String, problem: String },
    /// It may work in a moment: no answer, a fault on the other side, or too much at once.
    #[error("the table did not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It will not work until somebody changes something: a permission, a table, or this code.
    #[error("the table refused the request")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

/// How a view is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Everything that was written before: for whoever makes views of views.
    Strong,
    /// Perhaps a moment old, at half the price: for pages.
    Eventual,
}

impl Consistency {
    fn is_strong(self) -> bool {
        self == Self::Strong
    }
}

impl Store {
    pub fn new(dynamo: aws_sdk_dynamodb::Client) -> Self {
        Self {
            dynamo,
            tables: Arc::default(),
            days: Arc::default(),
            retention: Retention::default(),
            histories: Arc::default(),
            fleet: Fleet::default(),
            unreadable: Arc::default(),
            configuration: configuration::Copy::default(),
            chance: chance::draw,
            has_receiver: false,
        }
    }

    /// The same store in tables of other names.
    #[must_use]
    pub fn in_tables(self, tables: Tables) -> Self {
        Self { tables: Arc::new(tables), ..self }
    }

    /// The same store, pausing between tries as `chance` has it.
    #[must_use]
    pub fn with_chance(self, chance: Chance) -> Self {
        Self { chance, ..self }
    }

    /// The same store, where an OpenTelemetry receiver wants to hear of timeouts, or none does.
    #[must_use]
    pub fn with_receiver(self, has_receiver: bool) -> Self {
        Self { has_receiver, ..self }
    }

    /// Whether an OpenTelemetry receiver wants to hear of timeouts.
    pub fn has_receiver(&self) -> bool {
        self.has_receiver
    }

    /// What the facts table is called.
    pub fn facts_table(&self) -> &str {
        &self.tables.facts
    }

    fn state_table(&self) -> &str {
        &self.tables.state
    }

    /// The same store, keeping what it writes for as long as `retention` says.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// How long what is written is kept.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// What was read, or nothing where it is not something we ever write: that is said once, and no reason to stop. One item that
    /// was damaged must not take with it everything that lies beside it.
    pub(crate) fn unless_corrupt<T>(
        &self,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(it) => Ok(Some(it)),
            Err(StoreError::Corrupt { key, problem }) => {
                let first = self
                    .unreadable
                    .lock()
                    .is_ok_and(|mut it| it.len() < UNREADABLE_MAX && it.insert(key.clone()));
                if first {
                    tracing::error!(key, problem, "an item cannot be read and is left out");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
