//! What the overview lists: alerts, offenders, what comes close, and what timed out last.

use overtime_wire::EpochMillis;

use crate::{
    api::{
        alerts::item::Item as AlertItem,
        functions::Row,
        timeouts::item::Item as TimeoutItem,
        words::{AlertState, Word as _},
    },
    console::{
        chart::spark::Spark,
        figures::{filled, grouped, percent},
        frame::Frame,
        moment::Time,
    },
    domain::{hour::Hour, words},
};

/// Where a function lives, and its page.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) home: String,
    pub(super) href: String,
}

impl<'a> Place<'a> {
    fn of((account, region, name): (String, String, &'a str), frame: &Frame<'_>) -> Self {
        let href = frame.href(&format!("/functions/{account}/{region}/{name}"));
        Self { name, home: format!("{account} · {region}"), href }
    }
}

/// An open alert.
#[derive(Debug)]
pub(super) struct Alert<'a> {
    pub(super) state: &'static str,
    pub(super) severity: Option<&'a str>,
    /// The function, or what a group has in common.
    pub(super) about: String,
    pub(super) place: String,
    pub(super) subscription: &'a str,
    pub(super) href: String,
    pub(super) since: Option<Time>,
    pub(super) count: Option<String>,
}

pub(super) fn is_firing(item: &AlertItem) -> bool {
    item.state.0 == AlertState::Firing
}

pub(super) fn is_pending(item: &AlertItem) -> bool {
    item.state.0 == AlertState::Pending
}

/// What fires comes first, and of equals what timed out last.
pub(super) fn urgency(item: &AlertItem) -> (u8, i64) {
    let state = match item.state.0 {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Silenced => 2,
    };
    (state, item.last_timeout_at.as_ref().map_or(0, |it| -it.0.0))
}

impl<'a> Alert<'a> {
    pub(super) fn of(item: &'a AlertItem, frame: &Frame<'_>) -> Self {
        let pairs = item.group.iter().map(|(label, value)| format!("{label} {value}"));
        let group = || pairs.collect::<Vec<_>>().join(" · ");
        let name = item.function.as_ref().map(|it| it.0.write());
        let place = item.account.as_ref().zip(item.region.as_ref());
        let place = place.map(|(account, region)| format!("{} · {}", account.0, region.0.write()));
        let many = |it: u64, noun: &str| format!("{} {noun}{}", grouped(it), plural(it));
        let timeouts = item.timeouts.map(|it| many(it, "timeout"));
        let functions = item.functions.map(|it| many(it, "function"));
        Self {
            state: match item.state.0 {
                AlertState::Firing => "firing",
                AlertState::Pending => "pending",
                AlertState::Silenced => "silenced",
            },
            severity: item.severity.as_deref(),
            about: name.unwrap_or_else(group),
            place: place.unwrap_or_default(),
            subscription: item.subscription_name.as_deref().unwrap_or(&item.subscription),
            href: frame.href(&format!("/alerts/{}", item.fingerprint)),
            since: item.starts_at.as_ref().map(|it| frame.time(it.0)),
            count: [timeouts, functions]
                .into_iter()
                .flatten()
                .reduce(|one, two| format!("{one}, {two}")),
        }
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A function that timed out.
#[derive(Debug)]
pub(super) struct Offender<'a> {
    pub(super) place: Place<'a>,
    pub(super) timeouts: String,
    pub(super) rate: Option<String>,
    pub(super) causes: String,
    pub(super) last: Option<Time>,
    pub(super) spark: Spark,
}

impl<'a> Offender<'a> {
    pub(super) fn of(row: &'a Row, frame: &Frame<'_>) -> Self {
        let counts = row.counts.unwrap_or_default();
        let mut causes: Vec<_> = row.causes.iter().collect();
        causes.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), *cause));
        let causes: Vec<_> = causes.iter().map(|(cause, _)| cause.replace('_', " ")).collect();
        Self {
            place: place(row, frame),
            timeouts: grouped(counts.timeouts),
            rate: percent(counts.timeouts, counts.invocations),
            causes: causes.join(", "),
            last: row.last_timeout_at.as_ref().map(|it| frame.bare_time(it.0)),
            spark: Spark::of(&row.hourly_timeouts, hours(row.from.0, frame.look.now)),
        }
    }
}

/// How many hours a row could know of.
fn hours(from: EpochMillis, now: EpochMillis) -> usize {
    let hours = Hour::of(now).number().saturating_sub(Hour::of(from).number()) + 1;
    usize::try_from(hours).unwrap_or(usize::MAX)
}

fn place<'a>(row: &'a Row, frame: &Frame<'_>) -> Place<'a> {
    let (account, region) = (row.account.0.to_string(), row.region.0.write());
    Place::of((account, region, row.name.0.as_str()), frame)
}

/// A function by the share of its timeout that it takes.
#[derive(Debug)]
pub(super) struct Close<'a> {
    pub(super) place: Place<'a>,
    pub(super) filled: u8,
    pub(super) class: &'static str,
    pub(super) share: String,
    pub(super) of: String,
}

impl<'a> Close<'a> {
    pub(super) fn of(row: &'a Row, frame: &Frame<'_>) -> Self {
        let p99 = micros(row.p99_ms.unwrap_or(0.0));
        let timeout = row.profile.timeout_ms.unwrap_or(0) * 1_000;
        let filled = filled(p99.into(), timeout.into());
        let said = |it: u64| words::duration(std::time::Duration::from_micros(it));
        Self {
            place: place(row, frame),
            filled,
            class: match filled {
                95.. => "bad",
                80.. => "near",
                _ => "",
            },
            share: percent(p99, timeout).unwrap_or_default(),
            of: format!("{} of {}", said(p99), said(timeout)),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "durations are not negative, and short"
)]
fn micros(ms: f64) -> u64 {
    (ms * 1_000.0).round() as u64
}

/// A timeout.
#[derive(Debug)]
pub(super) struct Latest<'a> {
    pub(super) place: Place<'a>,
    pub(super) href: String,
    pub(super) deadline: Time,
    pub(super) cause: String,
    pub(super) evidence: &'static str,
    pub(super) suspected: bool,
    pub(super) cold: bool,
    pub(super) version: Option<&'a str>,
    pub(super) timeout: Option<String>,
    pub(super) request: Option<&'a str>,
}

impl<'a> Latest<'a> {
    pub(super) fn of(item: &'a TimeoutItem, frame: &Frame<'_>) -> Self {
        let (account, region) = (item.account.0.to_string(), item.region.0.write());
        let name = item.function.0.as_str();
        let page = format!("/invocations/{account}/{region}/{name}/{}/{}", item.block, item.id);
        Self {
            place: Place::of((account, region, name), frame),
            href: frame.href(&page),
            deadline: frame.bare_time(item.deadline.0),
            cause: sentence(words::cause(item.cause.0)),
            evidence: words::evidence(item.evidence.0),
            suspected: item.inferred,
            cold: item.cold_start,
            version: item.version.as_deref(),
            timeout: item
                .timeout_ms
                .map(|it| words::duration(std::time::Duration::from_millis(it))),
            request: item.request_id.as_deref(),
        }
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}
