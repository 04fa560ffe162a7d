//! `POST /api/v1/subscriptions/preview`: what a draft would have told, before it wakes anybody.
//!
//! The timeouts of the range are read from their list, newest first, so that a fleet's functions that timed out are found without asking
//! the others; what ordinary invocations did beside them comes from the minutes of their blocks. Both are bounded, and an answer
//! says where it was cut. What is made of them is [`domain::preview`](crate::domain::preview)'s.

mod draft;
mod reading;

use std::{collections::BTreeSet, time::Duration};

use axum::{Json, extract::State};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use self::{draft::Draft, reading::Read};
use crate::{
    api::{
        Reader,
        configuration::Given,
        parameters::Query,
        problem::Problem,
        range::{DAY, Range},
        shapes::parts,
        words::{AccountText, Moment, NameText, RegionText, Text, WhenText},
    },
    domain::{
        alert::Rule,
        configuration::{Condition, Entity, Kind, Per, Subscription},
        preview::{
            Opening,
            crowd::{self, Gathering, Member},
            rehearse,
        },
    },
};

/// How far back a preview looks where nobody says.
const USUALLY: Duration = Duration::from_hours(7 * 24);
/// How much time it may be about.
const LENGTH_MAX: Duration = Duration::from_hours(15 * 24);
/// How many openings are listed.
const LISTED_MAX: usize = 20;

/// Over which time.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Asked {
    /// From here on; the last week if it is not said, and fifteen days at most.
    #[param(inline)]
    from: Option<WhenText>,
    /// Up to here; now if it is not said.
    #[param(inline)]
    to: Option<WhenText>,
}

/// What a draft would have told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preview)]
pub(crate) struct Shown {
    /// `would have fired 14 times for 3 functions in the last 7 days`.
    pub(crate) summary: String,
    /// What was looked at begins here: later than what was asked for where it was cut.
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// How many alerts would have opened.
    pub(crate) openings: u64,
    /// About how many functions.
    pub(crate) functions: u64,
    /// The first of them, in the order in which they would have opened.
    pub(crate) items: Vec<Alert>,
    /// How many of the functions that were heard of within a day are covered.
    pub(crate) covered: u64,
    /// Why this is not all, where it is not.
    pub(crate) cut: Vec<String>,
    /// What would have been different then.
    pub(crate) approximate: Vec<&'static str>,
}

/// An alert that would have opened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Opening)]
pub(crate) struct Alert {
    /// Null of an alert about several functions, as the two that follow.
    pub(crate) account: Option<AccountText>,
    pub(crate) region: Option<RegionText>,
    pub(crate) function: Option<NameText>,
    /// Of an alert about several functions: what they share; else null.
    pub(crate) group: Option<String>,
    /// How many functions it would have been about.
    pub(crate) functions: u64,
    /// When the first breach happened, by the function's clock.
    pub(crate) starts_at: Moment,
    pub(crate) opened_at: Moment,
    /// Null if it would still go on.
    pub(crate) ended_at: Option<Moment>,
    pub(crate) ended_because: Option<&'static str>,
    pub(crate) timeouts: u64,
}

/// Says what a draft of a subscription would have told within the last days: by the state machine that would judge it, over what is
/// known today. Nothing is kept of the draft.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/preview",
    operation_id = "preview_subscription",
    params(Asked),
    request_body(content = Draft, content_type = "application/json"),
    responses(
        (status = OK, description = "What it would have told.", body = Shown),
        (status = PAYLOAD_TOO_LARGE, description = "The body is too long."),
        (status = UNPROCESSABLE_ENTITY, description = "The body is JSON and not a subscription; `faults` names every field.")
    )
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    Query(asked): Query<Asked>,
    Given(body): Given,
) -> Result<Json<Shown>, Problem> {
    read(&reader, &asked, &body).await.map(Json)
}

