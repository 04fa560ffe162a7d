//! Alerts as somebody at night meets them: told once, held back while silenced, resolved once, and told whoever dies when.
//!
//! What takes moments is tried with real processes (`night`), what takes hours in a time that the test moves (`hours`, on `stand`), by
//! the doors' own code over a real store.

mod hours;
mod night;
mod stand;
