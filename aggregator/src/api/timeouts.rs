//! `GET /api/v1/timeouts`: what timed out, newest deadline first.

pub(crate) mod item;

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
        viewer::LogTails,
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
pub(crate) struct Asked {
    /// Only of functions in this account.
    #[param(inline)]
    pub(crate) account: Option<AccountText>,
    /// Only of functions in this region.
    #[param(inline)]
    pub(crate) region: Option<RegionText>,
    /// Only of functions of this name.
    #[param(inline)]
    pub(crate) function: Option<NameText>,
    /// Only with this cause.
    #[param(inline)]
    pub(crate) cause: Option<CauseText>,
    /// Only with this evidence.
    #[param(inline)]
    pub(crate) evidence: Option<EvidenceText>,
    /// Deadlines from here on; the list is kept for a season.
    #[param(inline)]
    pub(crate) from: Option<WhenText>,
    /// Deadlines before this.
    #[param(inline)]
    pub(crate) to: Option<WhenText>,
    /// Only what was first accepted after this, for readers that follow the list.
    #[param(inline)]
    pub(crate) detected_after: Option<WhenText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    pub(crate) limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    pub(crate) cursor: Option<CursorText>,
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
pub(crate) async fn list(
    State(reader): State<Reader>,
    (caller, may): (ListCaller, LogTails),
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &asked, may).await?))
}

/// The part of the list that is asked for.
pub(crate) async fn read(
    reader: &Reader,
    asked: &Asked,
    log_tails: LogTails,
) -> Result<Page<Item>, Problem> {
    let filter = asked.filter((reader.clock)(), reader.store.retention().timeouts)?;
    let limit = asked.limit.unwrap_or_default().0.into();
    let cursor = asked.cursor.as_ref().map(|it| &it.0);
    let mut page = reader.store.timeouts(&filter, cursor, limit).await?;
    if log_tails == LogTails::Shown {
        reader.store.join_log_tails(&mut page).await?;
    }
    let next = page.next.map(|it| it.to_string());
    Ok(Page { items: page.items.iter().map(|it| Item::of(it, log_tails)).collect(), next })
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
