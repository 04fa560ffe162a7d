//! Objects that are not stored yet: one being filled, others waiting.
//!
//! ```text
//!   line ─▶ open ──full, another hour, or due──▶ waiting ──next──▶ away ──stored──▶ gone
//!                                                   ▲                 │
//!                                                   └─────returned────┘
//! ```
//!
//! What waits and is on disk as well gives up its memory; where all of it together is too much, the oldest is lost, and counted.
//!
//! **Invariants.** What waits holds at most `HELD_MAX` in memory, apart from the one object that is away, and `WAITING_MAX` altogether.
//! An object keeps its name from its first line on.

use std::collections::VecDeque;

use bytes::Bytes;
use overtime_wire::{EpochMillis, IncarnationId};

use super::{
    desk::Sheet,
    flush::Holdings,
    key::{Hour, Name},
    object::Open,
};

/// Most of what waits that is held in memory.
const HELD_MAX: usize = 1024 * 1024;
/// Most of what waits altogether.
pub(super) const WAITING_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    by: Option<IncarnationId>,
    next: u32,
    open: Option<Open>,
    waiting: VecDeque<Object>,
    away: Option<Name>,
}

/// An object that nothing is added to any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) name: Name,
    pub(super) length: usize,
    /// Unknown of what another process left, until it is read.
    pub(super) lines: Option<u32>,
    /// `None` where only the disk has it.
    pub(super) body: Option<Bytes>,
}

impl Shelf {
    /// Names objects after this process from now on, those that have no name yet as well.
    pub(super) fn begin(&mut self, by: IncarnationId) {
        let nobody = self.name(Hour(0), 0).by;
        for it in self.waiting.iter_mut().filter(|it| it.name.by == nobody) {
            it.name.by = by;
        }
        self.by = Some(by);
    }

    fn name(&self, hour: Hour, number: u32) -> Name {
        Name { hour, by: self.by.unwrap_or(IncarnationId([0; 16])), number }
    }

    /// What others left goes first.
    pub(super) fn inherit(&mut self, left: Vec<Object>) {
        left.into_iter().rev().for_each(|it| self.waiting.push_front(it));
    }

    pub(super) fn add(&mut self, sheet: &Sheet, now: EpochMillis) {
        for line in sheet.lines() {
            let hour = Hour::of(line.at);
            if self.open.as_ref().is_some_and(|it| it.hour != hour || it.is_full()) {
                self.seal();
            }
            let open = self.open.get_or_insert_with(|| {
                self.next += 1;
                Open::new(hour, self.next - 1)
            });
            open.add(line, now);
        }
        if let Some(open) = &mut self.open {
            open.flush();
            if open.is_full() {
                self.seal();
            }
        }
    }

    fn seal(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (name, lines) = (self.name(open.hour, open.number), Some(open.lines));
        let body = open.seal();
        self.waiting.push_back(Object { name, length: body.len(), lines, body: Some(body) });
    }

    /// What the disk should have as well: all that is in memory.
    pub(super) fn held(&self) -> impl Iterator<Item = (Name, &[u8])> {
        let waiting = self.waiting.iter().filter_map(|it| Some((it.name, &**it.body.as_ref()?)));
        let open = self.open.iter().map(|it| (self.name(it.hour, it.number), it.bytes()));
        waiting.chain(open)
    }

    /// Brings everything back within its bounds, where the disk has what it says it has. Returns what is lost.
    pub(super) fn relieve(&mut self, has: impl Fn(&Object) -> bool) -> Vec<Object> {
        let held = |it: &VecDeque<Object>| -> usize {
            it.iter().filter_map(|it| it.body.as_ref()).map(Bytes::len).sum()
        };
        let away = self.away;
        let is_here = |it: &Object| Some(it.name) != away;
        let mut lost = Vec::new();
        while held(&self.waiting) > HELD_MAX {
            let heavy = |it: &Object| it.body.is_some() && is_here(it);
            let Some(at) = self.waiting.iter().position(heavy) else { break };
            if has(&self.waiting[at]) {
                self.waiting[at].body = None;
            } else {
                lost.extend(self.waiting.remove(at));
            }
        }
        while self.waiting.iter().map(|it| it.length).sum::<usize>() > WAITING_MAX {
            let Some(at) = self.waiting.iter().position(is_here) else { break };
            lost.extend(self.waiting.remove(at));
        }
        lost
    }

    /// The one to send; with `seal`, also of what is still being filled.
    pub(super) fn next(&mut self, seal: bool) -> Option<Object> {
        if seal && self.waiting.is_empty() {
            self.seal();
        }
        let next = self.waiting.front()?.clone();
        self.away = Some(next.name);
        Some(next)
    }

    pub(super) fn stored(&mut self, name: Name) {
        self.waiting.retain(|it| it.name != name);
        self.away = None;
    }

    pub(super) fn returned(&mut self) {
        self.away = None;
    }

    /// Everything, which is then nobody's any more.
    pub(super) fn clear(&mut self) -> Vec<Object> {
        self.seal();
        self.away = None;
        self.waiting.drain(..).collect()
    }

    pub(super) fn holdings(&self) -> Holdings {
        Holdings {
            are_sealed: !self.waiting.is_empty(),
            are_open: self.open.is_some(),
            oldest: self.open.as_ref().and_then(|it| it.since),
        }
    }

    /// A snapshot was restored: numbers begin anew, with another name.
    pub(super) fn restored(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests;
