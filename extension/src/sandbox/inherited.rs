//! What the processes before us in this environment left to be said, under their own keys.
//!
//! Nothing of theirs is resumed: their facts are sent as they stand. What they left open is claimed as `recovered` only
//! where the journal is whole and its writer was a witness: it ran on past the deadline, and then heard of nothing more. That
//! we were born after the deadline proves nothing, for whoever is killed early has a late successor; such an invocation
//! is unfinished. A record about one of their invocations may still be delivered, to us: it was generated before our birth,
//! and makes their verdict better, or takes it back.

use overtime_wire::{
    Cause, EpochMillis, Evidence, FactKey, Incarnation, IncarnationId, Outcome, RequestId,
    Untimely, Verdict,
};

use super::{Held, Sandbox};
use crate::{
    journal::{Contents, Fact, Open, Said},
    telemetry::{
        Record,
        record::{Report, RuntimeDone},
        status::Status,
    },
};

/// Most facts that are taken over; the journals that they come from are bounded as well.
const FACTS_MAX: usize = 512;
/// How much of a backlog the first request carries, and at most any. One that went as a whole would take longer each time
/// it failed, and so never get through to a slow aggregator; each success doubles what goes next.
const CARRIED_FIRST: usize = 4;
const CARRIED_MAX: usize = 64;
/// Most of their invocations that a late record is recognised for.
const CLAIMS_MAX: usize = 128;

#[derive(Debug)]
pub(super) struct Inherited {
    waiting: Vec<Heirloom>,
    /// How much the next request carries.
    carried: usize,
    claims: Vec<Claim>,
    /// Since when there are tallies.
    since: Option<EpochMillis>,
    /// An event has come: before the first one nothing is sent.
    is_awake: bool,
}

#[derive(Debug)]
struct Heirloom {
    fact: Fact,
    /// No request has carried it.
    is_fresh: bool,
    /// Our own journal has it.
    is_noted: bool,
}

/// One of their invocations, and what was said about it.
#[derive(Debug)]
struct Claim {
    incarnation: IncarnationId,
    verdict: Verdict,
    /// Else it is only what would be said.
    is_made: bool,
}

impl Default for Inherited {
    fn default() -> Self {
        let (waiting, claims) = (Vec::new(), Vec::new());
        Self { waiting, carried: CARRIED_FIRST, claims, since: None, is_awake: false }
    }
}

impl Inherited {
    /// A request got through.
    pub(super) fn got_through(&mut self) {
        self.carried = (2 * self.carried).min(CARRIED_MAX);
    }

    pub(super) fn awake(&mut self) {
        self.is_awake = true;
    }

    /// They were of another environment. The event that tells so wakes us.
    pub(super) fn forget(&mut self) {
        *self = Self { is_awake: self.is_awake, ..Self::default() };
    }

    /// Adds a fact, in place of a lesser one under its key. Returns how many others had to go.
    fn put(&mut self, fact: Fact) -> u32 {
        let heirloom = Heirloom { fact, is_fresh: true, is_noted: false };
        let key = heirloom.fact.key();
        if let Some(known) = self.waiting.iter_mut().find(|it| it.fact.key() == key) {
            if known.fact.rank() < heirloom.fact.rank() {
                *known = heirloom;
            }
            return 0;
        }
        self.waiting.push(heirloom);
        if self.waiting.len() > FACTS_MAX {
            self.waiting.remove(0);
            return 1;
        }
        0
    }

    fn remember(&mut self, claim: Claim) {
        if self.claims.len() == CLAIMS_MAX {
            self.claims.remove(0);
        }
        self.claims.push(claim);
    }

    /// What our own journal does not have yet.
    pub(super) fn unnoted(&mut self) -> impl Iterator<Item = Fact> {
        let unnoted = self.waiting.iter_mut().filter(|it| !it.is_noted);
        unnoted.map(|it| {
            it.is_noted = true;
            it.fact.clone()
        })
    }

