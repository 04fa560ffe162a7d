//! An open alert, as the list and its own page show it.

use std::collections::BTreeMap;

use overtime_wire::{EpochMillis, FunctionKey};
use serde::Serialize;
use serde_json::{Value, json};
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
        configuration::{Configuration, Silence},
        notification::compose::place,
    },
};

/// An alert that is not at rest. What is not known is null.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct Item {
    /// The alert's lasting name, as messages have it; of a member, its group's.
    pub(crate) fingerprint: String,
    /// Where it is shown with its episodes, once it has opened; of a member, where its group's is.
    pub(crate) url: String,
    pub(crate) state: AlertStateText,
    pub(crate) subscription: String,
    /// Null where the subscription is gone; its alert ends in a moment.
    pub(crate) subscription_name: Option<String>,
    pub(crate) severity: Option<String>,
    /// The name of the subscription's condition.
    pub(crate) condition: Option<String>,
    /// The function that it is about, where it is about one.
    pub(crate) account: Option<AccountText>,
    pub(crate) region: Option<RegionText>,
    pub(crate) function: Option<NameText>,
    /// What the alert's group has in common, by the names of `group_by`.
    pub(crate) group: BTreeMap<String, String>,
    /// Whether this is a function's part in the alert of a group, which is what is told of.
    pub(crate) member: bool,
    /// The name of the episode, as messages have it.
    pub(crate) episode: Option<String>,
    /// Where the episode is shown with what was told of it.
    pub(crate) episode_url: Option<String>,
    /// When the first breach happened, by the function's clock.
    pub(crate) starts_at: Option<Moment>,
    /// When the alert opened, by ours.
    pub(crate) opened_at: Option<Moment>,
    pub(crate) last_timeout_at: Option<Moment>,
    /// Timeouts in this episode.
    pub(crate) timeouts: Option<u64>,
    /// Of a group's alert: how many functions it has been about.
    pub(crate) functions: Option<u64>,
    /// Whether the opening was told, or held back by a silence, rather than waiting for others of its group.
    pub(crate) told: bool,
    /// The silence that holds back what would be told.
    pub(crate) silenced_by: Option<String>,
    /// The lasting name of the fleet incident that holds back its opening.
    pub(crate) inhibited_by: Option<String>,
}

impl Item {
    pub(crate) fn of(
        (function, subscription): (&FunctionKey, &str),
        member: &Member,
        (configuration, now): (&Configuration, EpochMillis),
    ) -> Self {
        let silence = covering((subscription, function), configuration, now)
            .or_else(|| holding(member.silenced_by(), configuration, now));
        let state = match (&member.state.phase, silence) {
            (Phase::Firing(_), Some(_)) => AlertState::Silenced,
            (Phase::Firing(_), None) => AlertState::Firing,
            (Phase::Inactive | Phase::Pending(_), _) => AlertState::Pending,
        };
        let fingerprint = member.group().map_or_else(
            || {
                let rule = Rule { id: subscription.to_owned().into(), ..Rule::ANY_TIMEOUT };
                fingerprint(&rule, function)
            },
            |it| it.fingerprint.clone(),
        );
        let episode = member.episode();
        // What messages call an episode of a member is its group's to say.
        let named = episode.filter(|_| member.group().is_none());
        let key = named.map(|it| (it.opened, it.id.as_str()));
        let (account, region, name) = parts(function);
        Self {
            account: Some(account),
            region: Some(region),
            function: Some(name),
            group: place(function),
            member: member.group().is_some(),
            starts_at: episode.map(|it| Text(it.first)),
            opened_at: episode.map(|it| Text(it.opened)),
            last_timeout_at: episode.map(|it| Text(it.last_timeout())),
            timeouts: episode.map(Episode::timeouts),
            told: member.is_told(),
            silenced_by: silence.map(str::to_owned),
            inhibited_by: member.inhibited_by().map(str::to_owned),
            ..Self::named((&fingerprint, key), state, (subscription, configuration))
        }
    }

    /// The function that it is about, if it is about one.
    pub(crate) fn function(&self) -> Option<FunctionKey> {
        let (account, region, name) =
            (self.account?, self.region.as_ref()?, self.function.as_ref()?);
        Some(FunctionKey { account: account.0, region: region.0.clone(), name: name.0.clone() })
    }

