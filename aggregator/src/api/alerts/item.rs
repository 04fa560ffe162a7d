//! An open alert, as the list and its own page show it.

use std::collections::BTreeMap;

use overtime_wire::{EpochMillis, FunctionKey};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        shapes::parts,
        words::{
            AccountText, AlertState, AlertStateText, EpisodeKey, Moment, NameText, RegionText,
            Text, Word as _,
        },
    },
    domain::{
        alert::{
            Episode, Phase, Rule,
            book::Member,
            fingerprint,
            group::{GroupId, Stretch, part::Labels},
        },
        configuration::Configuration,
        notification::compose::place,
    },
};

/// An alert that is not at rest. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(in crate::api) struct Item {
    /// The alert's lasting name, as messages have it.
    pub(super) fingerprint: String,
    /// Where it is shown with its episodes, once it has opened.
    url: String,
    pub(super) state: AlertStateText,
    pub(super) subscription: String,
    /// Null where the subscription is gone; its alert ends in a moment.
    subscription_name: Option<String>,
    pub(super) severity: Option<String>,
    /// The function that it is about, where it is about one.
    account: Option<AccountText>,
    region: Option<RegionText>,
    function: Option<NameText>,
    /// What the alert's group has in common, by the names of `group_by`.
    group: BTreeMap<String, String>,
    /// The name of the episode, as messages have it.
    episode: Option<String>,
    /// Where the episode is shown with what was told of it.
    episode_url: Option<String>,
    /// When the first breach happened, by the function's clock.
    starts_at: Option<Moment>,
    /// When the alert opened, by ours.
    opened_at: Option<Moment>,
    last_timeout_at: Option<Moment>,
    /// Timeouts in this episode.
    timeouts: Option<u64>,
    /// Of a group's alert: how many functions it has been about.
    functions: Option<u64>,
    /// Whether the opening was told, or held back by a silence, rather than waiting for others of its group.
    told: bool,
    /// The silence that holds back what would be told.
    silenced_by: Option<String>,
}

impl Item {
    pub(super) fn of(
        (function, subscription): (&FunctionKey, &str),
        member: &Member,
        (configuration, now): (&Configuration, EpochMillis),
    ) -> Self {
        let known = configuration.subscriptions.iter().map(|it| &it.value);
        let known = known.clone().find(|it| it.id.as_str() == subscription);
        let rule = Rule { id: subscription.to_owned().into(), ..Rule::ANY_TIMEOUT };
        let fingerprint = fingerprint(&rule, function);
        let silence = holding(member.silenced_by(), configuration, now);
        let state = match (&member.state.phase, silence) {
            (Phase::Firing(_), Some(_)) => AlertState::Silenced,
            (Phase::Firing(_), None) => AlertState::Firing,
            (Phase::Inactive | Phase::Pending(_), _) => AlertState::Pending,
        };
        let episode = member.episode();
        let (account, region, name) = parts(function);
        let key =
            episode.map(|it| EpisodeKey { opened: it.opened, episode: it.id.as_str().to_owned() });
        let url = format!("/api/v1/alerts/{fingerprint}");
        Self {
            episode_url: key.map(|it| format!("{url}/episodes/{}", it.write())),
            url,
            fingerprint,
            state: Text(state),
            subscription: subscription.to_owned(),
            subscription_name: known.map(|it| it.name.clone()),
            severity: known.map(|it| it.severity.as_str().to_owned()),
            account: Some(account),
            region: Some(region),
            function: Some(name),
            group: place(function),
            episode: episode.map(|it| it.id.as_str().to_owned()),
            starts_at: episode.map(|it| Text(it.first)),
            opened_at: episode.map(|it| Text(it.opened)),
            last_timeout_at: episode.map(|it| Text(it.last_timeout())),
            timeouts: episode.map(Episode::timeouts),
            functions: None,
            told: member.is_told(),
            silenced_by: silence.map(str::to_owned),
        }
    }
}

impl Item {
    /// A group's, of a stretch that goes on.
    pub(super) fn of_group(
        (id, labels): (&GroupId, &Labels),
        stretch: &Stretch,
        (configuration, now): (&Configuration, EpochMillis),
    ) -> Self {
        let known = configuration.subscriptions.iter().map(|it| &it.value);
        let known = { known }.find(|it| it.id.as_str() == id.subscription);
        let silence = holding(stretch.silenced_by(), configuration, now);
        let state = match (stretch.is_told(), silence) {
            (true, Some(_)) => AlertState::Silenced,
            (true, None) => AlertState::Firing,
            (false, _) => AlertState::Pending,
        };
        let key = EpisodeKey { opened: stretch.opened, episode: stretch.id.clone() };
        let url = format!("/api/v1/alerts/{}", id.fingerprint);
        Self {
            episode_url: Some(format!("{url}/episodes/{}", key.write())),
            url,
            fingerprint: id.fingerprint.clone(),
            state: Text(state),
            subscription: id.subscription.clone(),
            subscription_name: known.map(|it| it.name.clone()),
            severity: known.map(|it| it.severity.as_str().to_owned()),
            account: None,
            region: None,
            function: None,
            group: labels.clone(),
            episode: Some(stretch.id.clone()),
            starts_at: Some(Text(stretch.first)),
            opened_at: Some(Text(stretch.opened)),
            last_timeout_at: None,
            timeouts: Some(stretch.timeouts),
            functions: Some(stretch.functions),
            told: stretch.is_told(),
            silenced_by: silence.map(str::to_owned),
        }
    }
}

/// The silence that held when the alert was last looked at, if it still does: it is looked at again a minute after somebody ended it, and
/// who asks until then hears what holds.
fn holding<'a>(
    id: Option<&'a str>,
    configuration: &Configuration,
    now: EpochMillis,
) -> Option<&'a str> {
    let mut silences = configuration.silences.iter().map(|it| &it.value);
    id.filter(|id| silences.any(|it| it.id.as_str() == *id && it.is_active(now)))
}

impl Tabular for Item {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "fingerprint",
        "state",
        "subscription",
        "severity",
        "account",
        "region",
        "function",
        "episode",
        "starts_at",
        "opened_at",
        "last_timeout_at",
        "timeouts",
        "functions",
        "told",
        "silenced_by",
    ]];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(&self.fingerprint),
            Cell::plain(self.state.0.write()),
            Cell::text(&self.subscription),
            self.severity.as_ref().into(),
            self.account.map(|it| it.0.write()).as_ref().into(),
            self.region.as_ref().map(|it| it.0.write()).as_ref().into(),
            self.function.as_ref().map(|it| it.0.write()).as_ref().into(),
            self.episode.as_ref().into(),
            self.starts_at.as_ref().into(),
            self.opened_at.as_ref().into(),
            self.last_timeout_at.as_ref().into(),
            self.timeouts.into(),
            self.functions.into(),
            Cell::plain(self.told),
            self.silenced_by.as_ref().into(),
        ]
    }
}
