//! Functions with one thing wrong each, for the analyses' tests.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{
    Block, Cause, Counts, Durations, EpochMillis, Evidence, FunctionKey, IncarnationId, Ordinal,
    Outcome, Profile, RequestId, Spans, Subject, Tally, Verdict,
};

use super::Seen;
use crate::domain::{
    fact::Standing,
    history::History,
    hour::{Hour, HourView, StandingHour},
    timeout::Timeout,
    versions::Versions,
    view::Basis,
};

/// Midnight of 2026-11-24.
pub(super) const BEGAN: EpochMillis = EpochMillis(1_795_478_400_000);
const TIMEOUT: Duration = Duration::from_secs(3);

/// One function over some time.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) timeouts: Vec<Timeout>,
    pub(super) complete: bool,
    pub(super) hours: Vec<StandingHour>,
    pub(super) history: History,
}

impl Story {
    pub(super) fn named(name: &'static str) -> Self {
        let (timeouts, hours) = (Vec::new(), Vec::new());
        Self { name, timeouts, complete: true, hours, history: History::default() }
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        let Self { timeouts, complete, hours, history, .. } = self;
        let since = hours.first().map(|it| it.hour).unwrap_or_default();
        Seen { timeouts, complete: *complete, hours, since, history: Some(history) }
    }

    /// Version 13 times out from its first hour on, version 12 beside it does not.
    pub(super) fn bad_deploy() -> Self {
        let mut story = Self::busy("bad deploy");
        story.set_up(0, |it| it.profile.version = "12".to_owned());
        story.set_up(72, |it| it.profile.version = "13".to_owned());
        for hour in 0..72 {
            story.versions(hour, &[("12", 100, 0)]);
        }
        for hour in 72..74 {
            story.versions(hour, &[("12", 50, 0), ("13", 50, 10)]);
        }
        for minute in 0..20 {
            story.timeout(Duration::from_hours(72) + Duration::from_mins(minute * 5));
        }
        story
    }

    /// Timeouts begin in the hour in which the configured timeout changes.
    pub(super) fn retimed(from_ms: u64, to_ms: u64) -> Self {
        let mut story = Self::busy("retimed");
        story.set_up(0, |it| it.profile.timeout = Duration::from_millis(from_ms));
        story.set_up(72, |it| it.profile.timeout = Duration::from_millis(to_ms));
        story.hours.iter_mut().filter(|it| it.hour >= Hour::of(BEGAN).plus(72)).for_each(|it| {
            it.view.counts.0.timeouts = 10;
        });
        story
    }

    /// One environment, and each process times out on its first invocation, initialising.
    pub(super) fn doom_loop() -> Self {
        let mut story = Self::named("doom loop");
        for minute in 0..4 {
            let timeout = story.timeout(Duration::from_mins(minute));
            timeout.verdict.environment = "env-a".to_owned();
            timeout.verdict.cause = Cause::Init;
        }
        story
    }

    /// Half of the cold starts time out, and hardly anything else.
    pub(super) fn cold_starts() -> Self {
        let mut story = Self::busy("cold starts");
        story.hours.iter_mut().for_each(|it| it.view.counts.0.cold_starts = 1);
        for hour in 0..8 {
            story.timeout(Duration::from_hours(hour * 9)).verdict.cold_start = true;
        }
        story
    }

    pub(super) fn short_of_memory() -> Self {
        let mut story = Self::named("short of memory");
        for minute in 0..4 {
            let verdict = &mut story.timeout(Duration::from_mins(minute * 7)).verdict;
            (verdict.memory_mb, verdict.max_memory_used_mb) = (128, 127);
        }
        story
    }

    /// Of four timeouts three are of one request.
    pub(super) fn poison() -> Self {
        let mut story = Self::named("poison");
        for minute in 0..4 {
            let timeout = story.timeout(Duration::from_mins(minute * 3));
            timeout.verdict.request = Some(request(minute.min(1)));
        }
        story
    }

    /// Silent from its first moment on.
    pub(super) fn blocked() -> Self {
        let mut story = Self::named("blocked");
        for minute in 0..5 {
            let timeout = story.timeout(Duration::from_mins(minute * 11));
            timeout.verdict.last_log = Some(timeout.started_at().plus(Duration::from_millis(50)));
        }
        story
    }

    /// Called all day, and every night at three it times out.
    pub(super) fn every_night() -> Self {
        let mut story = Self::named("every night");
        for hour in 0..(6 * 24) {
            story.hour(BEGAN, hour, (100, if hour % 24 == 3 { 4 } else { 0 }));
        }
        story
    }

