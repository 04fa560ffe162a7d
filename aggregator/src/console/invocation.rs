//! `/invocations/{account}/{region}/{name}/{block}/{id}`: one invocation that timed out: what it went through, how that is known, and
//! what else happened around it.

mod phases;

use askama::Template;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use overtime_wire::{Evidence, FunctionKey, Phase as Begun};

use super::{
    Console,
    chart::{
        phases::Phases,
        text::{memory, millis, sentence, setting},
    },
    failure::Failure,
    figures::percent,
    frame::{self, Frame, Section},
    links::Away,
    look::Look,
    moment::Time,
    sighting::{Place, Sighting},
};
use crate::{
    api::{
        parameters::Path,
        problem::Problem,
        timeout::{self, Neighbours, Shown, Which},
        timeouts::item::Item,
        viewer::LogTails,
    },
    domain::{portal::Portal, words},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/invocations/{account}/{region}/{name}/{block}/{id}", get(show))
}

#[derive(Debug, Template)]
#[template(path = "invocation.html")]
struct Page<'a> {
    frame: Frame<'a>,
    place: Place,
    stands: bool,
    deadline: Time,
    cause: String,
    inferred: bool,
    sure: &'static str,
    evidence: &'static str,
    phases: Phases,
    facts: Vec<Fact>,
    ids: Vec<(&'static str, String)>,
    /// `None` to whom it is not for.
    log: Option<Log<'a>>,
    around: Vec<Around>,
    away: Vec<(&'static str, String)>,
    json: String,
}

#[derive(Debug)]
struct Fact {
    name: &'static str,
    value: String,
}

/// The end of the function's log.
#[derive(Debug)]
struct Log<'a> {
    tail: Option<&'a str>,
}

/// Other timeouts that have something in common with this one.
#[derive(Debug)]
struct Around {
    title: &'static str,
    rows: Vec<Sighting>,
    /// What it means that there are some, and what that there are none.
    some: &'static str,
    none: &'static str,
    complete: bool,
    /// Whether they may be another function's.
    elsewhere: bool,
}

async fn show(
    State(console): State<Console>,
    which: Result<Path<Which>, Problem>,
    (look, headers): (Look, HeaderMap),
) -> Result<Response, Failure> {
    let Path(which) = which?;
    let key = FunctionKey {
        account: which.account.0,
        region: which.region.0.clone(),
        name: which.name.0.clone(),
    };
    let log_tails = LogTails::from(&look.viewer);
    let shown = timeout::read(&console.reader, which, log_tails).await?;
    let summary = console.reader.store().summary(&key).await?;
    let initialization = summary.map(|it| it.digest.profile.initialization_type.clone());
    let restores = initialization.is_some_and(|it| it == SNAP_START);
    let page = page((&shown, restores, log_tails), (&key, console.portal.as_ref()), &look);
    Ok(frame::page(&look, &headers, &page))
}

/// How the platform calls environments that are restored rather than initialised.
const SNAP_START: &str = "snap-start";

fn page<'a>(
    (shown, restores, log_tails): (&'a Shown, bool, LogTails),
    (key, portal): (&FunctionKey, Option<&Portal>),
    look: &'a Look,
) -> Page<'a> {
    let item = &shown.timeout;
    let frame = Frame::new(look, Section::Functions, "A timeout");
    let tail = item.log_tail.as_deref();
    Page {
        place: Place::of(item, &frame),
        stands: shown.stands,
        deadline: frame.time(item.deadline.0),
        cause: sentence(words::cause(item.cause.0)),
        inferred: item.inferred,
        sure: sure(item.evidence.0),
        evidence: words::evidence(item.evidence.0),
        phases: Phases::of(&phases::of(item, restores), phases::caption(item)),
        facts: facts(item, &frame),
        ids: ids(item),
        log: (log_tails == LogTails::Shown).then_some(Log { tail }),
        around: around(shown, &frame),
        away: away(&Away::new(key, portal), item),
        json: frame.href(&item.url),
        frame,
    }
}

/// How sure it is, in words for somebody who has to decide what to do.
fn sure(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Report => {
            "Certain. Lambda's own report of this invocation, which it writes at the very end, says that it timed out."
        }
        Evidence::RuntimeDone => {
            "Certain. Lambda told the extension that the runtime was done because the time was up."
        }
        Evidence::Shutdown => {
            "Certain that it timed out: Lambda shut the environment down for a timeout while this invocation was open. What it was \
             doing is less certain."
        }
        Evidence::Deadline => {
            "Suspected. The extension was running when the deadline passed, and no answer had come; Lambda has not confirmed it. If \
             an answer turns up, this is taken back and the page says so."
        }
        Evidence::Recovered => {
            "Concluded afterwards. The process that watched it ended without a word, and the next one in the same environment found \
             the invocation still open. Its times are the least that is known."
        }
    }
}

/// What every invocation has, so that it is worth saying that it is not known.
const ALWAYS: [&str; 8] = [
    "Began",
    "Its time was up",
    "Known here",
    "Ran for",
    "Memory used",
    "Version",
    "Environment",
    "What timed out",
];

