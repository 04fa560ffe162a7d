//! What the aggregator knows and decides, as plain values and functions.
//!
//! Facts come in as `overtime_wire` types; views, summaries, alerts and messages are functions of them. Whoever calls
//! brings the time along.
//!
//! **Invariant.** Nothing below this module names async, AWS, HTTP or a clock, and equal inputs give equal bytes.

pub mod alert;
pub mod analysis;
pub mod base;
pub mod configuration;
pub mod coverage;
pub mod delivery;
pub mod digest;
pub mod durations;
pub mod emission;
pub mod exposition;
pub mod fact;
pub mod fleet;
pub mod history;
pub mod hour;
pub mod instant;
pub mod inventory;
pub mod notification;
pub mod odometer;
pub mod otlp;
pub mod overflow;
pub mod phases;
pub mod portal;
pub mod preview;
pub mod region;
pub mod rejection;
pub mod rightsize;
pub mod ring;
pub mod role;
pub mod serial;
pub mod session;
pub mod summary;
pub mod timeout;
pub mod token;
pub mod versions;
pub mod view;
pub mod words;
