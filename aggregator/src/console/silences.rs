//! What nobody is told of for a while: who made it silent, why, for how much longer, and what it holds back.
//!
//! **Invariant.** A silence is ended or extended as it was seen: what somebody else has changed meanwhile stays.

mod draft;
mod new;

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use overtime_wire::EpochMillis;
use serde_json::json;

use super::{
    Console,
    alerts::row::{About, Row, rough},
    failure::Failure,
    form::Form,
    frame::{self, Frame, Section},
    look::Look,
    notice::{self, Notice},
};
use crate::{
    api::{
        author::Author,
        configuration::{
            Shown,
            desk::{self, Draft},
            preconditions::Preconditions,
            reach,
        },
        problem::Problem,
        viewer::Role,
    },
    domain::{
        configuration::{
            Entity, Id, Kind, Severity, Silence, SilenceState,
            silence::{LASTS_MAX, Matchers},
        },
        instant::rfc3339,
    },
};

/// How many that are over are shown.
const EXPIRED_MAX: usize = 50;
/// By how much a silence is extended with one press of a button, in minutes.
const STEPS: [(u32, &str); 3] = [(60, "1 h"), (240, "4 h"), (1_440, "1 day")];

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/silences", get(list).post(new::create))
        .route("/silences/new", get(new::show))
        .route("/silences/preview", post(new::preview))
        .route("/silences/{id}", get(one))
        .route("/silences/{id}/end", post(end))
        .route("/silences/{id}/extend", post(extend))
}

/// A silence as a line of a page.
#[derive(Debug)]
struct Quiet {
    silence: Silence,
    version: u64,
    /// What is silent, in words.
    what: Vec<(&'static str, String)>,
    state: SilenceState,
    /// For how much longer, or until it begins.
    remaining: String,
    matches_nothing: bool,
}

#[derive(Debug, Template)]
#[template(path = "silences.html")]
struct List<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    groups: [(&'static str, &'static str, Vec<Quiet>); 3],
    /// How many more are over.
    more: usize,
    api: String,
}

#[derive(Debug, Template)]
#[template(path = "silence.html")]
struct One<'a> {
    frame: Frame<'a>,
    notice: Option<Notice>,
    it: Quiet,
    reach: Reach,
    api: String,
}

/// What a silence covers, as a page shows it.
#[derive(Debug)]
struct Reach {
    shown: reach::Shown,
    functions: Vec<About>,
    alerts: Vec<Row>,
}

impl Reach {
    async fn of(console: &Console, matchers: &Matchers) -> Result<Self, Problem> {
        let mut shown = reach::read(&console.reader, matchers).await?;
        let functions = shown.items.drain(..).map(|it| {
            let place = (Some(&it.account), Some(&it.region));
            About::of(place, Some(&it.function), &std::collections::BTreeMap::new())
        });
        let functions = functions.collect();
        let alerts = Row::all(std::mem::take(&mut shown.alerts));
        Ok(Self { shown, functions, alerts })
    }

    fn more_functions(&self) -> u64 {
        self.shown.functions.saturating_sub(self.functions.len() as u64)
    }

    fn more_alerts(&self) -> u64 {
        self.shown.open.saturating_sub(self.alerts.len() as u64)
    }
}

impl Quiet {
    fn of(shown: Shown, now: EpochMillis) -> Option<Self> {
        let Shown { entity, matches_nothing, .. } = shown;
        let version = entity.version;
        let Entity::Silence(silence) = entity.value else { return None };
        let state = silence.state(now);
        let remaining = match state {
            SilenceState::Pending => format!("begins in {}", rough(silence.starts_at.since(now))),
            SilenceState::Active => format!("{} left", rough(silence.ends().since(now))),
            SilenceState::Expired => format!("over for {}", rough(now.since(silence.ends()))),
        };
        let matches_nothing = matches_nothing == Some(true);
        Some(Self {
            what: what(&silence.matchers),
            silence,
            version,
            state,
            remaining,
            matches_nothing,
        })
    }

    fn word(&self) -> &'static str {
        match self.state {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }

    fn is_over(&self) -> bool {
        self.state == SilenceState::Expired
    }

    /// By how much it can be extended.
    fn steps(&self) -> impl Iterator<Item = &(u32, &'static str)> {
        let longest = self.silence.starts_at.plus(LASTS_MAX);
        STEPS.iter().filter(move |(minutes, _)| later(&self.silence, *minutes) <= longest)
    }
}

fn later(silence: &Silence, minutes: u32) -> EpochMillis {
    silence.ends_at.plus(Duration::from_mins(minutes.into()))
}

