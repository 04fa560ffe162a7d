//! Counters that only grow, made of views that do not.
//!
//! A function's row remembers a day and forgets hours as others come; what it says of an hour may also go down again, when a timeout is
//! taken back. A counter for Prometheus must do neither: what falls is taken for a process that began anew, and all that it then
//! stands at for news. So an odometer is shown every row from time to time, and adds up what each hour has more than the last time.
//!
//! It counts from the moment it begins, as every counter of a process does: what was there before is where it sets out from. Rows
//! must be shown to it at least once a day, or hours pass by unseen.
//!
//! **Cardinality.** Functions beyond a limit are counted together. Who stands for itself is settled at the beginning, those with the most
//! timeouts first; later ones get what room there is, and nobody loses theirs while they are heard of, because a series that comes and
//! goes is worth nothing.
//!
//! **Invariant.** No counter ever falls, and all of them together have counted every invocation once.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use overtime_wire::{Counts, EpochMillis, FunctionKey};

use crate::domain::{
    hour::Hour,
    summary::{Digest, Summary, window_start},
};

/// A function that is new stands at zero for this long: a scraper that has never seen its counter takes what it finds for where it sets
/// out from, and would miss the very first timeout.
pub const AT_ZERO_FOR: Duration = Duration::from_mins(1);

/// What is counted of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    pub invocations: u64,
    pub timeouts: u64,
    pub init_timeouts: u64,
    pub near_timeouts: u64,
}

/// One number that may be corrected, and the greatest that it was.
#[derive(Debug, Clone, Copy, Default)]
struct Wheel {
    stands: i128,
    shown: u64,
}

impl Wheel {
    fn turn(&mut self, by: i128) {
        self.stands += by;
        self.shown = self.shown.max(u64::try_from(self.stands).unwrap_or(0));
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Wheels([Wheel; 4]);

impl Wheels {
    fn turn(&mut self, by: [i128; 4]) {
        self.0.iter_mut().zip(by).for_each(|(wheel, by)| wheel.turn(by));
    }

    fn reading(&self) -> Reading {
        let [invocations, timeouts, init_timeouts, near_timeouts] = self.0.map(|it| it.shown);
        Reading { invocations, timeouts, init_timeouts, near_timeouts }
    }
}

/// One that stands for itself.
#[derive(Debug)]
struct Own {
    wheels: Wheels,
    since: EpochMillis,
    /// Until when it stands at zero.
    hidden_until: EpochMillis,
}

/// What there is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// By function, with since when it counts.
    pub functions: BTreeMap<FunctionKey, (Reading, EpochMillis)>,
    /// All others together.
    pub others: Reading,
    /// Since when they are counted.
    pub since: EpochMillis,
    /// How many functions that were heard of in the last day have no counter of their own.
    pub left_out: usize,
    /// When anything was last heard of any.
    pub heard: Option<EpochMillis>,
}

/// Counts. What it has not seen at its beginning is news.
#[derive(Debug)]
pub struct Odometer {
    limit: usize,
    since: EpochMillis,
    known: BTreeMap<FunctionKey, Arc<Digest>>,
    own: BTreeMap<FunctionKey, Own>,
    others: Wheels,
    left_out: usize,
    heard: Option<EpochMillis>,
}

impl Odometer {
    /// Sets out from `rows`. At most `limit` functions get counters of their own.
    pub fn begin(limit: usize, rows: &[Summary], now: EpochMillis) -> Self {
        let mut odometer = Self {
            limit,
            since: now,
            known: BTreeMap::new(),
            own: BTreeMap::new(),
            others: Wheels::default(),
            left_out: 0,
            heard: None,
        };
        for row in rows {
            odometer.known.insert(row.function.clone(), row.digest.clone());
        }
        odometer.settle(rows, (now, now));
        odometer
    }

    /// Counts what is new in the rows, which are all that there are.
    pub fn advance(&mut self, rows: &[Summary], now: EpochMillis) {
        self.settle(rows, (now, now.plus(AT_ZERO_FOR)));
        for row in rows {
            let before = self.known.insert(row.function.clone(), row.digest.clone());
            if before.as_ref().is_some_and(|it| Arc::ptr_eq(it, &row.digest)) {
                continue;
            }
            let more = difference(before.as_deref(), &row.digest);
            match self.own.get_mut(&row.function) {
                Some(own) => own.wheels.turn(more),
                None => self.others.turn(more),
            }
        }
        let there: BTreeSet<_> = rows.iter().map(|it| &it.function).collect();
        self.known.retain(|function, _| there.contains(function));
    }

    /// Who stands for itself: those who did and are heard of, then the others while there is room.
    fn settle(&mut self, rows: &[Summary], (now, hidden_until): (EpochMillis, EpochMillis)) {
        let oldest = window_start(Hour::of(now));
        let mut heard: Vec<&Summary> = rows.iter().filter(|it| it.basis.newest >= oldest).collect();
        let there: BTreeSet<_> = heard.iter().map(|it| &it.function).collect();
        self.own.retain(|function, _| there.contains(function));
        self.heard = heard.iter().filter_map(|it| it.last_seen()).max();
        let room = self.limit.saturating_sub(self.own.len());
        heard.retain(|it| !self.own.contains_key(&it.function));
        heard.sort_by_cached_key(|it| {
            let counts = it.counts_since(EpochMillis(0));
            (Reverse(counts.timeouts), Reverse(counts.invocations), it.function.clone())
        });
        self.left_out = heard.len().saturating_sub(room);
        for row in heard.iter().take(room) {
            let own = Own { wheels: Wheels::default(), since: now, hidden_until };
            self.own.insert(row.function.clone(), own);
        }
    }

    /// Where everything stands.
    pub fn read(&self, now: EpochMillis) -> Shown {
        let own = |it: &Own| {
            let reading =
                if now < it.hidden_until { Reading::default() } else { it.wheels.reading() };
            (reading, it.since)
        };
        Shown {
            functions: self.own.iter().map(|(function, it)| (function.clone(), own(it))).collect(),
            others: self.others.reading(),
            since: self.since,
            left_out: self.left_out,
            heard: self.heard,
        }
    }
}

/// What the hours that `now` has say more than `before`. Hours that it no longer has cannot change any more.
fn difference(before: Option<&Digest>, now: &Digest) -> [i128; 4] {
    let mut more = [0; 4];
    for (hour, hourly) in &now.hours.0 {
        let counted = before.and_then(|it| it.hours.0.get(hour)).map(|it| numbers(it.counts));
        let counted = counted.unwrap_or_default();
        let pairs = more.iter_mut().zip(numbers(hourly.counts)).zip(counted);
        pairs.for_each(|((more, is), was)| *more += is - was);
    }
    more
}

fn numbers(counts: Counts) -> [i128; 4] {
    [counts.invocations, counts.timeouts, counts.init_timeouts, counts.near_timeouts]
        .map(i128::from)
}

#[cfg(test)]
mod tests;