    /// The oldest of it, which a request is about to carry, and the names it goes by. What must wait for the next request is
    /// no longer fresh, either: it follows a request that gets through, and rests after one that does not.
    pub(super) fn next(&mut self) -> (Vec<Incarnation>, Vec<(FactKey, u64)>) {
        let (mut lives, mut keys) = (Vec::<Incarnation>::new(), Vec::new());
        self.waiting.iter_mut().for_each(|it| it.is_fresh &= !self.is_awake);
        let (verdicts, tallies) = self.waiting.iter().partition::<Vec<_>, _>(|it| it.is_verdict());
        let all = verdicts.into_iter().chain(tallies).filter(|_| self.is_awake);
        for it in all.take(self.carried) {
            keys.push((it.fact.key(), it.fact.rank()));
            let id = it.fact.incarnation;
            let at = lives.iter().position(|it| it.id == id).unwrap_or(lives.len());
            if at == lives.len() {
                lives.push(Incarnation { id, tallies: Vec::new(), verdicts: Vec::new() });
            }
            match &it.fact.said {
                Said::Verdict(it) => lives[at].verdicts.push(it.clone()),
                Said::Tally(it) => lives[at].tallies.push(it.clone()),
            }
        }
        (lives, keys)
    }

    pub(super) fn verdicts(&self) -> Held {
        let mut verdicts = self.waiting.iter().filter(|it| self.is_awake && it.is_verdict());
        match verdicts.clone().any(|it| it.is_fresh) {
            true => Held::Fresh,
            false if verdicts.next().is_none() => Held::Nothing,
            false => Held::Tried,
        }
    }

    pub(super) fn has_tallies(&self) -> bool {
        self.is_awake && self.waiting.iter().any(|it| !it.is_verdict())
    }

    pub(super) fn since(&self) -> Option<EpochMillis> {
        self.since.filter(|_| self.has_tallies())
    }

    /// The aggregator has this one, or wants none of it.
    pub(super) fn delivered(&mut self, key: FactKey, rank: u64) {
        self.waiting.retain(|it| it.fact.key() != key || it.fact.rank() > rank);
    }
}

impl Heirloom {
    fn is_verdict(&self) -> bool {
        matches!(self.fact.said, Said::Verdict(_))
    }
}

impl Sandbox {
    /// Takes over what a predecessor's journal says.
    pub fn inherit(&mut self, journal: Contents, now: EpochMillis) {
        if self.me.environment.is_empty() {
            self.me.environment.clone_from(&journal.environment);
            self.is_named_by_us = journal.is_drawn;
        }
        let incarnation = journal.incarnation;
        let mut lost = journal.counted.dropped;
        for fact in journal.facts {
            if fact.block().accept(now) == Err(Untimely::TooLate) {
                lost += 1;
                continue;
            }
            if let Said::Verdict(it) = &fact.said {
                let (incarnation, verdict) = (fact.incarnation, it.fact.clone());
                self.inherited.remember(Claim { incarnation, verdict, is_made: true });
            }
            lost += self.inherited.put(fact);
        }
        let mut recovered = 0;
        for Open { draft: mut verdict, is_witnessed } in journal.open {
            verdict.detected = now;
            verdict.environment.clone_from(&journal.environment);
            let is_made = journal.is_whole && is_witnessed;
            if is_made {
                recovered += 1;
                let said = Said::Verdict(verdict.encode());
                lost += self.inherited.put(Fact { incarnation, said });
            }
            self.inherited.remember(Claim { incarnation, verdict, is_made });
        }
        let counted = journal.counted;
        let unfinished = counted.opened.saturating_sub(counted.settled).saturating_sub(recovered);
        if lost + unfinished > 0 {
            self.lose(now, |it| {
                it.overflowed_facts = it.overflowed_facts.saturating_add(lost);
                it.unfinished_invocations = it.unfinished_invocations.saturating_add(unfinished);
            });
        }
        if !self.inherited.waiting.is_empty() {
            self.inherited.since = self.inherited.since.or(Some(now));
            self.troubled = Some(now);
        }
    }

