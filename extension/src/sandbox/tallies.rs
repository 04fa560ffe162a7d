//! The tallies of recent blocks, and which of them have something new to say.
//!
//! A tally is cumulative, so it must be kept for as long as an invocation of its block may still end: were it begun anew, it
//! would lose to what it said before. Few blocks are kept, because an invocation lasts at most one.

use std::collections::BTreeMap;

use overtime_wire::{Block, EpochMillis, Phase, Phases, Profile, Recorded, Tally};

const BLOCKS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Tallies {
    blocks: BTreeMap<Block, Entry>,
    /// Invocations counted since the aggregator was last told.
    new_invocations: u32,
    /// When the oldest news came.
    oldest: Option<EpochMillis>,
    /// What a tally that goes is to carry.
    waiting: Phases,
}

#[derive(Debug)]
struct Entry {
    tally: Tally,
    /// Since the last revision was given out.
    is_changed: bool,
    /// The last revision that the aggregator has or has refused.
    delivered: u32,
    /// The revision that tells the latest news; losses are none.
    news: u32,
}

impl Tallies {
    /// The tally of a block, to note something that is worth no request of its own; `None` when the block is gone.
    pub(super) fn touch(&mut self, block: Block, profile: &Profile) -> Option<&mut Tally> {
        let entry = self.entry(block, profile)?;
        entry.is_changed = true;
        Some(&mut entry.tally)
    }

    /// The tally of a block, to count something in it; `None` when the block is gone.
    pub(super) fn news(
        &mut self,
        block: Block,
        profile: &Profile,
        now: EpochMillis,
    ) -> Option<&mut Tally> {
        self.oldest = self.oldest.or(Some(now));
        let entry = self.entry(block, profile)?;
        entry.is_changed = true;
        entry.news = entry.tally.revision + 1;
        Some(&mut entry.tally)
    }

    pub(super) fn counted_invocation(&mut self) {
        self.new_invocations = self.new_invocations.saturating_add(1);
    }

    /// What rides along with the next tally that goes, whenever that is.
    pub(super) fn waiting(&mut self) -> &mut Phases {
        &mut self.waiting
    }

    pub(super) fn are_inits_waiting(&self) -> bool {
        Phase::ALL.into_iter().any(|it| self.waiting.of(it).count > 0)
    }

    fn entry(&mut self, block: Block, profile: &Profile) -> Option<&mut Entry> {
        if !self.blocks.contains_key(&block) && self.blocks.len() == BLOCKS_MAX {
            let oldest = *self.blocks.first_key_value()?.0;
            if block < oldest {
                return None;
            }
            let dropped = self.blocks.remove(&oldest)?;
            if dropped.has_news() {
                let newer = self.blocks.values_mut().next_back()?;
                newer.is_changed = true;
                newer.tally.losses.overflowed_facts += 1;
                // What it had lost itself would be lost unseen.
                if dropped.delivered == 0 {
                    newer.tally.losses += dropped.tally.losses;
                }
            }
        }
        let new = || Entry {
            tally: Tally::new(block, profile.clone()),
            is_changed: false,
            delivered: 0,
            news: 0,
        };
        Some(self.blocks.entry(block).or_insert_with(new))
    }

    /// Whether there is one, to carry the profile.
    pub(super) fn are_known(&self) -> bool {
        !self.blocks.is_empty()
    }

    pub(super) fn has_news(&self) -> bool {
        self.blocks.values().any(Entry::has_news)
    }

    pub(super) fn new_invocations(&self) -> u32 {
        self.new_invocations
    }

    pub(super) fn oldest(&self) -> Option<EpochMillis> {
        self.oldest
    }

    /// All that the aggregator does not have, each under a revision of its own.
    pub(super) fn changed(&mut self, profile: &Profile) -> Vec<Recorded<Tally>> {
        let mut changed = Vec::new();
        if let Some(latest) = self.blocks.values_mut().rev().find(|it| it.is_changed) {
            latest.tally.phases.merge(&std::mem::take(&mut self.waiting));
        }
        for entry in self.blocks.values_mut() {
            if std::mem::take(&mut entry.is_changed) {
                entry.tally.revision += 1;
                entry.tally.profile = profile.clone();
            }
            if entry.delivered < entry.tally.revision {
                changed.push(entry.tally.encode());
            }
        }
        changed
    }

    pub(super) fn delivered(&mut self, block: Block, revision: u32) {
        if let Some(entry) = self.blocks.get_mut(&block) {
            entry.delivered = entry.delivered.max(revision);
        }
    }

    /// The aggregator has been told of so many invocations.
    pub(super) fn told(&mut self, invocations: u32, now: EpochMillis) {
        self.new_invocations = self.new_invocations.saturating_sub(invocations);
        self.oldest = self.has_news().then_some(now);
    }
}

impl Entry {
    fn has_news(&self) -> bool {
        self.delivered < self.news
    }
}
