//! `GET /api/v1/functions`: who reports, filtered, sorted and cut into pages.
//!
//! It is made from the rows, one for each function, which know the hours of their last day. Sorting by anything needs all
//! of them; they are read in a bounded number of reads, and once a second at most.

pub(crate) mod filter;
pub(crate) mod order;
pub(crate) mod row;

use axum::{extract::State, response::Response};
use overtime_wire::EpochMillis;
use serde::Deserialize;

use self::{
    filter::{GlobText, TagText},
    order::{DirectionText, Place, PlaceText, SortText},
};
pub(crate) use self::{order::Order, row::Row};
use crate::{
    api::{
        Reader,
        answer::{ListCaller, Page},
        parameters::Query,
        problem::Problem,
        range::{DAY, Step},
        words::{AccountText, CauseText, LimitText, RegionText, WhenText},
    },
    domain::summary::Summary,
};

/// Why a list is refused that would have to count what rows no longer know: counting less would answer another question.
const TOO_LONG: &str = "lies more than a day back, and the list counts no more than the last day: ask the overview, or one \
     function, about a longer time";

/// Which functions are asked for, and in which order.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Only functions in this account.
    #[param(inline)]
    pub(crate) account: Option<AccountText>,
    /// Only functions in this region.
    #[param(inline)]
    pub(crate) region: Option<RegionText>,
    /// Only functions whose name matches: `*` is anything, `?` one character.
    #[param(inline)]
    pub(crate) name: Option<GlobText>,
    /// Only functions with this tag: `team`, or `team=payments`. May be repeated; all must match.
    #[param(inline)]
    #[serde(default)]
    pub(crate) tag: Vec<TagText>,
    /// Only functions that timed out with this cause.
    #[param(inline)]
    pub(crate) cause: Option<CauseText>,
    /// Counts from here on, in whole hours; the last day if it is not said. A row remembers no more than that: what lies
    /// before is answered by the overview for the fleet, and by a function for itself.
    #[param(inline)]
    pub(crate) from: Option<WhenText>,
    /// By what to sort; by timeouts if it is not said. What is not known comes last.
    #[param(inline)]
    pub(crate) sort: Option<SortText>,
    /// In which direction; names upwards and everything else downwards if it is not said.
    #[param(inline)]
    pub(crate) order: Option<DirectionText>,
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    pub(crate) limit: Option<LimitText>,
    /// Where to go on. It keeps to the hours that the first page counted.
    #[param(inline)]
    pub(crate) cursor: Option<PlaceText>,
}

/// Who reports.
///
/// A cursor is a place in the order: pages neither skip nor repeat what stands still in it.
#[utoipa::path(
    get,
    path = "/api/v1/functions",
    operation_id = "list_functions",
    params(Asked),
    responses((
        status = OK,
        description = "A part of the list.",
        content((Page<Row> = "application/json"), (String = "text/csv"))
    ))
)]
pub(crate) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &asked).await?))
}

/// The part of the list that is asked for.
pub(crate) async fn read(reader: &Reader, asked: &Asked) -> Result<Page<Row>, Problem> {
    let now = (reader.clock)();
    let order = Order::asked(asked.sort.as_ref(), asked.order.as_ref());
    let place = asked.cursor.as_ref().map(|it| &it.0);
    if place.is_some_and(|it| it.order != order) {
        return Err(Problem::invalid("cursor", "belongs to a list in another order"));
    }
    let rows = reader.store.fleet_lately(now).await?;
    let from = match place {
        Some(it) => it.from,
        None => counted_from(asked.from.as_ref(), now)?,
    };
    let limit = asked.limit.unwrap_or_default().0.into();
    Ok(asked.page(&rows, (order, place, from), limit))
}

/// The beginning of the hour from which a list counts.
fn counted_from(from: Option<&WhenText>, now: EpochMillis) -> Result<EpochMillis, Problem> {
    let oldest = last_day(now);
    let from = from.map_or(oldest, |it| Step::Hour.begin(it.0.resolve(now).min(now)));
    if from < oldest { Err(Problem::invalid("from", TOO_LONG)) } else { Ok(from) }
}

/// The beginning of the hour that the last day began in.
pub(crate) fn last_day(now: EpochMillis) -> EpochMillis {
    Step::Hour.begin(now.minus(DAY))
}

/// The first of the fleet in some order.
pub(crate) fn top(rows: &[Summary], (order, from): (Order, EpochMillis), limit: usize) -> Vec<Row> {
    // Most never did, and their row says so in one word.
    let timed_out = |it: &&Summary| {
        it.last_timeout().is_some() && it.hours_since(from).any(|(_, it)| it.counts.timeouts > 0)
    };
    let mut found: Vec<_> =
        rows.iter().filter(timed_out).map(|it| (Place::of(it, order, from), it)).collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.iter().take(limit).map(|(_, it)| Row::of(it, from)).collect()
}

impl Asked {
    fn page(
        &self,
        rows: &[Summary],
        (order, place, from): (Order, Option<&Place>, EpochMillis),
        limit: usize,
    ) -> Page<Row> {
        let mut found: Vec<(Place, &Summary)> = rows
            .iter()
            .filter(|it| self.covers(it, from))
            .map(|it| (Place::of(it, order, from), it))
            .filter(|(it, _)| place.is_none_or(|place| place < it))
            .collect();
        let more = found.len() > limit;
        if more {
            // Only the page is put in order, not the fleet.
            found.select_nth_unstable_by(limit, |(one, _), (other, _)| one.cmp(other));
            found.truncate(limit);
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let next = found.last().filter(|_| more).map(|(place, _)| place.to_string());
        Page { items: found.iter().map(|(_, it)| Row::of(it, from)).collect(), next }
    }

    fn covers(&self, row: &Summary, from: EpochMillis) -> bool {
        let function = &row.function;
        let tags = &row.digest.profile.tags;
        self.account.as_ref().is_none_or(|it| it.0 == function.account)
            && self.region.as_ref().is_none_or(|it| it.0 == function.region)
            && self.name.as_ref().is_none_or(|it| it.0.matches(function.name.as_str()))
            && self.tag.iter().all(|it| it.0.is_among(tags))
            && self.cause.as_ref().is_none_or(|it| {
                row.causes_since(from).get(it.0.as_str()).is_some_and(|count| *count > 0)
            })
    }
}

#[cfg(test)]
mod tests;