fn facts(item: &Item, frame: &Frame<'_>) -> Vec<Fact> {
    let time = |it: Option<crate::api::words::Moment>| it.map(|it| frame.time(it.0).people);
    let of = |part: Option<String>, whole: Option<String>| match (part, whole) {
        (Some(part), Some(whole)) => Some(format!("{part} of {whole}")),
        (Some(part), None) => Some(part),
        (None, whole) => whole.map(|it| format!("not told, of {it}")),
    };
    let version = item.version.as_ref().map(|version| match &item.alias {
        Some(alias) => format!("{version}, called as {alias}"),
        None => version.clone(),
    });
    let delay = item.detected_at.0.since(item.deadline.0);
    let detected = format!(
        "{}, {} after its deadline",
        frame.time(item.detected_at.0).people,
        words::duration(delay)
    );
    let facts = [
        ("Began", time(item.started_at)),
        ("Its time was up", Some(frame.time(item.deadline.0).people)),
        ("Known here", Some(detected)),
        ("Ran for", of(item.duration_ms.map(setting), item.timeout_ms.map(setting))),
        ("Memory used", of(item.max_memory_used_bytes.map(memory), item.memory_bytes.map(memory))),
        ("Log silent before the deadline", item.silent_ms.map(setting)),
        ("Init", init(item)),
        ("Init's share of the timeout", phases::eaten(item).map(share)),
        ("Until it answered", item.response_latency_ms.map(millis)),
        ("Answering", item.response_duration_ms.map(millis)),
        ("Runtime after the answer", item.runtime_overhead_ms.map(millis)),
        ("Extensions after the answer", item.extension_overhead_ms.map(millis)),
        ("Version", version),
        (
            "Environment",
            Some(if item.cold_start { "new: a cold start" } else { "used before" }.to_owned()),
        ),
        ("What timed out", Some(item.subject.to_string())),
    ];
    let known = |(name, value): (&'static str, Option<String>)| Fact {
        name,
        value: value.unwrap_or_else(|| "not known".to_owned()),
    };
    // What only some invocations have is left out of the others, rather than called unknown.
    let always = |name| ALWAYS.contains(&name);
    facts.into_iter().filter(|(name, value)| value.is_some() || always(name)).map(known).collect()
}

/// The init that it waited for, or that ran inside it.
fn init(item: &Item) -> Option<String> {
    let took = item.init_ms.map(millis);
    Some(match (Begun::parse(item.init_phase?)?, took) {
        (Begun::Init, took) => format!("{}, before its time began", took?),
        (Begun::Restore, took) => format!("{}, a restore before its time began", took?),
        (Begun::Suppressed, Some(took)) => format!("{took}, inside its time"),
        (Begun::Suppressed, None) => "inside its time, and not over".to_owned(),
    })
}

fn share((ate, of): (u64, u64)) -> String {
    let percent = percent(ate, of).unwrap_or_default();
    format!("{percent}: {} of {}", setting(ate), setting(of))
}

/// What else systems know it by.
fn ids(item: &Item) -> Vec<(&'static str, String)> {
    let ids = [
        ("Request", item.request_id.clone()),
        ("Environment", item.sandbox.clone()),
        ("Trace", item.trace_id.clone()),
        ("Timeout", Some(item.id.clone())),
    ];
    ids.into_iter().filter_map(|(name, id)| Some((name, id?))).collect()
}

fn around(shown: &Shown, frame: &Frame<'_>) -> Vec<Around> {
    let rows = |it: &Neighbours| it.items.iter().map(|it| Sighting::of(it, frame)).collect();
    vec![
        Around {
            title: "In the same environment, within six hours",
            rows: rows(&shown.same_sandbox),
            some: "The same environment timed out more than once: something in it may be stuck, such as a connection that is kept open.",
            none: "No other timeout in this environment.",
            complete: shown.same_sandbox.complete,
            elsewhere: false,
        },
        Around {
            title: "Other tries of the same request",
            rows: rows(&shown.same_request),
            some: "Lambda tried the same event again, and it timed out again: the event itself may be what takes so long.",
            none: "No other try of this request timed out within six hours.",
            complete: shown.same_request.complete,
            elsewhere: false,
        },
        Around {
            title: "Anywhere within two minutes",
            rows: rows(&shown.same_time),
            some: "What times out at the same moment may wait for the same thing.",
            none: "Nothing else in the fleet timed out within two minutes.",
            complete: shown.same_time.complete,
            elsewhere: true,
        },
    ]
}

/// Where the AWS console has more.
fn away(away: &Away<'_>, item: &Item) -> Vec<(&'static str, String)> {
    let deadline = item.deadline.0;
    let ran = std::time::Duration::from_millis(item.timeout_ms.unwrap_or(0));
    let began = item.started_at.map_or(deadline.minus(ran), |it| it.0);
    [
        ("Its log", away.logs((began, deadline), item.request_id.as_deref())),
        ("Its trace", item.trace_id.as_deref().and_then(|it| away.trace(it))),
        ("This version", item.version.as_deref().and_then(|it| away.version(it))),
        ("The function", away.function()),
    ]
    .into_iter()
    .filter_map(|(name, href)| Some((name, href?)))
    .collect()
}

#[cfg(test)]
mod tests;
