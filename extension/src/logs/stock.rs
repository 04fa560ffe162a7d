//! All that is known of logs and not stored yet, shared by whoever hears of them and whoever sends them.
//!
//! The listener's bodies come in here, and the watch takes objects out. There is one thread, so the lock is there for the
//! compiler; what is done under it is reading, compressing, and a few writes to files.
//!
//! **Invariant.** The lock is never held while something is waited for.

use std::{
    env,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use overtime_wire::{EpochMillis, FunctionKey, IncarnationId};

use super::{
    Wanted,
    context::Context,
    desk::Desk,
    flush::Holdings,
    key::Name,
    object::mended,
    shelf::{Object, Shelf},
    spool::Spool,
};

/// What happens to logs in this process.
#[derive(Debug, Clone)]
pub struct Logs(Arc<Mutex<Stock>>);

#[derive(Debug)]
struct Stock {
    desk: Desk,
    shelf: Shelf,
    /// Once there is an incarnation whose files they are.
    spool: Option<Spool>,
    /// The bucket's last word was no.
    is_refused: bool,
    lost: Lost,
}

/// Records that are lost, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Nothing could be made of them.
    pub torn: u32,
    /// There was no room for them.
    pub overflowed: u32,
    /// The bucket was refusing them when they had to go.
    pub refused: u32,
    /// The environment came to its end.
    pub unsent: u32,
}

/// An object on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cargo {
    name: Name,
    pub body: Bytes,
}

impl Cargo {
    pub fn key(&self, prefix: &str, function: &FunctionKey) -> String {
        self.name.key(prefix, function)
    }
}

