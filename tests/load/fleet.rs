//! A sandbox: what it counts, what it says of it, and what was acknowledged. Pure: time and dice are arguments.
//!
//! As an extension does, it says all that was not acknowledged, and never what was.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{
    Batch, Block, Cause, EpochMillis, Evidence, FunctionKey, Incarnation, IncarnationId,
    MinuteCounts, MinuteIndex, Ordinal, Outcome, Partition, Profile, RequestId, Spans, Subject,
    Tally, Verdict,
};
use sandbox::dice::Dice;

use crate::truth::{Numbers, Truth};

const TIMEOUT: Duration = Duration::from_secs(3);
const BLOCK_MS: i64 = 900_000;

/// How its clock stands to ours, or how late its facts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// Let in.
    Timely,
    /// Its clock is ahead by more than is tolerated.
    Ahead,
    /// Its facts come when their neighbours are about to expire.
    TooLate,
}

impl Timing {
    /// The word under which its facts are refused.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Timely => None,
            Self::Ahead => Some("clock"),
            Self::TooLate => Some("too_late"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Sandbox {
    function: FunctionKey,
    pub(crate) timing: Timing,
    id: IncarnationId,
    block: Block,
    tally: Tally,
    tally_acknowledged: u32,
    verdicts: BTreeMap<Ordinal, Claim>,
    ordinals: u32,
}

#[derive(Debug)]
struct Claim {
    verdict: Verdict,
    acknowledged: bool,
}

/// The function of that number.
pub(crate) fn function(number: u64) -> anyhow::Result<FunctionKey> {
    Ok(FunctionKey {
        account: format!("{:012}", 111_122_223_333 + number % 3).parse()?,
        region: ["eu-west-1", "us-east-1"][usize::try_from(number % 2)?].parse()?,
        name: format!("load-{number}").parse()?,
    })
}

impl Sandbox {
    pub(crate) fn new(function: FunctionKey, now: EpochMillis, dice: &mut Dice) -> Self {
        let (timing, offset) = match dice.within(0..100) {
            0..3 => (Timing::Ahead, i64::try_from(dice.within(2..60)).unwrap_or(2)),
            3..6 => (Timing::TooLate, -i64::try_from(dice.within(99..400)).unwrap_or(99)),
            // What was kept while there was no way: from one moment ago, or from the longest that is let in.
            6..30 => (Timing::Timely, dice.one_of(&[-1, -2, -40, -88]).copied().unwrap_or(-1)),
            _ => (Timing::Timely, 0),
        };
        let block = Block::of(EpochMillis(now.0 + offset * BLOCK_MS));
        let profile = Profile {
            memory_mb: 512,
            timeout: TIMEOUT,
            runtime: "python:3.13.v40".to_owned(),
            architecture: "arm64".to_owned(),
            version: "1".to_owned(),
            initialization_type: "on-demand".to_owned(),
            extension_version: "0.1.0".to_owned(),
            ..Profile::default()
        };
        Self {
            function,
            timing,
            id: IncarnationId(bytes(dice)),
            block,
            tally: Tally::new(block, profile),
            tally_acknowledged: 0,
            verdicts: BTreeMap::new(),
            ordinals: 0,
        }
    }

    /// Something happens: ordinary invocations always, others now and then.
    pub(crate) fn live(&mut self, dice: &mut Dice) {
        let minute = u32::try_from(dice.within(0..15)).ok().and_then(MinuteIndex::new);
        let Some(minute) = minute else { return };
        let first = self.tally.minutes.is_empty();
        let counts = self.tally.minutes.entry(minute).or_default();
        let invocations = u32::try_from(dice.within(1..40)).unwrap_or(1);
        counts.invocations += invocations;
        counts.cold_starts += u32::from(first);
        counts.near_timeouts += u32::from(dice.percent(10));
        if dice.percent(5) {
            counts.exits += 1;
            counts.invocations += 1;
        }
        for _ in 0..invocations.min(5) {
            self.tally.completed(dice.milliseconds(5..2_000));
        }
        self.ordinals += invocations;
        self.tally.revision += 1;
        if dice.percent(6) {
            self.end_badly(minute, dice);
        }
        if dice.percent(30) {
            self.learn_more(dice);
        }
    }

    fn end_badly(&mut self, minute: MinuteIndex, dice: &mut Dice) {
        self.ordinals += 1;
        let ordinal = Ordinal(self.ordinals);
        let within = i64::try_from(dice.within(0..60_000)).unwrap_or(0);
        let seen = EpochMillis(minute.start(self.block).0 + within);
        let suspected = dice.percent(40);
        let verdict = Verdict {
            block: self.block,
            ordinal,
            revision: 0,
            evidence: if suspected { Evidence::Deadline } else { Evidence::RuntimeDone },
            outcome: if dice.percent(90) { Outcome::Timeout } else { Outcome::OutOfMemory },
            subject: Subject::Invocation,
            cause: Cause::Handler,
            seen,
            started: Some(seen),
            deadline: Some(seen.plus(TIMEOUT)),
            detected: seen.plus(TIMEOUT),
            timeout: TIMEOUT,
            duration: None,
            request: Some(RequestId::Uuid(bytes(dice))),
            version: "1".to_owned(),
            alias: String::new(),
            cold_start: false,
            memory_mb: 512,
            max_memory_used_mb: 0,
            trace: None,
            environment: self.id.to_string(),
            log_tail: String::new(),
            last_log: None,
            spans: Spans::default(),
        };
        self.verdicts.insert(ordinal, Claim { verdict, acknowledged: false });
    }

    /// The last claim becomes surer, or is taken back.
    fn learn_more(&mut self, dice: &mut Dice) {
        let Some(mut last) = self.verdicts.last_entry() else { return };
        let claim = last.get_mut();
        if claim.verdict.evidence == Evidence::Report || claim.verdict.outcome == Outcome::Success {
            return;
        }
        if claim.verdict.evidence == Evidence::Deadline && dice.percent(30) {
            claim.verdict.outcome = Outcome::Success;
            claim.verdict.revision += 1;
        } else {
            claim.verdict.evidence = Evidence::Report;
            claim.verdict.max_memory_used_mb = 300;
        }
        claim.acknowledged = false;
    }

    /// All that was not acknowledged; `None` when there is nothing.
    pub(crate) fn batch(&self, now: EpochMillis) -> Option<Batch> {
        let tallies = (self.tally_acknowledged < self.tally.revision).then(|| self.tally.encode());
        let open = self.verdicts.values().filter(|it| !it.acknowledged);
        let batch = Batch {
            function: self.function.clone(),
            partition: Partition::default(),
            sent: now,
            incarnations: vec![Incarnation {
                id: self.id,
                tallies: tallies.into_iter().collect(),
                verdicts: open.map(|it| it.verdict.encode()).collect(),
            }],
        };
        (batch.facts() > 0).then_some(batch)
    }

    /// All that there is to say was.
    pub(crate) fn acknowledged(&mut self) {
        self.tally_acknowledged = self.tally.revision;
        self.verdicts.values_mut().for_each(|it| it.acknowledged = true);
    }

    /// What the accounts must show of it.
    pub(crate) fn told(self) -> Truth {
        let mut truth = Truth::default();
        if self.timing != Timing::Timely {
            return truth;
        }
        let mut numbers = Numbers::default();
        for MinuteCounts { invocations, cold_starts, near_timeouts, exits, .. } in
            self.tally.minutes.into_values()
        {
            numbers.invocations += u64::from(invocations);
            numbers.cold_starts += u64::from(cold_starts);
            numbers.near_timeouts += u64::from(near_timeouts);
            numbers.errors += u64::from(exits);
        }
        for Claim { verdict, .. } in self.verdicts.into_values() {
            numbers.invocations += 1;
            match verdict.outcome {
                Outcome::Timeout => {
                    numbers.timeouts += 1;
                    truth.timeouts.extend(verdict.request.map(|it| it.to_string()));
                }
                Outcome::OutOfMemory => numbers.out_of_memory += 1,
                Outcome::Success => {}
            }
        }
        truth.functions.insert(self.function, numbers);
        truth
    }
}

fn bytes(dice: &mut Dice) -> [u8; 16] {
    let (high, low) = (u128::from(dice.draw()), u128::from(dice.draw()));
    (high << 64 | low).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_not_said_again_and_what_was_not_is() {
        let (mut dice, now) = (Dice::of(1, 1), EpochMillis(1_793_491_200_000));
        let mut sandbox = Sandbox::new(function(1).unwrap(), now, &mut dice);
        assert_eq!(sandbox.batch(now), None);
        (0..200).for_each(|_| sandbox.live(&mut dice));
        let said = sandbox.batch(now).unwrap();
        assert!(said.facts() > 2, "{} facts", said.facts());
        assert_eq!(Batch::decode(&said.encode()).unwrap(), said);
        assert_eq!(sandbox.batch(now), Some(said));
        sandbox.acknowledged();
        assert_eq!(sandbox.batch(now), None);
        sandbox.live(&mut dice);
        assert_eq!(sandbox.batch(now).unwrap().incarnations[0].tallies.len(), 1);
    }
}
