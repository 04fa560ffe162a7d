//! The tests of the whole: real processes, real sockets, an emulated platform.
//!
//! One binary, because linking is what costs. Each module is one promise.

#![cfg(test)]

mod alerts;
mod api;
mod artefacts;
mod batches;
mod config;
mod corpus;
mod counterparts;
mod deployment;
mod doors;
mod emulator;
mod evidence;
mod extension;
mod facts;
mod journal;
mod log;
mod logs;
mod network;
mod orderings;
mod path;
mod player;
mod python;
mod serve;
mod tidy;
