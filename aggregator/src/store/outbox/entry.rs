//! One message: as it is put in, as it is taken out, and how that ended.

use overtime_wire::EpochMillis;

use super::lane::Lane;
use crate::{
    domain::{delivery::record::Record, notification::Owed, otlp::errand::Ordered},
    store::{
        StoreError,
        item::{Item, Row, keyed, number, text},
        schema::{
            self,
            attribute::{
                COUNT, DAY, DUE, EXPIRES, LINES, LOG, PLACE, PROBLEM, QUEUE, QUEUED, SEALED, SK,
                STATUS, TRIES, VALUE, VERSION,
            },
        },
    },
};

/// A message to be delivered, or to be kept with the reason why it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stable: the same message always has the same id, and receivers dedupe on it. Without `#`.
    pub id: String,
    pub due: EpochMillis,
    /// A [`Dispatch`](crate::domain::notification::Dispatch) as JSON.
    pub body: String,
    /// Why it is only written down and never sent, if so.
    pub suppressed: Option<String>,
}

/// What came of asking for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    Yours(Box<Claim>),
    /// One before it is on its way.
    Behind {
        until: EpochMillis,
    },
    /// It is not due, taken, or settled.
    No,
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
    /// What came of them, as far as that is remembered.
    pub records: Vec<Record>,
    /// What became of those before it in its lane.
    pub before: Before,
    /// How many other messages are put together in it, once that is settled, and lines about some of them.
    pub folded: Option<u64>,
    pub lines: Vec<String>,
    /// Whether a digest takes nothing more.
    pub(super) sealed: bool,
    pub(super) version: u64,
}

/// What a lane tells the next in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Before {
    /// How many there were.
    pub count: usize,
    /// Whether any of them arrived.
    pub delivered: bool,
    /// What the last one that arrived was sent by.
    pub pin: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub ending: Ending,
    /// The attempt, where there was one.
    pub record: Option<Record>,
}

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// `pin` is what those after it in the lane are to be sent by.
    Delivered {
        at: EpochMillis,
        pin: Option<String>,
    },
    Retry {
        due: EpochMillis,
        problem: String,
    },
    Dead {
        at: EpochMillis,
        problem: String,
    },
    /// It is not to be sent, and why.
    Suppressed {
        at: EpochMillis,
        reason: String,
    },
}

impl Ending {
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "waiting",
            Self::Dead { .. } => "dead",
            Self::Suppressed { .. } => "suppressed",
        }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        match self {
            Self::Delivered { .. } => None,
            Self::Retry { problem, .. } | Self::Dead { problem, .. } => Some(problem),
            Self::Suppressed { reason, .. } => Some(reason),
        }
    }

    pub(super) fn pin(&self) -> Option<&str> {
        match self {
            Self::Delivered { pin, .. } => pin.as_deref(),
            Self::Retry { .. } | Self::Dead { .. } | Self::Suppressed { .. } => None,
        }
    }

    /// When it is to be attempted again, if ever.
    pub(super) fn due(&self) -> Option<EpochMillis> {
        match self {
            Self::Retry { due, .. } => Some(*due),
            Self::Delivered { .. } | Self::Dead { .. } | Self::Suppressed { .. } => None,
        }
    }

    pub(super) fn at(&self) -> EpochMillis {
        match self {
            Self::Delivered { at, .. } | Self::Dead { at, .. } | Self::Suppressed { at, .. } => *at,
            Self::Retry { due, .. } => *due,
        }
    }
}

impl From<Owed> for Entry {
    fn from(owed: Owed) -> Self {
        let Owed { dispatch, at, suppressed } = owed;
        Self { id: dispatch.id(), due: at, body: dispatch.written(), suppressed }
    }
}

impl From<Ordered> for Entry {
    fn from(ordered: Ordered) -> Self {
        Self::waiting(ordered.id, ordered.due, ordered.body)
    }
}

impl Entry {
    /// A message that is to be sent.
    pub fn waiting(id: String, due: EpochMillis, body: String) -> Self {
        Self { id, due, body, suppressed: None }
    }

    /// Its item. What is suppressed is kept from now on for as long as it says.
    pub(in crate::store) fn item(&self, kept_for: std::time::Duration) -> Item {
        let mut item = keyed(&schema::outbox::key(&self.id));
        item.insert(VALUE.to_owned(), text(&self.body));
        item.insert(VERSION.to_owned(), number(1));
        item.insert(QUEUED.to_owned(), number(self.due.0));
        item.insert(TRIES.to_owned(), number(0));
        item.insert(DAY.to_owned(), text(schema::outbox::day(schema::day(self.due))));
        item.insert(PLACE.to_owned(), text(schema::outbox::place(self.due, &self.id)));
        if let Some(reason) = &self.suppressed {
            item.insert(STATUS.to_owned(), text("suppressed"));
            item.insert(
                PROBLEM.to_owned(),
                text(if reason.is_empty() { "unknown" } else { reason }),
            );
            let until = schema::expires(self.due.plus(kept_for));
            item.insert(EXPIRES.to_owned(), number(until));
            return item;
        }
        item.insert(STATUS.to_owned(), text("waiting"));
        item.insert(QUEUE.to_owned(), text(schema::outbox::queue(&self.id)));
        item.insert(DUE.to_owned(), number(self.due.0));
        item
    }
}

impl Claim {
    pub(super) fn of(row: &Row, lane: &Lane, version: u64) -> Result<Self, StoreError> {
        let id = row.text(SK)?;
        Ok(Self {
            id: id.to_owned(),
            body: row.text(VALUE)?.to_owned(),
            enqueued_at: EpochMillis(row.number(QUEUED)?),
            attempts: row.number(TRIES)?,
            records: records(row)?,
            before: lane.told(id)?,
            folded: row.optional(COUNT)?,
            lines: lines(row)?,
            sealed: row.0.contains_key(SEALED),
            version,
        })
    }
}

pub(super) fn records(row: &Row) -> Result<Vec<Record>, StoreError> {
    if row.0.contains_key(LOG) { row.json(LOG) } else { Ok(Vec::new()) }
}

pub(super) fn lines(row: &Row) -> Result<Vec<String>, StoreError> {
    let Some(lines) = row.0.get(LINES) else { return Ok(Vec::new()) };
    let lines =
        lines.as_l().ok().and_then(|it| it.iter().map(|it| it.as_s().ok().cloned()).collect());
    lines.ok_or_else(|| row.corrupt(LINES, "is not a list of texts"))
}
