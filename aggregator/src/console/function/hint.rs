//! The right-sizing hint as a page says it: what to do, and what that is concluded from.

use crate::{
    api::function::Function,
    console::{
        chart::text::{self, counted},
        figures::percent,
    },
    domain::{
        rightsize::{ENOUGH, Leave, Raise, Shown, Suggestion, Unknown, suggest},
        words,
    },
};

#[derive(Debug)]
pub(super) struct Hint {
    pub(super) badge: &'static str,
    pub(super) headline: String,
    pub(super) why: &'static str,
    pub(super) evidence: String,
}

impl Hint {
    pub(super) fn of(function: &Function) -> Self {
        let suggestion = suggest(&shown(function));
        let (badge, headline, why) = said(suggestion);
        Self { badge, headline, why, evidence: evidence(function) }
    }
}

fn shown(function: &Function) -> Shown {
    let millis = |it: Option<f64>| it.map(text::duration);
    let counts = function.counts;
    Shown {
        timeout: function.profile.timeout_ms.map(std::time::Duration::from_millis),
        changed: function.history.as_ref().is_some_and(|history| {
            let began = history.first_seen_at.map(|it| it.0);
            let runs = history.timeout_ms.iter().map(|it| it.first_seen_at.0);
            let mut later = runs.filter(|it| Some(*it) != began);
            later.any(|it| (function.from.0..function.to.0).contains(&it))
        }),
        ended: ended(function),
        timeouts: counts.timeouts,
        by_handler: function.causes.get("handler").copied().unwrap_or(0),
        p99: millis(function.duration_ms.p99),
        max: millis(function.duration_ms.max),
    }
}

/// Invocations that ended by themselves, well or not.
fn ended(function: &Function) -> u64 {
    let counts = function.counts;
    counts.invocations.saturating_sub(counts.timeouts).saturating_sub(counts.out_of_memory)
}

fn said(suggestion: Suggestion) -> (&'static str, String, &'static str) {
    match suggestion {
        Suggestion::Raise { to, why } => {
            let why = match why {
                Raise::CutOff => {
                    "Invocations that ended by themselves came close to the timeout, and others were cut off: with more time, some of \
                     them would have ended. Why they take so long is worth a look first."
                }
                Raise::Close => {
                    "Invocations come close to the timeout. None was cut off yet; a slower day would do it."
                }
            };
            ("warn", format!("Raise it to about {}", words::duration(to)), why)
        }
        Suggestion::Lower { to } => (
            "unknown",
            format!("It could be lowered to about {}", words::duration(to)),
            "No invocation needed more than a quarter of it. One that hangs is paid for until the timeout ends it.",
        ),
        Suggestion::Leave(leave) => {
            let why = match leave {
                Leave::Fits => {
                    "There is room between what invocations take and the timeout, and not too much of it."
                }
                Leave::Hangs => {
                    "What timed out took many times as long as what ended by itself: it hangs, and would hang longer. More time would \
                     only cost more."
                }
                Leave::NotItsCode => {
                    "What timed out was not waiting for the function's own code, so more time would not help."
                }
            };
            ("ok", "Leave it as it is".to_owned(), why)
        }
        Suggestion::Unknown(unknown) => {
            let why = match unknown {
                Unknown::TooFew => "Too few invocations ended by themselves in this time to tell.",
                Unknown::NoTimeout => "The configured timeout is not known.",
                Unknown::Changed => {
                    "The timeout was changed in this time, so durations before and after say different things. A shorter time tells."
                }
            };
            ("unknown", "Nothing can be said yet".to_owned(), why)
        }
    }
}

fn evidence(function: &Function) -> String {
    let ended = ended(function);
    let counts = function.counts;
    let quantiles = function.duration_ms;
    let share =
        function.duration_of_timeout.p99.map(|it| format!(" ({:.0} % of the timeout)", it * 100.0));
    let durations = match (quantiles.p50, quantiles.p99, quantiles.max) {
        (Some(p50), Some(p99), Some(max)) => format!(
            ": p50 {}, p99 {}{}, the longest {}",
            text::millis(p50),
            text::millis(p99),
            share.unwrap_or_default(),
            text::millis(max)
        ),
        _ => String::new(),
    };
    let timed_out = match percent(counts.timeouts, counts.invocations) {
        Some(rate) if counts.timeouts > 0 => {
            format!("{} of {} timed out ({rate})", counts.timeouts, counts.invocations)
        }
        _ => "none timed out".to_owned(),
    };
    let few =
        if ended < ENOUGH { format!(" At least {ENOUGH} are needed.") } else { String::new() };
    format!("{} ended by themselves{durations}; {timed_out}.{few}", counted(ended, "invocation"))
}
