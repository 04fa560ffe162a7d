//! Which invocation an event or a record is about, and what it adds.
//!
//! Request ids name invocations only loosely. A record may come twice, or be about an invocation of the process before us,
//! which shares our environment but not our memory; an asynchronous retry has the id of the one it repeats; an init inside
//! an invocation comes before anybody says whose it is.

use std::time::Duration;

use overtime_wire::{EpochMillis, Ordinal, Qualifier, RequestId};

use super::{
    Sandbox, Vigilance,
    invocation::{End, Fate, Invocation, Invoked, Overrun, Started},
};
use crate::{
    log::Line,
    runtime_api::{Invoke, Reason},
    telemetry::{
        record::{Report, RuntimeDone, Start},
        status::Status,
    },
};

/// The longest timeout that can be configured.
const TIMEOUT_MAX: Duration = Duration::from_mins(15);

impl Sandbox {
    /// INVOKE: another invocation begins, so all before it are over.
    pub(super) fn invoke(&mut self, invoke: Invoke, now: EpochMillis) {
        let now = believable(now, invoke.deadline);
        if let Some(arn) = &invoke.arn {
            self.me.learn(arn);
        }
        // What ended before the previous INVOKE has had its chance to be heard of.
        self.count_unheard(now, |it| it.fate == Fate::Completed);
        let is_begun = |it: &Invocation| it.is_open() && it.invoked.is_none();
        let known = match &invoke.request {
            Some(request) => self.window.latest(request).filter(|it| is_begun(it)),
            None => None,
        };
        let ordinal = match known {
            Some(it) => it.ordinal,
            None => match self.window.nameless().filter(|it| is_begun(it)) {
                Some(it) => it.ordinal,
                None => self.open(now),
            },
        };
        self.complete_others(ordinal, None);
        let alias = invoke.arn.and_then(|it| it.qualifier).and_then(alias);
        let Some(it) = self.window.at(ordinal) else {
            return;
        };
        it.invoked = Some(Invoked { at: now, deadline: invoke.deadline });
        it.request = it.request.take().or(invoke.request);
        it.trace = it.trace.or(invoke.trace);
        it.alias = alias.unwrap_or_default();
    }

    /// Looks whether the deadline of the open invocation passes. Called at whatever wakes us, and at the time it names.
    pub fn watch(&mut self, now: EpochMillis) -> Vigilance {
        let look = self.watchman.look(self.window.watched(), now);
        if let Some(it) = look.witnessed.and_then(|it| self.window.at(it)) {
            it.overrun = it.overrun.max(Overrun::Witnessed);
        }
        if let Some(it) = look.passed.and_then(|it| self.window.at(it)) {
            it.overrun = Overrun::Claimed;
            self.settle(now);
        }
        let is_witness = look.witnessed.is_some();
        Vigilance { wake: look.wake, is_near: look.is_near, is_witness }
    }

    /// The deadline of an answered invocation that an extension may still be holding.
    pub fn open_until(&self) -> Option<EpochMillis> {
        self.window
            .iter()
            .filter(|it| it.is_open() && it.answered.is_some())
            .find_map(Invocation::deadline)
    }

    /// Deadlines before `at` have passed while we ran and listened, and no timeout came of them.
    pub fn outlive(&mut self, at: EpochMillis, now: EpochMillis) {
        for it in self.window.iter_mut().filter(|it| it.is_open() && it.answered.is_some()) {
            if it.deadline().is_some_and(|deadline| deadline < at) {
                it.fate = Fate::Completed;
            }
        }
        self.settle(now);
    }

    /// SHUTDOWN: no invocation is open any more, and the reason says why.
    pub(super) fn shutdown(&mut self, reason: Reason, now: EpochMillis) {
        // Of many that are open at once none is known to be the one.
        if reason == Reason::Timeout && !self.window.is_concurrent {
            return self.shutdown_by_timeout(now);
        }
        self.has_failed = reason == Reason::Failure;
        for it in self.window.iter_mut().filter(|it| it.may_complete()) {
            it.fate = match reason {
                Reason::Failure => Fate::ShutDownByFailure,
                Reason::Timeout | Reason::Other => Fate::Completed,
            };
        }
    }

    fn shutdown_by_timeout(&mut self, now: EpochMillis) {
        if let Some(it) = self.window.open() {
            let has_failed = it.ended.is_some_and(|it| matches!(it.status, Status::Failed(_)));
            it.fate = if has_failed { Fate::ShutDownByFailure } else { Fate::ShutDownByTimeout };
        } else if !self.window.was_invoked && self.init.is_running() {
            self.init_timed_out_by_shutdown(now);
        } else if !self.window.iter().any(|it| it.verdict.is_some()) {
            // Telemetry may yet name it.
            self.has_unseen_timeout = true;
        }
    }

    /// Nothing names what timed out. A process that never had another event began inside it, or in an init that overran.
    pub(super) fn give_up_naming(&mut self, now: EpochMillis) {
        if !self.has_unseen_timeout {
            return;
        }
        if self.window.was_invoked {
            self.has_unseen_timeout = false;
            self.lose(now, |it| it.unfinished_invocations += 1);
        } else if self.init.is_running() {
            self.has_unseen_timeout = false;
            self.init_timed_out_by_shutdown(now);
        } else {
            self.open(now);
        }
        self.settle(now);
    }