/// What a draft would have told, whoever asks for it.
pub(crate) async fn read(reader: &Reader, asked: &Asked, body: &Value) -> Result<Shown, Problem> {
    let subscription = match Kind::Subscription.read(body, None).map_err(Problem::unfit)? {
        Entity::Subscription(subscription) => subscription,
        Entity::Channel(_) | Entity::Silence(_) => return Err(Problem::internal()),
    };
    let rule = Rule::of(&subscription);
    let now = (reader.clock)();
    let range = asked.range(now, reader.store.retention().blocks)?;
    let read = reading::read(reader, (&subscription, &rule), range).await?;
    // Playing a week of fifty functions takes a while, and others are waiting to be answered.
    let played = spawn_blocking(move || shown(&subscription, &rule, (range, now), read)).await;
    played.map_err(|_| Problem::internal())
}

impl Shown {
    /// Whether more would have opened than are listed.
    pub(crate) fn has_more(&self) -> bool {
        self.openings > self.items.len() as u64
    }
}

impl Asked {
    fn range(&self, now: EpochMillis, kept: Duration) -> Result<Range, Problem> {
        let to = self.to.as_ref().map_or(now, |it| it.0.resolve(now)).min(now);
        let usually = Text(crate::domain::instant::When::At(to.minus(USUALLY)));
        let from = self.from.as_ref().unwrap_or(&usually);
        if to.since(from.0.resolve(now)) > LENGTH_MAX {
            return Err(Problem::invalid("from", "lies more than 15 days before the end"));
        }
        Range::listed((Some(from), Some(&Text(crate::domain::instant::When::At(to)))), now, kept)
    }
}

/// Plays everything that was read.
fn shown(
    subscription: &Subscription,
    rule: &Rule,
    (range, now): (Range, EpochMillis),
    read: Read,
) -> Shown {
    let Read { functions, from, covered, cut } = read;
    let played = if subscription.grouping().is_some() {
        together(subscription, rule, functions, range.to)
    } else {
        apart(rule, functions, range.to)
    };
    let (told, more) = played;
    let told: Vec<_> = told.into_iter().filter(|(it, _)| it.opened_at.0 >= from).collect();
    let openings = told.len() as u64;
    let concerned: BTreeSet<_> = told.iter().flat_map(|(_, who)| who).cloned().collect();
    let concerned = concerned.len() as u64;
    let mut items: Vec<_> = told.into_iter().map(|(it, _)| it).collect();
    items.sort_by_key(|it| it.opened_at.0);
    items.truncate(LISTED_MAX);
    Shown {
        summary: summary((openings, concerned), (from, range.to), now),
        from: Text(from),
        to: Text(range.to),
        openings,
        functions: concerned,
        items,
        covered,
        cut: cut.into_iter().chain(more).collect(),
        approximate: approximate(subscription),
    }
}

/// Alerts, each with the functions that it would have been about, and why these are not all.
type Played = (Vec<(Alert, BTreeSet<FunctionKey>)>, Vec<String>);

/// Each function for itself.
fn apart(rule: &Rule, functions: Vec<Member>, to: EpochMillis) -> Played {
    let (mut told, mut cut) = (Vec::new(), Vec::new());
    for (known, _) in functions {
        let function = known.function.clone();
        let (openings, is_whole) = rehearse(rule, known, to);
        if !is_whole {
            cut.push(format!("{} would have been looked at too often", function.name));
        }
        let alert = |it: &Opening| (Alert::of(&function, it), BTreeSet::from([function.clone()]));
        told.extend(openings.iter().map(alert));
    }
    (told, cut)
}

/// The groups that they make.
fn together(
    subscription: &Subscription,
    rule: &Rule,
    functions: Vec<Member>,
    to: EpochMillis,
) -> Played {
    let (told, is_whole) = crowd::rehearse(subscription, rule, functions, to);
    let cut = (!is_whole).then(|| "the groups would have been looked at too often".to_owned());
    let told = told.into_iter().map(|it| (Alert::of_group(&it), it.functions));
    (told.collect(), cut.into_iter().collect())
}

