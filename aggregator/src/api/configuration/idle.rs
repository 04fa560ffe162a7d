//! Silences that are about nothing: a name that is misspelt, a function that is gone, a subscription that nobody made.
//!
//! Who forgets such a silence has a hole in their alerts that opens with the next function of that name. It is known without looking at
//! any alert: the fleet's rows, which pages read anyway, say who was heard of within a day, and each is held against the matchers and
//! against the subscriptions that they concern.

use overtime_wire::EpochMillis;

use super::{Shown, reach};
use crate::{
    api::Reader,
    domain::configuration::{Configuration, Entity, SilenceState},
    store::StoreError,
};

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
    for shown in silences.iter_mut().filter(counts) {
        if let Entity::Silence(silence) = &shown.entity.value {
            let about = reach::reached(&silence.matchers, configuration, (&rows, now)).next();
            shown.matches_nothing = Some(about.is_none());
        }
    }
    Ok(())
}