    pub(super) fn start(&mut self, start: Start, now: EpochMillis) {
        if let Some(arn) = &start.arn {
            self.me.learn(arn);
        }
        let is_predecessors = self.is_predecessors(start.at);
        let ordinal = match self.window.latest(&start.request) {
            Some(it) if it.started.is_none() && (it.is_open() || !is_after(start.at, it)) => {
                it.ordinal
            }
            // Told twice, unless it began after the other's end: then it is a retry.
            Some(it) if it.is_open() || !is_after(start.at, it) => return,
            Some(_) => self.open(now),
            None if is_predecessors => return,
            // Where SHUTDOWN came first, it is over and not yet counted.
            None => match self.window.nameless().filter(|it| it.is_open() || !it.is_settled()) {
                Some(it) => it.ordinal,
                None => self.open(now),
            },
        };
        self.tails.begin(Some(&start.request));
        self.complete_others(ordinal, Some(start.at.unwrap_or(now)));
        let Some(it) = self.window.at(ordinal) else {
            return;
        };
        it.started = Some(Started { at: start.at });
        it.request = Some(start.request);
        it.trace = it.trace.or(start.trace);
        it.version = start.version;
    }

    pub(super) fn log(&mut self, line: Line, now: EpochMillis) {
        if !self.is_predecessors(line.at) {
            self.tails.add(line, now);
        }
    }

    pub(super) fn runtime_done(&mut self, done: RuntimeDone, now: EpochMillis) {
        // On Managed Instances the code runs on after its timeout, and says nothing more about it.
        let is_concurrent = self.window.is_concurrent;
        let Some(it) = self.meant(done.request.as_ref(), done.at, now) else { return };
        if is_concurrent && it.report.is_some() {
            return;
        }
        it.request = it.request.take().or(done.request);
        it.spans = it.spans.or(done.spans);
        let end = End { status: done.status, at: done.at, duration: done.duration };
        match done.status {
            Status::Success => it.answered = it.answered.or(Some(end)),
            Status::Timeout | Status::OutOfMemory | Status::Failed(_) | Status::Unknown => {
                let known = it.ended.get_or_insert(end);
                known.duration = known.duration.or(end.duration);
            }
        }
    }

    pub(super) fn report(&mut self, report: Report, now: EpochMillis) {
        self.me.learn_memory(&report);
        self.weigh(&report);
        let Some(it) = self.meant(Some(&report.request), report.at, now) else { return };
        it.request = it.request.take().or(Some(report.request.clone()));
        it.report.get_or_insert(report);
    }

    /// The invocation that a record about an end is about, if it can still change.
    fn meant(
        &mut self,
        request: Option<&RequestId>,
        at: Option<EpochMillis>,
        now: EpochMillis,
    ) -> Option<&mut Invocation> {
        let is_predecessors = self.is_predecessors(at);
        let known = request.and_then(|it| self.window.latest(it)).map(|it| it.ordinal);
        let ordinal = match (known, request) {
            (Some(known), _) => known,
            _ if is_predecessors => return None,
            (None, None) => self.window.open()?.ordinal,
            (None, Some(_)) => match self.window.nameless() {
                Some(it) => it.ordinal,
                None => self.open(now),
            },
        };
        let found = self.window.at(ordinal);
        found.filter(|it| !it.is_counted)
    }

    /// Whether a record about a request that we do not know is about the process before us in this environment.
    pub(super) fn is_predecessors(&self, at: Option<EpochMillis>) -> bool {
        !self.window.is_concurrent && at.is_some_and(|it| it < self.me.born)
    }

    /// Gives an invocation its ordinal.
    pub(super) fn open(&mut self, now: EpochMillis) -> Ordinal {
        let mut invocation = Invocation::new(self.draw_ordinal(), now);
        if std::mem::take(&mut self.has_unseen_timeout) {
            invocation.fate = Fate::ShutDownByTimeout;
        }
        invocation.is_cold = !self.window.was_invoked && self.me.makes_callers_wait();
        let ordinal = invocation.ordinal;
        self.census.opened = self.census.opened.saturating_add(1);
        if let Some(oldest) = self.window.push(invocation).filter(|it| !it.is_settled()) {
            self.count_without_end(&oldest, now);
        }
        ordinal
    }

    pub(super) fn draw_ordinal(&mut self) -> Ordinal {
        let ordinal = Ordinal(self.next_ordinal);
        self.next_ordinal = self.next_ordinal.saturating_add(1);
        ordinal
    }

    /// One is open at a time, so all others that began before `since` are over. Not so on Managed Instances.
    fn complete_others(&mut self, ordinal: Ordinal, since: Option<EpochMillis>) {
        if self.window.is_concurrent {
            return;
        }
        let others = self.window.iter_mut().filter(|it| it.ordinal < ordinal && it.may_complete());
        for it in others.filter(|it| since.is_none_or(|since| it.seen <= since)) {
            it.fate = Fate::Completed;
        }
    }
}

/// A clock that was copied with the process may be as old as the copy, until it is set. The deadline is the platform's.
fn believable(now: EpochMillis, deadline: Option<EpochMillis>) -> EpochMillis {
    deadline.map_or(now, |it| now.max(it.minus(TIMEOUT_MAX)))
}

/// Whether `at` lies after all that is known of an invocation's end.
fn is_after(at: Option<EpochMillis>, it: &Invocation) -> bool {
    match (at, it.end_time()) {
        (Some(at), Some(end)) => at > end,
        _ => false,
    }
}

/// The qualifier a caller used, when it is an alias and not a version.
fn alias(qualifier: Qualifier) -> Option<String> {
    let text = qualifier.as_str();
    let is_version = text == "$LATEST" || text.bytes().all(|it| it.is_ascii_digit());
    (!is_version).then(|| text.to_owned())
}
