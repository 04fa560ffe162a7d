//! What the journal must be told, and has not been yet.
//!
//! An invocation stands in the journal from first sight until something says that it did not time out while nobody looked:
//! its answer is enough. A verdict is in the journal before it is sent; a tally, when it is sent, so the journal closes
//! an ordinal before a tally that holds it goes.

use std::time::Duration;

use overtime_wire::{
    Block, Cause, EpochMillis, Evidence, FunctionKey, IncarnationId, Ordinal, Outcome, Recorded,
    Spans, Subject, Tally, Verdict,
};

use super::{
    Birth, Outgoing, Sandbox,
    invocation::{Invocation, Overrun},
    restore::Snapshot,
};
use crate::journal::{Counted, Fact, Said, entry::Entry};

/// What the journal knows.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// As the variables name it.
    function: String,
    environment: String,
    open: Vec<(Ordinal, Known)>,
    witnessed: Option<Ordinal>,
    /// Invocations that tallies had counted when they were last noted.
    counted: u32,
}

/// How much is known of an open invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    request: bool,
    deadline: bool,
}

/// How many invocations there were, and where they are.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) opened: u32,
    /// In tallies.
    pub(super) counted: u32,
    /// With a verdict.
    pub(super) judged: u32,
}

impl Noted {
    pub(super) fn new(birth: &Birth) -> Self {
        Self { function: birth.lambda.function.clone(), ..Self::default() }
    }

    /// For a journal that knows nothing.
    pub(super) fn forget(&mut self) {
        *self = Self { function: std::mem::take(&mut self.function), ..Self::default() };
    }
}

impl Sandbox {
    /// The function's name, as the variables have it.
    pub fn function_name(&self) -> &str {
        &self.noted.function
    }

    /// Whose logs these are, once that is known.
    pub fn function(&self) -> Option<&FunctionKey> {
        self.me.function.as_ref()
    }

    /// The platform's name for the environment, or one drawn for it; empty while there is none.
    pub fn environment(&self) -> &str {
        &self.me.environment
    }

    /// Whether this is a copy of another process, with a copy of its `/tmp`.
    pub fn is_copy(&self) -> bool {
        self.snapshot == Snapshot::Restored
    }

    /// Whether nobody will say what the environment is called.
    pub fn is_nameless_place(&self) -> bool {
        self.me.environment.is_empty() && !self.me.hears_telemetry
    }

    pub fn name_environment(&mut self, name: &str) {
        name.clone_into(&mut self.me.environment);
        self.is_named_by_us = true;
    }

    /// All that happened since this was last asked, for the journal.
    pub fn unwritten(&mut self, incarnation: IncarnationId) -> Vec<Entry> {
        let mut entries = Vec::new();
        if self.noted.environment != self.me.environment {
            self.noted.environment.clone_from(&self.me.environment);
            let (name, is_drawn) = (self.me.environment.clone(), self.is_named_by_us);
            entries.push(Entry::Environment { name, is_drawn });
        }
        self.unwritten_open(&mut entries);
        let verdicts = self.verdicts.unnoted();
        if !verdicts.is_empty() {
            entries.push(Entry::Counted(self.counted()));
        }
        let fact = |it| Entry::Fact(Fact { incarnation, said: Said::Verdict(it) });
        entries.extend(verdicts.into_iter().map(fact));
        entries.extend(self.inherited.unnoted().map(Entry::Fact));
        entries
    }

    fn unwritten_open(&mut self, entries: &mut Vec<Entry>) {
        let mut open = Vec::new();
        for it in self.window.iter().filter(|it| may_time_out_unseen(it)) {
            let known = Known { request: it.request.is_some(), deadline: it.deadline().is_some() };
            open.push((it.ordinal, known));
            if !self.noted.open.contains(&(it.ordinal, known)) {
                entries.push(Entry::Opened(self.draft(it)));
            }
            if it.overrun != Overrun::Unseen && self.noted.witnessed != Some(it.ordinal) {
                self.noted.witnessed = Some(it.ordinal);
                entries.push(Entry::Witnessed(it.ordinal));
            }
        }
        for (ordinal, _) in &self.noted.open {
            if !open.iter().any(|(it, _)| it == ordinal) {
                entries.push(Entry::Closed(*ordinal));
            }
        }
        self.noted.open = open;
    }

    /// What the next process would claim. The environment is said once for all, and some is known only then.
    fn draft(&self, it: &Invocation) -> Verdict {
        Verdict {
            block: Block::of(it.seen),
            ordinal: it.ordinal,
            revision: 0,
            evidence: Evidence::Recovered,
            outcome: Outcome::Timeout,
            subject: Subject::Invocation,
            cause: Cause::Unknown,
            seen: it.seen,
            started: it.start_time(),
            deadline: it.deadline(),
            detected: it.seen,
            timeout: self.me.timeout_of(it),
            duration: None::<Duration>,
            request: it.request.clone(),
            version: self.me.profile.version.clone(),
            alias: it.alias.clone(),
            cold_start: it.is_cold,
            memory_mb: self.me.profile.memory_mb,
            max_memory_used_mb: 0,
            trace: it.trace,
            environment: String::new(),
            log_tail: String::new(),
            last_log: None,
            spans: Spans { init: self.told.span_of(it), ..Spans::default() },
        }
    }

    /// All tallies that the aggregator does not have, for a journal that the next process will read.
    pub fn unsent_tallies(&mut self, incarnation: IncarnationId) -> Vec<Entry> {
        let tallies = self.tallies.changed(&self.me.profile);
        self.entries_of(incarnation, tallies)
    }

    /// What a batch carries that the journal does not know.
    pub fn carried(&mut self, outgoing: &Outgoing) -> Vec<Entry> {
        self.entries_of(outgoing.incarnation, outgoing.tallies.clone())
    }

    fn entries_of(&mut self, incarnation: IncarnationId, of: Vec<Recorded<Tally>>) -> Vec<Entry> {
        if of.is_empty() {
            return Vec::new();
        }
        self.noted.counted = self.census.counted;
        let fact = |it| Entry::Fact(Fact { incarnation, said: Said::Tally(it) });
        let mut entries: Vec<_> = of.into_iter().map(fact).collect();
        entries.push(Entry::Counted(self.counted()));
        entries
    }

    fn counted(&self) -> Counted {
        let settled = self.noted.counted.saturating_add(self.census.judged);
        Counted { opened: self.census.opened, settled, dropped: 0 }
    }
}

impl Outgoing {
    /// What the journal need not keep any more, once this was answered at `now`.
    pub fn delivered(&self, now: EpochMillis) -> Vec<Entry> {
        let facts = self.ranked_keys().map(|(key, rank)| Entry::Delivered { key, rank });
        facts.chain([Entry::Told(now)]).collect()
    }
}

/// Whether nothing is known that ended it, or that would have.
fn may_time_out_unseen(it: &Invocation) -> bool {
    it.is_open() && it.answered.is_none() && it.ended.is_none() && !it.is_settled()
}
