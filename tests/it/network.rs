//! The world around a sandbox: the network, the processor, the front end of the service.
//!
//! What these do to a client is what they promise, so each is looked at from the client's side.

mod conditions;
mod cuts;
mod front;
mod overhead;
mod refusals;
pub(crate) mod reporting;
mod share;
mod signed;
mod signing;
pub(crate) mod stage;
mod stale;
mod storms;
mod weather;
