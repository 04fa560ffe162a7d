//! The emulator does what Lambda does: every order and every limit it claims, with real processes.

mod beside;
mod extensions_api;
mod inits;
mod lifecycle;
mod managed;
mod processes;
pub(crate) mod stage;
mod telemetry;
mod trouble;
