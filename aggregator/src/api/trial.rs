//! `POST /api/v1/channels/{id}/test`: a message to see whether anything arrives there.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse as _,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        author::Author,
        parameters::Path,
        problem::Problem,
        words::{DeliveryId, DeliveryIdText, IdText, Text},
    },
    chance,
    domain::{
        configuration::{
            Id,
            audit::{About, Action, Deed},
        },
        notification::{Owed, trial},
    },
    store::configuration::By,
};

/// Which channel.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Which {
    /// The channel's id.
    #[param(inline)]
    id: IdText,
}

/// Where it is told what becomes of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tested)]
pub(crate) struct Tested {
    /// The id of the delivery.
    pub(crate) delivery: DeliveryIdText,
    /// Where it is shown.
    url: String,
}

/// Sends a message that says that it is a test, whatever is silent: with severity `info`, resolved at once where something is opened
/// by it. It is attempted three times at most, goes to no fallback channel, and is in the list of deliveries, where the answer leads.
/// Under `serve` it leaves at once, on Lambda with the next sweep, which is within a minute.
#[utoipa::path(
    post,
    path = "/api/v1/channels/{id}/test",
    operation_id = "test_channel",
    params(Which),
    responses(
        (status = ACCEPTED, description = "It is on its way.", body = Tested),
        (status = NOT_FOUND, description = "There is no channel of this id."),
        (status = CONFLICT, description = "The channel is disabled.")
    )
)]
pub(super) async fn send(
    State(reader): State<Reader>,
    author: Author,
    Path(which): Path<Which>,
) -> Result<axum::response::Response, Problem> {
    let tested = fire(&reader, &which.id.0, &author).await?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, tested.url.clone())], Json(tested)).into_response())
}

/// Has the message sent, whoever asks for it.
pub(crate) async fn fire(reader: &Reader, id: &Id, author: &Author) -> Result<Tested, Problem> {
    let at = (reader.clock)();
    let configuration = reader.store.configuration_now().await?;
    let channel = configuration.channel(id);
    let channel = channel.ok_or_else(|| Problem::not_found(format!("there is no channel {id}")))?;
    if !channel.value.enabled {
        return Err(Problem::conflict("the channel is disabled: nothing is sent there"));
    }
    let draw = chance::draw();
    let dispatch = trial::compose(&channel.value, &author.0, at, draw);
    let delivery = dispatch.id();
    let deed = Deed {
        action: Action::Tested,
        kind: About::Channel,
        id: id.to_string(),
        before: None,
        after: Some(serde_json::json!({ "delivery": delivery })),
    };
    let entry = Owed::to(dispatch, at).into();
    if !reader.store.enqueue_by(&entry, deed, By { author: &author.0, at }).await? {
        return Err(Problem::unavailable("others were in the way: try again"));
    }
    reader.ring(&delivery).await;
    let url = format!("/api/v1/deliveries/{delivery}");
    Ok(Tested { delivery: Text(DeliveryId(delivery)), url })
}
