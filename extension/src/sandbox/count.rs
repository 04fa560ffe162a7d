//! Turns what is decided into facts: a verdict, or a place in the tally.

use overtime_wire::{Block, EpochMillis, Outcome, SampleKind, Subject, Verdict};

use super::{
    Sandbox,
    invocation::{Fate, Invocation},
    judgement::{Hearing, Judgement, judge},
};
use crate::telemetry::status::Failure;

impl Sandbox {
    /// Makes facts of all that is decided. Called after every event, so that facts follow from what is known, in any order.
    pub(super) fn settle(&mut self, now: EpochMillis) {
        let hearing = self.me.hearing();
        let (mut decided, mut due) = (Vec::new(), Vec::new());
        for it in self.window.iter_mut().filter(|it| !it.is_counted) {
            match judge(it, hearing) {
                Judgement::Undecided => {}
                Judgement::Ended { .. } if it.verdict.is_some() => {}
                Judgement::Ended { failure, .. } => {
                    it.is_counted = true;
                    decided.push((it.clone(), failure));
                }
                Judgement::Abnormal { .. } => {
                    let is_first = it.verdict.is_none();
                    if is_first {
                        self.census.judged = self.census.judged.saturating_add(1);
                        self.me.observe(it);
                    }
                    if let Some(mut verdict) =
                        next_verdict(it, hearing, (&self.me, &self.told), now)
                    {
                        self.tails.add_to(&mut verdict, it.held_init);
                        it.verdict = Some(Box::new(verdict.clone()));
                        due.push((verdict, is_first && it.is_cold));
                    }
                }
            }
        }
        for (it, failure) in decided {
            self.count(&it, failure, now);
        }
        for (verdict, was_cold) in &due {
            if *was_cold {
                self.count_cold_start(verdict.seen);
            }
            self.hold(verdict, now);
        }
    }

    /// The environment was begun, whatever became of the invocation that waited for it.
    fn count_cold_start(&mut self, seen: EpochMillis) {
        let block = Block::of(seen);
        if let Some(tally) = self.tallies.touch(block, &self.me.profile) {
            tally.minutes.entry(block.minute(seen)).or_default().cold_starts += 1;
        }
    }

    /// Keeps a verdict until the aggregator has it.
    pub(super) fn hold(&mut self, verdict: &Verdict, now: EpochMillis) {
        let lost = self.verdicts.put(verdict.encode());
        self.troubled = Some(now);
        let is_told = self.tallies.are_known() && !self.tallies.are_inits_waiting();
        if lost > 0 || !is_told {
            // A function that always times out would have no tally, and so no profile: runtime, tags and the rest. Nor would anybody
            // hear of an init that ran inside its last invocation.
            self.lose(now, |it| it.overflowed_facts = it.overflowed_facts.saturating_add(lost));
        }
    }

    /// Counts those whose end was not heard of and will not be any more.
    pub(super) fn count_unheard(&mut self, now: EpochMillis, which: impl Fn(&Invocation) -> bool) {
        let mut unheard = Vec::new();
        for it in self.window.iter_mut().filter(|it| !it.is_settled() && which(it)) {
            it.is_counted = true;
            unheard.push(it.clone());
        }
        for it in unheard {
            self.count_without_end(&it, now);
        }
    }

    /// Nothing more will be heard: the process is about to end.
    pub fn give_up_waiting(&mut self, now: EpochMillis) {
        self.give_up_naming(now);
        if self.has_failed {
            // Heard of only after SHUTDOWN, which ended it all the same.
            for it in self.window.iter_mut().filter(|it| it.is_open()) {
                it.fate = Fate::ShutDownByFailure;
            }
            self.settle(now);
        }
        self.count_unheard(now, |_| true);
    }

