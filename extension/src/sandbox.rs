//! What happened in this environment: events and records in, facts out.
//!
//! ```text
//!                 INVOKE, start, or an init inside an invocation
//!                                   │ ordinal, block and minute are fixed
//!                                   ▼
//!          runtimeDone(success)   Open ─ deadline seen to pass, SHUTDOWN, runtimeDone, report(timeout) ─▶ verdict
//!                    │              │                                                                      ▲   │
//!                    ▼              ▼                                                    better evidence ──┘   │
//!                 Answered ──▶ Completed (next INVOKE, report, SHUTDOWN otherwise)       report(success) ──────┘
//!                                   │ its end is known, or can no longer become known              retracts
//!                                   ▼
//!                                 tally
//! ```
//!
//! Telemetry and events race each other, come late, twice, or not at all, so nothing here depends on their order: each adds
//! to what is known about an invocation, and `judgement` is a function of all that is known.
//!
//! **Invariants.** An ordinal enters a tally only once nothing can turn it into a verdict, and never if it had one. Whatever
//! falls out of a bounded place is counted in `Losses`. No clock, no socket, no randomness: time and ids are arguments.

mod count;
mod identity;
mod inherited;
mod init;
mod invocation;
mod judgement;
mod ledger;
mod observe;
mod phases;
mod restore;
mod tails;
mod tallies;
mod verdicts;
mod watchman;
mod window;

use bytes::Bytes;
use overtime_wire::{
    Batch, Block, EpochMillis, FactKey, Incarnation, IncarnationId, Losses, Ordinal, Rank,
    Recorded, Tally, Verdict,
};

use crate::{
    config::{Share, Tags},
    fault::{self, Place},
    lambda::Lambda,
    log::{Lines, Redaction},
    runtime_api::{Invoke, Shutdown},
    telemetry::Record,
};

use identity::Identity;
use inherited::Inherited;
use init::Init;
use invocation::Invocation;
use ledger::{Census, Noted};
use phases::Told;
use restore::Snapshot;
use tails::Tails;
use tallies::Tallies;
use verdicts::Verdicts;
use watchman::Watchman;
use window::Window;

/// What is known when the process begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Birth {
    pub at: EpochMillis,
    pub lambda: Lambda,
    /// From the registration; empty when unsaid.
    pub account: String,
    pub tags: Tags,
    pub near_timeout: Share,
    pub log_tail: Lines,
    pub log_redaction: Redaction,
    /// Whether the platform posts telemetry to us.
    pub hears_telemetry: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Invoke(Invoke),
    Shutdown(Shutdown),
    Record(Record),
}

/// The state of the environment, as far as it is known.
#[derive(Debug)]
pub struct Sandbox {
    me: Identity,
    init: Init,
    told: Told,
    window: Window,
    watchman: Watchman,
    tallies: Tallies,
    verdicts: Verdicts,
    inherited: Inherited,
    noted: Noted,
    census: Census,
    /// Where the platform does not say what the environment is called.
    is_named_by_us: bool,
    tails: Tails,
    near_timeout: Share,
    snapshot: Snapshot,
    life: u32,
    next_ordinal: u32,
    /// SHUTDOWN said so.
    has_failed: bool,
    /// SHUTDOWN said that something timed out, and nothing that we saw can have.
    has_unseen_timeout: bool,
    /// Since when a timeout makes recovery interesting.
    troubled: Option<EpochMillis>,
}

/// A batch on its way, and which facts it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub bytes: Bytes,
    incarnation: IncarnationId,
    tallies: Vec<Recorded<Tally>>,
    verdicts: Vec<(Block, Ordinal, Rank)>,
    /// Of processes before us.
    inherited: Vec<(FactKey, u64)>,
    /// How many new invocations it tells of.
    invocations: u32,
}

impl Outgoing {
    pub fn has_verdicts(&self) -> bool {
        let is_verdict = |(key, _): &(FactKey, u64)| matches!(key, FactKey::Verdict { .. });
        !self.verdicts.is_empty() || self.inherited.iter().any(is_verdict)
    }

    fn facts(&self) -> u32 {
        u32::try_from(self.keys().count()).unwrap_or(u32::MAX)
    }
}

