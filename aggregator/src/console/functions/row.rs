//! One function of the list, in words and figures.

use overtime_wire::{EpochMillis, FunctionKey};

use crate::{
    api::{functions::Row, words::AlertState},
    console::{
        chart::{share::Share, spark::Spark, text},
        figures::{grouped, percent},
        frame::Frame,
        moment::Time,
    },
};

#[derive(Debug)]
pub(super) struct Line {
    /// Where it has a page.
    pub(super) href: String,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) runtime: Option<String>,
    pub(super) version: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) tags: Vec<String>,
    /// `None` where nothing was heard, which is not the same as nothing having happened.
    pub(super) counts: Option<Figures>,
    pub(super) p99: Option<String>,
    pub(super) share: Option<Share>,
    pub(super) last_timeout: Option<Time>,
    pub(super) last_seen: Option<Time>,
    pub(super) spark: Spark,
    pub(super) alert: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Figures {
    pub(super) invocations: String,
    pub(super) timeouts: String,
    pub(super) timed_out: bool,
    pub(super) rate: Option<String>,
    pub(super) errors: String,
    pub(super) failed: bool,
}

/// Most hours of a spark: the last day and the hour that it began in.
const HOURS_MAX: usize = 25;

pub(super) fn key(row: &Row) -> FunctionKey {
    FunctionKey { account: row.account.0, region: row.region.0.clone(), name: row.name.0.clone() }
}

impl Line {
    pub(super) fn of(row: &Row, alert: Option<AlertState>, frame: &Frame<'_>) -> Self {
        let profile = &row.profile;
        let (account, region, name) =
            (row.account.to_string(), row.region.to_string(), row.name.to_string());
        let known =
            usize::try_from(frame.look.now.since(row.from.0).as_secs() / 3_600).unwrap_or(0);
        let length = (known + 1).max(row.hourly_timeouts.len());
        let hours: Vec<_> = row
            .hourly_timeouts
            .iter()
            .copied()
            .chain(std::iter::repeat(None))
            .take(length)
            .collect();
        let hours = &hours[length.saturating_sub(HOURS_MAX)..];
        let counts = row.counts.map(|it| Figures {
            invocations: grouped(it.invocations),
            timeouts: grouped(it.timeouts),
            timed_out: it.timeouts > 0,
            rate: percent(it.timeouts, it.invocations),
            errors: grouped(it.errors + it.out_of_memory),
            failed: it.errors + it.out_of_memory > 0,
        });
        Self {
            href: frame.href(&format!("/functions/{account}/{region}/{name}")),
            name,
            account,
            region,
            runtime: profile.runtime.as_deref().map(text::runtime),
            version: profile.version.clone(),
            memory: profile.memory_bytes.map(text::memory),
            timeout: profile.timeout_ms.map(text::setting),
            tags: profile.tags.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            counts,
            p99: row.p99_ms.map(text::millis),
            share: row.p99_of_timeout.map(Share::of),
            last_timeout: row.last_timeout_at.map(|it| frame.bare_time(it.0)),
            last_seen: row
                .last_seen_at
                .map(|it: crate::api::words::Text<EpochMillis>| frame.bare_time(it.0)),
            spark: Spark::of(hours, hours.len()),
            alert: alert.map(word),
        }
    }
}

/// As badges are called.
pub(in crate::console) fn word(state: AlertState) -> &'static str {
    match state {
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
        AlertState::Silenced => "silenced",
    }
}
