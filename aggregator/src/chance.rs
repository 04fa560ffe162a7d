//! Where the doors' chance comes from: pauses that must not come in step.

/// A draw from all numbers. Like the time it is an argument below the edges, so that what happened once can be made to happen again.
pub type Chance = fn() -> u32;

/// The system's. Without it pauses come in step, which is a pity and no reason to fail.
pub fn draw() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

/// A draw as a share of the whole.
pub fn share(draw: u32) -> f64 {
    f64::from(draw) / f64::from(u32::MAX)
}