/// Whether there are verdicts to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Held {
    #[default]
    Nothing,
    /// All were carried by a request that did not get through.
    Tried,
    /// Some were carried by no request yet.
    Fresh,
}

/// What a deadline that comes near asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vigilance {
    /// When to look again.
    pub wake: Option<EpochMillis>,
    /// Said once per invocation: there may soon be something to say at once.
    pub is_near: bool,
    /// The journal has something to learn.
    pub is_witness: bool,
}

/// What waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    pub verdicts: Held,
    /// A tally has something new to say.
    pub tallies: bool,
    pub new_invocations: u32,
    /// Since when the oldest of it waits.
    pub oldest: Option<EpochMillis>,
    pub troubled: Option<EpochMillis>,
    /// Without an account there is no telling whose facts these are.
    pub is_nameless: bool,
}

impl Sandbox {
    pub fn new(birth: Birth) -> Self {
        Self {
            me: Identity::new(&birth),
            init: Init::default(),
            told: Told::default(),
            window: Window::new(birth.lambda.initialization.is_managed_instances()),
            watchman: Watchman::default(),
            tallies: Tallies::default(),
            verdicts: Verdicts::default(),
            inherited: Inherited::default(),
            noted: Noted::new(&birth),
            census: Census::default(),
            is_named_by_us: false,
            tails: Tails::new(birth.log_tail, birth.lambda.initialization.is_managed_instances())
                .showing(birth.log_redaction),
            near_timeout: birth.near_timeout,
            snapshot: Snapshot::of(&birth.lambda.initialization),
            life: 0,
            next_ordinal: 0,
            has_failed: false,
            has_unseen_timeout: false,
            troubled: None,
        }
    }

    /// Takes in what happened.
    pub fn apply(&mut self, event: Event, now: EpochMillis) {
        self.notice_restore(&event);
        match event {
            Event::Record(record) if self.is_about_predecessor(&record, now) => {}
            Event::Invoke(invoke) => self.invoke(invoke, now),
            Event::Shutdown(shutdown) => self.shutdown(shutdown.reason, now),
            // A line changes no fact; it is there when one is due.
            Event::Record(Record::Log(line)) => return self.log(line, now),
            Event::Record(record) => self.record(record, now),
        }
        self.settle(now);
    }

    /// The first event has come, so things may be sent.
    pub fn awake(&mut self) {
        self.inherited.awake();
    }

    fn record(&mut self, record: Record, now: EpochMillis) {
        match record {
            Record::InitStart(it) => self.init_start(&it, now),
            Record::InitEnd(it) => self.init_end(&it, now),
            Record::Start(it) => self.start(it, now),
            Record::RuntimeDone(it) => self.runtime_done(it, now),
            Record::Report(it) => self.report(it, now),
            Record::Resubscribed => self.troubled = Some(now),
            Record::Dropped(records) => {
                self.lose(now, |it| {
                    it.dropped_records = it.dropped_records.saturating_add(records);
                });
            }
            Record::Log(line) => self.log(line, now),
            Record::Fault(place) => fault::strike(Some(place), Place::Core),
        }
    }

    /// Notes a loss in the block of `now`. It rides along with whatever is sent next.
    pub fn lose(&mut self, now: EpochMillis, what: impl FnOnce(&mut Losses)) {
        if let Some(tally) = self.tallies.touch(Block::of(now), &self.me.profile) {
            what(&mut tally.losses);
        }
    }

    /// Notes a loss that nothing is sent after any more, so it is worth a request of its own.
    pub fn lose_at_last(&mut self, now: EpochMillis, what: impl FnOnce(&mut Losses)) {
        if let Some(tally) = self.tallies.news(Block::of(now), &self.me.profile, now) {
            what(&mut tally.losses);
        }
    }

    /// Whether an invocation that ended, or the init before any, still lacks what only telemetry can tell: how it ended, or
    /// why it timed out. On Managed Instances nothing else tells that there was an invocation at all.
    pub fn awaits_telemetry(&self) -> bool {
        let is_init_unheard = !self.window.was_invoked && !self.init.is_over();
        let lacks = |it: &Invocation| !it.is_settled() || it.lacks_cause(self.me.has_spare_memory);
        self.me.hears_telemetry
            && (self.window.is_concurrent
                || self.has_unseen_timeout
                || is_init_unheard
                || self.window.iter().any(lacks))
    }

