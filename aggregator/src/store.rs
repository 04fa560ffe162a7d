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
//! | [`timeouts`] | `put_timeout`, `timeouts` |
//! | [`hours`] | `put_hour`, `hours` |
//! | [`functions`] | `put_summary`, `summary`, `fleet` |
//! | [`histories`] | `learn`, `history` |
//! | [`totals`] | `put_total`, `fleet_totals` |
//! | [`alerts`] | `step_alert`, `waking_alerts` |
//! | [`outbox`] | `due_entries`, `claim`, `settle`, `next_due` |
//! | [`rejections`] | `add_rejections`, `rejections` |
//! | [`changes`], [`checkpoints`] | the facts table's stream, and how far it has been followed |
//! | [`access`], [`embedded`], [`tables`] | how to reach a DynamoDB, the one in this process, and making the tables |
//!
//! **Invariant.** No clock: `now` is an argument. The store never sees the channels.

pub mod access;
pub mod alerts;
pub mod blocks;
#[cfg(feature = "embedded")]
pub mod changes;
#[cfg(feature = "embedded")]
pub mod checkpoints;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod facts;
pub mod functions;
pub mod histories;
pub mod hours;
mod item;
#[cfg(all(test, feature = "embedded"))]
pub(crate) mod laboratory;
pub mod outbox;
pub mod rejections;
pub mod schema;
#[cfg(feature = "embedded")]
pub mod tables;
pub mod timeouts;
pub mod totals;

use std::{
    collections::HashSet,
    error::Error,
    sync::{Arc, Mutex},
};

/// The two tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    dynamo: aws_sdk_dynamodb::Client,
    /// Days of the timeouts list that this process has marked, so that it marks each once.
    days: Arc<Mutex<HashSet<i64>>>,
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
    /// What the facts table is called.
    pub fn facts_table(&self) -> &str {
        schema::FACTS
    }

    pub fn new(dynamo: aws_sdk_dynamodb::Client) -> Self {
        Self { dynamo, days: Arc::default() }
    }
}
