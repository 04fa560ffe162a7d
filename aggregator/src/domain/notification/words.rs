//! Sentences about transitions.

use std::time::Duration;

use overtime_wire::{EpochMillis, FunctionKey, Verdict};

use crate::domain::{
    alert::{Ending, Episode, Measure, percent},
    instant::rfc3339,
    notification::{Transition as Kind, compose::Told},
    words,
};

pub(super) fn summary(function: &FunctionKey, told: &Told<'_>) -> String {
    let FunctionKey { account, region, name } = function;
    let place = format!("{account}, {region}");
    let silent = matches!(told.episode.measure(), Some(Measure::Silence { .. }));
    match told.ending {
        None => {
            let what = happening(told.episode);
            let prefix = if told.kind == Kind::Update { "Correction: " } else { "" };
            format!("{prefix}{name} {what} ({place})")
        }
        Some(Ending::Recovered) if silent => format!("{name} reports again ({place})"),
        Some(Ending::Recovered) => format!("{name} has recovered ({place})"),
        Some(Ending::Retracted) => {
            format!("Correction: {name} did not time out after all ({place})")
        }
        Some(Ending::Expired) if silent => {
            format!("{name} still does not report and is not waited for any longer ({place})")
        }
        Some(Ending::Expired) => {
            format!("{name} has been quiet for long; whether it recovered is not known ({place})")
        }
        Some(Ending::Unsubscribed) => {
            format!("{name} is not watched by this subscription any more ({place})")
        }
    }
}

/// What follows the function's name while it goes on.
fn happening(episode: &Episode) -> String {
    let timeouts = episode.timeouts();
    let stands = timeouts > 0;
    match episode.measure() {
        Some(Measure::Near { statistic, reached_ms, timeout_ms, .. }) => {
            let (reached, timeout) = (span(*reached_ms), span(*timeout_ms));
            format!("comes close to its timeout: {} is {reached} of {timeout}", named(statistic))
        }
        Some(Measure::Silence { since_ms }) => {
            format!("has not reported since {}", rfc3339(EpochMillis(*since_ms)))
        }
        Some(Measure::Rate { timeouts, invocations, window_s }) if stands => {
            let share = share(*timeouts, *invocations);
            format!("times out in {share:.1} % of its invocations within {}", window(*window_s))
        }
        Some(Measure::Count { timeouts, window_s }) if stands => {
            format!("timed out {timeouts} times within {}", window(*window_s))
        }
        Some(Measure::Row { timeouts, of_one }) if stands => {
            let place = if *of_one { " in one environment" } else { "" };
            format!("timed out {timeouts} times in a row{place}")
        }
        Some(Measure::Rate { .. } | Measure::Count { .. } | Measure::Row { .. }) | None => {
            let suspected =
                episode.samples.iter().all(|it| it.claim.verdict.evidence.is_inferred());
            match timeouts {
                0 => "did not time out after all".to_owned(),
                _ if suspected => "seems to have timed out".to_owned(),
                1 => "timed out".to_owned(),
                more => format!("timed out {more} times"),
            }
        }
    }
}

/// A percentage as it is told, to the tenth.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    (percent(part, whole) * 10.0).round() / 10.0
}

/// A statistic of durations as people say it.
fn named(statistic: &str) -> &str {
    if statistic == "max" { "the longest" } else { statistic }
}

fn span(millis: u64) -> String {
    words::duration(Duration::from_millis(millis))
}

fn window(seconds: u64) -> String {
    words::duration(Duration::from_secs(seconds))
}

pub(super) fn description(told: &Told<'_>) -> String {
    let Told { episode, ending, .. } = *told;
    match episode.measure() {
        Some(Measure::Near { .. }) => return of_durations(episode, ending),
        Some(Measure::Silence { .. }) => return of_silence(ending),
        Some(Measure::Rate { .. } | Measure::Count { .. } | Measure::Row { .. }) | None => {}
    }
    let timeouts = episode.timeouts();
    let plural = if timeouts == 1 { "" } else { "s" };
    match ending {
        Some(Ending::Recovered) => format!(
            "{timeouts} timeout{plural}, the last at {}; an invocation has succeeded since.",
            rfc3339(episode.last_timeout()),
        ),
        Some(Ending::Retracted) => {
            "Every timeout this alert was about turned out to be a success.".to_owned()
        }
        Some(Ending::Expired | Ending::Unsubscribed) => {
            format!("{timeouts} timeout{plural}, the last at {}.", rfc3339(episode.last_timeout()))
        }
        None => {
            let first = episode.samples.iter().find(|it| it.stands());
            let first = first.map(|it| first_words(&it.claim.verdict));
            let first =
                first.unwrap_or_else(|| "What was suspected has been taken back.".to_owned());
            match episode.measure() {
                Some(Measure::Rate { timeouts, invocations, .. }) => {
                    format!("{timeouts} of {invocations} invocations. {first}")
                }
                _ => first,
            }
        }
    }
}

fn of_durations(episode: &Episode, ending: Option<Ending>) -> String {
    let Some(Measure::Near { statistic, reached_ms, timeout_ms, invocations, requests, .. }) =
        episode.measure()
    else {
        return String::new();
    };
    let measured = format!(
        "f {invocations} invocations, {} was {} where {} are configured",
        named(statistic),
        span(*reached_ms),
        span(*timeout_ms),
    );
    match ending {
        None if requests.is_empty() => format!("O{measured}."),
        None => format!("O{measured}. Requests worth looking up: {}.", requests.join(", ")),
        Some(Ending::Recovered) => {
            format!("Last as close: o{measured}; an invocation has succeeded since.")
        }
        Some(Ending::Retracted | Ending::Expired | Ending::Unsubscribed) => {
            format!("Last as close: o{measured}.")
        }
    }
}

fn of_silence(ending: Option<Ending>) -> String {
    match ending {
        None => "Nothing has come in from it: it is not called any more, it was removed, or its \
                 extension cannot reach us."
            .to_owned(),
        Some(Ending::Recovered) => "Something has come in from it.".to_owned(),
        Some(Ending::Retracted | Ending::Expired | Ending::Unsubscribed) => {
            "Nothing has come in from it since.".to_owned()
        }
    }
}

fn first_words(verdict: &Verdict) -> String {
    let limit = if verdict.timeout.is_zero() {
        "its timeout".to_owned()
    } else {
        format!("its timeout of {}", words::duration(verdict.timeout))
    };
    let which =
        verdict.request.as_ref().map_or("An invocation".to_owned(), |it| format!("Request {it}"));
    let verb = if verdict.evidence.is_inferred() { "seems to have run" } else { "ran" };
    format!("{which} {verb} into {limit}: {}.", why(verdict))
}

/// What was running, and how we know.
pub(super) fn why(verdict: &Verdict) -> String {
    format!("{}; {}", words::cause(verdict.cause), words::evidence(verdict.evidence))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
