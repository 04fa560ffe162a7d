//! Silences that are about nothing: a name that is misspelt, a function that is gone, a subscription that nobody made.
//!
//! Who forgets such a silence has a hole in their alerts that opens with the next function of that name. It is known without looking at
//! any alert: the fleet's rows, which pages read anyway, say who was heard of within a day, and each is held against the matchers and
//! against the subscriptions that they concern.

use std::time::Duration;

use overtime_wire::EpochMillis;

use super::Shown;
use crate::{
    api::Reader,
    domain::{
        configuration::{Configuration, Entity, Silence, SilenceState, Subscription},
        summary::Summary,
    },
    store::StoreError,
};

/// How long a function that is not heard of any more still counts.
const HEARD_WITHIN: Duration = Duration::from_hours(24);

/// Says of each silence that is not over whether it is about nothing.
pub(super) async fn flag(
    reader: &Reader,
    configuration: &Configuration,
    silences: &mut [Shown],
    now: EpochMillis,
) -> Result<(), StoreError> {
    let counts = |it: &&mut Shown| it.state.is_some_and(|it| it != SilenceState::Expired);
    if !silences.iter_mut().any(|it| counts(&it)) {
        return Ok(());
    }
    let rows = reader.store.fleet_lately(now).await?;
    let heard = |it: &&Summary| it.last_seen().is_some_and(|at| at.plus(HEARD_WITHIN) >= now);
    let heard: Vec<&Summary> = rows.iter().filter(heard).collect();
    for shown in silences.iter_mut().filter(counts) {
        if let Entity::Silence(silence) = &shown.entity.value {
            shown.matches_nothing = Some(!is_about_any(silence, configuration, &heard));
        }
    }
    Ok(())
}

/// Whether any function is covered by it and by a subscription that it concerns.
fn is_about_any(silence: &Silence, configuration: &Configuration, heard: &[&Summary]) -> bool {
    let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
    let concerned: Vec<&Subscription> =
        subscriptions.filter(|it| it.enabled && silence.matchers.concern(it)).collect();
    heard.iter().any(|row| {
        let (function, tags) = (&row.function, &row.digest.profile.tags);
        silence.matchers.scope.covers(function, tags)
            && concerned.iter().any(|it| it.scope.covers(function, tags))
    })
}
