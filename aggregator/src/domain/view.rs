//! What a block of a function adds up to: a function of its facts read whole.
//!
//! A view has two parts with a source each. The tally part counts everything ordinary, the verdict part every abnormal
//! end; [`Counts`] decides which number comes from where. Each part carries its own [`Basis`], so that an evaluator that
//! read only verdicts leaves the tallies alone.
//!
//! **Invariant.** Equal facts give equal bytes, in whatever order they were read: everything chosen among facts is chosen
//! by the order of facts or of incarnations. A part's size does not grow with the number of sandboxes.

use std::collections::BTreeMap;

use overtime_wire::{Block, Counts, EpochMillis, Losses, MinuteIndex, Profile, SampleKind, Tally};
use serde::{Deserialize, Serialize};

use crate::domain::{
    durations::Sketch,
    fact::Standing,
    phases::Phases,
    serial::{Counted, LossesJson, ProfileJson},
    timeout::Timeout,
    versions::Versions,
};

/// Grows when parts are computed differently: a part of a later generation stands before any of an earlier one.
pub const GENERATION: u32 = 4;

/// How much had been seen when something was computed. The later one stands; an equal one is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Basis {
    pub generation: u32,
    /// The sum of the `writes` of all facts that were read. It only grows.
    pub writes: u64,
}

impl Basis {
    pub fn of(writes: u64) -> Self {
        Self { generation: GENERATION, writes }
    }

    /// What a view that is made from this one adds to its own basis: it grows with either number.
    pub fn weight(self) -> u64 {
        self.writes.saturating_add(self.generation.into())
    }
}

/// What the tallies of a block add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TallyPart {
    /// By minute of the block.
    pub minutes: BTreeMap<u8, Counted>,
    pub durations: Sketch,
    /// Request ids worth looking up, at most five of each kind.
    pub samples: BTreeMap<String, Vec<String>>,
    #[serde(with = "ProfileJson")]
    pub profile: Profile,
    #[serde(with = "LossesJson")]
    pub losses: Losses,
    /// How many incarnations had something to say.
    pub incarnations: u64,
    #[serde(default, skip_serializing_if = "Versions::is_empty")]
    pub versions: Versions,
    #[serde(default, skip_serializing_if = "Phases::is_empty")]
    pub phases: Phases,
}

/// What the verdicts of a block add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerdictPart {
    /// By minute of the block.
    pub minutes: BTreeMap<u8, Counted>,
    /// Timeouts by the word for their cause.
    pub causes: BTreeMap<String, u64>,
    /// The same timeouts by cause and by the minute of their deadline, counted from the block's beginning: an invocation that is
    /// first seen in a block may have its deadline in the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deadlines: BTreeMap<String, BTreeMap<u8, u64>>,
    /// The latest deadline among its timeouts, in milliseconds since 1970.
    pub last_timeout_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Versions::is_empty")]
    pub versions: Versions,
}

/// A block as readers see it: whatever parts there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    pub block: Block,
    pub tally: Option<TallyPart>,
    pub verdict: Option<VerdictPart>,
    /// The sum of its parts' [weights](Basis::weight).
    pub seen: u64,
}

impl TallyPart {
    /// Most samples of a kind.
    const SAMPLES_PER_KIND: usize = 5;

