//! `GET /api/v1/episodes`: what opened when, and how it ended.

use axum::{extract::State, response::Response};

use super::{episode::Item, item::condition};
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        list,
        parameters::Query,
        problem::Problem,
        range::Range,
        words::{
            AccountText, ConditionText, Flag, IdText, LimitText, NameText, PlaceText, RegionText,
            SeverityText, WhenText,
        },
    },
    domain::alert::Remembered,
    store::listed::Part,
};

list::asked! {
    /// Which episodes are asked for.
    struct Asked of functions, by PlaceText {
        /// Only of functions of this name.
        function: NameText,
        /// Only of this subscription.
        subscription: IdText,
        /// Only of this severity.
        severity: SeverityText,
        /// Only of subscriptions that had this condition.
        condition: ConditionText,
        /// Whether it goes on: those that are over are not, those that are open are.
        open: Flag,
        /// Opened from here on; everything that is kept if it is not said.
        from: WhenText,
        /// Opened before this.
        to: WhenText,
    }
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
    responses((status = OK, body = Page<Item>))
)]
pub(in crate::api) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &asked).await?))
}

/// The part of the list that is asked for.
pub(crate) async fn read(reader: &Reader, asked: &Asked) -> Result<Page<Item>, Problem> {
    let kept = reader.store.retention().timeouts;
    let range = (asked.from.as_ref(), asked.to.as_ref());
    let Range { from, to } = Range::listed(range, (reader.clock)(), kept)?;
    let limit = asked.limit.unwrap_or_default().0.into();
    let after = asked.cursor.as_ref().map(|it| &it.0);
    let part = Part { from, to, after, limit };
    let page = reader.store.episodes(part, |it| asked.wants(it)).await?;
    let items = page.items.into_iter().map(Item::of).collect();
    Ok(Page { items, next: page.next.map(|it| it.to_string()) })
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
            && self.condition.is_none_or(|it| {
                Some(it.0.as_str()) == condition(&subscription.condition).as_deref()
            })
            && self.open.is_none_or(|open| open.0 == it.over.is_none())
    }
}
