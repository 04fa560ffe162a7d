//! The share of a processor that an environment's processes have together.
//!
//! Lambda gives processor time in proportion to memory: one virtual processor at 1,769 MB
//! (developer guide, "Configure Lambda function memory"), so about a fourteenth of one at 128 MB,
//! for function and extensions together. It is a quota and not a priority: who has used up theirs
//! stands still although the machine is idle. A control group does this where one can be made;
//! elsewhere `share/duty.rs` does it with SIGSTOP and SIGCONT. Lambda's quota period is not documented;
//! published measurements infer 20 ms. The init phase has it too here, although on Lambda it has
//! been seen to run faster. Invariant: a frozen environment stays frozen, whoever is owed what.

mod duty;
mod group;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::duty::Duty;
use self::group::Group;

const VCPU_MB: f64 = 1_769.0;
const PERIOD: Duration = Duration::from_millis(20);

/// A share, and who is to see to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    pub vcpu: f64,
    pub by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A control group where the machine lets us make one, else a duty cycle.
    Whatever,
    DutyCycle,
}

impl Share {
    pub fn of_memory(memory_mb: u32) -> Self {
        Self { vcpu: f64::from(memory_mb) / VCPU_MB, by: By::Whatever }
    }

    #[must_use]
    pub fn by(self, by: By) -> Self {
        Self { by, ..self }
    }

    /// How much of a span of time may be used.
    fn of(self, span: Duration) -> Duration {
        span.mul_f64(self.vcpu)
    }
}

/// Whether this machine lets us make control groups that limit processor time.
pub fn has_control_groups() -> bool {
    group::base().is_some()
}

/// A process as its ration sees it: there, or gone and its number perhaps another's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member(Arc<AtomicBool>);

impl Member {
    pub(crate) fn leave(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_gone(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What sees to the share of one environment.
#[derive(Debug)]
pub(crate) enum Ration {
    Unlimited,
    Group(Group),
    Duty(Duty),
}

impl Ration {
    pub(crate) fn of(share: Option<Share>) -> Self {
        let Some(share) = share else { return Self::Unlimited };
        let group = match share.by {
            By::Whatever => Group::make(share),
            By::DutyCycle => None,
        };
        group.map_or_else(|| Self::Duty(Duty::begin(share)), Self::Group)
    }

    /// Counts a process, the leader of its group, from now on.
    pub(crate) fn admit(&self, pid: u32, member: Member) {
        match self {
            Self::Unlimited => {}
            Self::Group(group) => group.admit(pid),
            Self::Duty(duty) => duty.admit(pid, member),
        }
    }

    /// Runs what stops the processes.
    pub(crate) fn freeze(&self, stop: impl FnOnce()) {
        match self {
            Self::Unlimited | Self::Group(_) => stop(),
            Self::Duty(duty) => duty.freeze(stop),
        }
    }

    /// Runs what continues the processes, now or when they have a right to run.
    pub(crate) fn thaw(&self, resume: impl FnOnce()) {
        match self {
            Self::Unlimited | Self::Group(_) => resume(),
            Self::Duty(duty) => duty.thaw(resume),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_function_has_a_fourteenth_of_a_processor() {
        let share = Share::of_memory(128);
        assert_eq!(share.of(Duration::from_secs(1)).as_millis(), 72);
        assert_eq!(Share::of_memory(1_769).of(PERIOD), PERIOD);
    }
}
