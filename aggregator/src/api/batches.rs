//! `POST /v1/batches`: the way in.
//!
//! Nobody is trusted. The body is bounded before it is read, refused whole with a reason when it is malformed, and a body
//! that is too long is read to its end and thrown away, within reason, so that the sender hears why instead of a reset.
//! Whoever mounts the route says who calls by a [`Caller`] in the request's extensions; without one it is refused. An account
//! that IAM vouches for may speak for itself only; on the loopback any account is taken at its word.
//!
//! What is refused is counted by reason and caller. What may be sent again (408, 429, 503) is not: it is not lost yet.
//!
//! **Invariant.** An answer comes within six seconds of the body; 200 means that every fact not refused is in the table.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT},
    },
    routing::post,
};
use http_body_util::BodyExt as _;
use overtime_wire::{Batch, EpochMillis};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore};

use crate::{
    api::{
        identity::{Identity, Trespass},
        problem::Problem,
    },
    domain::rejection::{Caller, Reason},
    ingest::{Ingested, Refused, ingest, ledger::Ledger},
    store::Store,
    throughput::Throughput,
};

const PROTOBUF: &str = "application/x-protobuf";
/// How long the store may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a body may take to come in.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How much of a body that is too long is read before the connection is given up.
const DRAINED_MAX: usize = 64 * 1024 * 1024;
/// How many batches are worked on at the same time.
const IN_FLIGHT_MAX: usize = 128;

/// What the way in needs.
#[derive(Debug, Clone)]
pub struct Inlet {
    pub store: Store,
    pub clock: fn() -> EpochMillis,
    /// Told when facts came in, so that nobody has to wait for the next poll.
    pub arrived: Arc<Notify>,
    /// Where refusals are counted.
    pub ledger: Ledger,
    /// What this process lets in and turns away.
    pub throughput: Throughput,
    in_flight: Arc<Semaphore>,
}

impl Inlet {
    pub fn new(store: Store, clock: fn() -> EpochMillis, arrived: Arc<Notify>) -> Self {
        let ledger = Ledger::new(store.clone());
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let throughput = Throughput::default();
        Self { store, clock, arrived, ledger, throughput, in_flight }
    }
}

/// A batch that is not let in: what its sender hears, and under what it is counted, if it is.
#[derive(Debug)]
struct TurnedAway {
    problem: Problem,
    counted: Option<Reason>,
}

impl From<Problem> for TurnedAway {
    fn from(problem: Problem) -> Self {
        Self { problem, counted: None }
    }
}

