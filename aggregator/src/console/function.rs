//! `/functions/{account}/{region}/{name}`: what one function did, since when, at which version, why, and what can be done about it.

mod hint;
mod last_words;
mod past;
mod reading;
mod reasons;
mod starts;
mod story;

use askama::Template;
use axum::{Extension, Router, extract::State, http::HeaderMap, response::Response, routing::get};

use self::{
    hint::Hint,
    past::{Cause, Loss, Setting, Version},
    reading::Reading,
    reasons::Reasons,
    starts::Starts,
    story::Answer,
};
use super::{
    Console,
    chart::{
        percentiles::Percentiles,
        text::{memory, runtime, setting},
        traffic::Traffic,
    },
    failure::Failure,
    figures::{grouped, percent},
    frame::{self, Frame, Section},
    functions::word,
    links::Away,
    look::Look,
    moment::Time,
    sighting::Sighting,
    table,
};
use crate::{
    api::{
        function::Function,
        parameters::Path,
        problem::Problem,
        series::Point,
        shapes::{Counted, Which},
        viewer::{Role, Viewer},
    },
    domain::configuration::Subscription,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/functions/{account}/{region}/{name}", get(show))
}

#[derive(Debug, Template)]
#[template(path = "function.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that the template asks")]
struct Page<'a> {
    frame: Frame<'a>,
    account: String,
    region: String,
    facts: Vec<String>,
    tags: Vec<String>,
    ranges: Vec<Range>,
    heard: bool,
    from: Time,
    to: Time,
    last_seen: Option<Time>,
    answers: Vec<Answer>,
    figures: Vec<Figure>,
    traffic: Traffic,
    percentiles: Percentiles,
    causes: Vec<Cause>,
    versions: Vec<Version>,
    starts: Starts,
    hint: Hint,
    reasons: Reasons<'a>,
    alerts: Vec<Alert>,
    subscriptions: Vec<&'a Subscription>,
    timeouts: Vec<Sighting>,
    more_timeouts: bool,
    settings: Vec<Setting>,
    losses: Vec<Loss>,
    exports: Exports,
    away: Vec<(&'static str, String)>,
    may_silence: bool,
    may_subscribe: bool,
    /// What a silence or a subscription is prefilled with.
    prefill: String,
}

/// A choice of time.
#[derive(Debug)]
struct Range {
    label: &'static str,
    href: String,
    current: bool,
}

/// A number at the head of the page.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    number: String,
    note: String,
    class: &'static str,
}

/// An open alert about the function.
#[derive(Debug)]
struct Alert {
    state: &'static str,
    name: String,
    href: String,
    since: Option<Time>,
    timeouts: Option<u64>,
}

/// The same for machines.
#[derive(Debug)]
struct Exports {
    function: String,
    series_csv: String,
    series_json: String,
    /// All of its timeouts, as a page.
    timeouts: String,
    timeouts_csv: String,
    timeouts_json: String,
}

/// How far back one may look by a click. The last day is what is shown if nothing is said.
const RANGES: [(&str, &str); 5] =
    [("1 h", "now-1h"), ("6 h", "now-6h"), ("24 h", ""), ("7 d", "now-7d"), ("30 d", "now-30d")];

async fn show(
    State(console): State<Console>,
    viewer: Option<Extension<Viewer>>,
    which: Result<Path<Which>, Problem>,
    (look, headers): (Look, HeaderMap),
) -> Result<Response, Failure> {
    let Path(which) = which?;
    let reading = Box::pin(Reading::of(&console.reader, which.into(), &look)).await?;
    let may = |role| viewer.as_ref().is_some_and(|it| it.may(role));
    let page = page(&reading, &look, console.portal.as_ref());
    let page = Page { may_silence: may(Role::Operator), may_subscribe: may(Role::Admin), ..page };
    Ok(frame::page(&look, &headers, &page))
}

fn page<'a>(
    reading: &'a Reading,
    look: &'a Look,
    portal: Option<&crate::domain::portal::Portal>,
) -> Page<'a> {
    let Reading { key, function, series, durations, .. } = reading;
    let name = key.name.to_string();
    let frame = Frame::new(look, Section::Functions, name.clone());
    let changes = past::changes(function);
    let axis = reading.axis(&look.zone);
    let slow = reading.durations_axis(&look.zone);
    let timeouts = reading.timeouts.items.iter().map(|it| Sighting::of(it, &frame)).collect();
    let alert = |it: &crate::api::alerts::item::Item| Alert {
        state: word(it.state.0),
        name: it.subscription_name.clone().unwrap_or_else(|| it.subscription.clone()),
        href: frame.href(&format!("/alerts/{}", it.fingerprint)),
        since: it.starts_at.map(|it| frame.time(it.0)),
        timeouts: it.timeouts,
    };
    Page {
        account: key.account.to_string(),
        region: key.region.to_string(),
        facts: facts(function),
        tags: function.profile.tags.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        ranges: ranges(look),
        heard: function.heard,
        from: frame.time(function.from.0),
        to: frame.time(function.to.0.min(look.now)),
        last_seen: function.last_seen_at.map(|it| frame.time(it.0)),
        answers: story::tell(
            function,
            (&axis, series),
            (&changes, last_words::most_often(&reading.timeouts.items)),
        ),
        figures: figures(function.counts, series),
        traffic: Traffic::of(&axis, series, &changes),
        percentiles: Percentiles::of(&slow, durations.as_ref().unwrap_or(series), &changes),
        causes: past::causes(function),
        versions: past::versions(function, &frame),
        starts: Starts::of(&function.phases),
        hint: Hint::of(function),
        reasons: Reasons::of(&reading.analyses),
        alerts: reading.alerts.iter().map(alert).collect(),
        subscriptions: reading.subscriptions.iter().collect(),
        timeouts,
        more_timeouts: reading.timeouts.next.is_some(),
        settings: past::settings(function, &frame),
        losses: past::losses(function.losses),
        exports: exports(reading, &frame),
        away: away(&Away::new(key, portal), function, look),
        may_silence: false,
        may_subscribe: false,
        prefill: format!("functions={name}&accounts={}&regions={}", key.account, key.region),
        frame,
    }
}

