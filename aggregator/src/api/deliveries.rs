//! `/api/v1/deliveries`: what was sent where, what came of it, and sending it again.

pub(crate) mod item;

use std::time::Duration;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use self::item::Item;
use crate::{
    api::{
        Reader,
        answer::{JsonCaller, ListCaller, Page},
        author::Author,
        list,
        parameters::{Path, Query},
        problem::Problem,
        range::Range,
        words::{
            DeliveryIdText, DeliveryStatusText, EpisodeText, IdText, LimitText, PlaceText,
            WhenText, Word as _,
        },
    },
    domain::{delivery::id::DeliveryId, otlp::RECEIVER},
    store::{configuration::By, listed::Part, outbox::reading::Delivery},
};

/// Messages are kept from when they were settled on, which may be so much later than they were first due.
const UNSETTLED_MAX: Duration = Duration::from_hours(24);

list::asked! {
    /// Which messages are asked for.
    struct Asked, by PlaceText {
        /// Only to this channel. What an OpenTelemetry receiver is told (`otlp`) is left out unless a channel or a status is asked for.
        channel: IdText,
        /// Only about this episode of an alert.
        episode: EpisodeText,
        /// Only of which this has become.
        status: DeliveryStatusText,
        /// First due from here on; everything that is kept if it is not said.
        from: WhenText,
        /// First due before this.
        to: WhenText,
    }
}

/// Which message.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The message's id.
    #[param(inline)]
    pub(crate) id: DeliveryIdText,
}

/// A message, and what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownDelivery)]
pub(crate) struct Shown {
    pub(crate) delivery: Item,
    /// The canonical payload, of which every channel makes its own; null where the message has none, as a digest.
    #[schema(value_type = Option<Object>)]
    pub(crate) notification: Option<Value>,
}

/// What was sent where and what came of it, what was first due last first.
///
/// A page looks at a bounded number of messages, so a rare match may make one short without ending the list: go on while `next` is
/// not null.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries",
    operation_id = "list_deliveries",
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
    let kept = reader.store.retention().messages + UNSETTLED_MAX;
    let range = (asked.from.as_ref(), asked.to.as_ref());
    let Range { from, to } = Range::listed(range, (reader.clock)(), kept)?;
    let limit = asked.limit.unwrap_or_default().0.into();
    let after = asked.cursor.as_ref().map(|it| &it.0);
    let part = Part { from, to, after, limit };
    let page = reader.store.deliveries(part, |it| asked.wants(it)).await?;
    let items = page.items.into_iter().map(Item::of).collect();
    Ok(Page { items, next: page.next.map(|it| it.to_string()) })
}

impl Asked {
    fn wants(&self, delivery: &Delivery) -> bool {
        let named = DeliveryId::parse(&delivery.id);
        let is = |wanted: Option<&str>, is: Option<&str>| wanted.is_none_or(|it| is == Some(it));
        // There is one every minute, and nearly all of them are of no interest to anybody.
        let is_in_the_way = named.is_some_and(|it| it.channel == RECEIVER);
        if is_in_the_way && self.channel.is_none() && self.status.is_none() {
            return false;
        }
        is(self.channel.as_ref().map(|it| it.0.as_str()), named.map(|it| it.channel))
            && is(self.episode.as_ref().map(|it| it.0.0.as_str()), named.map(|it| it.episode))
            && self.status.is_none_or(|it| it.0.write() == delivery.status)
    }
}

/// One message: what it says, and what came of each attempt.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries/{id}",
    operation_id = "show_delivery",
    params(Which),
    responses(
        (status = OK, description = "The message.", body = Shown),
        (status = NOT_FOUND, description = "There is none under this id, or none any more.")
    )
)]
pub(super) async fn show(
    State(reader): State<Reader>,
    caller: JsonCaller,
    Path(which): Path<Which>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read_one(&reader, &which).await?))
}

/// The message that a path names.
pub(crate) async fn read_one(reader: &Reader, which: &Which) -> Result<Shown, Problem> {
    Ok(shown(reader.store.delivery(&which.id.0.0).await?.ok_or_else(missing)?))
}

/// Has a message that is done with sent again, from the first attempt on, under the same id: what was given up after a receiver is
/// repaired, or what was held back after all. The audit tells who wanted it.
#[utoipa::path(
    post,
    path = "/api/v1/deliveries/{id}/replay",
    operation_id = "replay_delivery",
    params(Which),
    responses(
        (status = ACCEPTED, description = "It is due again.", body = Shown),
        (status = NOT_FOUND, description = "There is none under this id, or none any more."),
        (status = CONFLICT, description = "It is on its way.")
    )
)]
pub(super) async fn replay(
    State(reader): State<Reader>,
    author: Author,
    Path(which): Path<Which>,
) -> Result<(StatusCode, axum::Json<Shown>), Problem> {
    Ok((StatusCode::ACCEPTED, axum::Json(send_again(&reader, &author, &which).await?)))
}

/// Makes a message due again, on somebody's word.
pub(crate) async fn send_again(
    reader: &Reader,
    author: &Author,
    which: &Which,
) -> Result<Shown, Problem> {
    let (id, at) = (&which.id.0.0, (reader.clock)());
    reader.store.delivery(id).await?.ok_or_else(missing)?;
    if !reader.store.replay(id, By { author: &author.0, at }).await? {
        return Err(Problem::conflict("the message is on its way"));
    }
    reader.ring(id).await;
    read_one(reader, which).await
}

fn shown(delivery: Delivery) -> Shown {
    Shown { notification: item::payload(&delivery), delivery: Item::of(delivery) }
}

fn missing() -> Problem {
    Problem::not_found("there is no delivery of this id, or none any more")
}
