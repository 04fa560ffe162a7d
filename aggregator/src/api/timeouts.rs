//! `GET /api/v1/timeouts`: what timed out, newest deadline first.

pub(super) mod item;

use std::time::Duration;

use axum::{extract::State, response::Response};
use overtime_wire::EpochMillis;
use serde::Deserialize;

use self::item::Item;
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        parameters::Query,
        problem::Problem,
        range::Range,
        words::{
            AccountText, CauseText, CursorText, EvidenceText, LimitText, NameText, RegionText,
            WhenText,
        },
    },
    domain::timeout::Filter,
};

/// Longest time from a deadline to its acceptance, and more: what was detected after an instant was due after this before it.
const DETECTION_MAX: Duration = Duration::from_hours(26);

/// Which timeouts are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only of functions in this account.
    #[param(inline)]
    account: Option<AccountText>,
    /// Only of functions in this region.
    #[param(inline)]
    region: Option<RegionText>,
    /// Only of functions of this name.
    #[param(inline)]
    function: Option<NameText>,
    /// Only with this cause.
    #[param(inline)]
    cause: Option<CauseText>,
    /// Only with this evidence.
    #[param(inline)]
    evidence: Option<EvidenceText>,
    /// Deadlines from here on; the list is kept for a season.
    #[param(inline)]
    from: Option<WhenText>,
    /// Deadlines before this.
    #[param(inline)]
    to: Option<WhenText>,
    /// Only what was first accepted after this, for readers that follow the list.
    #[param(inline)]
    detected_after: Option<WhenText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    cursor: Option<CursorText>,
}

/// What timed out, newest deadline first.
///
/// Pages neither skip nor repeat what stands still. A page looks at a bounded number of timeouts, so a rare match may make one
/// short without ending the list: go on while `next` is not null.
#[utoipa::path(
    get,
    path = "/api/v1/timeouts",
    operation_id = "list_timeouts",
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
    let filter = asked.filter((reader.clock)(), reader.store.retention().timeouts)?;
    let limit = asked.limit.unwrap_or_default().0.into();
    let cursor = asked.cursor.as_ref().map(|it| &it.0);
    let mut page = reader.store.timeouts(&filter, cursor, limit).await?;
    reader.store.join_log_tails(&mut page).await?;
    let next = page.next.map(|it| it.to_string());
    Ok(caller.answer(&Page { items: page.items.iter().map(Item::of).collect(), next }))
}

impl Asked {
    fn filter(&self, now: EpochMillis, kept: Duration) -> Result<Filter, Problem> {
        let range = Range::listed((self.from.as_ref(), self.to.as_ref()), now, kept)?;
        let detected_after = self.detected_after.as_ref().map(|it| it.0.resolve(now));
        let detectable = detected_after.map_or(range.from, |it| it.minus(DETECTION_MAX));
        Ok(Filter {
            account: self.account.as_ref().map(|it| it.0),
            region: self.region.as_ref().map(|it| it.0.clone()),
            function: self.function.as_ref().map(|it| it.0.clone()),
            cause: self.cause.as_ref().map(|it| it.0),
            evidence: self.evidence.as_ref().map(|it| it.0),
            // What cannot have been detected yet is an empty range, and not a range that ends before it begins.
            from: range.from.max(detectable).min(range.to),
            to: range.to,
            detected_after,
        })
    }
}

#[cfg(test)]
mod tests;
