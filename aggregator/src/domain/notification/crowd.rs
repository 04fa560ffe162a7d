//! From a transition of a group's alert to what receivers read.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::EpochMillis;

use super::{
    Alert, Annotations, FUNCTIONS_MAX, Function, Incident, Notification, SAMPLES_MAX, SCHEMA,
    Stats, Status, Subscription, Transition as Kind,
    compose::{analysed, annotations, arn, function_url, sample},
    words::millis,
};
use crate::domain::{
    alert::{
        Ending,
        group::{
            Labels,
            roll::{Shared, Shown},
        },
    },
    analysis::told::LINES_MAX,
    instant::rfc3339,
};

/// What is told of a group.
#[derive(Debug)]
pub struct Crowd<'a> {
    /// The transition's.
    pub name: String,
    pub kind: Kind,
    pub ending: Option<Ending>,
    pub fingerprint: String,
    pub episode: &'a str,
    pub first: EpochMillis,
    pub opened: EpochMillis,
    pub last: Option<EpochMillis>,
    pub timeouts: u64,
    /// How many functions it is about, and of how many of them nobody was told.
    pub functions: u64,
    pub unheard: u64,
    /// Those that are named.
    pub shown: Vec<Shown>,
    /// What was found out about why, first what was found of most of them.
    pub reasons: Vec<Shared>,
    pub group: &'a Labels,
    pub subscription: &'a Subscription,
    /// What the subscription adds to ours.
    pub labels: &'a BTreeMap<String, String>,
    pub annotations: &'a BTreeMap<String, String>,
    pub incident: Option<Incident>,
    /// Where people look: the console's base URL, without a slash at its end.
    pub console: &'a str,
    pub at: EpochMillis,
}

/// A group's alert as receivers read it.
pub fn compose(crowd: &Crowd<'_>) -> Notification {
    let moment = Notification::moment;
    let shown: Vec<&Shown> = crowd.shown.iter().take(FUNCTIONS_MAX).collect();
    let named = u64::try_from(shown.len()).unwrap_or(u64::MAX);
    let samples = shown.iter().filter_map(|it| it.sample.as_ref()).take(SAMPLES_MAX);
    let mut labels = crowd.labels.clone();
    labels.extend(standard_labels(crowd.group));
    let notification = Notification {
        schema: SCHEMA.to_owned(),
        id: crowd.name.clone(),
        at: moment(crowd.at),
        status: if crowd.ending.is_some() { Status::Resolved } else { Status::Firing },
        transition: crowd.kind,
        test: false,
        alert: Alert {
            fingerprint: crowd.fingerprint.clone(),
            episode: crowd.episode.to_owned(),
            starts_at: moment(crowd.first),
            opened_at: moment(crowd.opened),
            ends_at: crowd.ending.map(|_| moment(crowd.at)),
            ended_because: crowd.ending.map(|it| it.as_str().to_owned()),
            silenced: false,
            url: format!("{}/", crowd.console),
        },
        subscription: crowd.subscription.clone(),
        group: crowd.group.clone(),
        labels,
        annotations: Annotations {
            summary: summary(crowd),
            description: description(crowd),
            others: analysed(annotations(crowd.annotations), &lines(&crowd.reasons)),
        },
        stats: Stats {
            window_s: crowd.at.since(crowd.first).as_secs(),
            timeouts: crowd.timeouts,
            timeout_ms: only(shown.iter().filter_map(|it| timeout(it))).map(millis),
            distinct_functions: crowd.functions,
            ..Stats::default()
        },
        samples: samples.map(sample).collect(),
        functions: shown.iter().map(|it| function(crowd.console, it)).collect(),
        truncated_functions: crowd.functions.saturating_sub(named),
        incident: crowd.incident.clone(),
        silence_ended: None,
    };
    notification.fitted()
}

/// A line for each kind of reason, with a function that it was found of.
fn lines(reasons: &[Shared]) -> Vec<String> {
    let line = |it: &Shared| {
        let (name, line) = (&it.function.name, it.reason.line());
        match it.functions - 1 {
            0 => format!("{name}: {line}"),
            more => {
                format!(
                    "{name}: {line} {}: {}.",
                    counted(more, "more function"),
                    it.reason.kind.as_str()
                )
            }
        }
    };
    reasons.iter().take(LINES_MAX).map(line).collect()
}

