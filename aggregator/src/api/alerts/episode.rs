//! An episode of an alert, as lists and its own page show it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::item::condition;
use crate::{
    api::{
        answer::table::{Cell, Tabular},
        words::{AccountText, EpisodeKey, Moment, NameText, RegionText, Text, Word as _},
    },
    domain::alert::Remembered,
};

/// One stretch of an alert, from its opening to its end. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Episode)]
pub(crate) struct Item {
    /// Names it among its alert's.
    pub(crate) id: String,
    /// Where it is shown with what was told of it.
    pub(crate) url: String,
    /// Its name, as messages have it.
    pub(crate) episode: String,
    /// The alert's lasting name.
    pub(crate) fingerprint: String,
    /// As the subscription was when the alert opened.
    pub(crate) subscription: String,
    pub(crate) subscription_name: String,
    pub(crate) severity: String,
    /// The name of its condition.
    pub(crate) condition: Option<String>,
    /// The function that it is about, where it is about one.
    pub(crate) account: Option<AccountText>,
    pub(crate) region: Option<RegionText>,
    pub(crate) function: Option<NameText>,
    /// What the alert's group has in common, by the names of `group_by`.
    pub(crate) group: BTreeMap<String, String>,
    /// When the first breach happened, by the function's clock.
    pub(crate) starts_at: Moment,
    /// When the alert opened, by ours.
    pub(crate) opened_at: Moment,
    /// Null while it goes on.
    pub(crate) ended_at: Option<Moment>,
    /// `recovered`, `retracted`, `expired` or `unsubscribed`.
    pub(crate) ended_because: Option<String>,
    /// Whether its opening was told, or held back by a silence; null while it goes on.
    pub(crate) told: Option<bool>,
    /// Timeouts in it; while it goes on, those that opened it: what is open now says how many there are.
    pub(crate) timeouts: u64,
    pub(crate) last_timeout_at: Moment,
}

impl Item {
    pub(super) fn of(it: Remembered) -> Self {
        let function = it.function();
        let id = EpisodeKey { opened: it.opened, episode: it.episode.clone() }.write();
        Self {
            url: format!("/api/v1/alerts/{}/episodes/{id}", it.fingerprint),
            id,
            episode: it.episode,
            fingerprint: it.fingerprint,
            subscription: it.subscription.id,
            subscription_name: it.subscription.name,
            severity: it.subscription.severity,
            condition: condition(&it.subscription.condition),
            account: function.as_ref().map(|it| Text(it.account)),
            region: function.as_ref().map(|it| Text(it.region.clone())),
            function: function.map(|it| Text(it.name)),
            group: it.group,
            starts_at: Text(it.first),
            opened_at: Text(it.opened),
            ended_at: it.over.as_ref().map(|it| Text(it.at)),
            told: it.over.as_ref().map(|it| it.told),
            ended_because: it.over.map(|it| it.because),
            timeouts: it.timeouts,
            last_timeout_at: Text(it.last_timeout),
        }
    }
}

impl Tabular for Item {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "id",
        "fingerprint",
        "subscription",
        "severity",
        "condition",
        "account",
        "region",
        "function",
        "starts_at",
        "opened_at",
        "ended_at",
        "ended_because",
        "timeouts",
        "last_timeout_at",
    ]];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(&self.id),
            Cell::plain(&self.fingerprint),
            Cell::text(&self.subscription),
            Cell::text(&self.severity),
            self.condition.as_ref().into(),
            self.account.map(|it| it.0.write()).as_ref().into(),
            self.region.as_ref().map(|it| it.0.write()).as_ref().into(),
            self.function.as_ref().map(|it| it.0.write()).as_ref().into(),
            Cell::from(&self.starts_at),
            Cell::from(&self.opened_at),
            self.ended_at.as_ref().into(),
            self.ended_because.as_ref().into(),
            self.timeouts.into(),
            Cell::from(&self.last_timeout_at),
        ]
    }
}
