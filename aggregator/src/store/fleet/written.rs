//! Rows that this process has written since all of them were last read.
//!
//! Where nobody else writes to the tables, what was read then and what was written since are what stands there now, and nothing has to
//! be read again.
//!
//! **Invariant.** A row that may have been written is in here, or what is in here is known not to be all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use overtime_wire::FunctionKey;

use crate::domain::summary::Summary;

/// Clones share what was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Arc<Mutex<Ledger>>);

#[derive(Debug, Default)]
struct Ledger {
    /// At most one for every function.
    rows: BTreeMap<FunctionKey, Summary>,
    /// How often it was not known whether a row was written.
    lost: u64,
}

/// A row that is being written. Where it is let go of before it is known what became of it, it counts as lost.
#[derive(Debug)]
pub(in crate::store) struct Write {
    written: Written,
    row: Option<Summary>,
}

impl Written {
    pub(super) fn write(&self, row: &Summary) -> Write {
        Write { written: self.clone(), row: Some(row.clone()) }
    }

    /// How much has been lost so far: what was read after the question holds all of that.
    pub(super) fn lost(&self) -> u64 {
        self.ledger().lost
    }

    /// Rows as they were read, with everything that was written since.
    pub(super) fn added_to(&self, rows: Arc<Vec<Summary>>) -> Arc<Vec<Summary>> {
        let written = std::mem::take(&mut self.ledger().rows);
        if written.is_empty() {
            return rows;
        }
        let mut rows = Arc::unwrap_or_clone(rows);
        let mut newcomers = Vec::new();
        for (function, row) in written {
            match rows.binary_search_by(|it| it.function.cmp(&function)) {
                Ok(at) if rows[at].basis < row.basis => rows[at] = row,
                Ok(_) => {}
                Err(_) => newcomers.push(row),
            }
        }
        rows.extend(newcomers);
        rows.sort_by(|one, other| one.function.cmp(&other.function));
        Arc::new(rows)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write {
    /// It stands there now, or something that has seen as much does. Where it was refused because it had been written already, and only the
    /// answer was lost, it is as good as written; where because of another row, that one is newer, or is what was known before.
    pub(in crate::store) fn done(mut self) {
        let Some(row) = self.row.take() else { return };
        let mut ledger = self.written.ledger();
        let newer = ledger.rows.get(&row.function).is_none_or(|it| it.basis < row.basis);
        if newer {
            ledger.rows.insert(row.function.clone(), row);
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if self.row.take().is_some() {
            self.written.ledger().lost += 1;
        }
    }
}
