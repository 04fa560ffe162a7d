//! What one incarnation has counted within one block.
//!
//! A tally is cumulative: it says everything counted so far, not what is new, so a lost one is made good by the next and a
//! doubled one changes nothing. It holds only invocations that never had a verdict; timeouts and out-of-memory are not in
//! here, because they are counted from verdicts alone.

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use prost::Message;

use crate::{
    durations::Durations,
    fact::{Malformed, Rank, Recorded},
    invocation::RequestId,
    phases::Phases,
    profile::Profile,
    time::{Block, MinuteIndex},
    v1,
};

/// What a block's tally adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub block: Block,
    /// Grows with every change.
    pub revision: u32,
    pub minutes: BTreeMap<MinuteIndex, MinuteCounts>,
    pub durations: Durations,
    pub samples: Vec<Sample>,
    pub profile: Profile,
    pub losses: Losses,
    pub phases: Phases,
}

/// Counts of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinuteCounts {
    pub invocations: u32,
    /// Environments that a first invocation waited for, also one that has a verdict and so is not counted here itself.
    pub cold_starts: u32,
    pub near_timeouts: u32,
    /// The runtime's process exited.
    pub exits: u32,
    /// Another extension crashed.
    pub extension_failures: u32,
    /// The platform's own fault.
    pub platform_failures: u32,
    pub other_failures: u32,
    /// Inits that failed; no invocations.
    pub init_failures: u32,
}

/// Why an invocation is worth looking up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleKind {
    NearTimeout,
    Exit,
    Extension,
    Platform,
    Other,
    Init,
}

/// An invocation worth looking up in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub kind: SampleKind,
    pub request: RequestId,
}

/// What could not be seen or said, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    pub unreadable_records: u32,
    /// Said by the platform.
    pub dropped_records: u32,
    pub overflowed_facts: u32,
    pub refused_facts: u32,
    pub unfinished_invocations: u32,
    pub failed_sends: u32,
    pub ignored_journals: u32,
    /// Records of logs that go to a bucket, as are the two below.
    pub overflowed_log_records: u32,
    pub refused_log_records: u32,
    pub unsent_log_records: u32,
}

impl Tally {
    /// Longest encoding, so that the item with its keys stays below 1,000 bytes: one write unit.
    pub const MAX_BYTES: usize = 800;
    /// Most samples of one kind.
    pub const SAMPLES_PER_KIND: usize = 5;

    pub fn new(block: Block, profile: Profile) -> Self {
        Self {
            block,
            revision: 0,
            minutes: BTreeMap::new(),
            durations: Durations::default(),
            samples: Vec::new(),
            profile,
            losses: Losses::default(),
            phases: Phases::default(),
        }
    }

    pub fn rank(&self) -> Rank {
        Rank::new(0, self.revision)
    }

    /// Keeps a sample unless there are enough of its kind.
    pub fn sample(&mut self, kind: SampleKind, request: &RequestId) {
        if self.samples.iter().filter(|it| it.kind == kind).count() < Self::SAMPLES_PER_KIND {
            self.samples.push(Sample { kind, request: request.clone() });
        }
    }

    /// As bytes of at most [`Self::MAX_BYTES`]: samples give way first, then what phases took, then tags, then the
    /// lowest durations. Counts stay.
    pub fn encode(&self) -> Recorded<Self> {
        let mut fitting = self.clone();
        loop {
            let bytes = fitting.to_wire().encode_to_vec();
            if bytes.len() <= Self::MAX_BYTES || !fitting.shrink() {
                return Recorded { rank: fitting.rank(), fact: fitting, bytes };
            }
        }
    }

    /// Gives up the least of what is left to give up; `false` when nothing is.
    fn shrink(&mut self) -> bool {
        if self.samples.pop().is_some()
            || self.phases.shrink()
            || self.profile.tags.pop_last().is_some()
        {
            return true;
        }
        let width = self.durations.width();
        self.durations.collapse_lowest(width.saturating_sub(8));
        self.durations.width() < width
    }

    pub fn decode(bytes: &[u8]) -> Result<Recorded<Self>, Malformed> {
        if bytes.len() > Self::MAX_BYTES {
            let problem =
                format!("has {} bytes, at most {} are allowed", bytes.len(), Self::MAX_BYTES);
            return Err(Malformed::field("tallies", problem));
        }
        let fact = Self::from_wire(v1::Tally::decode(bytes)?)?;
        Ok(Recorded { rank: fact.rank(), fact, bytes: bytes.to_vec() })
    }

    fn to_wire(&self) -> v1::Tally {
        v1::Tally {
            block: self.block.number(),
            revision: self.revision,
            minutes: self.minutes.iter().map(|(index, counts)| counts.to_wire(*index)).collect(),
            durations: self.durations.to_wire(),
            samples: self.samples.iter().map(Sample::to_wire).collect(),
            profile: Some(self.profile.to_wire()).filter(|it| *it != v1::Profile::default()),
            losses: (self.losses != Losses::default()).then(|| self.losses.to_wire()),
            phases: self.phases.to_wire(),
        }
    }

