//! A Lambda execution environment on loopback, made of real processes.
//!
//! Tests and the demonstration need timeouts that happen, not timeouts that are told about. So an
//! [`Environment`] starts a function and its extensions as processes, speaks the Runtime,
//! Extensions and Telemetry APIs with them, freezes them with SIGSTOP, and kills them as Lambda
//! does. What Lambda does is in AWS's documentation and in the source of its Runtime Interface
//! Emulator; each module says which.
//!
//! Layout:
//! - [`spec`]: what is to be emulated; [`Environment`]: the phases; [`Observer`]: what can be seen;
//! - `api`: the three HTTP APIs; `telemetry`: records, buffers, delivery; `process`: the processes; `workers`: those of
//!   a managed instance;
//! - [`http`]: what the emulated functions and extensions speak;
//! - [`binaries`], [`artefacts`], [`aggregator`], [`python`], [`alertmanager`], [`openid`]: what the tests start beside it;
//! - [`door`], [`queues`]: the aggregator's doors as functions of their own, and the queues between them; [`bucket`]: where logs go;
//! - [`receiver`], [`rotel`]: who is told what functions did;
//! - [`proxy`], [`front`], [`authority`]: the network and the service between them;
//! - [`share`], [`conditions`]: the circumstances a function has no say in;
//! - [`player`]: recorded scenarios, played against a real extension.
//!
//! Invariants: every server listens on 127.0.0.1 only; nothing survives the value it belongs to.

pub mod aggregator;
pub mod alertmanager;
mod api;
pub mod artefacts;
pub mod authority;
pub mod binaries;
pub mod bucket;
pub mod clock;
pub mod conditions;
mod core;
pub mod dice;
pub mod door;
mod environment;
pub mod front;
mod hooks;
pub mod http;
mod ids;
pub mod inbox;
pub mod openid;
pub mod player;
mod process;
pub mod proxy;
pub mod python;
pub mod queues;
pub mod receiver;
pub mod rotel;
pub mod share;
pub mod spec;
mod state;
mod telemetry;
pub mod tools;
pub mod usage;
mod variables;
mod workers;

pub use self::core::{Fault, Line, Source};
pub use self::environment::{
    Caller, Ended, Environment, Invocation, Life, Observer, Outcome, Reason, Teardown,
};
pub use self::process::{Exit, How};
pub use self::spec::Spec;
pub use self::state::Answer;
pub use self::telemetry::record::{Category, Kind, Record};
