//! The thin extension that tells an aggregator which invocations timed out, and why.
//!
//! # The law
//! *It may lose telemetry, and must then count what it lost. It may never harm the function.*
//!
//! - The process is always parked in `/event/next`; everything else happens beside it and never holds an invocation open.
//! - It never calls `init/error` or `exit/error`, and ends only after SHUTDOWN. Whatever panics beside the loop leaves
//!   the loop polling.
//! - Before the first event there is no TLS, no resolver and no credential.
//! - Every buffer is bounded, every send has a deadline, and a dead aggregator costs nothing but a counter.
//!
//! # The map, from the bottom
//! Pure, without clock, socket or randomness: [`json`], [`log`] and [`telemetry`] read what the platform posts, [`sandbox`]
//! makes facts of it, [`journal`] is what they are written down in, [`flush`] decides when they go, [`signing`] proves whose a request is,
//! `uplink::{target, answer, circuit, obstacle}` know the aggregator's side of it. [`logs`] is what goes to a bucket, where somebody asks
//! for it.
//!
//! At the edges: [`runtime_api`] and `telemetry::{tap, listener}` speak with the platform by way of [`message`], [`uplink`]
//! with the aggregator by way of [`http`],
//! [`watch`] is the one loop over the one closed `enum Input`, and [`run`] is the bare `/event/next` loop above it all.

pub mod clock;
pub mod config;
pub mod entropy;
pub mod fault;
pub mod flush;
pub mod hosts;
pub mod http;
pub mod journal;
pub mod json;
pub mod lambda;
pub mod log;
pub mod logs;
pub mod message;
pub mod notice;
pub mod run;
pub mod runtime_api;
pub mod sandbox;
pub mod signing;
pub mod telemetry;
pub mod uplink;
pub mod watch;
