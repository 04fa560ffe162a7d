//! About: which version this is and under which licences, how long what is kept is kept, and how far it is to be believed.

use std::time::Duration;

use super::{
    Console,
    failure::Failure,
    figures::grouped,
    frame::{self, Frame, Section},
    look::Look,
};
use crate::{
    api::{
        audit::{self, Changed},
        health::{self, Health},
        parameters,
    },
    domain::configuration::Span,
    store::{retention::Retention, schema},
};
use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How many of the last changes are shown.
const CHANGES: usize = 25;
/// What ships with the pages and is not ours.
const HTMX: &str = include_str!("../../console/vendor/LICENSE-htmx.txt");

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/about", get(show))
}

/// How long one kind of thing is kept, and by which setting.
struct Kept {
    what: &'static str,
    long: String,
    setting: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "about.html")]
struct Page<'a> {
    frame: Frame<'a>,
    health: Health,
    /// What else is said of how far the rest is to be believed.
    facts: [(&'static str, String); 3],
    by_reason: Vec<(&'static str, String)>,
    by_caller: Vec<(String, String)>,
    lost: Vec<(&'static str, String)>,
    kept: Vec<Kept>,
    changes: Vec<Changed>,
}

impl Page<'_> {
    fn version(&self) -> &'static str {
        VERSION
    }

    fn htmx(&self) -> &'static str {
        HTMX
    }
}

async fn show(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let health = health::read(&console.reader).await?;
    let asked: audit::Asked = parameters::read(&format!("limit={CHANGES}"))?;
    let changes = audit::read(&console.reader, &asked).await?.items;
    let lost = health.losses.as_ref().map_or_else(Vec::new, |it| {
        [
            ("records that could not be read", it.unreadable_records),
            ("records that the platform dropped", it.dropped_records),
            ("facts for which there was no room", it.overflowed_facts),
            ("facts that were refused", it.refused_facts),
            ("invocations of which the end is unknown", it.unfinished_invocations),
            ("sends that failed", it.failed_sends),
            ("journals that could not be read", it.ignored_journals),
        ]
        .map(|(what, number)| (what, grouped(number.into())))
        .into()
    });
    let facts = facts(&health);
    let refused = &health.rejections;
    let by_reason = refused.by_reason.iter().map(|(why, times)| (*why, grouped(*times))).collect();
    let by_caller =
        refused.by_caller.iter().map(|(who, times)| (who.clone(), grouped(*times))).collect();
    let kept = kept(console.reader.store().retention());
    let frame = Frame::new(&look, Section::About, "About this aggregator");
    let page = Page { frame, health, facts, by_reason, by_caller, lost, kept, changes };
    Ok(frame::page(&look, &headers, &page))
}

fn facts(health: &Health) -> [(&'static str, String); 3] {
    let counted = |it: usize| grouped(it as u64);
    let reporting = &health.reporting;
    let reporting = format!(
        "{} functions in the last 15 minutes, {} in the last hour, {} in the last day; {} are still kept",
        counted(reporting.last_15_minutes),
        counted(reporting.last_hour),
        counted(reporting.last_day),
        counted(reporting.ever)
    );
    let evaluation = match health.evaluation.lag_ms {
        Some(0) => "up to date".to_owned(),
        Some(ms) => format!("{} behind", long(ms)),
        None => "followed by the platform, whose metric IteratorAge says how far behind".to_owned(),
    };
    let messages = match health.delivery.overdue_ms {
        0 => "none is overdue".to_owned(),
        ms => format!("the most urgent has been due for {}", long(ms)),
    };
    [("Reporting", reporting), ("Evaluation", evaluation), ("Messages", messages)]
}

fn long(ms: u64) -> String {
    if ms < 10_000 { format!("{ms} ms") } else { format!("{} s", grouped(ms / 1_000)) }
}

fn kept(retention: Retention) -> Vec<Kept> {
    let Retention { facts, blocks, hours, timeouts, log_tails, messages } = retention;
    let one = |what, long: Duration, setting| Kept { what, long: Span(long).to_string(), setting };
    vec![
        one("Facts, as extensions sent them", facts, Some("OVERTIME_RETAIN_FACTS")),
        one("Minutes, quantiles and samples", blocks, Some("OVERTIME_RETAIN_BLOCKS")),
        one("Hours, and rows of functions", hours, Some("OVERTIME_RETAIN_HOURS")),
        one("Timeouts, and episodes of alerts", timeouts, Some("OVERTIME_RETAIN_TIMEOUTS")),
        one("The ends of logs", log_tails, Some("OVERTIME_RETAIN_LOG_TAILS")),
        one("Messages that are settled", messages, Some("OVERTIME_RETAIN_MESSAGES")),
        one("Silences that are over", schema::SILENCES_LIVE, None),
        one("Records of changes", schema::AUDIT_LIVE, None),
        one("Inventories", schema::inventory::LIVE, None),
        one("Counts of what was refused", schema::REJECTIONS_LIVE, None),
    ]
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