    /// The tallies of a block, ordered by incarnation.
    pub fn of(tallies: &[Standing<Tally>]) -> Self {
        let mut part = Self::default();
        let mut versions = BTreeMap::<&str, Counts>::new();
        for standing in tallies {
            let tally = &standing.recorded.fact;
            let version = versions.entry(&tally.profile.version).or_default();
            for (minute, counts) in &tally.minutes {
                let counts = Counts::of_minute(counts);
                part.minutes.entry(minute.number()).or_default().0 += counts;
                *version += counts;
            }
            part.durations.add(&tally.durations);
            part.losses += tally.losses;
            part.phases.add(tally);
            part.incarnations += 1;
            for sample in &tally.samples {
                let kind = part.samples.entry(word(sample.kind).to_owned()).or_default();
                if kind.len() < Self::SAMPLES_PER_KIND {
                    kind.push(sample.request.to_string());
                }
            }
        }
        let newest = tallies
            .iter()
            .filter(|it| it.recorded.fact.profile != Profile::default())
            .max_by_key(|it| (it.recorded.fact.minutes.keys().last(), it.incarnation));
        part.profile = newest.map(|it| it.recorded.fact.profile.clone()).unwrap_or_default();
        part.versions = Versions::of(versions);
        part
    }
}

impl VerdictPart {
    /// The last minute of a deadline that is told apart, from the block's beginning: senders may say anything.
    const DEADLINE_MAX: u8 = 59;

    /// The verdicts of a block, whatever they say today.
    pub fn of(verdicts: &[Timeout]) -> Self {
        let mut part = Self::default();
        let mut versions = BTreeMap::<&str, Counts>::new();
        for timeout in verdicts {
            let verdict = &timeout.verdict;
            let minute = verdict.block.minute(verdict.seen).number();
            part.minutes.entry(minute).or_default().0 += Counts::of_verdict(verdict);
            *versions.entry(&verdict.version).or_default() += Counts::of_verdict(verdict);
            if timeout.is_listed() {
                let cause = verdict.cause.as_str();
                *part.causes.entry(cause.to_owned()).or_default() += 1;
                let after = timeout.deadline().since(verdict.block.start()).as_secs() / 60;
                let minute = u8::try_from(after).unwrap_or(u8::MAX).min(Self::DEADLINE_MAX);
                let deadlines = part.deadlines.entry(cause.to_owned()).or_default();
                *deadlines.entry(minute).or_default() += 1;
                part.last_timeout_ms = part.last_timeout_ms.max(Some(timeout.deadline().0));
            }
        }
        part.versions = Versions::of(versions);
        part
    }
}

impl BlockView {
    pub fn empty(block: Block) -> Self {
        Self { block, tally: None, verdict: None, seen: 0 }
    }

    /// Both parts' counts, by minute of the block.
    pub fn minutes(&self) -> BTreeMap<u8, Counts> {
        let tally = self.tally.iter().flat_map(|it| &it.minutes);
        let verdict = self.verdict.iter().flat_map(|it| &it.minutes);
        let mut minutes = BTreeMap::<u8, Counts>::new();
        for (minute, counted) in tally.chain(verdict) {
            *minutes.entry(*minute).or_default() += counted.0;
        }
        minutes
    }

    /// Both parts' counts.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.minutes().into_values().for_each(|it| sum += it);
        sum
    }

    /// When the last minute in which anything was counted begins.
    pub fn last_seen(&self) -> Option<EpochMillis> {
        self.minutes().into_keys().last().and_then(|it| self.minute_start(it))
    }

    /// When the last minute in which an invocation succeeded begins.
    pub fn last_success(&self) -> Option<EpochMillis> {
        let succeeded = |it: &Counts| it.invocations > it.timeouts + it.errors + it.out_of_memory;
        let minutes = self.minutes();
        let last = minutes.iter().rev().find(|(_, counts)| succeeded(counts));
        last.and_then(|(minute, _)| self.minute_start(*minute))
    }

    fn minute_start(&self, minute: u8) -> Option<EpochMillis> {
        MinuteIndex::new(minute.into()).map(|it| it.start(self.block))
    }
}

fn word(kind: SampleKind) -> &'static str {
    match kind {
        SampleKind::NearTimeout => "near_timeout",
        SampleKind::Exit => "exit",
        SampleKind::Extension => "extension",
        SampleKind::Platform => "platform",
        SampleKind::Other => "other",
        SampleKind::Init => "init",
    }
}

#[cfg(test)]
mod tests;
