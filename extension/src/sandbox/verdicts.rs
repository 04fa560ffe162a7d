//! Verdicts that the aggregator does not have yet: at most one per ordinal, the best.

use std::collections::VecDeque;

use overtime_wire::{Ordinal, Rank, Recorded, Verdict};

use super::Held;

const WAITING_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Verdicts {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    verdict: Recorded<Verdict>,
    /// No request has carried it.
    is_fresh: bool,
    /// The journal has it.
    is_noted: bool,
}

impl Waiting {
    fn new(verdict: Recorded<Verdict>) -> Self {
        Self { verdict, is_fresh: true, is_noted: false }
    }
}

impl Verdicts {
    /// Adds a verdict, in place of a lesser one of its ordinal. Returns how many others had to go.
    pub(super) fn put(&mut self, verdict: Recorded<Verdict>) -> u32 {
        let ordinal = verdict.fact.ordinal;
        if let Some(known) = self.waiting.iter_mut().find(|it| it.verdict.fact.ordinal == ordinal) {
            *known = Waiting::new(known.verdict.clone().merge(verdict));
            return 0;
        }
        self.waiting.push_back(Waiting::new(verdict));
        let has_no_place = self.waiting.len() > WAITING_MAX;
        u32::from(has_no_place && self.waiting.pop_front().is_some())
    }

    pub(super) fn held(&self) -> Held {
        match self.waiting.iter().any(|it| it.is_fresh) {
            true => Held::Fresh,
            false if self.waiting.is_empty() => Held::Nothing,
            false => Held::Tried,
        }
    }

    /// All of them, which a request is about to carry.
    pub(super) fn all(&mut self) -> Vec<Recorded<Verdict>> {
        let carry = |it: &mut Waiting| {
            it.is_fresh = false;
            it.verdict.clone()
        };
        self.waiting.iter_mut().map(carry).collect()
    }

    /// Those that the journal does not have; it is about to.
    pub(super) fn unnoted(&mut self) -> Vec<Recorded<Verdict>> {
        let unnoted = self.waiting.iter_mut().filter(|it| !it.is_noted);
        let note = |it: &mut Waiting| {
            it.is_noted = true;
            it.verdict.clone()
        };
        unnoted.map(note).collect()
    }

    /// The aggregator has this one, or wants none of it. A better one may have taken its place meanwhile, and stays.
    pub(super) fn delivered(&mut self, ordinal: Ordinal, rank: Rank) {
        self.waiting.retain(|it| it.verdict.fact.ordinal != ordinal || it.verdict.rank > rank);
    }
}