/// What is silent, in words.
fn what(matchers: &Matchers) -> Vec<(&'static str, String)> {
    let Matchers { scope, subscriptions, severities } = matchers;
    let joined = |them: Vec<String>| them.join(", ");
    let texts = |them: &[Id]| joined(them.iter().map(ToString::to_string).collect());
    let tags = scope.tags.iter().map(|(key, globs)| {
        let globs: Vec<_> = globs.iter().map(ToString::to_string).collect();
        format!("{key}={}", globs.join("|"))
    });
    let what = [
        ("functions", joined(scope.functions.iter().map(ToString::to_string).collect())),
        ("accounts", joined(scope.accounts.iter().map(ToString::to_string).collect())),
        ("regions", joined(scope.regions.iter().map(ToString::to_string).collect())),
        ("tags", joined(tags.collect())),
        ("subscriptions", texts(subscriptions)),
        (
            "severities",
            joined(severities.iter().map(|it| Severity::as_str(*it).to_owned()).collect()),
        ),
    ];
    what.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

async fn list(
    State(console): State<Console>,
    look: Look,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let all = desk::all(&console.reader, Kind::Silence, None).await?;
    let (mut pending, mut active, mut expired) = (Vec::new(), Vec::new(), Vec::new());
    for it in all.items.into_iter().filter_map(|it| Quiet::of(it, look.now)) {
        match it.state {
            SilenceState::Pending => pending.push(it),
            SilenceState::Active => active.push(it),
            SilenceState::Expired => expired.push(it),
        }
    }
    active.sort_by_key(|it| it.silence.ends());
    pending.sort_by_key(|it| it.silence.starts_at);
    expired.sort_by_key(|it| std::cmp::Reverse(it.silence.ends()));
    let more = expired.len().saturating_sub(EXPIRED_MAX);
    expired.truncate(EXPIRED_MAX);
    let list = List {
        frame: Frame::new(&look, Section::Silences, "Silences"),
        notice: Notice::of(&look),
        groups: [
            ("active", "Silent now", active),
            ("pending", "Silent later", pending),
            ("expired", "Over", expired),
        ],
        more,
        api: look.base.href("/api/v1/silences"),
    };
    Ok(frame::page(&look, &headers, &list))
}

async fn one(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let it = standing(&console, &look, &named(&id)?).await?;
    let one = One {
        frame: Frame::new(&look, Section::Silences, format!("Silence {id}")),
        notice: Notice::of(&look),
        reach: Reach::of(&console, &it.silence.matchers).await?,
        api: look.base.href(&format!("/api/v1/silences/{id}")),
        it,
    };
    Ok(frame::page(&look, &headers, &one))
}

async fn standing(console: &Console, look: &Look, id: &Id) -> Result<Quiet, Problem> {
    // Of all, because only then it is known whether one matches nothing.
    let all = desk::all(&console.reader, Kind::Silence, None).await?;
    let found = all.items.into_iter().find(|it| it.entity.value.id() == id);
    let quiet = found.and_then(|it| Quiet::of(it, look.now));
    quiet.ok_or_else(|| Problem::not_found(format!("there is no silence {id}")))
}

/// The id in a path; what cannot be one names nothing.
fn named(id: &str) -> Result<Id, Problem> {
    id.parse().map_err(|_| Problem::not_found("nothing has such an id"))
}

async fn end(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let id = named(&id)?;
    let seen = Preconditions::of(form.text("version").parse().ok());
    desk::end(&console.reader, id.clone(), &seen, &Author::from(&look.viewer)).await?;
    Ok(notice::see(&look, &format!("/silences/{id}"), Notice::Ended))
}

async fn extend(
    State(console): State<Console>,
    look: Look,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    look.viewer.must_be(Role::Operator)?;
    let id = named(&id)?;
    let said = form.text("by").parse::<u32>().ok();
    let by = said.filter(|by| STEPS.iter().any(|(minutes, _)| minutes == by));
    let by = by.ok_or_else(|| Problem::invalid("by", "is none of 60, 240 and 1440 minutes"))?;
    let standing = standing(&console, &look, &id).await?;
    if standing.is_over() {
        return Err(Problem::conflict("the silence is over: make another").into());
    }
    let mut body = json!(standing.silence);
    body["ends_at"] = rfc3339(later(&standing.silence, by)).into();
    let preconditions = Preconditions::of(Some(form.text("version").parse().unwrap_or_default()));
    let draft = Draft { id: id.clone(), body, preconditions };
    desk::replace(&console.reader, Kind::Silence, draft, &Author::from(&look.viewer)).await?;
    Ok(notice::see(&look, &format!("/silences/{id}"), Notice::Extended))
}

#[cfg(feature = "embedded")]
#[cfg(test)]
mod tests;