    pub fn holdings(&self) -> Holdings {
        Holdings {
            verdicts: self.verdicts.held().max(self.inherited.verdicts()),
            tallies: self.tallies.has_news() || self.inherited.has_tallies(),
            new_invocations: self.tallies.new_invocations(),
            oldest: self.tallies.oldest().into_iter().chain(self.inherited.since()).min(),
            troubled: self.troubled,
            is_nameless: self.me.function.is_none(),
        }
    }

    /// All that waits, as one batch; `None` when nothing does or nobody knows whose it is.
    pub fn batch(&mut self, incarnation: IncarnationId, now: EpochMillis) -> Option<Outgoing> {
        let function = self.me.function.clone()?;
        let tallies = self.tallies.changed(&self.me.profile);
        let verdicts = self.verdicts.all();
        let (mut incarnations, inherited) = self.inherited.next();
        if tallies.is_empty() && verdicts.is_empty() && inherited.is_empty() {
            return None;
        }
        let carried = |it: &Recorded<Verdict>| (it.fact.block, it.fact.ordinal, it.rank);
        let mut outgoing = Outgoing {
            bytes: Bytes::new(),
            incarnation,
            tallies: tallies.clone(),
            verdicts: verdicts.iter().map(carried).collect(),
            inherited,
            invocations: self.tallies.new_invocations(),
        };
        if !tallies.is_empty() || !verdicts.is_empty() {
            incarnations.insert(0, Incarnation { id: incarnation, tallies, verdicts });
        }
        let partition = self.me.partition();
        outgoing.bytes = Batch { function, partition, sent: now, incarnations }.encode().into();
        Some(outgoing)
    }

    /// The aggregator has all of a batch, but for the facts it refuses by name: those are never sent again.
    pub fn acknowledged(&mut self, sent: &Outgoing, refused: &[FactKey], now: EpochMillis) {
        let ours = |key: &&FactKey| sent.keys().any(|it| it == **key);
        let refused = u32::try_from(refused.iter().filter(ours).count()).unwrap_or(u32::MAX);
        self.forget(sent, now);
        if refused > 0 {
            self.lose(now, |it| it.refused_facts = it.refused_facts.saturating_add(refused));
        }
    }

    /// The aggregator wants none of a batch, now or ever.
    pub fn refused(&mut self, sent: &Outgoing, now: EpochMillis) {
        self.forget(sent, now);
        let facts = sent.facts();
        self.lose(now, |it| it.refused_facts = it.refused_facts.saturating_add(facts));
    }

    fn forget(&mut self, sent: &Outgoing, now: EpochMillis) {
        for it in &sent.tallies {
            self.tallies.delivered(it.fact.block, it.fact.revision);
        }
        if !sent.inherited.is_empty() {
            self.inherited.got_through();
        }
        for (key, rank) in &sent.inherited {
            self.inherited.delivered(*key, *rank);
        }
        self.tallies.told(sent.invocations, now);
        for (_, ordinal, rank) in &sent.verdicts {
            self.verdicts.delivered(*ordinal, *rank);
        }
    }
}

impl Outgoing {
    fn keys(&self) -> impl Iterator<Item = FactKey> + '_ {
        self.ranked_keys().map(|(key, _)| key)
    }

    fn ranked_keys(&self) -> impl Iterator<Item = (FactKey, u64)> + '_ {
        let incarnation = self.incarnation;
        let tallies = self.tallies.iter().map(move |it| {
            (FactKey::Tally { block: it.fact.block, incarnation }, it.rank.number())
        });
        let verdicts = self.verdicts.iter().map(move |(block, ordinal, rank)| {
            let (block, ordinal) = (*block, *ordinal);
            (FactKey::Verdict { block, incarnation, ordinal }, rank.number())
        });
        tallies.chain(verdicts).chain(self.inherited.iter().copied())
    }
}

#[cfg(test)]
mod evidence;
#[cfg(test)]
mod freezes;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