    pub(super) fn count_without_end(&mut self, it: &Invocation, now: EpochMillis) {
        match judge(it, Hearing::NoMore) {
            Judgement::Ended { failure, .. } => self.count(it, failure, now),
            // It would have had its verdict.
            Judgement::Undecided | Judgement::Abnormal { .. } => {}
        }
        self.lose(now, |it| {
            it.unfinished_invocations = it.unfinished_invocations.saturating_add(1);
        });
    }

    fn count(&mut self, it: &Invocation, failure: Option<Failure>, now: EpochMillis) {
        self.me.observe(it);
        self.census.counted = self.census.counted.saturating_add(1);
        let block = Block::of(it.seen);
        let timeout = it.allowance().map_or(self.me.profile.timeout, |it| self.me.timeout(it));
        let near = timeout.mul_f64(self.near_timeout.0);
        let is_near = failure.is_none()
            && !timeout.is_zero()
            && it.duration().is_some_and(|duration| duration >= near);
        let Some(tally) = self.tallies.news(block, &self.me.profile, now) else {
            return self
                .lose(now, |it| it.overflowed_facts = it.overflowed_facts.saturating_add(1));
        };
        let minute = tally.minutes.entry(block.minute(it.seen)).or_default();
        minute.invocations += 1;
        minute.cold_starts += u32::from(it.is_cold);
        minute.near_timeouts += u32::from(is_near);
        let (counter, kind) = match failure {
            None => (None, is_near.then_some(SampleKind::NearTimeout)),
            Some(Failure::Exit) => (Some(&mut minute.exits), Some(SampleKind::Exit)),
            Some(Failure::Extension) => {
                (Some(&mut minute.extension_failures), Some(SampleKind::Extension))
            }
            Some(Failure::Platform) => {
                (Some(&mut minute.platform_failures), Some(SampleKind::Platform))
            }
            Some(Failure::Other) => (Some(&mut minute.other_failures), Some(SampleKind::Other)),
        };
        if let Some(counter) = counter {
            *counter += 1;
        }
        if let (Some(kind), Some(request)) = (kind, &it.request) {
            tally.sample(kind, request);
        }
        if let Some(duration) = it.duration() {
            tally.completed(duration);
        }
        self.tallies.counted_invocation();
    }
}

/// The verdict that is due, unless the last one says the same.
fn next_verdict(
    it: &Invocation,
    hearing: Hearing,
    (me, told): (&super::Identity, &super::Told),
    now: EpochMillis,
) -> Option<Verdict> {
    let Judgement::Abnormal { evidence, outcome, cause } = judge(it, hearing) else { return None };
    let last = it.verdict.as_deref();
    let report = it.report.as_ref();
    let duration = report.and_then(|it| it.duration).or_else(|| {
        let ended = it.ended.and_then(|it| it.duration);
        if outcome == Outcome::Success { it.duration() } else { ended }
    });
    let mut verdict = Verdict {
        block: Block::of(it.seen),
        ordinal: it.ordinal,
        revision: last.map_or(0, |it| it.revision),
        evidence,
        outcome,
        subject: Subject::Invocation,
        cause,
        seen: it.seen,
        started: it.start_time(),
        deadline: it.deadline(),
        detected: last.map_or(now, |it| it.detected),
        timeout: me.timeout_of(it),
        duration,
        request: it.request.clone(),
        version: if it.version.is_empty() {
            me.profile.version.clone()
        } else {
            it.version.clone()
        },
        alias: it.alias.clone(),
        cold_start: it.is_cold,
        memory_mb: me.profile.memory_mb,
        max_memory_used_mb: report.map_or(0, |it| it.max_memory_used_mb),
        trace: it.trace,
        environment: me.environment.clone(),
        // What is known better is added once it is known that a verdict is due.
        log_tail: last.map(|it| it.log_tail.clone()).unwrap_or_default(),
        last_log: last.and_then(|it| it.last_log),
        spans: told.spans_of(it),
    };
    if last == Some(&verdict) {
        return None;
    }
    verdict.revision += u32::from(last.is_some());
    Some(verdict)
}
