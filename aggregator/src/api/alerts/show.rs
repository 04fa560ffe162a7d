//! `GET /api/v1/alerts/{fingerprint}` and one of its episodes: what happened, and what was told of it to whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{extract::State, response::Response};
use futures::future::try_join_all;
use overtime_wire::{EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    episode, item,
    member::{Member, Members},
};
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, Page},
        deliveries,
        parameters::{Path, Query},
        problem::Problem,
        timeouts::item::Item,
        viewer::LogTails,
        words::{EpisodeKeyText, FingerprintText, LimitText, Moment, Word as _},
    },
    domain::{
        alert::{
            Episode, Remembered,
            book::Book,
            group::{GroupId, Stretch},
        },
        configuration::Configuration,
        timeout::Filter,
    },
    store::{Store, StoreError, alerts::AlertKey, outbox::reading::Delivery},
};

/// Most timeouts of an episode that are shown.
const TIMEOUTS_MAX: usize = 20;
/// Clocks differ: a deadline may lie a little ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);

/// Which alert.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The alert's lasting name.
    #[param(inline)]
    pub(crate) fingerprint: FingerprintText,
}

/// Which episode of which alert.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WhichEpisode {
    /// The alert's lasting name.
    #[param(inline)]
    pub(crate) fingerprint: FingerprintText,
    /// The episode's id.
    #[param(inline)]
    pub(crate) episode: EpisodeKeyText,
}

/// Which part of its past.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Asked {
    /// How many episodes to answer at most; 100 if it is not said.
    #[param(inline)]
    pub(crate) limit: Option<LimitText>,
    /// Only episodes that opened before this, as `next` of a page said it.
    #[param(inline)]
    pub(crate) cursor: Option<Moment>,
}

/// An alert, as it is and as it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownAlert)]
pub(crate) struct Shown {
    /// As it is now; null while it is at rest.
    pub(crate) alert: Option<item::Item>,
    /// Timeouts of the episode that goes on, as far as they are remembered: the first few, or of a group one of each of some members.
    pub(crate) samples: Vec<Item>,
    /// Of a group's alert that is not at rest: its functions, those that go on first, two hundred at most.
    pub(crate) members: Vec<Member>,
    /// The one that opened last first.
    pub(crate) episodes: Page<episode::Item>,
}

/// An episode, and what was told of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownEpisode)]
pub(crate) struct ShownEpisode {
    pub(crate) episode: episode::Item,
    /// Timeouts of its function from the first breach to the last, the latest first, twenty at most.
    pub(crate) timeouts: Vec<Item>,
    /// Of a group's alert: its functions as they stand while it goes on, and those that messages named when it is over.
    pub(crate) members: Vec<Member>,
    /// What was told to whom, in the order in which it was due; gone before the episode is, because messages are kept less long.
    pub(crate) deliveries: Vec<deliveries::item::Item>,
}

/// An alert as it is now, and its episodes.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{fingerprint}",
    operation_id = "show_alert",
    params(Which, Asked),
    responses(
        (status = OK, description = "The alert.", body = Shown),
        (status = NOT_FOUND, description = "It has never opened, or not within memory.")
    )
)]
pub(in crate::api) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    (Path(which), Query(asked)): (Path<Which>, Query<Asked>),
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &which, &asked).await?))
}

/// An alert as it is, and a part of its past.
pub(crate) async fn read(reader: &Reader, which: &Which, asked: &Asked) -> Result<Shown, Problem> {
    let (now, limit) = ((reader.clock)(), usize::from(asked.limit.unwrap_or_default().0));
    let before = asked.cursor.as_ref().map_or(EpochMillis(i64::MAX), |it| it.0);
    let mut past = reader.store.episodes_of(&which.fingerprint.0.0, before, limit + 1).await?;
    let Some(newest) = past.first() else { return Err(missing()) };
    let configuration = reader.store.configuration(now).await?;
    let (alert, samples, members) = standing(reader, newest, (&configuration, now)).await?;
    let more = past.len() > limit;
    past.truncate(limit);
    let next = past.last().filter(|_| more).map(|it| crate::domain::instant::rfc3339(it.opened));
    let items = past.into_iter().map(episode::Item::of).collect();
    Ok(Shown { alert, samples, members, episodes: Page { items, next } })
}

/// An alert as it is now, timeouts in it, and of a group its members.
type Standing = (Option<item::Item>, Vec<Item>, Vec<Member>);

