//! `GET /api/v1/alerts/{fingerprint}` and one of its episodes: what happened, and what was told of it to whom.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use futures::future::try_join_all;
use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{episode, item};
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, Page},
        deliveries,
        parameters::{Path, Query},
        problem::Problem,
        timeouts,
        words::{EpisodeKeyText, FingerprintText, LimitText, Moment},
    },
    domain::{
        alert::{
            Remembered,
            book::Book,
            group::{GroupId, Stretch},
        },
        configuration::Configuration,
    },
    store::alerts::AlertKey,
};

/// Which alert.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct Which {
    /// The alert's lasting name.
    #[param(inline)]
    fingerprint: FingerprintText,
}

/// Which episode of which alert.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct WhichEpisode {
    /// The alert's lasting name.
    #[param(inline)]
    fingerprint: FingerprintText,
    /// The episode's id.
    #[param(inline)]
    episode: EpisodeKeyText,
}

/// Which part of its past.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(in crate::api) struct Asked {
    /// How many episodes to answer at most; 100 if it is not said.
    #[param(inline)]
    limit: Option<LimitText>,
    /// Only episodes that opened before this, as `next` of a page said it.
    #[param(inline)]
    cursor: Option<Moment>,
}

/// An alert, as it is and as it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownAlert)]
pub(in crate::api) struct Shown {
    /// As it is now; null while it is at rest.
    alert: Option<item::Item>,
    /// Timeouts of the episode that goes on, as far as they are remembered: the first few.
    samples: Vec<timeouts::item::Item>,
    /// The one that opened last first.
    episodes: Page<episode::Item>,
}

/// An episode, and what was told of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownEpisode)]
pub(in crate::api) struct ShownEpisode {
    episode: episode::Item,
    /// What was told to whom, in the order in which it was due; gone before the episode is, because messages are kept less long.
    deliveries: Vec<deliveries::item::Item>,
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
    let (now, limit) = ((reader.clock)(), usize::from(asked.limit.unwrap_or_default().0));
    let before = asked.cursor.map_or(EpochMillis(i64::MAX), |it| it.0);
    let mut past = reader.store.episodes_of(&which.fingerprint.0.0, before, limit + 1).await?;
    let Some(newest) = past.first() else { return Err(missing()) };
    let configuration = reader.store.configuration(now).await?;
    let (alert, samples) = standing(&reader, newest, (&configuration, now)).await?;
    let more = past.len() > limit;
    past.truncate(limit);
    let next = past.last().filter(|_| more).map(|it| crate::domain::instant::rfc3339(it.opened));
    let items = past.into_iter().map(episode::Item::of).collect();
    Ok(caller.answer(&Shown { alert, samples, episodes: Page { items, next } }))
}

/// The alert as it is now, if it is not at rest.
async fn standing(
    reader: &Reader,
    newest: &Remembered,
    now: (&Configuration, EpochMillis),
) -> Result<(Option<item::Item>, Vec<timeouts::item::Item>), Problem> {
    let subscription = newest.subscription.id.as_str();
    let Some(function) = newest.function() else {
        let (subscription, fingerprint) = (subscription.to_owned(), newest.fingerprint.clone());
        let id = GroupId { subscription, fingerprint };
        let group = reader.store.group(&id).await?;
        let item = |it: &Stretch| item::Item::of_group((&id, &group.labels), it, now);
        return Ok((group.stretch.as_ref().map(item), Vec::new()));
    };
    let book: Book = reader.store.alert_state(&AlertKey::of(&function)).await?;
    let open = book.open().find(|(id, _)| *id == subscription);
    let Some((_, member)) = open else { return Ok((None, Vec::new())) };
    let samples = member.episode().map_or(&[][..], |it| &it.samples);
    let samples = samples.iter().map(|it| timeouts::item::Item::of(&it.claim)).collect();
    Ok((Some(item::Item::of((&function, subscription), member, now)), samples))
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
    let (fingerprint, key) = (which.fingerprint.0.0, which.episode.0);
    let found = reader.store.episode(&fingerprint, key.opened, &key.episode).await?;
    let found = found.ok_or_else(missing)?;
    let configuration = reader.store.configuration((reader.clock)()).await?;
    let channels = told(&found, &configuration);
    let lanes = channels.iter().map(|it| reader.store.deliveries_of(&found.episode, it));
    let mut deliveries: Vec<_> = try_join_all(lanes).await?.into_iter().flatten().collect();
    deliveries.sort_by(|one, other| (one.queued_at, &one.id).cmp(&(other.queued_at, &other.id)));
    let deliveries = deliveries.into_iter().map(deliveries::item::Item::of).collect();
    Ok(caller.answer(&ShownEpisode { episode: episode::Item::of(found), deliveries }))
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