fn timeout(shown: &Shown) -> Option<Duration> {
    let timeout = shown.sample.as_ref()?.claim.verdict.timeout;
    (!timeout.is_zero()).then_some(timeout)
}

/// What all of them are, if they are all the same.
fn only<T: PartialEq>(mut them: impl Iterator<Item = T>) -> Option<T> {
    let first = them.next()?;
    them.all(|it| it == first).then_some(first)
}

fn function(console: &str, shown: &Shown) -> Function {
    let key = &shown.function;
    let version = shown.sample.as_ref().map(|it| it.claim.verdict.version.clone());
    Function {
        account: key.account.to_string(),
        region: key.region.to_string(),
        name: key.name.to_string(),
        arn: arn(key),
        version: version.filter(|it| !it.is_empty()),
        timeouts: shown.timeouts,
        url: function_url(console, key),
    }
}

/// What the group has in common, as OpenTelemetry calls it.
fn standard_labels(group: &Labels) -> BTreeMap<String, String> {
    let place = [
        ("cloud.account.id", group.get("account")),
        ("cloud.region", group.get("region")),
        ("faas.name", group.get("function")),
    ];
    let always = [("cloud.provider", "aws"), ("cloud.platform", "aws_lambda")];
    let place = place.into_iter().filter_map(|(label, value)| Some((label, value?.as_str())));
    let all = always.into_iter().chain(place);
    all.map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
}

/// Where it is, in words; nothing where everything is one group.
fn place(group: &Labels) -> String {
    let part = |(label, value): (&String, &String)| match label.strip_prefix("tag:") {
        Some(tag) if value.is_empty() => format!("without {tag}"),
        Some(tag) => format!("{tag} {value}"),
        None => format!("{label} {value}"),
    };
    let parts: Vec<_> =
        group.iter().filter(|(label, _)| *label != "subscription").map(part).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// What its functions did, as their subscription's condition has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    TimedOut,
    CameClose,
    FellSilent,
}

impl What {
    fn of(crowd: &Crowd<'_>) -> Self {
        let asked = |name| crowd.subscription.condition.get(name).is_some();
        if asked("near_timeout") {
            Self::CameClose
        } else if asked("no_signal") {
            Self::FellSilent
        } else {
            Self::TimedOut
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::TimedOut => "timed out",
            Self::CameClose => "came close to the timeout",
            Self::FellSilent => "stopped reporting",
        }
    }
}

fn summary(crowd: &Crowd<'_>) -> String {
    let place = place(crowd.group);
    let functions = counted(crowd.functions, "function");
    let is_incident = crowd.incident.is_some();
    let what = What::of(crowd);
    let did = what.in_words();
    match crowd.ending {
        None if crowd.kind == Kind::Update && crowd.unheard > 0 => {
            let more = counted(crowd.unheard, "more function");
            format!("{more} {did}, {} in all{place}", crowd.functions)
        }
        None if crowd.kind == Kind::Update => format!("Correction: {functions} {did}{place}"),
        None if is_incident => format!("{functions} {did} at about the same time{place}"),
        None => match &crowd.shown[..] {
            [only] if crowd.functions == 1 => format!("{} {did}{place}", only.function.name),
            _ => format!("{functions} {did}{place}"),
        },
        Some(Ending::Recovered) if is_incident => format!("The incident is over{place}"),
        Some(Ending::Recovered) if what == What::FellSilent => {
            format!("All functions report again{place}")
        }
        Some(Ending::Recovered) => format!("All functions have recovered{place}"),
        Some(Ending::Retracted) if crowd.incident.is_some() => {
            format!("Correction: it was no incident after all{place}")
        }
        Some(Ending::Retracted) => format!("Correction: nothing {did} after all{place}"),
        Some(Ending::Expired) => match what {
            What::TimedOut => format!(
                "No function has timed out for long; whether all recovered is not known{place}"
            ),
            What::CameClose => format!("Whether all functions recovered is not known{place}"),
            What::FellSilent => {
                format!("What still does not report is not waited for any longer{place}")
            }
        },
        Some(Ending::Unsubscribed) => {
            format!("What is here is not watched by this subscription any more{place}")
        }
    }
}

