//! The aggregator: facts in, alerts and the fleet's timeouts out.
//!
//! Floors, lowest first; a module names only those below it:
//!
//! ```text
//! overtime_wire ← domain ← store | channels ← ingest | evaluate | deliver | sweep | stream ← api | console ← serve ← main
//! ```

pub mod api;
pub mod channels;
pub mod console;
pub mod deliver;
pub mod domain;
pub mod evaluate;
pub mod ingest;
pub mod serve;
pub mod store;
pub mod stream;
pub mod sweep;
