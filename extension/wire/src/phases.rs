//! What lies around the function's own code: inits before it and inside its time, and extensions after it.
//!
//! In a tally, a few numbers of what one incarnation went through; in a verdict, the parts of one invocation. All of it is what
//! the platform told: what it did not tell is absent, and no zero stands for it.

use std::time::Duration;

use crate::{durations::Durations, fact::Malformed, v1};

/// Which init is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Before the first invocation.
    Init,
    /// Of a snapshot.
    Restore,
    /// Again, inside an invocation and under its timeout.
    Suppressed,
}

/// What a tally says of phases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phases {
    pub init: Begun,
    pub restore: Begun,
    pub suppressed: Begun,
    pub extensions: Overhead,
}

/// Inits of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begun {
    /// Seen to begin, however they ended.
    pub count: u32,
    /// Of those that ended well, where it was told.
    pub durations: Durations,
}

/// How long extensions held invocations after the function was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overhead {
    /// Those of which it was told.
    pub invocations: u32,
    pub total: Duration,
    pub max: Duration,
    /// How long these invocations took, this time included.
    pub of: Duration,
}

/// How long parts of one invocation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spans {
    pub init: Option<InitSpan>,
    /// From the invocation to the first byte of its answer.
    pub response_latency: Option<Duration>,
    /// From the first byte of the answer to the last.
    pub response_duration: Option<Duration>,
    /// From the answer to the runtime's asking for more.
    pub runtime_overhead: Option<Duration>,
    /// From the runtime's asking for more to the last extension's.
    pub extension_overhead: Option<Duration>,
}

/// The init that an invocation waited for, or that ran inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitSpan {
    pub phase: Phase,
    /// `None` while it is not over, or where nobody told.
    pub took: Option<Duration>,
}

impl Phase {
    pub const ALL: [Self; 3] = [Self::Init, Self::Restore, Self::Suppressed];

    /// Its word in APIs and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Restore => "restore",
            Self::Suppressed => "suppressed_init",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    fn to_wire(self) -> v1::Phase {
        match self {
            Self::Init => v1::Phase::Init,
            Self::Restore => v1::Phase::Restore,
            Self::Suppressed => v1::Phase::Suppressed,
        }
    }

    fn from_wire(phase: v1::Phase) -> Option<Self> {
        match phase {
            v1::Phase::Unspecified => None,
            v1::Phase::Init => Some(Self::Init),
            v1::Phase::Restore => Some(Self::Restore),
            v1::Phase::Suppressed => Some(Self::Suppressed),
        }
    }
}

impl Phases {
    pub fn of(&self, phase: Phase) -> &Begun {
        match phase {
            Phase::Init => &self.init,
            Phase::Restore => &self.restore,
            Phase::Suppressed => &self.suppressed,
        }
    }

    pub fn of_mut(&mut self, phase: Phase) -> &mut Begun {
        match phase {
            Phase::Init => &mut self.init,
            Phase::Restore => &mut self.restore,
            Phase::Suppressed => &mut self.suppressed,
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for phase in Phase::ALL {
            let (begun, more) = (self.of_mut(phase), other.of(phase));
            begun.count = begun.count.saturating_add(more.count);
            begun.durations.merge(&more.durations);
        }
        self.extensions.add(&other.extensions);
    }

    /// Gives up all but the counts; `false` when there is nothing else.
    pub(crate) fn shrink(&mut self) -> bool {
        let is_more = self.extensions != Overhead::default()
            || Phase::ALL.into_iter().any(|it| !self.of(it).durations.is_empty());
        self.extensions = Overhead::default();
        for phase in Phase::ALL {
            self.of_mut(phase).durations = Durations::default();
        }
        is_more
    }

    /// `None` when there is nothing to say.
    pub(crate) fn to_wire(&self) -> Option<v1::Phases> {
        let phases = v1::Phases {
            init: self.init.to_wire(),
            restore: self.restore.to_wire(),
            suppressed: self.suppressed.to_wire(),
            extensions: self.extensions.to_wire(),
        };
        (phases != v1::Phases::default()).then_some(phases)
    }

    pub(crate) fn from_wire(wire: v1::Phases) -> Result<Self, Malformed> {
        let begun = |it: Option<v1::Begun>| it.map(Begun::from_wire).transpose();
        Ok(Self {
            init: begun(wire.init)?.unwrap_or_default(),
            restore: begun(wire.restore)?.unwrap_or_default(),
            suppressed: begun(wire.suppressed)?.unwrap_or_default(),
            extensions: wire.extensions.map(Overhead::from_wire).unwrap_or_default(),
        })
    }
}

impl Begun {
    fn to_wire(&self) -> Option<v1::Begun> {
        let begun = v1::Begun { count: self.count, durations: self.durations.to_wire() };
        (begun != v1::Begun::default()).then_some(begun)
    }

    fn from_wire(wire: v1::Begun) -> Result<Self, Malformed> {
        let durations = wire.durations.map(Durations::from_wire).transpose()?;
        Ok(Self { count: wire.count, durations: durations.unwrap_or_default() })
    }
}

impl Overhead {
    /// Adds one invocation's.
    pub fn record(&mut self, overhead: Duration, of: Duration) {
        self.add(&Self { invocations: 1, total: overhead, max: overhead, of });
    }

    fn add(&mut self, other: &Self) {
        self.invocations = self.invocations.saturating_add(other.invocations);
        self.total = self.total.saturating_add(other.total);
        self.max = self.max.max(other.max);
        self.of = self.of.saturating_add(other.of);
    }

    fn to_wire(self) -> Option<v1::Overhead> {
        (self.invocations > 0).then(|| v1::Overhead {
            invocations: self.invocations,
            total_us: micros(self.total),
            max_us: micros(self.max),
            of_us: micros(self.of),
        })
    }

    fn from_wire(wire: v1::Overhead) -> Self {
        Self {
            invocations: wire.invocations,
            total: Duration::from_micros(wire.total_us),
            max: Duration::from_micros(wire.max_us),
            of: Duration::from_micros(wire.of_us),
        }
    }
}

impl Spans {
    /// What this knows, and what else the other does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            init: self.init.or(other.init),
            response_latency: self.response_latency.or(other.response_latency),
            response_duration: self.response_duration.or(other.response_duration),
            runtime_overhead: self.runtime_overhead.or(other.runtime_overhead),
            extension_overhead: self.extension_overhead.or(other.extension_overhead),
        }
    }

    /// `None` when there is nothing to say.
    pub(crate) fn to_wire(self) -> Option<v1::Spans> {
        (self != Self::default()).then(|| v1::Spans {
            phase: self.init.map_or(v1::Phase::Unspecified, |it| it.phase.to_wire()) as i32,
            init_us: self.init.and_then(|it| it.took).map(micros),
            response_latency_us: self.response_latency.map(micros),
            response_duration_us: self.response_duration.map(micros),
            runtime_overhead_us: self.runtime_overhead.map(micros),
            extension_overhead_us: self.extension_overhead.map(micros),
        })
    }

    /// A phase that only a later extension knows is unknown to us, and so is what it took.
    pub(crate) fn from_wire(wire: v1::Spans) -> Self {
        let duration = |it: Option<u64>| it.map(Duration::from_micros);
        let span = |phase| InitSpan { phase, took: duration(wire.init_us) };
        Self {
            init: Phase::from_wire(wire.phase()).map(span),
            response_latency: duration(wire.response_latency_us),
            response_duration: duration(wire.response_duration_us),
            runtime_overhead: duration(wire.runtime_overhead_us),
            extension_overhead: duration(wire.extension_overhead_us),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
