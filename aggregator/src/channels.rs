//! Where alerts go: one file per kind of receiver, and what all of them need.
//!
//! What is sent is rendered by pure functions, one a kind, from a story: the words that all of them share. The courier puts address,
//! secrets and rendering together and makes the attempt.
//!
//! **Invariant.** A channel sees messages, never the store. It talks to nobody the [`guard`] does not admit, and a secret
//! is read through a reference and never shown.

mod alertmanager;
pub mod aws;
mod bodies;
pub mod courier;
mod eventbridge;
pub mod guard;
pub mod otlp;
mod pagerduty;
pub mod parameters;
pub mod post;
pub mod proof;
pub mod secret;
mod slack;
mod sns;
mod story;
mod text;
mod webhook;