impl TurnedAway {
    fn counted(reason: Reason, problem: Problem) -> Self {
        Self { problem, counted: Some(reason) }
    }
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub struct Answer {
    accepted: usize,
    refused: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    key: String,
    reason: &'static str,
}

impl From<Ingested> for Answer {
    fn from(ingested: Ingested) -> Self {
        let refusal = |it: Refused| Refusal { key: it.key.to_string(), reason: it.reason.reason() };
        let refused = ingested.refused.into_iter().map(refusal).collect();
        Self { accepted: ingested.accepted, refused }
    }
}

pub fn routes(inlet: Inlet) -> Router {
    Router::new().route("/v1/batches", post(receive)).with_state(inlet)
}

async fn receive(
    State(inlet): State<Inlet>,
    caller: Option<Extension<Caller>>,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let caller = caller.map_or(Caller::Unknown, |Extension(it)| it);
    match admit(&inlet, caller, request).await {
        Ok(ingested) => {
            inlet.throughput.accepted(ingested.accepted);
            ingested.refused.iter().for_each(|it| inlet.throughput.refused(it.reason.into()));
            if !ingested.refused.is_empty() {
                let reasons = ingested.refused.iter().map(|it| it.reason.into());
                inlet.ledger.count_facts(reasons, caller, (inlet.clock)()).await;
            }
            Ok(Json(ingested.into()))
        }
        Err(TurnedAway { problem, counted }) => {
            if let Some(reason) = counted {
                inlet.throughput.refused(reason);
                inlet.ledger.count(reason, caller, (inlet.clock)()).await;
            }
            Err(problem)
        }
    }
}

async fn admit(inlet: &Inlet, caller: Caller, request: Request) -> Result<Ingested, TurnedAway> {
    if matches!(caller, Caller::Unknown | Caller::Others) {
        let problem = Problem::forbidden(
            "nobody vouches for the caller: batches come signed, through a Function URL, or from the machine that `serve` runs on",
        );
        return Err(TurnedAway::counted(Reason::Unauthenticated, problem));
    }
    let (head, body) = request.into_parts();
    let Ok(_permit) = inlet.in_flight.try_acquire() else {
        return Err(Problem::too_many("too many batches are being worked on").into());
    };
    check_type(&head.headers).map_err(|it| TurnedAway::counted(Reason::Type, it))?;
    let bytes = bounded(&head.headers, body).await?;
    let batch = Batch::decode(&bytes).map_err(|why| {
        TurnedAway::counted(Reason::Malformed, Problem::malformed(why.to_string()))
    })?;
    check_account(caller, &batch)?;
    if let Some(identity) = head.extensions.get::<Identity>() {
        let strayed = |why: Trespass| {
            TurnedAway::counted(Reason::Account, Problem::forbidden(why.to_string()))
        };
        identity.shares_partition(&batch).map_err(strayed)?;
    }
    let ingesting = ingest(&inlet.store, &batch, (inlet.clock)());
    let ingested = tokio::time::timeout(DEADLINE, ingesting).await;
    inlet.arrived.notify_one();
    let ingested = ingested.map_err(|_| Problem::unavailable("the store is too slow"))?;
    Ok(ingested.map_err(Problem::from)?)
}

/// An account speaks for itself.
fn check_account(caller: Caller, batch: &Batch) -> Result<(), TurnedAway> {
    let claimed = batch.function.account;
    match caller {
        Caller::Account(account) if account != claimed => {
            let problem = format!("account {account} may not send facts of account {claimed}");
            Err(TurnedAway::counted(Reason::Account, Problem::forbidden(problem)))
        }
        Caller::Account(_) | Caller::Loopback | Caller::Unknown | Caller::Others => Ok(()),
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|it| it.to_str().unwrap_or_default().trim());
    let media_type = text(CONTENT_TYPE).and_then(|it| it.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(PROTOBUF) {
        return Err(Problem::unsupported(format!("content-type must be {PROTOBUF}")));
    }
    if text(CONTENT_ENCODING).is_some_and(|it| !it.eq_ignore_ascii_case("identity")) {
        return Err(Problem::unsupported("content-encoding is not supported: send it plain"));
    }
    Ok(())
}

async fn bounded(headers: &HeaderMap, body: Body) -> Result<Bytes, TurnedAway> {
    let too_large = || {
        let problem = format!("a batch has at most {} bytes", Batch::MAX_BYTES);
        TurnedAway::counted(Reason::Size, Problem::too_large(problem))
    };
    let declared = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if headers.contains_key(EXPECT) && declared.is_some_and(|it: usize| it > Batch::MAX_BYTES) {
        // Nothing has been sent yet, and now nothing will be.
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_DEADLINE, collect(body)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        // It may come whole another time.
        Ok(Err(error)) => Err(Problem::malformed(format!("the body broke off: {error}")).into()),
        Err(_) => Err(Problem::timeout("the body took too long to come in").into()),
    }
}

/// The body, or `None` when it is too long, in which case its rest has been thrown away.
async fn collect(mut body: Body) -> Result<Option<Bytes>, axum::Error> {
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length += data.len();
        if length <= Batch::MAX_BYTES {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
        if length > DRAINED_MAX {
            break;
        }
    }
    Ok((length <= Batch::MAX_BYTES).then(|| kept.into()))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod weather;