impl Logs {
    /// Of a function's version; several of its requests may be served beside each other.
    pub fn new(wanted: Wanted, version: String, is_concurrent: bool) -> Self {
        Self(Arc::new(Mutex::new(Stock {
            desk: Desk::new(wanted, Context::new(version, is_concurrent)),
            shelf: Shelf::default(),
            spool: None,
            is_refused: false,
            lost: Lost::default(),
        })))
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        // A panic costs the body it happened in.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in one POST. Whether whoever sends should look: something began to wait, or is full.
    pub fn hear(&self, body: &[u8], now: EpochMillis) -> bool {
        let mut stock = self.stock();
        let before = stock.shelf.holdings();
        let sheet = stock.desk.read(body, now);
        stock.lost.torn = stock.lost.torn.saturating_add(sheet.torn);
        stock.shelf.add(&sheet, now);
        stock.keep();
        let after = stock.shelf.holdings();
        after.oldest != before.oldest || after.are_sealed != before.are_sealed
    }

    /// Nobody knows what was in a body that could not even be read.
    pub fn stumbled(&self) {
        let lost = &mut self.stock().lost;
        lost.torn = lost.torn.saturating_add(1);
    }

    /// An incarnation begins: its objects have a name now, and what predecessors left is its to send.
    pub fn begin(&self, by: IncarnationId, function: &str) {
        self.begin_in(&env::temp_dir(), by, function);
    }

    fn begin_in(&self, temporary: &Path, by: IncarnationId, function: &str) {
        let mut stock = self.stock();
        let mut spool = Spool::under(temporary, function);
        stock.shelf.begin(by);
        stock.shelf.inherit(spool.inherit());
        stock.spool = Some(spool);
        stock.keep();
    }

    /// A snapshot was restored: what was written before is told by none of its copies.
    pub fn restored(&self, function: &str) {
        self.restored_in(&env::temp_dir(), function);
    }

    fn restored_in(&self, temporary: &Path, function: &str) {
        let mut stock = self.stock();
        stock.desk.restored();
        stock.shelf.restored();
        stock.spool = None;
        Spool::under(temporary, function).clear();
        (stock.is_refused, stock.lost) = (false, Lost::default());
    }

    /// The environment has a name, where the platform gave it none.
    pub fn name_sandbox(&self, name: &str) {
        let sandbox = &mut self.stock().desk.context.sandbox;
        if sandbox.is_empty() {
            name.clone_into(sandbox);
        }
    }

    pub fn holdings(&self) -> Holdings {
        self.stock().shelf.holdings()
    }

    /// The next object to be sent; with `seal`, also of what is still being gathered.
    pub fn next(&self, seal: bool) -> Option<Cargo> {
        let mut stock = self.stock();
        loop {
            let next = stock.shelf.next(seal)?;
            // What is new is on disk before it is sent, so that a send that is cut off is made again.
            stock.keep();
            if let Some(body) = next.body {
                return Some(Cargo { name: next.name, body });
            }
            let left = stock.spool.as_ref().and_then(|it| it.read(next.name));
            match left.and_then(mended) {
                Some((body, _)) => return Some(Cargo { name: next.name, body }),
                None => stock.forget(next.name, next.lines.unwrap_or(0)),
            }
        }
    }

    /// The bucket has it.
    pub fn stored(&self, cargo: &Cargo) {
        let mut stock = self.stock();
        stock.is_refused = false;
        stock.shelf.stored(cargo.name);
        if let Some(spool) = &mut stock.spool {
            spool.remove(cargo.name);
        }
    }

    /// It came back, perhaps because the bucket wants none of it.
    pub fn returned(&self, is_refused: bool) {
        let mut stock = self.stock();
        stock.is_refused = is_refused;
        stock.shelf.returned();
        stock.keep();
    }

    /// What was lost since this was last asked.
    pub fn take_lost(&self) -> Lost {
        std::mem::take(&mut self.stock().lost)
    }

    /// The process ends and its environment goes on, so that only what is not on disk is lost.
    pub fn leave(&self) {
        let mut stock = self.stock();
        let stock = &mut *stock;
        let spool = stock.spool.as_ref();
        let objects = stock.shelf.clear();
        let lost: u32 = objects
            .iter()
            .filter(|it| !spool.is_some_and(|spool| spool.holds(it.name)))
            .filter_map(|it| it.lines)
            .sum();
        stock.count_unsent(lost);
    }

    /// The environment ends: what is not stored by now never will be.
    pub fn give_up(&self) {
        let mut stock = self.stock();
        for object in stock.shelf.clear() {
            let lines = stock.lines_of(&object);
            stock.count_unsent(lines);
            if let Some(spool) = &mut stock.spool {
                spool.remove(object.name);
            }
        }
    }
}

impl Stock {
    /// Puts on disk what should be there, and lets go of what is too much.
    fn keep(&mut self) {
        if let Some(spool) = &mut self.spool {
            self.shelf.held().for_each(|(name, bytes)| spool.follow(name, bytes));
        }
        let spool = self.spool.as_ref();
        let lost = self.shelf.relieve(|it| spool.is_some_and(|spool| spool.has(it)));
        for object in lost {
            let lines = self.lines_of(&object);
            let count =
                if self.is_refused { &mut self.lost.refused } else { &mut self.lost.overflowed };
            *count = count.saturating_add(lines);
            if let Some(spool) = &mut self.spool {
                spool.remove(object.name);
            }
        }
    }

    fn count_unsent(&mut self, lines: u32) {
        let count = if self.is_refused { &mut self.lost.refused } else { &mut self.lost.unsent };
        *count = count.saturating_add(lines);
    }

    /// What it had in it cannot be read any more.
    fn forget(&mut self, name: Name, lines: u32) {
        self.lost.torn = self.lost.torn.saturating_add(lines);
        self.shelf.stored(name);
        if let Some(spool) = &mut self.spool {
            spool.remove(name);
        }
    }

    fn lines_of(&self, object: &Object) -> u32 {
        let left = || self.spool.as_ref()?.read(object.name).and_then(mended);
        object.lines.or_else(|| left().map(|(_, lines)| lines)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
