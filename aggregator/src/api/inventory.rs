//! `/api/v1/inventory/{account}/{region}`: which functions there are, as whoever knows it brings it.
//!
//! A list is whole for an account and a region, and replaces what was said of them before; bringing it twice changes nothing. It is small:
//! whoever brings it (`overtime inventory import`) has made it from what AWS prints.

mod draft;

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware,
};
use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::draft::Draft;
use crate::{
    api::{
        Reader,
        author::Author,
        configuration::Given,
        parameters::Path,
        problem::Problem,
        viewer::{self, Role},
        words::{AccountText, Moment, RegionText, Text},
    },
    domain::inventory::{Inventory, Place},
    store::configuration::By,
};

/// A list of as many functions as there may be in one region, with names as people give them; a Lambda door takes no more than 6 MB.
const BODY_MAX: usize = 5 * 1024 * 1024;

/// Which account and region.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The account.
    #[param(inline)]
    account: AccountText,
    /// The region.
    #[param(inline)]
    region: RegionText,
}

/// What is known of an account and region now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedInventory)]
pub(crate) struct Imported {
    account: AccountText,
    region: RegionText,
    /// How many functions it names, each once.
    functions: usize,
    taken_at: Moment,
}

pub(super) fn routes() -> OpenApiRouter<Reader> {
    OpenApiRouter::new()
        .routes(routes!(replace, forget))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn_with_state(Role::Admin, viewer::changes))
}

/// Says which functions there are in an account and region, in the place of what was said of them before. It is kept for 90 days.
#[utoipa::path(
    put,
    path = "/api/v1/inventory/{account}/{region}",
    operation_id = "import_inventory",
    params(Which),
    request_body(content = Draft, content_type = "application/json"),
    responses(
        (status = OK, description = "It stands.", body = Imported),
        (status = PAYLOAD_TOO_LARGE, description = "The body is too long."),
        (status = UNPROCESSABLE_ENTITY, description = "The body is JSON and not an inventory; `faults` names every field.")
    )
)]
pub(super) async fn replace(
    State(reader): State<Reader>,
    author: Author,
    Path(which): Path<Which>,
    Given(body): Given,
) -> Result<Json<Imported>, Problem> {
    let at = (reader.clock)();
    let inventory = Inventory::read(&body, at).map_err(Problem::unfit)?;
    let place = which.place();
    let draw = getrandom::u32().unwrap_or_default();
    reader.store.put_inventory(&place, &inventory, (By { author: &author.0, at }, draw)).await?;
    Ok(Json(Imported {
        account: which.account,
        region: which.region,
        functions: inventory.functions.len(),
        taken_at: Text(inventory.taken_at),
    }))
}

/// Forgets which functions there are in an account and region: that nobody looks after it any more.
#[utoipa::path(
    delete,
    path = "/api/v1/inventory/{account}/{region}",
    operation_id = "forget_inventory",
    params(Which),
    responses(
        (status = NO_CONTENT, description = "It is forgotten."),
        (status = NOT_FOUND, description = "Nobody said anything of them.")
    )
)]
pub(super) async fn forget(
    State(reader): State<Reader>,
    author: Author,
    Path(which): Path<Which>,
) -> Result<StatusCode, Problem> {
    drop_list(&reader, &which.place(), (&author, (reader.clock)())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a list, whoever asks for it.
pub(crate) async fn drop_list(
    reader: &Reader,
    place: &Place,
    (author, at): (&Author, EpochMillis),
) -> Result<(), Problem> {
    if reader.store.forget_inventory(place, By { author: &author.0, at }).await? {
        return Ok(());
    }
    Err(Problem::not_found(format!("there is no inventory of {place}")))
}

impl Which {
    pub(crate) fn place(&self) -> Place {
        Place { account: self.account.0, region: self.region.0.clone() }
    }
}
