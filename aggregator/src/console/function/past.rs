//! What a function's timeouts are made of, and how it was set up over time: the rows of its page's tables.

use crate::{
    api::{
        function::{
            Function,
            past::{Had, HadNumber, Past},
        },
        shapes::Lost,
        words::Word as _,
    },
    console::{
        chart::{
            ground::Change,
            share::Share,
            text::{memory, runtime, sentence, setting},
        },
        figures::{grouped, percent},
        frame::Frame,
        moment::Time,
    },
    domain::words,
};

/// Timeouts with one cause.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) words: String,
    pub(super) count: String,
    pub(super) percent: String,
    pub(super) share: Share,
}

/// What one version did.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) name: Option<String>,
    pub(super) first_seen: Option<Time>,
    pub(super) invocations: String,
    pub(super) timeouts: String,
    pub(super) timed_out: bool,
    pub(super) rate: Option<String>,
    pub(super) errors: String,
}

/// A value that something had for a time.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) what: &'static str,
    pub(super) value: String,
    pub(super) first_seen: Time,
    pub(super) last_seen: String,
}

/// Something that could not be seen or told.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) count: String,
    pub(super) what: &'static str,
}

pub(super) fn causes(function: &Function) -> Vec<Cause> {
    let all: u64 = function.causes.values().sum();
    let mut causes: Vec<_> = function.causes.iter().filter(|(_, count)| **count > 0).collect();
    causes.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), cause.as_str()));
    let cause = |(cause, count): (&String, &u64)| {
        let known = overtime_wire::Cause::read(cause);
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = *count as f64 / all.max(1) as f64;
        Cause {
            words: known.map_or_else(|_| cause.clone(), |it| sentence(words::cause(it))),
            count: grouped(*count),
            percent: percent(*count, all).unwrap_or_default(),
            share: Share::plain(share),
        }
    };
    causes.into_iter().map(cause).collect()
}

/// What timed out most first.
pub(super) fn versions(function: &Function, frame: &Frame<'_>) -> Vec<Version> {
    let mut versions: Vec<_> = function.versions.iter().collect();
    versions.sort_by_key(|it| std::cmp::Reverse((it.counts.timeouts, it.counts.invocations)));
    let version = |it: &crate::api::function::Version| {
        let first = super::story::first_seen(function, it.version.as_deref());
        Version {
            name: it.version.clone(),
            first_seen: first.map(|it| frame.bare_time(it)),
            invocations: grouped(it.counts.invocations),
            timeouts: grouped(it.counts.timeouts),
            timed_out: it.counts.timeouts > 0,
            rate: percent(it.counts.timeouts, it.counts.invocations),
            errors: grouped(it.counts.errors + it.counts.out_of_memory),
        }
    };
    versions.into_iter().map(version).collect()
}

/// What was first seen when. What was there when anything was first heard is no change.
pub(super) fn changes(function: &Function) -> Vec<Change> {
    let Some(past) = &function.history else { return Vec::new() };
    let told = told(past).into_iter().filter(|it| it.what != "tag");
    let told = told.filter(|it| past.first_seen_at.is_none_or(|first| first.0 != it.first));
    told.map(|it| Change { at: it.first, what: format!("{} {}", it.what, it.value) }).collect()
}

pub(super) fn settings(function: &Function, frame: &Frame<'_>) -> Vec<Setting> {
    let Some(past) = &function.history else { return Vec::new() };
    let mut told = told(past);
    told.sort_by_key(|it| std::cmp::Reverse(it.first));
    let setting = |it: Told| Setting {
        what: it.what,
        value: it.value,
        first_seen: frame.bare_time(it.first),
        last_seen: frame.look.zone.write(it.last, "%-d %b %Y"),
    };
    told.into_iter().map(setting).collect()
}

struct Told {
    what: &'static str,
    value: String,
    first: overtime_wire::EpochMillis,
    last: overtime_wire::EpochMillis,
}

fn told(past: &Past) -> Vec<Told> {
    let mut told = Vec::new();
    let mut texts = |what, runs: &[Had], say: fn(&str) -> String| {
        told.extend(runs.iter().map(|it| Told {
            what,
            value: say(&it.value),
            first: it.first_seen_at.0,
            last: it.last_seen_on.0,
        }));
    };
    texts("version", &past.versions, str::to_owned);
    texts("runtime", &past.runtimes, runtime);
    texts("architecture", &past.architectures, str::to_owned);
    texts("extension", &past.extension_versions, str::to_owned);
    texts("tag", &past.tags, str::to_owned);
    let mut numbers = |what, runs: &[HadNumber], say: fn(u64) -> String| {
        told.extend(runs.iter().map(|it| Told {
            what,
            value: say(it.value),
            first: it.first_seen_at.0,
            last: it.last_seen_on.0,
        }));
    };
    numbers("timeout", &past.timeout_ms, setting);
    numbers("memory", &past.memory_bytes, memory);
    told
}

pub(super) fn losses(lost: Lost) -> Vec<Loss> {
    let losses = [
        (lost.unreadable_records, "records of the platform that could not be read"),
        (lost.dropped_records, "records that the platform dropped before they were told"),
        (lost.overflowed_facts, "facts that there was no room for in an environment"),
        (lost.refused_facts, "facts that were refused here, because of their clock or their age"),
        (lost.unfinished_invocations, "invocations whose end nobody saw"),
        (lost.failed_sends, "sends that failed, and were tried again later"),
        (lost.ignored_journals, "journals that could not be read"),
    ];
    let losses = losses.into_iter().filter(|(count, _)| *count > 0);
    losses.map(|(count, what)| Loss { count: grouped(count.into()), what }).collect()
}