    /// A group's, of a stretch that goes on.
    pub(crate) fn of_group(
        (id, labels): (&GroupId, &Labels),
        stretch: &Stretch,
        (configuration, now): (&Configuration, EpochMillis),
    ) -> Self {
        let silence = holding(stretch.silenced_by(), configuration, now);
        let state = match (stretch.is_told(), silence) {
            (true, Some(_)) => AlertState::Silenced,
            (true, None) => AlertState::Firing,
            (false, _) => AlertState::Pending,
        };
        let key = Some((stretch.opened, stretch.id.as_str()));
        Self {
            group: labels.clone(),
            starts_at: Some(Text(stretch.first)),
            opened_at: Some(Text(stretch.opened)),
            timeouts: Some(stretch.timeouts),
            functions: Some(stretch.functions),
            told: stretch.is_told(),
            silenced_by: silence.map(str::to_owned),
            ..Self::named((&id.fingerprint, key), state, (&id.subscription, configuration))
        }
    }

    /// What can be said by names alone.
    fn named(
        (fingerprint, episode): (&str, Option<(EpochMillis, &str)>),
        state: AlertState,
        (subscription, configuration): (&str, &Configuration),
    ) -> Self {
        let known = configuration.subscriptions.iter().map(|it| &it.value);
        let known = { known }.find(|it| it.id.as_str() == subscription);
        let url = format!("/api/v1/alerts/{fingerprint}");
        let key = |(opened, name): (EpochMillis, &str)| {
            let key = EpisodeKey { opened, episode: name.to_owned() };
            format!("{url}/episodes/{}", key.write())
        };
        Self {
            fingerprint: fingerprint.to_owned(),
            episode_url: episode.map(key),
            url,
            state: Text(state),
            subscription: subscription.to_owned(),
            subscription_name: known.map(|it| it.name.clone()),
            severity: known.map(|it| it.severity.as_str().to_owned()),
            condition: known.and_then(|it| condition(&json!(it.condition))),
            account: None,
            region: None,
            function: None,
            group: Labels::new(),
            member: false,
            episode: episode.map(|(_, name)| name.to_owned()),
            starts_at: None,
            opened_at: None,
            last_timeout_at: None,
            timeouts: None,
            functions: None,
            told: false,
            silenced_by: None,
            inhibited_by: None,
        }
    }

    /// A member's, with what its group's alert says: what is told of it, and what is held back.
    #[must_use]
    pub(super) fn within(self, group: &Self) -> Self {
        let state = match self.state.0 {
            AlertState::Pending => self.state,
            AlertState::Firing | AlertState::Silenced => group.state,
        };
        Self {
            state,
            episode: group.episode.clone(),
            episode_url: group.episode_url.clone(),
            told: group.told,
            silenced_by: group.silenced_by.clone(),
            inhibited_by: group.inhibited_by.clone(),
            ..self
        }
    }
}

/// The name of a condition, which is written as an object with one field.
pub(super) fn condition(written: &Value) -> Option<String> {
    written.as_object()?.keys().next().cloned()
}

/// The silence that held when the alert was last looked at, if it still does: the alert is looked at again a minute after somebody
/// ended it, and who asks until then hears what holds.
fn holding<'a>(
    id: Option<&'a str>,
    configuration: &Configuration,
    now: EpochMillis,
) -> Option<&'a str> {
    let mut silences = configuration.silences.iter().map(|it| &it.value);
    id.filter(|id| silences.any(|it| it.id.as_str() == *id && it.is_active(now)))
}

/// The silence that covers a function whatever its tags are: what was made since the alert was last looked at is known, too.
fn covering<'a>(
    (subscription, function): (&str, &FunctionKey),
    configuration: &'a Configuration,
    now: EpochMillis,
) -> Option<&'a str> {
    let mut subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
    let subscription = subscriptions.find(|it| it.id.as_str() == subscription)?;
    let silences = configuration.silences.iter().map(|it| &it.value);
    let active = silences.filter(|it| it.is_active(now));
    let covers = |it: &&Silence| it.matchers.cover_whatever_its_tags(subscription, function);
    Silence::longest(active.filter(covers)).map(|it| it.id.as_str())
}

impl Tabular for Item {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "fingerprint",
        "state",
        "subscription",
        "severity",
        "condition",
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
        "member",
        "inhibited_by",
    ]];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(&self.fingerprint),
            Cell::plain(self.state.0.write()),
            Cell::text(&self.subscription),
            self.severity.as_ref().into(),
            self.condition.as_ref().into(),
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
            Cell::plain(self.member),
            self.inhibited_by.as_ref().into(),
        ]
    }
}
