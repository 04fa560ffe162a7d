//! The aggregator's doors as Lambda functions: the real binary, real events, and what lies between them emulated.

mod events;
mod forgery;
mod gate;
mod haste;
mod later;
mod permits;
mod poison;
mod privilege;
mod saboteur;
mod shipped;
mod stage;
mod travel;
