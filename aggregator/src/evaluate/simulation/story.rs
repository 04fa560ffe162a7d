//! What happens in a simulation: a few functions, what their environments say about a few blocks, and what that comes to.

use std::collections::BTreeMap;

use overtime_wire::{
    Block, Counts, Evidence, FunctionKey, IncarnationId, Outcome, Recorded, Tally, Verdict,
};

use crate::store::{
    facts::{Author, Fact},
    laboratory::{block, function, incarnation, switch::Dice, tally, verdict},
};

/// A fact and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) function: FunctionKey,
    pub(super) incarnation: IncarnationId,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Tally(Recorded<Tally>),
    Verdict(Recorded<Verdict>),
}

const FUNCTIONS: [&str; 2] = ["orders", "billing"];
/// Blocks after the laboratory's: two of one hour, and one of the next.
const BLOCKS: [u32; 3] = [0, 1, 4];

impl Said {
    pub(super) fn author(&self) -> Author<'_> {
        Author { function: &self.function, incarnation: self.incarnation }
    }

    pub(super) fn fact(&self) -> Fact<'_> {
        match &self.what {
            What::Tally(it) => Fact::Tally(it),
            What::Verdict(it) => Fact::Verdict(it),
        }
    }

    pub(super) fn block(&self) -> Block {
        self.fact().block()
    }
}

/// What is said, in the order in which it arrives: few keys, so that facts argue. Some stories are of a single block, where
/// everybody meets.
pub(super) fn story(dice: &mut Dice) -> Vec<Said> {
    let (functions, blocks) = (1 + dice.below(FUNCTIONS.len()), 1 + dice.below(BLOCKS.len()));
    let count = 3 + dice.below(5);
    (0..count).map(|_| said(dice, &FUNCTIONS[..functions], &BLOCKS[..blocks])).collect()
}

fn said(dice: &mut Dice, functions: &[&str], blocks: &[u32]) -> Said {
    let function = function(functions[dice.below(functions.len())]);
    let block = Block::from_number(block().number() + blocks[dice.below(blocks.len())]);
    let (number, level) = (dice.below(2), dice.below(3));
    let incarnation = incarnation(u8::try_from(number).unwrap());
    let revision = u32::try_from(level).unwrap();
    let version = number.to_string();
    let what = if dice.once_in(2) {
        let mut tally = tally(revision, 10 * revision + 1);
        tally.block = block;
        tally.profile.version = version;
        What::Tally(tally.encode())
    } else {
        // The laboratory's verdict, moved to this block.
        let it = verdict(1, 1_000);
        let moved = |at: overtime_wire::EpochMillis| {
            at.plus(block.start().since(crate::store::laboratory::block().start()))
        };
        let verdict = Verdict {
            block,
            seen: moved(it.seen),
            started: it.started.map(moved),
            deadline: it.deadline.map(moved),
            detected: moved(it.detected),
            outcome: Outcome::ALL[dice.below(Outcome::ALL.len())],
            evidence: Evidence::ALL[2 + level],
            log_tail: if dice.once_in(2) { format!("line {level}") } else { String::new() },
            version,
            ..it
        };
        What::Verdict(verdict.encode())
    };
    Said { function, incarnation, what }
}

/// What all of it comes to, worked out without a table: of facts under one key the greatest counts.
pub(super) fn truth(story: &[Said]) -> Counts {
    let mut tallies = BTreeMap::<_, Recorded<Tally>>::new();
    let mut verdicts = BTreeMap::<_, Recorded<Verdict>>::new();
    for said in story {
        let key = (said.function.clone(), said.block(), said.incarnation);
        match &said.what {
            What::Tally(it) => {
                let stands = tallies.remove(&key);
                tallies.insert(key, stands.map_or(it.clone(), |stands| stands.merge(it.clone())));
            }
            What::Verdict(it) => {
                let stands = verdicts.remove(&key);
                verdicts.insert(key, stands.map_or(it.clone(), |stands| stands.merge(it.clone())));
            }
        }
    }
    let mut counts = Counts::default();
    for tally in tallies.values() {
        for minute in tally.fact.minutes.values() {
            counts += Counts::of_minute(minute);
        }
    }
    for verdict in verdicts.values() {
        counts += Counts::of_verdict(&verdict.fact);
    }
    counts
}
