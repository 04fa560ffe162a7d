//! `GET /api/v1/episodes`: what opened when, and how it ended.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::episode::Item;
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        parameters::Query,
        problem::Problem,
        range::Range,
        words::{
            AccountText, Flag, IdText, LimitText, NameText, PlaceText, RegionText, SeverityText,
            WhenText,
        },
    },
    domain::alert::Remembered,
    store::listed::Part,
};

/// Which episodes are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(in crate::api) struct Asked {
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
    /// Only of this severity.
    #[param(inline)]
    severity: Option<SeverityText>,
    /// Whether it goes on: those that are over are not, those that are open are.
    #[param(inline)]
    open: Option<Flag>,
    /// Opened from here on; everything that is kept if it is not said.
    #[param(inline)]
    from: Option<WhenText>,
    /// Opened before this.
    #[param(inline)]
    to: Option<WhenText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    cursor: Option<PlaceText>,
}

/// Episodes of alerts, the one that opened last first, with those that go on.
///
/// A page looks at a bounded number of episodes, so a rare match may make one short without ending the list: go on while `next` is
/// not null.
#[utoipa::path(
    get,
    path = "/api/v1/episodes",
    operation_id = "list_episodes",
    params(Asked),
    responses((
        status = OK,
        description = "A part of the list.",
        content((Page<Item> = "application/json"), (String = "text/csv"))
    ))
)]
pub(in crate::api) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let kept = reader.store.retention().timeouts;
    let range = (asked.from.as_ref(), asked.to.as_ref());
    let Range { from, to } = Range::listed(range, (reader.clock)(), kept)?;
    let limit = asked.limit.unwrap_or_default().0.into();
    let after = asked.cursor.as_ref().map(|it| &it.0);
    let part = Part { from, to, after, limit };
    let page = reader.store.episodes(part, |it| asked.wants(it)).await?;
    let items = page.items.into_iter().map(Item::of).collect();
    Ok(caller.answer(&Page { items, next: page.next.map(|it| it.to_string()) }))
}

impl Asked {
    fn wants(&self, it: &Remembered) -> bool {
        let function = it.function();
        let function = function.as_ref();
        let subscription = &it.subscription;
        self.account.is_none_or(|it| function.is_some_and(|of| of.account == it.0))
            && self.region.as_ref().is_none_or(|it| function.is_some_and(|of| of.region == it.0))
            && self.function.as_ref().is_none_or(|it| function.is_some_and(|of| of.name == it.0))
            && self.subscription.as_ref().is_none_or(|it| it.0.as_str() == subscription.id)
            && self.severity.is_none_or(|it| it.0.as_str() == subscription.severity)
            && self.open.is_none_or(|open| open.0 == it.over.is_none())
    }
}
