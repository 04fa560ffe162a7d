//! The aggregator: facts in, alerts and the fleet's timeouts out.
//!
//! Floors, lowest first; a module names only those below it:
//!
//! ```text
//! overtime_wire ← domain | chance ← store | channels ← settings | clock | throughput ← egress | ingest | evaluate | deliver | sweep | stream ← api ← sign_in ← console
//!     ← serve | lambda | client | token ← main
//! ```

pub mod api;
pub mod chance;
pub mod channels;
#[cfg(feature = "embedded")]
pub mod client;
pub mod clock;
pub mod console;
pub mod deliver;
pub mod domain;
pub mod egress;
pub mod evaluate;
pub mod ingest;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "embedded")]
pub mod serve;
pub mod settings;
pub mod sign_in;
pub mod store;
#[cfg(feature = "embedded")]
pub mod stream;
pub mod sweep;
pub mod throughput;
pub mod token;
