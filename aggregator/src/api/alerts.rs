//! `/api/v1/alerts`: what somebody should look at now, and what came before.
//!
//! What is open stands in an index, so that listing it reads as many functions as have alerts, however many there are. The order is that
//! of functions, because it stands still while alerts are looked at again and again.

pub(crate) mod episode;
pub(crate) mod episodes;
mod groups;
pub(crate) mod item;
pub(crate) mod member;
mod place;
pub(crate) mod show;
pub(crate) mod standing;

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use overtime_wire::{EpochMillis, FunctionKey};

use self::{
    groups::Groups,
    item::Item,
    place::{Place, PlaceText},
};
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        list,
        parameters::Query,
        problem::Problem,
        words::{
            AccountText, AlertStateText, ConditionText, IdText, Limit, LimitText, NameText,
            RegionText, SeverityText, Text,
        },
    },
    domain::alert::{book::Book, group::part::Labels},
    store::{StoreError, alerts::AlertKey},
};

/// Most functions that a page looks at.
const LOOKS_MAX: usize = 1_000;
/// How many functions' alerts are read beside each other.
const AT_ONCE: usize = 16;

list::asked! {
    /// Which alerts are asked for.
    struct Asked of functions, by PlaceText {
        /// Only in this state.
        state: AlertStateText,
        /// Only of functions of this name.
        function: NameText,
        /// Only of this subscription.
        subscription: IdText,
        /// Only of subscriptions of this severity.
        severity: SeverityText,
        /// Only of subscriptions with this condition.
        condition: ConditionText,
    }
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
    responses((status = OK, body = Page<Item>))
)]
pub(super) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &asked).await?))
}

/// The part of the list that is asked for.
pub(crate) async fn read(reader: &Reader, asked: &Asked) -> Result<Page<Item>, Problem> {
    let configuration = reader.store.configuration((reader.clock)()).await?;
    let functions = asked.functions(reader).await?;
    let more = functions.len() > LOOKS_MAX;
    let functions = &functions[..functions.len().min(LOOKS_MAX)];
    let limit = usize::from(asked.limit.unwrap_or_default().0);
    let mut groups = Groups::new(reader, &configuration);
    let mut found = asked.of_groups(&mut groups).await?;
    let reads: Vec<_> = functions.iter().map(|it| book(reader, it)).collect();
    let mut books = stream::iter(reads).buffered(AT_ONCE);
    while found.len() <= limit
        && let Some((function, book)) = books.try_next().await?
    {
        found.extend(asked.of(&mut groups, (function, &book)).await?);
    }
    let full = found.len() > limit;
    found.truncate(limit);
    let next = if full {
        found.last().map(|(place, _)| place.to_string())
    } else {
        functions.last().filter(|_| more).map(|it| Place::behind(it).to_string())
    };
    Ok(Page { items: found.into_iter().map(|(_, it)| it).collect(), next })
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
    /// As many as a page can have of all.
    pub(crate) fn most() -> Self {
        Self { limit: Some(Text(Limit::at_most(u16::MAX))), ..Self::default() }
    }

    fn after(&self) -> Option<&Place> {
        self.cursor.as_ref().map(|it| &it.0)
    }

    /// Which functions have alerts that may be meant, from where the page begins on.
    async fn functions(&self, reader: &Reader) -> Result<Vec<FunctionKey>, StoreError> {
        let begins = |it: &FunctionKey| self.after().is_none_or(|after| !after.is_past(it));
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
    async fn of_groups(&self, groups: &mut Groups<'_>) -> Result<Vec<(Place, Item)>, StoreError> {
        let after = self.after();
        if self.function.is_some() || after.is_some_and(|it| matches!(it, Place::Function(..))) {
            return Ok(Vec::new());
        }
        let ids = groups.reader.store.due_groups(EpochMillis(i64::MAX)).await?;
        let ids = ids
            .into_iter()
            .filter(|it| after.is_none_or(|after| *after < Place::Group(it.clone())));
        let found = groups.read(ids.take(LOOKS_MAX).collect()).await?;
        let asked =
            found.into_iter().filter(|(_, it)| self.covers_group(&it.group) && self.wants(it));
        Ok(asked.map(|(id, item)| (Place::Group(id), item)).collect())
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
    async fn of(
        &self,
        groups: &mut Groups<'_>,
        (function, book): (&FunctionKey, &Book),
    ) -> Result<Vec<(Place, Item)>, StoreError> {
        let mut found = BTreeMap::new();
        for (subscription, member) in book.open() {
            let place = Place::of(function, subscription);
            let is_past = self.after().is_some_and(|it| place <= *it);
            if is_past || self.subscription.as_ref().is_some_and(|it| it.0.as_str() != subscription)
            {
                continue;
            }
            let item = groups.item((function, subscription), member).await?;
            if self.wants(&item) {
                found.insert(place, item);
            }
        }
        Ok(found.into_iter().collect())
    }

    fn wants(&self, item: &Item) -> bool {
        self.state.is_none_or(|it| it == item.state)
            && self.subscription.as_ref().is_none_or(|it| it.0.as_str() == item.subscription)
            && self.severity.is_none_or(|it| Some(it.0.as_str()) == item.severity.as_deref())
            && self.condition.is_none_or(|it| Some(it.0.as_str()) == item.condition.as_deref())
    }
}
