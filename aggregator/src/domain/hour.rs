//! Hours since 1970, and what one of a function's adds up to.
//!
//! An hour is made from its four block views, and a function's row from its hours: reading an hour costs one item where its
//! blocks cost eight, and it is kept for a year where they are kept for two weeks.
//!
//! **Invariant.** A function of block views alone: equal views give equal bytes. Its size does not grow with the number of
//! sandboxes, and its basis grows with every change of any view that it is made from.

use std::{collections::BTreeMap, ops::RangeInclusive};

use overtime_wire::{Block, EpochMillis, Losses, Profile};
use serde::{Deserialize, Serialize};

use crate::domain::{
    durations::Sketch,
    phases::Phases,
    serial::{Counted, LossesJson, ProfileJson},
    versions::Versions,
    view::{Basis, BlockView, GENERATION},
};

/// How many blocks make an hour.
pub const BLOCKS_PER_HOUR: u32 = 4;
const HOUR_MS: i64 = 3_600_000;

/// An hour since 1970, in UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Hour(u32);

impl Hour {
    /// The hour that `at` lies in. Instants before 1970 lie in the first.
    pub fn of(at: EpochMillis) -> Self {
        Self(u32::try_from(at.0.div_euclid(HOUR_MS).max(0)).unwrap_or(u32::MAX))
    }

    pub fn of_block(block: Block) -> Self {
        Self(block.number() / BLOCKS_PER_HOUR)
    }

    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub const fn number(self) -> u32 {
        self.0
    }

    pub fn start(self) -> EpochMillis {
        EpochMillis(i64::from(self.0) * HOUR_MS)
    }

    pub fn end(self) -> EpochMillis {
        EpochMillis(self.start().0 + HOUR_MS)
    }

    /// Its blocks, first and last.
    pub fn blocks(self) -> RangeInclusive<Block> {
        let first = self.0.saturating_mul(BLOCKS_PER_HOUR);
        Block::from_number(first)..=Block::from_number(first.saturating_add(BLOCKS_PER_HOUR - 1))
    }

    /// So many hours earlier, held to the first.
    #[must_use]
    pub const fn minus(self, hours: u32) -> Self {
        Self(self.0.saturating_sub(hours))
    }

    #[must_use]
    pub const fn plus(self, hours: u32) -> Self {
        Self(self.0.saturating_add(hours))
    }
}

/// What a function did in an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HourView {
    pub counts: Counted,
    /// Timeouts by the word for their cause.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, u64>,
    /// Of invocations that never had a verdict.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub durations: Sketch,
    #[serde(skip_serializing_if = "Versions::is_empty")]
    pub versions: Versions,
    #[serde(skip_serializing_if = "Phases::is_empty")]
    pub phases: Phases,
    #[serde(with = "LossesJson")]
    pub losses: Losses,
    /// As the newest tallies said it.
    #[serde(with = "ProfileJson")]
    pub profile: Profile,
    /// The most incarnations that had something to say within one block.
    pub incarnations: u64,
    /// The latest deadline among its timeouts, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_timeout_ms: Option<i64>,
    /// When the last minute in which anything was counted begins, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
    /// When the last minute in which an invocation succeeded begins, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_ms: Option<i64>,
}

/// An hour as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingHour {
    pub hour: Hour,
    pub basis: Basis,
    pub view: HourView,
}

impl StandingHour {
    /// The hour that these block views add up to; `None` without any. Views of other hours are left out.
    pub fn of(hour: Hour, views: &[BlockView]) -> Option<Self> {
        let mut views: Vec<_> =
            views.iter().filter(|it| hour.blocks().contains(&it.block)).collect();
        views.sort_by_key(|it| it.block);
        let seen: u64 = views.iter().map(|it| it.seen).sum();
        let mut view = HourView::default();
        for it in &views {
            view.add(it);
        }
        let basis = Basis { generation: GENERATION, writes: seen };
        (!views.is_empty()).then_some(Self { hour, basis, view })
    }
}

impl HourView {
    /// Adds a block that is later than all that were added.
    fn add(&mut self, view: &BlockView) {
        let millis = |it: Option<EpochMillis>| it.map(|it| it.0);
        self.counts.0 += view.counts();
        self.last_seen_ms = self.last_seen_ms.max(millis(view.last_seen()));
        self.last_success_ms = self.last_success_ms.max(millis(view.last_success()));
        if let Some(tally) = &view.tally {
            self.durations.merge(&tally.durations);
            self.versions.merge(&tally.versions);
            self.phases.merge(&tally.phases);
            self.losses += tally.losses;
            self.incarnations = self.incarnations.max(tally.incarnations);
            if tally.profile != Profile::default() {
                self.profile.clone_from(&tally.profile);
            }
        }
        if let Some(verdict) = &view.verdict {
            self.versions.merge(&verdict.versions);
            self.last_timeout_ms = self.last_timeout_ms.max(verdict.last_timeout_ms);
            for (cause, count) in &verdict.causes {
                *self.causes.entry(cause.clone()).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::view::{TallyPart, VerdictPart};

    fn view(number: u32, invocations: u64) -> BlockView {
        let mut tally = TallyPart::default();
        tally.minutes.entry(7).or_default().0.invocations = invocations;
        tally.profile.version = number.to_string();
        tally.incarnations = invocations;
        let mut counted = overtime_wire::Tally::new(Block::from_number(number), Profile::default());
        counted.phases.init.count = 2;
        tally.phases.add(&counted);
        let mut verdict = VerdictPart::default();
        verdict.causes.insert("handler".to_owned(), 1);
        verdict.last_timeout_ms = Some(number.into());
        let block = Block::from_number(number);
        BlockView { block, tally: Some(tally), verdict: Some(verdict), seen: 4 }
    }

    #[test]
    fn an_hour_is_its_four_blocks_in_whatever_order_they_were_read() {
        let hour = Hour::from_number(498_192);
        assert_eq!(Hour::of(hour.start()), hour);
        assert_eq!(Hour::of_block(*hour.blocks().end()), hour);
        let first = hour.blocks().start().number();
        let views = [view(first + 3, 1), view(first, 10), view(first - 1, 100), view(first + 4, 7)];
        let stands = StandingHour::of(hour, &views).unwrap();
        assert_eq!(stands, StandingHour::of(hour, &[view(first, 10), view(first + 3, 1)]).unwrap());
        assert_eq!(stands.basis, Basis { generation: GENERATION, writes: 8 });
        assert_eq!(stands.view.counts.0.invocations, 11);
        assert_eq!((stands.view.causes["handler"], stands.view.incarnations), (2, 10));
        assert_eq!(stands.view.profile.version, (first + 3).to_string());
        let begun: Vec<_> = stands.view.phases.starts.values().map(|it| it.count).collect();
        assert_eq!(begun, [4]);
        assert_eq!(StandingHour::of(hour.plus(9), &views), None);
        let json = serde_json::to_string(&stands.view).unwrap();
        assert_eq!(serde_json::from_str::<HourView>(&json).unwrap(), stands.view);
    }
}