fn description(crowd: &Crowd<'_>) -> String {
    let timeouts = counted(crowd.timeouts, "timeout");
    let functions = counted(crowd.functions, "function");
    let last = crowd.last.filter(|it| *it > crowd.first).map(rfc3339);
    let last = last.map_or(String::new(), |it| format!(", the last at {it}"));
    let since = match crowd.ending {
        Some(Ending::Recovered) => "; an invocation has succeeded since",
        _ => "",
    };
    let first = rfc3339(crowd.first);
    let told = match What::of(crowd) {
        What::TimedOut => format!("{timeouts} of {functions}, the first at {first}{last}{since}."),
        What::CameClose => format!("{functions}, the first at {first}{since}."),
        What::FellSilent => format!("{functions}, the first silent since {first}."),
    };
    let Some(incident) = crowd.incident.as_ref().filter(|_| crowd.ending.is_none()) else {
        return told;
    };
    let listed = u64::try_from(incident.told.len()).unwrap_or(u64::MAX);
    let before = match listed.saturating_add(incident.truncated_told) {
        0 => String::new(),
        some => format!(" {} had been told of before.", counted(some, "alert")),
    };
    let held = match incident.inhibited {
        0 => String::new(),
        some => format!(" {} held back because of it.", are(some)),
    };
    format!("{told}{held}{before}")
}

fn are(alerts: u64) -> String {
    let verb = if alerts == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(alerts, "alert"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    /// What is said of two functions while it goes on, and when it is over.
    #[track_caller]
    fn check(condition: serde_json::Value, timeouts: u64, expected: Expect) {
        let subscription = Subscription {
            id: "night".to_owned(),
            name: "Night".to_owned(),
            severity: "error".to_owned(),
            condition,
        };
        let (group, nothing) =
            ([("region".to_owned(), "eu-west-1".to_owned())].into(), BTreeMap::new());
        let mut said = String::new();
        for ending in [None, Some(Ending::Recovered), Some(Ending::Expired)] {
            let told = compose(&Crowd {
                name: "msg_1".to_owned(),
                kind: if ending.is_some() { Kind::Resolved } else { Kind::Firing },
                ending,
                fingerprint: "f".to_owned(),
                episode: "1",
                first: EpochMillis(0),
                opened: EpochMillis(0),
                last: Some(EpochMillis(1_000)),
                timeouts,
                functions: 2,
                unheard: 2,
                shown: Vec::new(),
                reasons: Vec::new(),
                group: &group,
                subscription: &subscription,
                labels: &nothing,
                annotations: &nothing,
                incident: None,
                console: "",
                at: EpochMillis(60_000),
            });
            let Annotations { summary, description, .. } = told.annotations;
            said = format!("{said}{summary} | {description}\n");
        }
        expected.assert_eq(&said);
    }

    #[test]
    fn a_group_is_told_of_in_its_conditions_words() {
        check(
            json!({"any_timeout": {}}),
            3,
            expect![[r"
            2 functions timed out (region eu-west-1) | 3 timeouts of 2 functions, the first at 1970-01-01T00:00:00.000Z, the last at 1970-01-01T00:00:01.000Z.
            All functions have recovered (region eu-west-1) | 3 timeouts of 2 functions, the first at 1970-01-01T00:00:00.000Z, the last at 1970-01-01T00:00:01.000Z; an invocation has succeeded since.
            No function has timed out for long; whether all recovered is not known (region eu-west-1) | 3 timeouts of 2 functions, the first at 1970-01-01T00:00:00.000Z, the last at 1970-01-01T00:00:01.000Z.
        "]],
        );
        check(
            json!({"near_timeout": {}}),
            0,
            expect![[r"
            2 functions came close to the timeout (region eu-west-1) | 2 functions, the first at 1970-01-01T00:00:00.000Z.
            All functions have recovered (region eu-west-1) | 2 functions, the first at 1970-01-01T00:00:00.000Z; an invocation has succeeded since.
            Whether all functions recovered is not known (region eu-west-1) | 2 functions, the first at 1970-01-01T00:00:00.000Z.
        "]],
        );
        check(
            json!({"no_signal": {}}),
            0,
            expect![[r"
            2 functions stopped reporting (region eu-west-1) | 2 functions, the first silent since 1970-01-01T00:00:00.000Z.
            All functions report again (region eu-west-1) | 2 functions, the first silent since 1970-01-01T00:00:00.000Z.
            What still does not report is not waited for any longer (region eu-west-1) | 2 functions, the first silent since 1970-01-01T00:00:00.000Z.
        "]],
        );
    }
}
