//! Where alerts go: one file per kind of receiver, and what all of them need.
//!
//! **Invariant.** A channel sees messages, never the store. It talks to nobody the [`guard`] does not admit, and a secret
//! is read through a [`secret`] reference and never shown.

pub mod guard;
pub mod secret;
pub mod webhook;
