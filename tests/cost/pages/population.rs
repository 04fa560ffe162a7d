//! A fleet that never was: which functions there are, and what each did in which hour.
//!
//! Everything follows from a function's number, so a fleet of the same size is the same fleet. One function in ten is busy all
//! day, three work office hours, six a few hours; one in thirty times out now and then.

use std::time::Duration;

use overtime::domain::{
    fact::Standing,
    hour::{Hour, StandingHour},
    timeout::Timeout,
    view::{BlockView, TallyPart, VerdictPart},
};
use overtime_wire::{
    Block, Cause, EpochMillis, Evidence, FunctionKey, IncarnationId, MinuteCounts, MinuteIndex,
    Ordinal, Outcome, Profile, Spans, Subject, Tally, Verdict,
};

/// Functions of an account, roughly as in an organisation of 30,000 in 400 accounts.
const PER_ACCOUNT: u32 = 75;
const REGIONS: [&str; 3] = ["eu-central-1", "us-east-1", "ap-southeast-2"];
const TEAMS: [&str; 8] =
    ["payments", "orders", "search", "catalog", "identity", "media", "ledger", "growth"];

/// One function of the fleet.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    number: u32,
    pub(crate) key: FunctionKey,
    /// What one of its blocks looks like.
    block: TallyPart,
}

impl Member {
    pub(crate) fn new(number: u32) -> anyhow::Result<Self> {
        let team = TEAMS[usize::try_from(number)? % TEAMS.len()];
        let key = FunctionKey {
            account: format!("{:012}", 210_000_000_000 + u64::from(number / PER_ACCOUNT))
                .parse()?,
            region: REGIONS[usize::try_from(number / 7)? % REGIONS.len()].parse()?,
            name: format!("{team}-service-{number:05}").parse()?,
        };
        let tally = tally(number, team);
        let standing = Standing {
            incarnation: incarnation(number),
            recorded: tally.encode(),
            accepted_at: EpochMillis(0),
            writes: 15,
        };
        Ok(Self { number, key, block: TallyPart::of(&[standing]) })
    }

    /// Whether anything was heard of it in that hour.
    pub(crate) fn is_active(&self, hour: Hour) -> bool {
        let of_day = hour.number() % 24;
        match self.number % 10 {
            0 => true,
            1..=3 => (8..16).contains(&of_day),
            _ => (of_day + self.number).is_multiple_of(12),
        }
    }

    /// The hour as its blocks add up to.
    pub(crate) fn hour(&self, hour: Hour) -> Option<StandingHour> {
        StandingHour::of(hour, &self.blocks(hour))
    }

    pub(crate) fn blocks(&self, hour: Hour) -> Vec<BlockView> {
        if !self.is_active(hour) {
            return Vec::new();
        }
        let timeouts = self.timeouts(hour);
        let (first, last) = hour.blocks().into_inner();
        let view = |number| {
            let block = Block::from_number(number);
            let own: Vec<_> = timeouts.iter().filter(|it| it.block() == block).cloned().collect();
            let verdict = (!own.is_empty()).then(|| VerdictPart::of(&own));
            BlockView { block, tally: Some(self.block.clone()), verdict, seen: 16 }
        };
        (first.number()..=last.number()).map(view).collect()
    }

    /// What timed out in that hour: at most one invocation.
    pub(crate) fn timeouts(&self, hour: Hour) -> Vec<Timeout> {
        let falls = mixed(self.number, hour.number()).is_multiple_of(24);
        if !self.number.is_multiple_of(30) || !falls || !self.is_active(hour) {
            return Vec::new();
        }
        let seen =
            hour.start().plus(Duration::from_millis(u64::from(self.number) * 359 % 3_500_000));
        let verdict = verdict(self.number, hour, seen);
        let standing = Standing {
            incarnation: incarnation(self.number),
            recorded: verdict.encode(),
            accepted_at: seen.plus(Duration::from_millis(3_040)),
            writes: 2,
        };
        vec![Timeout::of(&self.key, &standing)]
    }
}

fn tally(number: u32, team: &str) -> Tally {
    let profile = Profile {
        memory_mb: 256 << (number % 4),
        timeout: Duration::from_secs(3),
        runtime: "python:3.13.v40".to_owned(),
        architecture: "arm64".to_owned(),
        version: (number % 90 + 1).to_string(),
        initialization_type: "on-demand".to_owned(),
        extension_version: "0.1.0".to_owned(),
        tags: [("team", team), ("stage", "prod")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    let mut tally = Tally::new(Block::from_number(0), profile);
    tally.revision = 15;
    let counts = MinuteCounts {
        invocations: 3 + number % 700,
        near_timeouts: u32::from(number.is_multiple_of(50)),
        other_failures: u32::from(number.is_multiple_of(11)),
        ..MinuteCounts::default()
    };
    tally.minutes = (0..15).filter_map(MinuteIndex::new).map(|it| (it, counts)).collect();
    for spread in 0..200 {
        tally.completed(Duration::from_millis(u64::from(8 + mixed(number, spread) % 400)));
    }
    tally
}

fn verdict(number: u32, hour: Hour, seen: EpochMillis) -> Verdict {
    let timeout = Duration::from_secs(3);
    Verdict {
        block: Block::of(seen),
        ordinal: Ordinal(hour.number()),
        revision: 2,
        evidence: Evidence::RuntimeDone,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: [Cause::Handler, Cause::Init, Cause::Unknown][(number / 30 % 3) as usize],
        seen,
        started: Some(seen),
        deadline: Some(seen.plus(timeout)),
        detected: seen.plus(timeout + Duration::from_millis(30)),
        timeout,
        duration: Some(timeout),
        request: None,
        version: (number % 90 + 1).to_string(),
        alias: String::new(),
        cold_start: number.is_multiple_of(2),
        memory_mb: 512,
        max_memory_used_mb: 120,
        trace: None,
        environment: format!("{number:032x}"),
        log_tail: String::new(),
        last_log: None,
        spans: Spans::default(),
    }
}

fn incarnation(number: u32) -> IncarnationId {
    let parts = [mixed(number, 1), mixed(number, 2), mixed(number, 3), mixed(number, 4)];
    let number = parts.iter().fold(0_u128, |sum, it| (sum << 32) | u128::from(*it));
    IncarnationId(number.to_be_bytes())
}

/// Without a pattern, the same for the same numbers.
fn mixed(one: u32, other: u32) -> u32 {
    let mut it = (u64::from(one) << 32 | u64::from(other)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (it >> 32) as u32
}