    /// Two versions within one hour, the second of which times out.
    pub(super) fn deploy_within_an_hour([first, second]: [&str; 2]) -> Self {
        let mut story = Self::named("deploy within an hour");
        story.set_up(0, |it| it.profile.version = first.to_owned());
        story.set_up(0, |it| it.profile.version = second.to_owned());
        story.hour(BEGAN, 0, (80, 14));
        story.versions(0, &[(first, 52, 0), (second, 28, 14)]);
        story
    }

    /// A minute is configured, and an eighth of a second is all that it ever takes.
    pub(super) fn oversized() -> Self {
        let mut story = Self::busy("oversized");
        for hour in &mut story.hours {
            let mut durations = Durations::default();
            (0..100).for_each(|it| durations.record(Duration::from_millis(20 + it)));
            hour.view.durations.add(&durations);
            hour.view.profile.timeout = Duration::from_mins(1);
        }
        story
    }

    /// A few timeouts with nothing in common.
    pub(super) fn bad_luck() -> Self {
        let mut story = Self::busy("bad luck");
        for hour in [1_u64, 30, 61] {
            let timeout = story.timeout(Duration::from_hours(hour));
            let started = timeout.started_at();
            timeout.verdict.last_log =
                Some(started.plus(Duration::from_millis(500 * hour % 2_900)));
            (timeout.verdict.memory_mb, timeout.verdict.max_memory_used_mb) = (128, 70);
        }
        story
    }

    /// A hundred calls in each hour of four days.
    fn busy(name: &'static str) -> Self {
        let mut story = Self::named(name);
        (0..96).for_each(|it| story.hour(BEGAN, it, (100, 0)));
        story
    }

    /// So many hours after the beginning, what was counted.
    pub(super) fn hour(
        &mut self,
        from: EpochMillis,
        after: u32,
        (invocations, timeouts): (u64, u64),
    ) {
        let mut view = HourView::default();
        view.counts.0 = Counts { invocations, timeouts, ..Counts::default() };
        let hour = Hour::of(from).plus(after);
        self.hours.push(StandingHour { hour, basis: Basis::of(1), view });
    }

    pub(super) fn versions(&mut self, after: u32, versions: &[(&str, u64, u64)]) {
        let counts = |invocations, timeouts| Counts { invocations, timeouts, ..Counts::default() };
        let all: BTreeMap<&str, Counts> =
            versions.iter().map(|(name, calls, failed)| (*name, counts(*calls, *failed))).collect();
        let hour = Hour::of(BEGAN).plus(after);
        let view = self.hours.iter_mut().find(|it| it.hour == hour).map(|it| &mut it.view);
        if let Some(view) = view {
            view.counts.0.timeouts = all.values().map(|it| it.timeouts).sum();
            view.versions = Versions::of(all);
        }
    }

    /// From so many hours after the beginning on it was set up like this.
    fn set_up(&mut self, after: u32, set: impl FnOnce(&mut Tally)) {
        let block = Block::of(Hour::of(BEGAN).plus(after).start());
        let mut tally = Tally::new(block, Profile::default());
        set(&mut tally);
        let standing = Standing {
            incarnation: IncarnationId([0; 16]),
            recorded: tally.encode(),
            accepted_at: BEGAN,
            writes: 1,
        };
        self.history.merge(&History::of(block, &[standing], &[]));
    }

    /// One more timeout, so long after the beginning; each in an environment and of a request of its own.
    fn timeout(&mut self, after: Duration) -> &mut Timeout {
        let seen = BEGAN.plus(after);
        let number = u8::try_from(self.timeouts.len()).unwrap();
        let verdict = Verdict {
            block: Block::of(seen),
            ordinal: Ordinal(0),
            revision: 1,
            evidence: Evidence::Report,
            outcome: Outcome::Timeout,
            subject: Subject::Invocation,
            cause: Cause::Handler,
            seen,
            started: Some(seen),
            deadline: Some(seen.plus(TIMEOUT)),
            detected: seen.plus(TIMEOUT),
            timeout: TIMEOUT,
            duration: Some(TIMEOUT),
            request: Some(request(number.into())),
            version: String::new(),
            alias: String::new(),
            cold_start: false,
            memory_mb: 0,
            max_memory_used_mb: 0,
            trace: None,
            environment: format!("env-{number}"),
            log_tail: String::new(),
            last_log: None,
            spans: Spans::default(),
        };
        let function = FunctionKey {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        };
        let incarnation = IncarnationId([number; 16]);
        let detected_at = verdict.detected;
        self.timeouts.push(Timeout { function, incarnation, verdict, detected_at });
        self.timeouts.last_mut().unwrap()
    }
}

fn request(number: u64) -> RequestId {
    RequestId::Uuid([u8::try_from(number).unwrap(); 16])
}