/// How it is set up, as its environments last said it.
fn facts(function: &Function) -> Vec<String> {
    let profile = &function.profile;
    [
        profile.version.as_ref().map(|it| format!("version {it}")),
        profile.runtime.as_deref().map(runtime),
        profile.architecture.clone(),
        profile.memory_bytes.map(memory),
        profile.timeout_ms.map(|it| format!("timeout {}", setting(it))),
        profile.initialization_type.clone(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ranges(look: &Look) -> Vec<Range> {
    let said = form_urlencoded::parse(look.query().as_bytes());
    let mut said =
        said.filter(|(name, value)| matches!(&**name, "from" | "to") && !value.is_empty());
    let said = (said.next(), said.next());
    let current = |from: &str| match &said {
        (None, _) => from.is_empty(),
        (Some((name, value)), None) => name == "from" && value == from,
        (Some(_), Some(_)) => false,
    };
    let rest = table::without(&look.target, &["from", "to", "step"]);
    let href = |from: &str| {
        let joint = if rest.contains('?') { '&' } else { '?' };
        let target =
            if from.is_empty() { rest.clone() } else { format!("{rest}{joint}from={from}") };
        look.base.href(&target)
    };
    RANGES.map(|(label, from)| Range { label, href: href(from), current: current(from) }).into()
}

fn figures(counts: Counted, series: &[Point]) -> Vec<Figure> {
    let class = |bad: u64, word| if bad > 0 { word } else { "" };
    let figure = |name, number, note: &str, class| Figure {
        name,
        number: grouped(number),
        note: note.to_owned(),
        class,
    };
    let heard = series.iter().filter(|it| it.counts.is_some()).count();
    let share = percent(counts.timeouts, counts.invocations);
    let share = share.map_or("no invocations".to_owned(), |it| format!("{it} of invocations"));
    vec![
        figure("Timeouts", counts.timeouts, &share, class(counts.timeouts, "bad")),
        figure(
            "Invocations",
            counts.invocations,
            &format!("heard in {heard} of {} steps", series.len()),
            "",
        ),
        figure(
            "Near timeouts",
            counts.near_timeouts,
            "ended just in time",
            class(counts.near_timeouts, "near"),
        ),
        figure("Errors", counts.errors, "ended with an error", ""),
        figure(
            "Out of memory",
            counts.out_of_memory,
            "besides timeouts",
            class(counts.out_of_memory, "bad"),
        ),
        figure("Cold starts", counts.cold_starts, "new environments", ""),
        figure(
            "Init timeouts",
            counts.init_timeouts,
            "no invocation was lost by them",
            class(counts.init_timeouts, "bad"),
        ),
    ]
}

fn exports(reading: &Reading, frame: &Frame<'_>) -> Exports {
    let key = &reading.key;
    let function = format!("/api/v1/functions/{}/{}/{}", key.account, key.region, key.name);
    let listing = table::Listing::new::<crate::api::function::SeriesAsked>(
        frame.look,
        format!("{function}/series"),
    );
    let within = |names: &[&str]| {
        let pairs =
            names.iter().map(|it| (*it, listing.value(it))).filter(|(_, it)| !it.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let span = within(&["from", "to"]);
    let whose = format!("account={}&region={}&function={}", key.account, key.region, key.name);
    let and = if span.is_empty() { "" } else { "&" };
    let timeouts = |suffix: &str| {
        let limit = reading::TIMEOUTS;
        frame.href(&format!("/api/v1/timeouts{suffix}?{whose}&limit={limit}{and}{span}"))
    };
    let question = if span.is_empty() { String::new() } else { format!("?{span}") };
    Exports {
        function: frame.href(&format!("{function}{question}")),
        series_csv: listing.csv(),
        series_json: listing.json(),
        timeouts: frame.href(&format!("/timeouts?{whose}{and}{span}")),
        timeouts_csv: timeouts(".csv"),
        timeouts_json: timeouts(""),
    }
}

/// Where the AWS console has more.
fn away(away: &Away<'_>, function: &Function, look: &Look) -> Vec<(&'static str, String)> {
    let version = function.profile.version.as_deref().unwrap_or_default();
    let from = function.from.0.max(look.now.minus(std::time::Duration::from_hours(1)));
    [
        ("Function in AWS", away.function()),
        ("This version in AWS", away.version(version)),
        ("Its log, last hour", away.logs((from, look.now), None)),
    ]
    .into_iter()
    .filter_map(|(name, href)| Some((name, href?)))
    .collect()
}

#[cfg(test)]
mod tests;
