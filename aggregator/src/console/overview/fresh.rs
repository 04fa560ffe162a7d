//! How far the page is to be believed: when anything was last heard, from how many, and what is known to be missing.

use crate::{
    api::health::Health,
    console::{figures::grouped, look::Look, moment::Time},
    domain::words,
};

/// From which delay on evaluation is worth a word.
const LAG_SAID_MS: u64 = 60_000;

#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) stale: bool,
    pub(super) heard: Option<Time>,
    /// For how long nothing was.
    pub(super) silent_for: String,
    /// Who reports, of how many.
    pub(super) reporting: String,
    /// What is known to be missing or late, each in words.
    pub(super) troubles: Vec<String>,
}

impl Fresh {
    pub(super) fn of(health: &Health, look: &Look) -> Self {
        let heard = health.freshness.heard_at.as_ref().map(|it| it.0);
        let silent = heard.map(|it| look.now.since(it)).unwrap_or_default();
        let minutes = std::time::Duration::from_mins(silent.as_secs() / 60);
        let reporting = &health.reporting;
        Self {
            stale: health.freshness.state != "current",
            heard: heard.map(|it| Time::of(it, look)),
            silent_for: words::duration(minutes),
            reporting: format!(
                "{} of {} functions reported in the last hour",
                count(reporting.last_hour),
                count(reporting.last_day)
            ),
            troubles: troubles(health),
        }
    }
}

fn count(count: usize) -> String {
    grouped(u64::try_from(count).unwrap_or(u64::MAX))
}

fn troubles(health: &Health) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some(lag) = health.evaluation.lag_ms.filter(|it| *it >= LAG_SAID_MS) {
        let lag = words::duration(std::time::Duration::from_millis(lag));
        troubles.push(format!("evaluation is {lag} behind"));
    }
    if health.delivery.overdue_ms >= LAG_SAID_MS {
        let late = words::duration(std::time::Duration::from_millis(health.delivery.overdue_ms));
        troubles.push(format!("messages are {late} late"));
    }
    let lost = health
        .losses
        .map_or(0, |it| u64::from(it.dropped_records) + u64::from(it.overflowed_facts));
    if lost > 0 {
        let lost = grouped(lost);
        troubles.push(format!("extensions lost {lost} records or facts in the last day"));
    }
    let refused: u64 = health.rejections.by_reason.values().sum();
    if refused > 0 {
        troubles
            .push(format!("{} facts or batches were refused in the last day", grouped(refused)));
    }
    troubles
}
