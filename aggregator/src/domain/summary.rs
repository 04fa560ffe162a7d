//! A function in one small row: what the fleet's pages show.
//!
//! It is made from the function's block views of the last day and holds a ring of hours, so that readers choose by time
//! and nothing has to shrink when a function falls silent.
//!
//! **Invariant.** A function of the block views in the window that the newest of them determines: equal views give equal
//! bytes, and a row's basis — newest block, then sum — orders rows by how much they have seen.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Block, Counts, EpochMillis, FunctionKey, Profile};
use serde::{Deserialize, Serialize};

use crate::domain::{
    durations::Sketch,
    serial::{Counted, ProfileJson},
    view::{BlockView, GENERATION},
};

/// How many blocks make an hour.
const BLOCKS_PER_HOUR: u32 = 4;
/// How many hours a row remembers: a whole day whatever the minute.
pub const HOURS: u32 = 25;

/// One function, for the pages of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub function: FunctionKey,
    pub basis: Basis,
    pub digest: Digest,
}

/// How much a row has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Basis {
    pub generation: u32,
    pub newest: Block,
    /// The sum of the window's block views' `writes`.
    pub writes: u64,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digest {
    /// Counts by hour since 1970, oldest first, at most [`HOURS`].
    pub hours: BTreeMap<u32, Counted>,
    /// As the newest tallies said it.
    #[serde(with = "ProfileJson")]
    pub profile: Profile,
    /// Timeouts by the word for their cause.
    pub causes: BTreeMap<String, u64>,
    /// What 99 of 100 invocations without a verdict did not exceed, in microseconds.
    pub p99_us: Option<u64>,
    /// The latest deadline among the window's timeouts, in milliseconds since 1970.
    pub last_timeout_ms: Option<i64>,
    /// When the last minute in which anything was counted begins, in milliseconds since 1970.
    pub last_seen_ms: Option<i64>,
}

impl Summary {
    /// The row that these views, of one function, add up to; `None` without any. Views outside the newest one's window
    /// are left out, so more of them than needed do no harm.
    pub fn of(function: &FunctionKey, views: &[BlockView]) -> Option<Self> {
        let newest = views.iter().map(|it| it.block).max()?;
        let mut window: Vec<_> =
            views.iter().filter(|it| it.block >= window_start(newest)).collect();
        window.sort_by_key(|it| it.block);
        let mut digest = Digest::default();
        let mut durations = Sketch::default();
        for view in &window {
            let hour = view.block.number() / BLOCKS_PER_HOUR;
            digest.hours.entry(hour).or_default().0 += view.counts();
            digest.last_seen_ms = digest.last_seen_ms.max(view.last_seen().map(|it| it.0));
            if let Some(tally) = view.tally.as_ref().filter(|it| it.profile != Profile::default()) {
                digest.profile.clone_from(&tally.profile);
            }
            view.tally.iter().for_each(|it| durations.merge(&it.durations));
            let Some(verdict) = &view.verdict else { continue };
            digest.last_timeout_ms = digest.last_timeout_ms.max(verdict.last_timeout_ms);
            for (cause, count) in &verdict.causes {
                *digest.causes.entry(cause.clone()).or_default() += count;
            }
        }
        let p99 = durations.quantile(0.99);
        digest.p99_us = p99.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX));
        let writes = window.iter().map(|it| it.writes).sum();
        let basis = Basis { generation: GENERATION, newest, writes };
        Some(Self { function: function.clone(), basis, digest })
    }

    /// What was counted in the hours that end after `from`.
    pub fn counts_since(&self, from: EpochMillis) -> Counts {
        let first = Block::of(from).number() / BLOCKS_PER_HOUR;
        let mut counts = Counts::default();
        self.digest.hours.range(first..).for_each(|(_, it)| counts += it.0);
        counts
    }

    /// What 99 of 100 invocations without a verdict did not exceed, within 5 %.
    pub fn p99(&self) -> Option<Duration> {
        self.digest.p99_us.map(Duration::from_micros)
    }

    /// The latest deadline among the window's timeouts.
    pub fn last_timeout(&self) -> Option<EpochMillis> {
        self.digest.last_timeout_ms.map(EpochMillis)
    }

    /// When the last minute in which anything was counted begins.
    pub fn last_seen(&self) -> Option<EpochMillis> {
        self.digest.last_seen_ms.map(EpochMillis)
    }
}

/// The earliest block that a row whose newest block is `newest` is made from.
pub fn window_start(newest: Block) -> Block {
    let hour = newest.number() / BLOCKS_PER_HOUR;
    Block::from_number(hour.saturating_sub(HOURS - 1) * BLOCKS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::view::{TallyPart, VerdictPart};

    fn function() -> FunctionKey {
        FunctionKey {
            account: "012345678901".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        }
    }

    fn view(number: u32, invocations: u64) -> BlockView {
        let mut tally = TallyPart::default();
        tally.minutes.entry(7).or_default().0.invocations = invocations;
        tally.profile.version = number.to_string();
        let mut verdict = VerdictPart::default();
        verdict.causes.insert("handler".to_owned(), 1);
        verdict.last_timeout_ms = Some(number.into());
        let block = Block::from_number(number);
        BlockView { block, tally: Some(tally), verdict: Some(verdict), writes: 2 }
    }

    #[test]
    fn a_row_is_the_window_of_its_newest_block_whatever_else_was_read() {
        let newest = 1_992_770;
        let oldest = window_start(Block::from_number(newest)).number();
        assert_eq!(newest - oldest, 4 * 24 + newest % 4);
        let window = [view(newest, 1), view(oldest, 10), view(newest - 4, 100)];
        let more = [window.as_slice(), &[view(oldest - 1, 1_000)]].concat();
        let row = Summary::of(&function(), &window).unwrap();
        assert_eq!(Summary::of(&function(), &more).unwrap(), row);
        assert_eq!((row.basis.newest.number(), row.basis.writes), (newest, 6));
        assert_eq!(row.digest.profile.version, newest.to_string());
        assert_eq!(row.digest.causes["handler"], 3);
        assert_eq!(row.last_timeout(), Some(EpochMillis(newest.into())));
        assert_eq!(Summary::of(&function(), &[]), None);
    }

    #[test]
    fn readers_choose_by_time() {
        let newest = Block::from_number(1_992_770);
        let row =
            Summary::of(&function(), &[view(newest.number(), 1), view(newest.number() - 4, 10)]);
        let row = row.unwrap();
        assert_eq!(row.counts_since(EpochMillis(0)).invocations, 11);
        assert_eq!(row.counts_since(newest.start()).invocations, 1);
        let later = newest.end().plus(Duration::from_hours(1));
        assert_eq!(row.counts_since(later).invocations, 0);
    }
}
