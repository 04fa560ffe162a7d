//! The aggregator's doors as Lambda functions: the real binary, real events, and what lies between them emulated.

mod events;
mod forgery;
mod haste;
mod later;
mod poison;
mod saboteur;
mod shipped;
mod stage;
mod travel;