    /// A record may be about a predecessor's invocation; then it is dealt with here, and the answer is `true`.
    pub(super) fn is_about_predecessor(&mut self, record: &Record, now: EpochMillis) -> bool {
        let (request, at) = match record {
            Record::RuntimeDone(it) => (it.request.as_ref(), it.at),
            Record::Report(it) => (Some(&it.request), it.at),
            Record::InitStart(_)
            | Record::InitEnd(_)
            | Record::Start(_)
            | Record::Resubscribed
            | Record::Dropped(_)
            | Record::Fault(_)
            | Record::Log(_) => return false,
        };
        let Some(request) = request else { return false };
        if self.inherited.claims.is_empty() || !self.is_predecessors(at) {
            return false;
        }
        let Some(claim) = self.inherited.claim_about(request) else { return false };
        let better = match record {
            Record::Report(it) => {
                self.me.learn_memory(it);
                claim.reported(it)
            }
            Record::RuntimeDone(it) => claim.done(it),
            Record::InitStart(_)
            | Record::InitEnd(_)
            | Record::Start(_)
            | Record::Resubscribed
            | Record::Dropped(_)
            | Record::Fault(_)
            | Record::Log(_) => None,
        };
        if let Some(mut verdict) = better {
            if !claim.is_made {
                (verdict.revision, verdict.detected) = (0, now);
            }
            claim.is_made = true;
            claim.verdict = verdict;
            let said = Said::Verdict(claim.verdict.encode());
            let fact = Fact { incarnation: claim.incarnation, said };
            let lost = self.inherited.put(fact);
            self.lose(now, |it| it.overflowed_facts = it.overflowed_facts.saturating_add(lost));
        }
        true
    }
}

impl Inherited {
    /// The latest under a request id: asynchronous retries reuse it.
    fn claim_about(&mut self, request: &RequestId) -> Option<&mut Claim> {
        self.claims.iter_mut().rev().find(|it| it.verdict.request.as_ref() == Some(request))
    }
}

impl Claim {
    fn done(&self, done: &RuntimeDone) -> Option<Verdict> {
        let mut verdict = match done.status {
            Status::Timeout => self.at(Evidence::RuntimeDone, Outcome::Timeout)?,
            Status::OutOfMemory => self.at(Evidence::RuntimeDone, Outcome::OutOfMemory)?,
            // The platform's own SHUTDOWN(timeout) is not doubted; only why.
            Status::Success if self.is_shutdown_by_handler() => {
                let verdict = self.at(Evidence::Shutdown, self.verdict.outcome)?;
                Verdict { cause: Cause::Extension, ..verdict }
            }
            Status::Success | Status::Failed(_) => self.taken_back(self.verdict.evidence)?,
            Status::Unknown => return None,
        };
        verdict.duration = done.duration.or(verdict.duration);
        Some(verdict)
    }

    fn reported(&self, report: &Report) -> Option<Verdict> {
        let mut verdict = match report.status? {
            Status::Timeout => self.at(Evidence::Report, Outcome::Timeout)?,
            Status::OutOfMemory => self.at(Evidence::Report, Outcome::OutOfMemory)?,
            Status::Success | Status::Failed(_) => self.taken_back(Evidence::Report)?,
            Status::Unknown => return None,
        };
        verdict.duration = report.duration.or(verdict.duration);
        verdict.max_memory_used_mb = report.max_memory_used_mb;
        let is_full = report.memory_mb > 0 && report.max_memory_used_mb >= report.memory_mb;
        if is_full && verdict.outcome == Outcome::Timeout {
            verdict.cause = Cause::OutOfMemory;
        }
        Some(verdict)
    }

    fn is_shutdown_by_handler(&self) -> bool {
        self.verdict.evidence == Evidence::Shutdown && self.verdict.cause != Cause::Extension
    }

    /// Only what was claimed can be taken back, and what the platform said only by its report.
    fn taken_back(&self, evidence: Evidence) -> Option<Verdict> {
        let may = evidence == Evidence::Report || evidence.is_inferred();
        if self.is_made && may { self.at(evidence, Outcome::Success) } else { None }
    }

    /// The verdict in a higher rank; `None` when it says so already, or in a better one.
    fn at(&self, evidence: Evidence, outcome: Outcome) -> Option<Verdict> {
        let known = &self.verdict;
        let says_so = self.is_made && known.evidence == evidence && known.outcome == outcome;
        let is_better = self.is_made && known.evidence > evidence;
        if is_better || (says_so && evidence != Evidence::Shutdown) {
            return None;
        }
        let cause = match outcome {
            Outcome::OutOfMemory => Cause::OutOfMemory,
            Outcome::Timeout | Outcome::Success => known.cause,
        };
        let revision = known.revision.saturating_add(1);
        Some(Verdict { evidence, outcome, cause, revision, ..known.clone() })
    }
}

#[cfg(test)]
mod tests;