    fn from_wire(wire: v1::Tally) -> Result<Self, Malformed> {
        let mut minutes = BTreeMap::new();
        for minute in &wire.minutes {
            let index = MinuteIndex::new(minute.index)
                .ok_or_else(|| Malformed::field("minutes.index", "is not 0 to 14"))?;
            if minutes.insert(index, MinuteCounts::from_wire(minute)).is_some() {
                return Err(Malformed::field("minutes.index", "occurs twice"));
            }
        }
        Ok(Self {
            block: Block::from_number(wire.block),
            revision: wire.revision,
            minutes,
            durations: wire.durations.map(Durations::from_wire).transpose()?.unwrap_or_default(),
            samples: wire.samples.iter().filter_map(Sample::from_wire).collect(),
            profile: wire.profile.map(Profile::from_wire).transpose()?.unwrap_or_default(),
            losses: wire.losses.as_ref().map(Losses::from_wire).unwrap_or_default(),
            phases: wire.phases.map(Phases::from_wire).transpose()?.unwrap_or_default(),
        })
    }

    /// Records one completed invocation's duration.
    pub fn completed(&mut self, duration: Duration) {
        self.durations.record(duration);
    }
}

impl Sample {
    fn to_wire(&self) -> v1::Sample {
        v1::Sample { kind: self.kind.to_wire() as i32, request_id: self.request.to_wire() }
    }

    /// `None` for a kind or id that a later extension may mean something by: a sample is a courtesy.
    fn from_wire(wire: &v1::Sample) -> Option<Self> {
        let kind = SampleKind::from_wire(wire.kind())?;
        let request = RequestId::from_wire(&wire.request_id).ok().flatten()?;
        Some(Self { kind, request })
    }
}

impl SampleKind {
    fn to_wire(self) -> v1::sample::Kind {
        match self {
            Self::NearTimeout => v1::sample::Kind::NearTimeout,
            Self::Exit => v1::sample::Kind::Exit,
            Self::Extension => v1::sample::Kind::Extension,
            Self::Platform => v1::sample::Kind::Platform,
            Self::Other => v1::sample::Kind::Other,
            Self::Init => v1::sample::Kind::Init,
        }
    }

    fn from_wire(kind: v1::sample::Kind) -> Option<Self> {
        match kind {
            v1::sample::Kind::Unspecified => None,
            v1::sample::Kind::NearTimeout => Some(Self::NearTimeout),
            v1::sample::Kind::Exit => Some(Self::Exit),
            v1::sample::Kind::Extension => Some(Self::Extension),
            v1::sample::Kind::Platform => Some(Self::Platform),
            v1::sample::Kind::Other => Some(Self::Other),
            v1::sample::Kind::Init => Some(Self::Init),
        }
    }
}

impl MinuteCounts {
    fn to_wire(self, index: MinuteIndex) -> v1::Minute {
        v1::Minute {
            index: index.number().into(),
            invocations: self.invocations,
            cold_starts: self.cold_starts,
            near_timeouts: self.near_timeouts,
            exits: self.exits,
            extension_failures: self.extension_failures,
            platform_failures: self.platform_failures,
            other_failures: self.other_failures,
            init_failures: self.init_failures,
        }
    }

    fn from_wire(wire: &v1::Minute) -> Self {
        Self {
            invocations: wire.invocations,
            cold_starts: wire.cold_starts,
            near_timeouts: wire.near_timeouts,
            exits: wire.exits,
            extension_failures: wire.extension_failures,
            platform_failures: wire.platform_failures,
            other_failures: wire.other_failures,
            init_failures: wire.init_failures,
        }
    }
}

impl Losses {
    fn to_wire(self) -> v1::Losses {
        v1::Losses {
            unreadable_records: self.unreadable_records,
            dropped_records: self.dropped_records,
            overflowed_facts: self.overflowed_facts,
            refused_facts: self.refused_facts,
            unfinished_invocations: self.unfinished_invocations,
            failed_sends: self.failed_sends,
            ignored_journals: self.ignored_journals,
            overflowed_log_records: self.overflowed_log_records,
            refused_log_records: self.refused_log_records,
            unsent_log_records: self.unsent_log_records,
        }
    }

    fn from_wire(wire: &v1::Losses) -> Self {
        Self {
            unreadable_records: wire.unreadable_records,
            dropped_records: wire.dropped_records,
            overflowed_facts: wire.overflowed_facts,
            refused_facts: wire.refused_facts,
            unfinished_invocations: wire.unfinished_invocations,
            failed_sends: wire.failed_sends,
            ignored_journals: wire.ignored_journals,
            overflowed_log_records: wire.overflowed_log_records,
            refused_log_records: wire.refused_log_records,
            unsent_log_records: wire.unsent_log_records,
        }
    }
}

impl AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.unreadable_records, other.unreadable_records),
            (&mut self.dropped_records, other.dropped_records),
            (&mut self.overflowed_facts, other.overflowed_facts),
            (&mut self.refused_facts, other.refused_facts),
            (&mut self.unfinished_invocations, other.unfinished_invocations),
            (&mut self.failed_sends, other.failed_sends),
            (&mut self.ignored_journals, other.ignored_journals),
            (&mut self.overflowed_log_records, other.overflowed_log_records),
            (&mut self.refused_log_records, other.refused_log_records),
            (&mut self.unsent_log_records, other.unsent_log_records),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
    }
}
