//! Whose environment this is, and what it is like.
//!
//! The platform says it in pieces: its variables name region, function, version and memory, the registration the account,
//! INVOKE and `start` the ARN, the init's start the runtime and the environment. Nobody says the configured timeout; it
//! is the whole number of seconds from an invocation's start to its deadline, and the largest of recent ones, because a
//! late thaw makes it look shorter, never longer.

use std::{collections::VecDeque, time::Duration};

use overtime_wire::{Arn, EpochMillis, FunctionKey, Partition, Profile, Region};

use super::{Birth, invocation::Invocation, judgement::Hearing};
use crate::{
    lambda::Initialization,
    telemetry::{
        record::{InitStart, Report},
        status::Status,
    },
};

/// How many invocations the configured timeout is learned from.
const RECENT: usize = 8;
/// How far the platform's clock readings of one invocation may lie apart without being a second.
const CLOCK_SLACK: Duration = Duration::from_millis(50);

/// Everything about the environment that facts carry.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) born: EpochMillis,
    pub(super) function: Option<FunctionKey>,
    partition: Option<Partition>,
    pub(super) profile: Profile,
    /// The platform's name for the environment; empty while unknown.
    pub(super) environment: String,
    pub(super) hears_telemetry: bool,
    /// As the last report said. Where it is spare, nothing is likely to hang for want of it.
    pub(super) has_spare_memory: bool,
    timeouts: VecDeque<Duration>,
}

impl Identity {
    pub(super) fn new(birth: &Birth) -> Self {
        let lambda = &birth.lambda;
        let key = || {
            Some(FunctionKey {
                account: birth.account.parse().ok()?,
                region: lambda.region.parse().ok()?,
                name: lambda.function.parse().ok()?,
            })
        };
        Self {
            born: birth.at,
            function: key(),
            partition: None,
            profile: Profile {
                memory_mb: lambda.memory_mb,
                architecture: architecture().to_owned(),
                version: lambda.version.clone(),
                initialization_type: lambda.initialization.0.clone(),
                extension_version: env!("CARGO_PKG_VERSION").to_owned(),
                tags: birth.tags.0.clone(),
                ..Profile::default()
            },
            environment: String::new(),
            hears_telemetry: birth.hears_telemetry,
            has_spare_memory: false,
            timeouts: VecDeque::new(),
        }
    }

    pub(super) fn learn(&mut self, arn: &Arn) {
        if self.function.is_none() {
            self.function = Some(arn.function.clone());
        }
        if self.partition.is_none() {
            self.partition = Some(arn.partition.clone());
        }
    }

    pub(super) fn learn_init(&mut self, init: &InitStart) {
        let known = |now: &mut String, said: &str| {
            if !said.is_empty() {
                said.clone_into(now);
            }
        };
        known(&mut self.profile.runtime, &init.runtime);
        known(&mut self.profile.version, &init.version);
        known(&mut self.profile.initialization_type, &init.initialization_type);
        known(&mut self.environment, &init.environment);
    }

    pub(super) fn learn_memory(&mut self, report: &Report) {
        if report.memory_mb > 0 {
            self.profile.memory_mb = report.memory_mb;
            self.has_spare_memory = report.max_memory_used_mb < report.memory_mb / 4 * 3;
        }
    }

    pub(super) fn hearing(&self) -> Hearing {
        if self.hears_telemetry { Hearing::Telemetry } else { Hearing::EventsOnly }
    }

    /// Whether the first invocation waits for the init.
    pub(super) fn makes_callers_wait(&self) -> bool {
        Initialization(self.profile.initialization_type.clone()).makes_callers_wait()
    }

    /// As an ARN said it, else as the region's name implies.
    pub(super) fn partition(&self) -> Partition {
        let of_region = |region: &Region| match region.as_str() {
            it if it.starts_with("cn-") => "aws-cn".parse().ok(),
            it if it.starts_with("us-gov-") => "aws-us-gov".parse().ok(),
            _ => None,
        };
        let implied = || of_region(&self.function.as_ref()?.region);
        self.partition.clone().or_else(implied).unwrap_or_default()
    }

    /// Learns the configured timeout from one invocation.
    pub(super) fn observe(&mut self, it: &Invocation) {
        let Some(allowance) = it.allowance() else { return };
        // An init inside the invocation may still come to light, but not after its end.
        self.timeouts.push_back(whole_seconds(allowance));
        if self.timeouts.len() > RECENT {
            self.timeouts.pop_front();
        }
        self.profile.timeout = self.timeouts.iter().max().copied().unwrap_or_default();
    }

    /// The configured timeout, knowing one more allowance.
    pub(super) fn timeout(&self, allowance: Duration) -> Duration {
        self.profile.timeout.max(whole_seconds(allowance))
    }

    /// The configured timeout of an invocation that ended abnormally. Where there was no deadline to learn from, a timeout
    /// tells by how long it took.
    pub(super) fn timeout_of(&self, it: &Invocation) -> Duration {
        let known = it.allowance().map_or(self.profile.timeout, |it| self.timeout(it));
        if !known.is_zero() {
            return known;
        }
        let report = it.report.as_ref().filter(|it| it.status == Some(Status::Timeout));
        let ended = it.ended.filter(|it| it.status == Status::Timeout);
        let took = report.and_then(|it| it.duration).or(ended.and_then(|it| it.duration));
        took.map(whole_seconds).unwrap_or_default()
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    let settled = duration.saturating_sub(CLOCK_SLACK);
    Duration::from_secs(settled.as_secs() + u64::from(settled.subsec_nanos() > 0))
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