impl Alert {
    fn of(function: &FunctionKey, it: &Opening) -> Self {
        let (account, region, name) = parts(function);
        let place = (Some(account), Some(region), Some(name));
        Self { account: place.0, region: place.1, function: place.2, ..Self::opened(it, 1) }
    }

    fn of_group(it: &Gathering) -> Self {
        let labels: Vec<_> =
            it.labels.iter().map(|(label, value)| format!("{label} {value}")).collect();
        let group = if labels.is_empty() { "the fleet".to_owned() } else { labels.join(", ") };
        Self { group: Some(group), ..Self::opened(&it.opening, it.functions.len() as u64) }
    }

    fn opened(it: &Opening, functions: u64) -> Self {
        Self {
            account: None,
            region: None,
            function: None,
            group: None,
            functions,
            starts_at: Text(it.first),
            opened_at: Text(it.opened),
            ended_at: it.over.map(|(at, _)| Text(at)),
            ended_because: it.over.map(|(_, ending)| ending.as_str()),
            timeouts: it.timeouts,
        }
    }
}

fn summary(
    (openings, functions): (u64, u64),
    (from, to): (EpochMillis, EpochMillis),
    now: EpochMillis,
) -> String {
    let counted = |number: u64, what: &str| {
        if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
    };
    let length = to.since(from);
    let long = if length >= DAY {
        counted((length + DAY / 2).as_secs() / DAY.as_secs(), "day")
    } else {
        counted(length.as_secs().div_ceil(3_600), "hour")
    };
    let when = if now.since(to) < Duration::from_mins(1) {
        format!("in the last {long}")
    } else {
        format!("in the {long} before {}", crate::domain::instant::rfc3339(to))
    };
    if openings == 0 {
        return format!("would not have fired {when}");
    }
    let (times, functions) = (counted(openings, "time"), counted(functions, "function"));
    format!("would have fired {times} for {functions} {when}")
}

/// What is not played as it was.
fn approximate(subscription: &Subscription) -> Vec<&'static str> {
    let mut said = vec![
        "timeouts are as they are known today: what was suspected and taken back opens nothing, and causes are as they were corrected",
        "a success is known from the minute on in which it was counted",
        "tags are as functions last said them",
        "silences are left out",
    ];
    if subscription.grouping().is_some() {
        said.push("no other subscription's incident holds anything back");
    }
    if matches!(subscription.condition, Condition::NoSignal { .. }) {
        said.push("a report is taken to have come in when the minute of its invocations was over");
    }
    if !subscription.group_wait.0.is_zero() {
        said.push("what would have been over before the group's wait was counts, too, though nobody would have been told");
    }
    if matches!(subscription.condition, Condition::NearTimeout { .. }) {
        said.push("durations are looked at once in a quarter of an hour, at its end");
    }
    if matches!(subscription.condition, Condition::Consecutive { per: Per::Sandbox, .. }) {
        said.push("an init that timed out between two timeouts is not known, and ends their row");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((openings, functions): (u64, u64), (from, to): (&str, &str), expected: &str) {
        let now = EpochMillis(1_793_491_200_000);
        let at = |text| crate::domain::instant::When::parse(text).unwrap().resolve(now);
        assert_eq!(summary((openings, functions), (at(from), at(to)), now), expected);
    }

    #[test]
    fn a_summary_is_a_sentence() {
        check(
            (14, 3),
            ("now-7d", "now"),
            "would have fired 14 times for 3 functions in the last 7 days",
        );
        check(
            (1, 1),
            ("now-90m", "now"),
            "would have fired 1 time for 1 function in the last 2 hours",
        );
        check((0, 0), ("now-24h", "now"), "would not have fired in the last 1 day");
        let then = "would not have fired in the 2 days before 2026-10-31T00:00:00.000Z";
        check((0, 0), ("now-3d", "now-24h"), then);
    }
}
