//! `GET /api/v1/functions/{account}/{region}/{name}/timeouts/{block}/{id}`: one timeout, and what surrounds it.
//!
//! Why something timed out is often told by its neighbours: the same environment timing out again and again, the same
//! request being tried again, or half of the fleet at the same moment. Each is looked for within bounds, and says
//! whether it has seen all that lies within them.

use std::time::Duration;

use axum::{extract::State, response::Response};
use futures::future::try_join3;
use overtime_wire::{FunctionKey, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::JsonCaller,
        parameters::Path,
        problem::Problem,
        timeouts::item::Item,
        viewer::LogTails,
        words::{AccountText, BlockText, NameText, RegionText, TimeoutId},
    },
    domain::timeout::{Filter, Timeout},
    store::{Store, StoreError, timeouts::tails::TimeoutKey},
};

/// How far around it the same environment and the same request are looked for: longer than Lambda retries by default.
const FUNCTION_WITHIN: Duration = Duration::from_hours(6);
/// How many of the function's timeouts are looked at, before it and after it.
const LOOKED_AT_MAX: usize = 200;
/// How far around it the whole fleet is looked at.
const FLEET_WITHIN: Duration = Duration::from_mins(2);
const FLEET_MAX: usize = 50;

/// Which timeout.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The account that the function is in.
    #[param(inline)]
    pub(crate) account: AccountText,
    /// The region that it is in.
    #[param(inline)]
    pub(crate) region: RegionText,
    /// Its name, without version or alias.
    #[param(inline)]
    pub(crate) name: NameText,
    /// The quarter of an hour, counted since 1970, in which the invocation was first seen.
    #[param(inline)]
    pub(crate) block: BlockText,
    /// The timeout's `id`.
    #[param(inline)]
    pub(crate) id: TimeoutId,
}

/// One timeout, and what surrounds it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shown {
    pub(crate) timeout: Item,
    /// False when it was taken back since: what looked like a timeout was none.
    pub(crate) stands: bool,
    /// Others in the same execution environment, within six hours.
    pub(crate) same_sandbox: Neighbours,
    /// Others of the same request, which Lambda tries again when it is asynchronous, within six hours.
    pub(crate) same_request: Neighbours,
    /// Others anywhere, within two minutes.
    pub(crate) same_time: Neighbours,
}

/// Other timeouts, newest deadline first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Neighbours {
    pub(crate) items: Vec<Item>,
    /// Whether these are all. False when there were more timeouts around than are looked at.
    pub(crate) complete: bool,
}

/// One timeout, and what surrounds it.
#[utoipa::path(
    get,
    path = "/api/v1/functions/{account}/{region}/{name}/timeouts/{block}/{id}",
    operation_id = "show_timeout",
    params(Which),
    responses(
        (status = OK, description = "The timeout.", body = Shown),
        (status = NOT_FOUND, description = "No such timeout is known.")
    )
)]
pub(crate) async fn show(
    State(reader): State<Reader>,
    (caller, may): (JsonCaller, LogTails),
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, which, may).await?))
}

/// The timeout with what surrounds it.
pub(crate) async fn read(
    reader: &Reader,
    which: Which,
    log_tails: LogTails,
) -> Result<Shown, Problem> {
    let function =
        FunctionKey { account: which.account.0, region: which.region.0, name: which.name.0 };
    let (incarnation, ordinal) = which.id.0;
    let key = TimeoutKey { function, block: which.block.0, incarnation, ordinal };
    let timeout = reader.store.timeout(&key).await?;
    let timeout = timeout.ok_or_else(|| Problem::not_found("no such timeout is known"))?;
    let (before, after, fleet) = try_join3(
        around(&reader.store, &timeout, Side::Before),
        around(&reader.store, &timeout, Side::After),
        around(&reader.store, &timeout, Side::Fleet),
    )
    .await?;
    let own = after.and(before);
    let Verdict { environment, request, .. } = &timeout.verdict;
    let in_sandbox =
        |it: &Timeout| !environment.is_empty() && it.verdict.environment == *environment;
    let of_request = |it: &Timeout| request.is_some() && it.verdict.request == *request;
    Ok(Shown {
        timeout: Item::of(&timeout, log_tails),
        stands: timeout.is_listed(),
        same_sandbox: own.only(in_sandbox, log_tails),
        same_request: own.only(of_request, log_tails),
        same_time: fleet.only(|_| true, log_tails),
    })
}

/// Where neighbours are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Of the same function, with deadlines before this one's.
    Before,
    /// Of the same function, from this one's deadline on.
    After,
    /// Of any function.
    Fleet,
}

/// What was found within bounds, without the one it is about.
#[derive(Debug)]
struct Found {
    timeouts: Vec<Timeout>,
    complete: bool,
}

async fn around(store: &Store, timeout: &Timeout, side: Side) -> Result<Found, StoreError> {
    let at = timeout.deadline();
    let FunctionKey { account, region, name } = timeout.function.clone();
    let of_function = |from, to| Filter {
        account: Some(account),
        region: Some(region),
        function: Some(name),
        ..Filter::between(from, to)
    };
    // One more than is shown, because it may itself be among them.
    let (filter, limit) = match side {
        Side::Before => (of_function(at.minus(FUNCTION_WITHIN), at), LOOKED_AT_MAX),
        Side::After => (of_function(at, at.plus(FUNCTION_WITHIN)), LOOKED_AT_MAX + 1),
        Side::Fleet => {
            (Filter::between(at.minus(FLEET_WITHIN), at.plus(FLEET_WITHIN)), FLEET_MAX + 1)
        }
    };
    let page = store.timeouts(&filter, None, limit).await?;
    let id = timeout.id();
    let timeouts = page.items.into_iter().filter(|it| it.id() != id).collect();
    Ok(Found { timeouts, complete: page.next.is_none() })
}

impl Found {
    /// This, which is later, and what lies before it.
    fn and(mut self, earlier: Self) -> Self {
        self.timeouts.extend(earlier.timeouts);
        Self { complete: self.complete && earlier.complete, ..self }
    }

    fn only(&self, is_wanted: impl Fn(&Timeout) -> bool, log_tails: LogTails) -> Neighbours {
        let wanted = self.timeouts.iter().filter(|it| is_wanted(it));
        let items = wanted.map(|it| Item::of(it, log_tails)).collect();
        Neighbours { items, complete: self.complete }
    }
}
