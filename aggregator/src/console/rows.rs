//! A function, a timeout, an alert: one row each, in the words and figures that the page shows.

use overtime_wire::{EpochMillis, FunctionKey, RequestId};

use super::{
    chart::{Spark, hours, spark},
    figures::{filled, grouped, megabytes, percent},
    moment::Moment,
};
use crate::domain::{
    alert::{Episode, Sample},
    summary::Summary,
    timeout::Timeout,
    words,
};

/// From which share of its timeout a function's slowest hundredth is close to it.
const NEAR_PERCENT: u8 = 80;

/// Where a function lives.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: String,
}

impl Place {
    fn of(function: &FunctionKey) -> Self {
        let FunctionKey { account, region, name } = function;
        Self { account: account.to_string(), region: region.to_string(), name: name.to_string() }
    }
}

#[derive(Debug)]
pub(super) struct FunctionRow {
    pub(super) place: Place,
    pub(super) runtime: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) invocations: String,
    pub(super) timeouts: String,
    pub(super) timed_out: bool,
    pub(super) rate: Option<String>,
    pub(super) errors: String,
    pub(super) failed: bool,
    pub(super) headroom: Option<Headroom>,
    pub(super) last_timeout: Option<Moment>,
    pub(super) spark: Spark,
}

/// How close a function comes to its timeout.
#[derive(Debug)]
pub(super) struct Headroom {
    pub(super) p99: String,
    pub(super) filled: u8,
    pub(super) near: bool,
}

impl FunctionRow {
    pub(super) fn of(summary: &Summary, (from, now): (EpochMillis, EpochMillis)) -> Self {
        let counts = summary.counts_since(from);
        let profile = &summary.digest.profile;
        Self {
            place: Place::of(&summary.function),
            runtime: known(&profile.runtime).map(|it| runtime(&it)),
            memory: memory(profile.memory_mb),
            timeout: (!profile.timeout.is_zero()).then(|| words::duration(profile.timeout)),
            invocations: grouped(counts.invocations),
            timeouts: grouped(counts.timeouts),
            timed_out: counts.timeouts > 0,
            rate: percent(counts.timeouts, counts.invocations),
            errors: grouped(counts.errors + counts.out_of_memory),
            failed: counts.errors + counts.out_of_memory > 0,
            headroom: headroom(summary),
            last_timeout: summary.last_timeout().map(|it| Moment::of(it, now)),
            spark: spark(&hours([summary], now)),
        }
    }
}

fn headroom(summary: &Summary) -> Option<Headroom> {
    let timeout = summary.digest.profile.timeout;
    let p99 = summary.p99()?;
    if timeout.is_zero() {
        return None;
    }
    let filled = filled(p99.as_micros(), timeout.as_micros());
    Some(Headroom { p99: words::duration(p99), filled, near: filled >= NEAR_PERCENT })
}

/// `python 3.13` of `python:3.13.v40`: the patch of the runtime is noise here.
fn runtime(text: &str) -> String {
    let mut parts = text.split(':');
    match (parts.next(), parts.next()) {
        (Some(language), Some(version)) => {
            let version = version.split(".v").next().unwrap_or(version);
            format!("{language} {version}")
        }
        _ => text.to_owned(),
    }
}

#[derive(Debug)]
pub(super) struct TimeoutRow {
    pub(super) id: String,
    pub(super) place: Place,
    pub(super) deadline: Moment,
    pub(super) detected: Moment,
    pub(super) cause: String,
    pub(super) evidence: &'static str,
    pub(super) suspected: bool,
    pub(super) duration: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) cold_start: bool,
    pub(super) memory_used: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) request: Option<String>,
    pub(super) sandbox: Option<String>,
    pub(super) version: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) log: Option<String>,
    /// How long before the deadline its log fell silent.
    pub(super) silent: Option<String>,
}

impl TimeoutRow {
    pub(super) fn of(timeout: &Timeout, now: EpochMillis) -> Self {
        let verdict = &timeout.verdict;
        Self {
            id: timeout.id(),
            place: Place::of(&timeout.function),
            deadline: Moment::of(timeout.deadline(), now),
            detected: Moment::of(timeout.detected_at, now),
            cause: sentence(words::cause(verdict.cause)),
            evidence: words::evidence(verdict.evidence),
            suspected: verdict.evidence.is_inferred(),
            duration: verdict.duration.map(words::duration),
            timeout: (!verdict.timeout.is_zero()).then(|| words::duration(verdict.timeout)),
            cold_start: verdict.cold_start,
            memory_used: memory(verdict.max_memory_used_mb),
            memory: memory(verdict.memory_mb),
            request: verdict.request.as_ref().map(RequestId::to_string),
            sandbox: known(&verdict.environment),
            version: known(&verdict.version),
            alias: known(&verdict.alias),
            trace: verdict.trace.map(|it| it.to_string()),
            log: known(&verdict.log_tail),
            silent: verdict.last_log.map(|it| words::duration(timeout.deadline().since(it))),
        }
    }
}

fn memory(mib: u32) -> Option<String> {
    (mib > 0).then(|| megabytes(mib))
}

#[derive(Debug)]
pub(super) struct AlertRow {
    pub(super) place: Place,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) timeouts: String,
    /// Whether it is a single timeout, which needs no span.
    pub(super) once: bool,
    pub(super) cause: String,
}

impl AlertRow {
    pub(super) fn of(episode: &Episode, now: EpochMillis) -> Option<Self> {
        let Sample { claim, .. } = episode.samples.first()?;
        let timeouts = episode.timeouts();
        let plural = if timeouts == 1 { "" } else { "s" };
        Some(Self {
            place: Place::of(&claim.function),
            first: Moment::of(episode.first, now),
            last: Moment::of(episode.last_timeout(), now),
            timeouts: format!("{} timeout{plural}", grouped(timeouts)),
            once: timeouts == 1,
            cause: sentence(words::cause(claim.verdict.cause)),
        })
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}
