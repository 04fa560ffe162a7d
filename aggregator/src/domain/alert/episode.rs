//! One stretch of timeouts of one function, from the moment somebody is told until it is over.
//!
//! An episode counts by block and *sets* what a block holds, so reading a block twice, or in a better version, never counts
//! twice. It keeps the newest blocks apart and folds older ones together: what could still change them comes so late that
//! nobody would be told.
//!
//! **Invariant.** Only claims after the previous episode's last one belong to an episode, so no timeout is told of in two.

use overtime_wire::{Block, Cause, EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};

use super::{
    Breach, Measure, Rule,
    mark::{Mark, is_late, millis, stands, without_log, written},
};
use crate::domain::{digest, timeout::Timeout};

/// Names an episode: the same for every evaluator that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EpisodeId(String);

impl EpisodeId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of a stretch of timeouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    pub id: EpisodeId,
    /// When the first of its timeouts happened, by the function's clock.
    #[serde(with = "millis")]
    pub first: EpochMillis,
    /// When we knew, by ours.
    #[serde(with = "millis")]
    pub opened: EpochMillis,
    /// The first few of its timeouts, in order of admission.
    pub samples: Vec<Sample>,
    /// How many corrections were sent.
    pub corrections: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Box<Breach>>,
    pub(super) after: Option<Mark>,
    blocks: Vec<Seen>,
    folded: Option<Seen>,
}

/// A timeout worth showing, and what was said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    #[serde(with = "written")]
    pub claim: Timeout,
    /// `None` while no message has mentioned it.
    told: Option<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    stands: bool,
    cause: String,
}

impl Sample {
    /// Whether it is still a timeout as far as we know.
    pub fn stands(&self) -> bool {
        stands(&self.claim)
    }
}

/// What a block holds of an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    block: u32,
    timeouts: u64,
    last: Option<Last>,
}

/// The latest timeout, by its own time, and when it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) mark: Mark,
    #[serde(with = "millis")]
    pub(super) accepted: EpochMillis,
}

impl Episode {
    pub const SAMPLES_MAX: usize = 5;
    /// Two hours. A report comes at most 45 minutes after the end it reports.
    const BLOCKS_MAX: usize = 8;

    pub(super) fn open(
        name: EpisodeId,
        (first, opened): (EpochMillis, EpochMillis),
        after: Option<Mark>,
    ) -> Self {
        Self {
            id: name,
            first,
            opened,
            samples: Vec::new(),
            corrections: 0,
            breach: None,
            after,
            blocks: Vec::new(),
            folded: None,
        }
    }

    /// Timeouts that stand, as far as we know.
    pub fn timeouts(&self) -> u64 {
        self.seen().map(|it| it.timeouts).sum()
    }

    /// When the latest of its timeouts happened.
    pub fn last_timeout(&self) -> EpochMillis {
        self.last().map_or(self.first, |it| it.mark.at)
    }

    /// The end of the last minute with which its condition held; its opening where that is not kept.
    pub(super) fn held(&self) -> EpochMillis {
        let held = self.breach.as_ref().and_then(|it| it.held_ms);
        held.map_or(self.opened, EpochMillis)
    }

    /// What was measured, where that is what it is about.
    pub fn measure(&self) -> Option<&Measure> {
        self.breach.as_ref().map(|it| &it.measure)
    }

    /// Up to where nothing is news after it. What was taken back may still turn out to be true, so only what stood is covered.
    pub(super) fn covers(&self) -> Option<Mark> {
        self.last().map(|it| it.mark).max(self.after)
    }

    /// When that came in.
    pub fn last_accepted(&self) -> EpochMillis {
        self.last().map_or(self.opened, |it| it.accepted)
    }

    pub(super) fn last(&self) -> Option<Last> {
        self.seen().filter_map(|it| it.last).max()
    }

    fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.blocks.iter().chain(&self.folded)
    }

    /// Takes in what a block, read whole, says.
    pub(super) fn admit(&mut self, rule: &Rule, block: Block, claims: &[Timeout]) {
        let number = block.number();
        if self.folded.as_ref().is_some_and(|folded| number <= folded.block) {
            return;
        }
        for sample in &mut self.samples {
            if let Some(claim) = claims.iter().find(|it| same(it, &sample.claim)) {
                sample.claim = without_log(claim);
            }
        }
        let begins = self.breach.as_ref().and_then(|it| it.begins_ms);
        let mut ours: Vec<&Timeout> = claims
            .iter()
            .filter(|it| stands(it) && counts(rule, self.after.as_ref(), it))
            .filter(|it| begins.is_none_or(|begins| it.deadline().0 >= begins))
            .collect();
        ours.sort_by_key(|it| Mark::of(it));
        let last =
            ours.iter().map(|it| Last { mark: Mark::of(it), accepted: it.detected_at }).max();
        let seen =
            Seen { block: number, timeouts: u64::try_from(ours.len()).unwrap_or(u64::MAX), last };
        self.collect(&ours);
        match self.blocks.binary_search_by_key(&number, |it| it.block) {
            Ok(at) => self.blocks[at] = seen,
            Err(_) if seen.timeouts == 0 => {}
            Err(at) => self.blocks.insert(at, seen),
        }
        self.fold();
    }

    fn collect(&mut self, ours: &[&Timeout]) {
        for claim in ours {
            let known = self.samples.iter().any(|it| same(&it.claim, claim));
            if !known && self.samples.len() < Self::SAMPLES_MAX {
                self.samples.push(Sample { claim: without_log(claim), told: None });
            }
        }
    }

    fn fold(&mut self) {
        while self.blocks.len() > Self::BLOCKS_MAX {
            let oldest = self.blocks.remove(0);
            let folded = self.folded.take();
            self.folded = Some(Seen {
                block: oldest.block,
                timeouts: oldest.timeouts + folded.as_ref().map_or(0, |it| it.timeouts),
                last: oldest.last.max(folded.and_then(|it| it.last)),
            });
        }
    }

    /// Whether something that was said of a sample is not what we know now. Better evidence for the same is no news, and
    /// neither is a cause where none was named.
    pub(super) fn corrected(&self) -> bool {
        self.samples.iter().any(|it| {
            it.told.as_ref().is_some_and(|told| {
                let named = told.cause != Cause::Unknown.as_str();
                told.stands != stands(&it.claim)
                    || (named && told.cause != it.claim.verdict.cause.as_str())
            })
        })
    }

    /// Notes that a message with all samples goes out.
    pub(super) fn tell(&mut self) {
        for sample in &mut self.samples {
            let cause = sample.claim.verdict.cause.as_str().to_owned();
            sample.told = Some(Told { stands: stands(&sample.claim), cause });
        }
    }
}

/// Whether two claims are versions of one.
fn same(one: &Timeout, other: &Timeout) -> bool {
    Mark::of(one).key == Mark::of(other).key
}

/// Whether a claim that stands may be somebody's problem at all.
pub(super) fn counts(rule: &Rule, after: Option<&Mark>, claim: &Timeout) -> bool {
    let asked_for = rule.causes.is_empty() || rule.causes.contains(&claim.verdict.cause);
    asked_for
        && !is_late(claim, rule.late_after)
        && after.is_none_or(|after| Mark::of(claim) > *after)
}

/// The alert's lasting name: one per rule and function.
pub fn fingerprint(rule: &Rule, function: &FunctionKey) -> String {
    let FunctionKey { account, region, name } = function;
    digest::hex(format!("{}|{account}|{region}|{name}", rule.id).as_bytes())
}

/// The name of a function's `number`th episode, which began with `first`.
pub(super) fn episode_id(fingerprint: &str, number: u32, first: &str) -> EpisodeId {
    EpisodeId(digest::hex(format!("{fingerprint}|{number}|{first}").as_bytes()))
}
