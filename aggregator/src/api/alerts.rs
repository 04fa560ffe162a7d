//! `/api/v1/alerts`: what somebody should look at now, and what came before.
//!
//! What is open stands in an index, so that listing it reads as many functions as have alerts, however many there are. The order is that
//! of functions, because it stands still while alerts are looked at again and again.

mod episode;
pub(super) mod episodes;
mod item;
mod place;
pub(super) mod show;

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use overtime_wire::{EpochMillis, FunctionKey};
use serde::Deserialize;

use self::{
    item::Item,
    place::{Place, PlaceText},
};
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        parameters::Query,
        problem::Problem,
        words::{
            AccountText, AlertStateText, IdText, LimitText, NameText, RegionText, SeverityText,
        },
    },
    domain::{
        alert::{book::Book, group::part::Labels},
        configuration::Configuration,
    },
    store::{StoreError, alerts::AlertKey},
};

/// Most functions that a page looks at.
const LOOKS_MAX: usize = 1_000;
/// How many functions' alerts are read beside each other.
const AT_ONCE: usize = 16;

/// Which alerts are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Asked {
    /// Only in this state.
    #[param(inline)]
    state: Option<AlertStateText>,
    /// Only of functions in this account.
    #[param(inline)]
    account: Option<AccountText>,
    /// Only of functions in this region.
    #[param(inline)]
    region: Option<RegionText>,
    /// Only of functions of this name.
    #[param(inline)]
    function: Option<NameText>,
    /// Only of this subscription.
    #[param(inline)]
    subscription: Option<IdText>,
    /// Only of subscriptions of this severity.
    #[param(inline)]
    severity: Option<SeverityText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    cursor: Option<PlaceText>,
}

/// What is open now: alerts of groups and fleet incidents, then those of functions, by function.
///
/// A page looks at a bounded number of functions, so a rare match may make one short without ending the list: go on while `next` is
/// not null. What opens or ends between two pages is on none or one of them.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    operation_id = "list_alerts",
    params(Asked),
    responses((
        status = OK,
        description = "A part of the list.",
        content((Page<Item> = "application/json"), (String = "text/csv"))
    ))
)]
pub(super) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let configuration = reader.store.configuration((reader.clock)()).await?;
    let after = asked.cursor.as_ref().map(|it| &it.0);
    let functions = asked.functions(&reader, after).await?;
    let more = functions.len() > LOOKS_MAX;
    let functions = &functions[..functions.len().min(LOOKS_MAX)];
    let limit = usize::from(asked.limit.unwrap_or_default().0);
    let mut found = asked.of_groups(&reader, &configuration).await?;
    let reads: Vec<_> = functions.iter().map(|it| book(&reader, it)).collect();
    let mut books = stream::iter(reads).buffered(AT_ONCE);
    while found.len() <= limit
        && let Some((function, book)) = books.try_next().await?
    {
        found.extend(asked.of(&reader, &configuration, (function, &book)));
    }
    let full = found.len() > limit;
    found.truncate(limit);
    let next = if full {
        found.last().map(|(place, _)| place.to_string())
    } else {
        functions.last().filter(|_| more).map(|it| Place::behind(it).to_string())
    };
    Ok(caller.answer(&Page { items: found.into_iter().map(|(_, it)| it).collect(), next }))
}

/// A function's alerts.
async fn book<'a>(
    reader: &Reader,
    function: &'a FunctionKey,
) -> Result<(&'a FunctionKey, Book), StoreError> {
    let book = reader.store.alert_state(&AlertKey::of(function)).await;
    Ok((function, reader.store.unless_corrupt(book)?.unwrap_or_default()))
}

impl Asked {
    /// Which functions have alerts that may be meant, from where the page begins on.
    async fn functions(
        &self,
        reader: &Reader,
        after: Option<&Place>,
    ) -> Result<Vec<FunctionKey>, StoreError> {
        let begins = |it: &FunctionKey| after.is_none_or(|after| !after.is_past(it));
        if let (Some(account), Some(region), Some(name)) =
            (&self.account, &self.region, &self.function)
        {
            let one =
                FunctionKey { account: account.0, region: region.0.clone(), name: name.0.clone() };
            return Ok(Some(one).filter(begins).into_iter().collect());
        }
        let open = reader.store.open_alerts().await?;
        let meant = open.into_iter().map(|it| it.function).filter(|it| self.covers(it));
        Ok(meant.filter(begins).collect())
    }

    fn covers(&self, function: &FunctionKey) -> bool {
        self.account.as_ref().is_none_or(|it| it.0 == function.account)
            && self.region.as_ref().is_none_or(|it| it.0 == function.region)
            && self.function.as_ref().is_none_or(|it| it.0 == function.name)
    }

    /// Groups' alerts that are asked for, each with its place. A fleet has a handful.
    async fn of_groups(
        &self,
        reader: &Reader,
        configuration: &Configuration,
    ) -> Result<Vec<(Place, Item)>, StoreError> {
        let after = self.cursor.as_ref().map(|it| &it.0);
        if self.function.is_some() || after.is_some_and(|it| matches!(it, Place::Function(..))) {
            return Ok(Vec::new());
        }
        let ids = reader.store.due_groups(EpochMillis(i64::MAX)).await?;
        let ids: Vec<_> = ids
            .into_iter()
            .filter(|it| after.is_none_or(|after| *after < Place::Group(it.clone())))
            .take(LOOKS_MAX)
            .collect();
        let reads: Vec<_> = ids.iter().map(|it| reader.store.group(it)).collect();
        let groups: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut found = Vec::new();
        for (id, group) in ids.iter().zip(groups) {
            let Some(group) = reader.store.unless_corrupt(group)? else { continue };
            let Some(stretch) = &group.stretch else { continue };
            let now = (configuration, (reader.clock)());
            let item = Item::of_group((id, &group.labels), stretch, now);
            if self.covers_group(&group.labels) && self.wants(&item) {
                found.push((Place::Group(id.clone()), item));
            }
        }
        Ok(found)
    }

    /// Whether what a group has in common is what is asked for; what it has not in common is not.
    fn covers_group(&self, labels: &Labels) -> bool {
        let is = |label: &str, wanted: Option<String>| {
            wanted.is_none_or(|it| labels.get(label) == Some(&it))
        };
        is("account", self.account.as_ref().map(|it| it.0.to_string()))
            && is("region", self.region.as_ref().map(|it| it.0.to_string()))
    }

    /// Those of a function's alerts that are asked for, each with its place.
    fn of(
        &self,
        reader: &Reader,
        configuration: &Configuration,
        (function, book): (&FunctionKey, &Book),
    ) -> Vec<(Place, Item)> {
        let mut found = BTreeMap::new();
        for (subscription, member) in book.open() {
            let place = Place::of(function, subscription);
            let is_past = self.cursor.as_ref().is_some_and(|it| place <= it.0);
            let item =
                Item::of((function, subscription), member, (configuration, (reader.clock)()));
            if !is_past && self.wants(&item) {
                found.insert(place, item);
            }
        }
        found.into_iter().collect()
    }

    fn wants(&self, item: &Item) -> bool {
        self.state.is_none_or(|it| it == item.state)
            && self.subscription.as_ref().is_none_or(|it| it.0.as_str() == item.subscription)
            && self.severity.is_none_or(|it| Some(it.0.as_str()) == item.severity.as_deref())
    }
}
