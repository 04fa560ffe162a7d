//! Inits: before the first invocation, and again inside one.
//!
//! Source: AWS's "Lambda execution environment lifecycle". An init that fails or takes more than ten seconds is silently run
//! again inside the first invocation (`phase` is `invoke`), under the function's own timeout. If that overruns, there may
//! be neither INVOKE nor `start`: the invocation is opened here, and whoever later says its request id only names it.

use std::time::Duration;

use overtime_wire::{Block, Cause, EpochMillis, Evidence, Outcome, Phase, Spans, Subject, Verdict};

use super::{
    Sandbox,
    invocation::{End, Fate},
};
use crate::telemetry::{
    record::{InitEnd, InitStart},
    status::Status,
};

/// The init of this process's life, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Init {
    phase: Option<Phase>,
    /// First sight.
    seen: Option<EpochMillis>,
    is_over: bool,
    has_failed: bool,
    verdict: Option<Verdict>,
}

impl Init {
    /// Whether its end was heard of.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether one before the first invocation was seen to begin and not to end.
    pub(super) fn is_running(&self) -> bool {
        self.phase == Some(Phase::Init) && !self.is_over
    }
}

/// What is known of an init that ended abnormally.
struct Abnormal {
    evidence: Evidence,
    outcome: Outcome,
    duration: Option<Duration>,
}

impl Sandbox {
    pub(super) fn init_start(&mut self, start: &InitStart, now: EpochMillis) {
        self.me.learn_init(start);
        self.phase_begun(start.phase);
        let is_told_twice = self.init.phase == Some(start.phase);
        if !is_told_twice {
            self.tails.begin(None);
        }
        if start.phase != Phase::Suppressed {
            if !is_told_twice {
                self.init.phase = Some(start.phase);
                self.init.seen = self.init.seen.or(Some(now));
            }
            return;
        }
        // The environment was reset: something went wrong before us.
        self.troubled = self.troubled.or(Some(now));
        if is_told_twice {
            return;
        }
        self.init = Init { phase: Some(Phase::Suppressed), seen: Some(now), ..Init::default() };
        if let Some(it) = self.window.open() {
            it.held_init = true;
        } else if !self.window.was_invoked {
            let ordinal = self.open(now);
            if let Some(it) = self.window.at(ordinal) {
                it.held_init = true;
            }
        }
    }

    pub(super) fn init_end(&mut self, end: &InitEnd, now: EpochMillis) {
        let phase = end.phase.or(self.init.phase).unwrap_or(Phase::Init);
        self.init.seen = self.init.seen.or(Some(now));
        self.init.is_over |= end.status != Status::Unknown || end.is_report;
        let evidence = if end.is_report { Evidence::Report } else { Evidence::RuntimeDone };
        match end.duration.filter(|_| end.status == Status::Success) {
            Some(took) => self.phase_took(phase, took),
            None => self.phase_begun(phase),
        }
        let abnormal = |outcome| Abnormal { evidence, outcome, duration: end.duration };
        match (end.status, phase) {
            (Status::Success | Status::Unknown, _) => {}
            (Status::Timeout, Phase::Init) => self.init_verdict(abnormal(Outcome::Timeout), now),
            (Status::OutOfMemory, Phase::Init) => {
                self.init_verdict(abnormal(Outcome::OutOfMemory), now);
            }
            (Status::Timeout, Phase::Suppressed) => self.invocation_overrun_by_init(),
            (Status::Failed(_) | Status::OutOfMemory, Phase::Suppressed)
            | (Status::Failed(_), Phase::Init)
            | (Status::Failed(_) | Status::OutOfMemory | Status::Timeout, Phase::Restore) => {
                self.init_failed(now);
            }
        }
    }

    /// The init inside an invocation used up the function's timeout, so the invocation timed out.
    fn invocation_overrun_by_init(&mut self) {
        let nameless = self.window.nameless().is_some_and(|it| it.ended.is_none());
        let meant = if nameless { self.window.nameless() } else { self.window.open() };
        if let Some(it) = meant.filter(|it| it.held_init && it.fate != Fate::Completed) {
            it.ended.get_or_insert(End { status: Status::Timeout, at: None, duration: None });
        }
    }

    pub(super) fn init_timed_out_by_shutdown(&mut self, now: EpochMillis) {
        let evidence = Evidence::Shutdown;
        self.init_verdict(Abnormal { evidence, outcome: Outcome::Timeout, duration: None }, now);
    }

    /// Counts a failure once, though both the runtime's end and the report tell of it.
    fn init_failed(&mut self, now: EpochMillis) {
        if std::mem::replace(&mut self.init.has_failed, true) {
            return;
        }
        let seen = self.init.seen.unwrap_or(now);
        let block = Block::of(seen);
        match self.tallies.news(block, &self.me.profile, now) {
            Some(tally) => {
                tally.minutes.entry(block.minute(seen)).or_default().init_failures += 1;
            }
            None => self.lose(now, |it| it.overflowed_facts += 1),
        }
    }

    fn init_verdict(&mut self, abnormal: Abnormal, now: EpochMillis) {
        let last = self.init.verdict.take();
        if last.as_ref().is_some_and(|it| it.evidence >= abnormal.evidence) {
            self.init.verdict = last;
            return;
        }
        let seen = self.init.seen.unwrap_or(now);
        let ordinal = last.as_ref().map(|it| it.ordinal);
        let mut verdict = Verdict {
            block: Block::of(seen),
            ordinal: ordinal.unwrap_or_else(|| self.draw_ordinal()),
            revision: last.as_ref().map_or(0, |it| it.revision + 1),
            evidence: abnormal.evidence,
            outcome: abnormal.outcome,
            subject: Subject::Init,
            cause: match abnormal.outcome {
                Outcome::Timeout => Cause::Init,
                Outcome::OutOfMemory => Cause::OutOfMemory,
                Outcome::Success => Cause::Unknown,
            },
            seen,
            started: None,
            deadline: None,
            detected: last.as_ref().map_or(now, |it| it.detected),
            timeout: self.me.profile.timeout,
            duration: abnormal.duration.or(last.as_ref().and_then(|it| it.duration)),
            request: None,
            version: self.me.profile.version.clone(),
            alias: String::new(),
            cold_start: true,
            memory_mb: self.me.profile.memory_mb,
            max_memory_used_mb: 0,
            trace: None,
            environment: self.me.environment.clone(),
            log_tail: last.as_ref().map(|it| it.log_tail.clone()).unwrap_or_default(),
            last_log: last.and_then(|it| it.last_log),
            // The duration is the init's.
            spans: Spans::default(),
        };
        self.tails.add_to(&mut verdict, true);
        self.hold(&verdict, now);
        self.init.verdict = Some(verdict);
    }
}
