//! A subscription in words.

use crate::domain::configuration::{Condition, Per, Scope, Severity, Span, Subscription};

/// What opens an alert.
pub(super) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::AnyTimeout {} => "A timeout".to_owned(),
        Condition::TimeoutCount { count, window } => {
            format!("{} within {window}", counted(*count, "timeout"))
        }
        Condition::TimeoutRate { percent, window, min_invocations } => format!(
            "{percent} % of at least {min_invocations} invocations time out within {window}"
        ),
        Condition::NearTimeout { ratio, statistic, window, min_invocations } => format!(
            "{} of at least {min_invocations} invocations within {window} reaches {} % of the timeout",
            statistic.as_str(),
            // As people write it: 0.8 is 80 %, and nothing is lost beyond a hundredth of one.
            (ratio * 10_000.0).round() / 100.0
        ),
        Condition::NewOffender { quiet_for } => format!("A timeout after none for {quiet_for}"),
        Condition::Consecutive { count, per: Per::Sandbox } => {
            format!("{} in a row in one environment", counted(*count, "timeout"))
        }
        Condition::Consecutive { count, per: Per::Function } => {
            format!("{} in a row without a success", counted(*count, "timeout"))
        }
        Condition::FleetIncident { functions, window, by } => {
            let shared = by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let shared =
                if shared.is_empty() { String::new() } else { format!(" of one {shared}") };
            format!("{}{shared} time out within {window}", counted(*functions, "function"))
        }
        Condition::NoSignal { after } => format!("Nothing is heard for {after}"),
    }
}

/// Which functions.
pub(super) fn scope(scope: &Scope) -> String {
    if scope.is_everything() {
        return "every function".to_owned();
    }
    let mut parts = Vec::new();
    let mut add = |what: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            let more = entries.len().saturating_sub(SHOWN_MAX);
            let shown = entries.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("{what} {shown}{more}"));
        }
    };
    add("named", scope.functions.iter().map(ToString::to_string).collect());
    add("in account", scope.accounts.iter().map(ToString::to_string).collect());
    add("in", scope.regions.iter().map(ToString::to_string).collect());
    let tags = scope.tags.iter().map(|(key, globs)| {
        let globs = globs.iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
        if globs.is_empty() { key.clone() } else { format!("{key}={globs}") }
    });
    add("tagged", tags.collect());
    format!("functions {}", parts.join(", "))
}

/// How many entries of a list are named in a sentence.
const SHOWN_MAX: usize = 4;

/// When, to whom, and how often.
pub(super) fn telling(subscription: &Subscription) -> String {
    let also = &subscription.notify_on;
    let repeats = also.repeat && subscription.repeat_interval > Span::ZERO;
    let repeated = repeats.then(|| format!("again every {}", subscription.repeat_interval));
    let updated = also.update.then(|| "when something changes".to_owned());
    let resolved = also.resolved.then(|| "when it is over".to_owned());
    let told: Vec<_> = [updated, repeated, resolved].into_iter().flatten().collect();
    let wait = subscription.group_wait;
    let at_once = if wait == Span::ZERO { "At once".to_owned() } else { format!("After {wait}") };
    if told.is_empty() { at_once } else { format!("{at_once}, {}", told.join(", ")) }
}

/// The badge of a severity.
pub(super) fn badge(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::Error => "badge-bad",
        Severity::Warning => "badge-warn",
        Severity::Info => "badge-unknown",
    }
}

fn counted(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::configuration::{Entity, Kind, defaults};

    fn read(condition: Value, scope: Value) -> Subscription {
        let body = json!({"id": "a", "name": "A", "condition": condition, "scope": scope});
        let Ok(Entity::Subscription(it)) = Kind::Subscription.read(&body, None) else {
            panic!("{body}")
        };
        it
    }

    #[test]
    fn conditions_are_sentences() {
        let said = |it: Value| condition(&read(it, json!({})).condition);
        assert_eq!(said(json!({"timeout_count": {"count": 1}})), "1 timeout within 5m");
        assert_eq!(
            said(json!({"near_timeout": {"ratio": 0.855}})),
            "p99 of at least 20 invocations within 15m reaches 85.5 % of the timeout"
        );
        assert_eq!(
            said(json!({"fleet_incident": {}})),
            "5 functions of one account, region time out within 2m"
        );
        assert_eq!(said(json!({"no_signal": {"after": "2h"}})), "Nothing is heard for 2h");
        let first: Vec<_> = defaults().iter().map(|it| condition(&it.condition)).collect();
        assert_eq!(first[1], "5 % of at least 20 invocations time out within 5m");
    }

    #[test]
    fn a_scope_names_what_it_asks_for_and_counts_the_rest() {
        let said = |it: Value| scope(&read(json!({"any_timeout": {}}), it).scope);
        assert_eq!(said(json!({})), "every function");
        assert_eq!(
            said(
                json!({"functions": ["a", "b", "c", "d", "!e"], "tags": {"team": ["x", "y"], "tier": []}})
            ),
            "functions named a, b, c, d and 1 more, tagged team=x|y, tier"
        );
    }

    #[test]
    fn what_is_told_when_is_said() {
        let it = read(json!({"any_timeout": {}}), json!({}));
        assert_eq!(
            telling(&it),
            "After 10s, when something changes, again every 4h, when it is over"
        );
    }
}