/// What is to be seen of an alert now; nothing while it is at rest.
async fn standing(
    reader: &Reader,
    newest: &Remembered,
    now: (&Configuration, EpochMillis),
) -> Result<Standing, Problem> {
    let shown = |it: &crate::domain::alert::Sample| Item::of(&it.claim, LogTails::Hidden);
    let Some(function) = newest.function() else {
        let id = group(newest);
        let group = reader.store.group(&id).await?;
        let item = |it: &Stretch| item::Item::of_group((&id, &group.labels), it, now);
        let Some(item) = group.stretch.as_ref().map(item) else {
            return Ok((None, Vec::new(), Vec::new()));
        };
        let members = Members::of(&reader.store, &id, Episode::SAMPLES_MAX).await?;
        return Ok((Some(item), members.samples.iter().map(shown).collect(), members.shown));
    };
    let book: Book = reader.store.alert_state(&AlertKey::of(&function)).await?;
    let subscription = newest.subscription.id.as_str();
    let open = book.open().find(|(id, _)| *id == subscription);
    let Some((_, member)) = open else { return Ok((None, Vec::new(), Vec::new())) };
    let samples = member.episode().map_or(&[][..], |it| &it.samples);
    let item = item::Item::of((&function, subscription), member, now);
    Ok((Some(item), samples.iter().map(shown).collect(), Vec::new()))
}

/// The group that an episode is of, where it is of no function.
fn group(of: &Remembered) -> GroupId {
    GroupId { subscription: of.subscription.id.clone(), fingerprint: of.fingerprint.clone() }
}

/// An episode, and what was told of it to whom.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{fingerprint}/episodes/{episode}",
    operation_id = "show_episode",
    params(WhichEpisode),
    responses(
        (status = OK, description = "The episode.", body = ShownEpisode),
        (status = NOT_FOUND, description = "There is none of this id, or none any more.")
    )
)]
pub(in crate::api) async fn show_episode(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Path(which): Path<WhichEpisode>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read_episode(&reader, &which).await?))
}

/// The episode that a path names.
pub(crate) async fn read_episode(
    reader: &Reader,
    which: &WhichEpisode,
) -> Result<ShownEpisode, Problem> {
    let (fingerprint, key) = (&which.fingerprint.0.0, &which.episode.0);
    let found = reader.store.episode(fingerprint, key.opened, &key.episode).await?;
    let found = found.ok_or_else(missing)?;
    let configuration = reader.store.configuration((reader.clock)()).await?;
    let channels = told(&found, &configuration);
    let lanes = channels.iter().map(|it| reader.store.deliveries_of(&found.episode, it));
    let mut deliveries: Vec<_> = try_join_all(lanes).await?.into_iter().flatten().collect();
    deliveries.sort_by(|one, other| (one.queued_at, &one.id).cmp(&(other.queued_at, &other.id)));
    let members = members(&reader.store, &found, &deliveries).await?;
    let timeouts = match found.function() {
        Some(function) => timeouts_of(reader, &found, &function).await?,
        None => Vec::new(),
    };
    let deliveries = deliveries.into_iter().map(deliveries::item::Item::of).collect();
    Ok(ShownEpisode { episode: episode::Item::of(found), timeouts, members, deliveries })
}

/// A function's timeouts within an episode.
async fn timeouts_of(
    reader: &Reader,
    episode: &Remembered,
    function: &FunctionKey,
) -> Result<Vec<Item>, StoreError> {
    let to = match &episode.over {
        Some(_) => EpochMillis(episode.last_timeout.0 + 1),
        None => (reader.clock)().plus(AHEAD),
    };
    let filter = Filter {
        account: Some(function.account),
        region: Some(function.region.clone()),
        function: Some(function.name.clone()),
        ..Filter::between(episode.first, to)
    };
    let page = reader.store.timeouts(&filter, None, TIMEOUTS_MAX).await?;
    Ok(page.items.iter().map(|it| Item::of(it, LogTails::Hidden)).collect())
}

/// A group's functions: as they stand, or as messages have named them.
async fn members(
    store: &Store,
    episode: &Remembered,
    deliveries: &[Delivery],
) -> Result<Vec<Member>, StoreError> {
    if episode.function().is_some() {
        return Ok(Vec::new());
    }
    if episode.over.is_none() {
        return Ok(Members::of(store, &group(episode), 0).await?.shown);
    }
    let mut named = BTreeMap::new();
    for notification in deliveries.iter().filter_map(deliveries::item::payload) {
        for member in Member::named(&notification) {
            let name = (member.account.0, member.region.0.write(), member.function.0.write());
            named.insert(name, member);
        }
    }
    Ok(named.into_values().collect())
}

/// Who may have heard of an episode: its channels, and those that stand in for them.
fn told(episode: &Remembered, configuration: &Configuration) -> BTreeSet<String> {
    let mut channels: BTreeSet<String> = episode.channels.iter().cloned().collect();
    // Whoever stands in for a channel has others to stand in.
    loop {
        let them = configuration.channels.iter().map(|it| &it.value);
        let more: Vec<String> = them
            .filter(|it| channels.contains(it.id.as_str()))
            .filter_map(|it| it.fallback.as_ref().map(ToString::to_string))
            .filter(|it| !channels.contains(it))
            .collect();
        if more.is_empty() {
            return channels;
        }
        channels.extend(more);
    }
}

fn missing() -> Problem {
    Problem::not_found("nothing is remembered under this name")
}
