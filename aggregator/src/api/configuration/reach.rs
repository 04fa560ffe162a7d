//! `POST /api/v1/silences/preview`: which functions a silence would be about, and which open alerts it would hold back.
//!
//! A pattern says what somebody means, and not what it hits. So a draft is held against the fleet's rows, which pages read anyway,
//! and against what is open now, by the code that silences are held by when an alert is about to be told.
//!
//! **Invariant.** Nothing is kept of the draft.

mod draft;

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::Serialize;
use utoipa::ToSchema;

use self::draft::Draft;
use super::Given;
use crate::{
    api::{
        Reader, alerts,
        problem::Problem,
        shapes::parts,
        words::{AccountText, NameText, RegionText},
    },
    domain::{
        alert::group::GroupId,
        configuration::{Configuration, Subscription, silence::Matchers},
        summary::Summary,
    },
};

/// How long a function that is not heard of any more still counts.
const HEARD_WITHIN: Duration = Duration::from_hours(24);
/// How many functions and alerts are listed.
const LISTED_MAX: usize = 20;
/// How many of a group's functions are looked at.
const LOOKS_MAX: usize = 1_000;

/// What a draft of a silence would hold back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reach)]
pub(crate) struct Shown {
    /// How many functions that were heard of within a day it covers.
    pub(crate) functions: u64,
    /// The first of them.
    pub(crate) items: Vec<Covered>,
    /// How many alerts that are open now it covers; of a group, if it covers all functions in it.
    pub(crate) open: u64,
    /// The first of them.
    pub(crate) alerts: Vec<alerts::item::Item>,
    /// Whether no function that it covers is covered by a subscription that it concerns, so that it would hold back nothing.
    pub(crate) matches_nothing: bool,
}

/// A function that is covered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoveredFunction)]
pub(crate) struct Covered {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) function: NameText,
}

/// Says which functions a silence with these matchers would be about, and which open alerts it would hold back. Nothing is kept of it.
#[utoipa::path(
    post,
    path = "/api/v1/silences/preview",
    operation_id = "preview_silence",
    request_body(content = Draft, content_type = "application/json"),
    responses(
        (status = OK, description = "What it would hold back.", body = Shown),
        (status = PAYLOAD_TOO_LARGE, description = "The body is too long."),
        (status = UNPROCESSABLE_ENTITY, description = "The body is JSON and no matchers; `faults` names every field.")
    )
)]
pub(crate) async fn show(
    State(reader): State<Reader>,
    Given(body): Given,
) -> Result<Json<Shown>, Problem> {
    let matchers = Matchers::draft(&body).map_err(Problem::unfit)?;
    Ok(Json(read(&reader, &matchers).await?))
}

/// What these matchers cover now.
pub(crate) async fn read(reader: &Reader, matchers: &Matchers) -> Result<Shown, Problem> {
    let now = (reader.clock)();
    let configuration = reader.store.configuration(now).await?;
    let rows = reader.store.fleet_lately(now).await?;
    let covered: Vec<&Summary> = covered(matchers, (&rows, now)).collect();
    let matches_nothing = reached(matchers, &configuration, (&rows, now)).next().is_none();
    let mut open = open(reader, matchers, (&configuration, &rows)).await?;
    let count = open.len() as u64;
    open.truncate(LISTED_MAX);
    Ok(Shown {
        functions: covered.len() as u64,
        items: covered.iter().take(LISTED_MAX).map(|it| Covered::of(&it.function)).collect(),
        open: count,
        alerts: open,
        matches_nothing,
    })
}

/// Functions heard of lately that are covered.
fn covered<'a>(
    matchers: &'a Matchers,
    (rows, now): (&'a [Summary], EpochMillis),
) -> impl Iterator<Item = &'a Summary> {
    let heard = move |it: &&Summary| it.last_seen().is_some_and(|at| at.plus(HEARD_WITHIN) >= now);
    rows.iter()
        .filter(heard)
        .filter(|it| matchers.scope.covers(&it.function, &it.digest.profile.tags))
}

/// Those of them that a subscription covers which the silence concerns: of the others there is nothing to be held back.
pub(super) fn reached<'a>(
    matchers: &'a Matchers,
    configuration: &'a Configuration,
    lately: (&'a [Summary], EpochMillis),
) -> impl Iterator<Item = &'a Summary> {
    let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
    let concerned: Vec<&Subscription> =
        subscriptions.filter(|it| it.enabled && matchers.concern(it)).collect();
    covered(matchers, lately).filter(move |row| {
        concerned.iter().any(|it| it.scope.covers(&row.function, &row.digest.profile.tags))
    })
}

/// Alerts that are open and would be held back.
async fn open(
    reader: &Reader,
    matchers: &Matchers,
    (configuration, rows): (&Configuration, &[Summary]),
) -> Result<Vec<alerts::item::Item>, Problem> {
    let none = BTreeMap::new();
    let mut found = Vec::new();
    let page = alerts::read(reader, &alerts::Asked::most()).await?;
    for item in page.items {
        let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
        let known = { subscriptions }.find(|it| it.id.as_str() == item.subscription);
        let Some(subscription) = known.filter(|it| matchers.concern(it)) else { continue };
        // A member is told of by its group.
        let covers = match item.function() {
            _ if item.member => false,
            Some(function) => {
                let row = rows.iter().find(|it| it.function == function);
                let tags = row.map_or(&none, |it| &it.digest.profile.tags);
                matchers.cover(subscription, &function, tags)
            }
            None => {
                let (subscription_id, fingerprint) =
                    (item.subscription.clone(), item.fingerprint.clone());
                let id = GroupId { subscription: subscription_id, fingerprint };
                let parts = reader.store.parts(&id, LOOKS_MAX).await?;
                let mut going = parts.iter().filter(|(_, it)| it.over.is_none()).peekable();
                going.peek().is_some()
                    && going.all(|(function, it)| matchers.cover(subscription, function, &it.tags))
            }
        };
        if covers {
            found.push(item);
        }
    }
    Ok(found)
}

impl Covered {
    fn of(function: &FunctionKey) -> Self {
        let (account, region, name) = parts(function);
        Self { account, region, function: name }
    }
}
