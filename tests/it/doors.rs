//! The aggregator's doors as Lambda functions: the real binary, real events, and what lies between them emulated.

mod poison;
mod stage;
mod travel;
