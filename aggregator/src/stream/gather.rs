//! What is to be evaluated, when, and how far the stream is done with.
//!
//! ```text
//!   taken ──▶ dirty ──due──▶ running ──done──▶ forgotten
//!               ▲               │
//!               └───── failed ──┘
//! ```
//!
//! Verdicts are due at once and tallies after a delay, so that one evaluation reads what many sandboxes said. Whatever waits is
//! kept; the last change is never lost.
//!
//! Of the records only where each part of a block began to wait is remembered, so a million records of a hundred blocks, such
//! as a process finds that comes back after an outage, take the room of a hundred, and are read without waiting for evaluations.
//!
//! **Invariant.** No clock: `now` is an argument. The checkpoint never passes a record whose evaluation is not done.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use overtime_wire::{Block, EpochMillis, FunctionKey};

use crate::domain::fact::{Job, Part};

/// How fast is fast enough.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long tallies are gathered.
    pub tally_delay: Duration,
    /// How long to wait after an evaluation failed.
    pub retry_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { tally_delay: Duration::from_secs(1), retry_after: Duration::from_secs(1) }
    }
}

/// Everything that waits or runs, of one shard of the stream.
#[derive(Debug)]
pub(super) struct Gather {
    pace: Pace,
    /// Where the stream was read to.
    taken: Place,
    /// How many records are behind the checkpoint.
    told: u64,
    dirty: HashMap<(FunctionKey, Block), Parts>,
    /// By function, because two evaluations of one function at the same time would waste one.
    running: HashMap<FunctionKey, (Block, Parts)>,
}

type Parts = BTreeMap<Part, Dirty>;

/// A part of a block that changed.
#[derive(Debug, Clone)]
struct Dirty {
    /// The place before its first record that is not evaluated.
    since: Place,
    due: EpochMillis,
}

/// A place between records.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// How many records lie before it, of those that were ever taken.
    after: u64,
    /// The last of them.
    sequence: Option<Arc<str>>,
}

/// Most blocks that wait before no more records are taken.
const BLOCKS_MAX: usize = 20_000;

impl Gather {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            taken: Place::default(),
            told: 0,
            dirty: HashMap::new(),
            running: HashMap::new(),
        }
    }

    /// Whether no more should be taken for now.
    pub(super) fn is_full(&self) -> bool {
        self.dirty.len() >= BLOCKS_MAX
    }

    /// Whether everything that was taken is done with.
    pub(super) fn is_idle(&self) -> bool {
        self.dirty.is_empty() && self.running.is_empty()
    }

    /// Takes a record.
    pub(super) fn take(
        &mut self,
        sequence: String,
        changed: Option<(FunctionKey, Block, Part)>,
        now: EpochMillis,
    ) {
        let after = self.taken.after + 1;
        let since =
            std::mem::replace(&mut self.taken, Place { after, sequence: Some(sequence.into()) });
        let Some((function, block, part)) = changed else { return };
        let due = match part {
            Part::Tally => now.plus(self.pace.tally_delay),
            Part::Verdict => now,
        };
        let parts = self.dirty.entry((function, block)).or_default();
        parts.entry(part).or_insert(Dirty { since, due });
    }

    /// What is to be evaluated now, at most `free`, what waited longest first.
    pub(super) fn start(&mut self, now: EpochMillis, free: usize) -> Vec<Job> {
        if free == 0 {
            return Vec::new();
        }
        let mut due: Vec<_> = self
            .dirty
            .iter()
            .filter(|((function, _), _)| !self.running.contains_key(function))
            .filter_map(|(key, parts)| Some((first_due(parts, now)?, key.clone())))
            .collect();
        due.sort();
        let mut jobs = Vec::new();
        for (_, key) in due {
            if jobs.len() >= free {
                break;
            }
            if !self.running.contains_key(&key.0) {
                jobs.extend(self.run(key, now));
            }
        }
        jobs
    }

    fn run(&mut self, key: (FunctionKey, Block), now: EpochMillis) -> Option<Job> {
        let parts = self.dirty.get_mut(&key)?;
        let ready: Parts = parts.extract_if(.., |_, it| it.due <= now).collect();
        if parts.is_empty() {
            self.dirty.remove(&key);
        }
        let (function, block) = key;
        let job = Job {
            function: function.clone(),
            block,
            tallies: ready.contains_key(&Part::Tally),
            verdicts: ready.contains_key(&Part::Verdict),
        };
        self.running.insert(function, (block, ready));
        Some(job)
    }

    pub(super) fn done(&mut self, function: &FunctionKey) {
        self.running.remove(function);
    }

    /// What could not be evaluated waits again, from where it began.
    pub(super) fn failed(&mut self, function: &FunctionKey, now: EpochMillis) {
        let Some((block, parts)) = self.running.remove(function) else { return };
        let waiting = self.dirty.entry((function.clone(), block)).or_default();
        for (part, dirty) in parts {
            let due = now.plus(self.pace.retry_after);
            waiting.insert(part, Dirty { since: dirty.since, due });
        }
    }

    /// The last record up to which everything is done, if that is news.
    pub(super) fn checkpoint(&mut self) -> Option<String> {
        let running = self.running.values().flat_map(|(_, parts)| parts.values());
        let waiting = self.dirty.values().flat_map(BTreeMap::values);
        let first_open = running.chain(waiting).map(|it| &it.since).min_by_key(|it| it.after);
        let place = first_open.unwrap_or(&self.taken);
        if place.after <= self.told {
            return None;
        }
        self.told = place.after;
        place.sequence.as_deref().map(str::to_owned)
    }

    /// How long nothing will be due; `None` when nothing waits for time alone.
    pub(super) fn pause(&self, now: EpochMillis) -> Option<Duration> {
        let waiting = self.dirty.iter().filter(|((it, _), _)| !self.running.contains_key(it));
        let due = waiting.flat_map(|(_, parts)| parts.values()).map(|it| it.due).min();
        due.map(|it| it.since(now))
    }
}

/// When the part that is due first became so, if any is.
fn first_due(parts: &Parts, now: EpochMillis) -> Option<EpochMillis> {
    parts.values().map(|it| it.due).filter(|due| *due <= now).min()
}

#[cfg(test)]
mod tests;
