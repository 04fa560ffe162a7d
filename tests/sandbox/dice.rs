//! Numbers that look drawn and follow from a seed, so that a storm or a load can be repeated.
//!
//! `SplitMix64`, after Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). What follows from a
//! seed are the choices; how they meet depends on the machine's timing as well.

use std::{ops::Range, time::Duration};

#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Those of one thrower among many.
    pub fn of(seed: u64, thrower: u64) -> Self {
        let mut dice = Self(seed ^ thrower.wrapping_mul(0xD134_2543_DE82_EF95));
        dice.draw();
        dice
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number of a range that is not empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.draw() % (range.end - range.start).max(1)
    }

    pub fn milliseconds(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// Whether something happens that happens so often of a hundred times.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.within(0..100) < chance
    }

    /// One of several; `None` only of none.
    pub fn one_of<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(several.len()).ok().filter(|it| *it > 0)?;
        several.get(usize::try_from(self.within(0..count)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let (mut one, mut two) = (Dice::of(7, 1), Dice::of(7, 1));
        assert!((0..100).all(|_| one.draw() == two.draw()));
        assert_ne!(Dice::of(7, 1).draw(), Dice::of(7, 2).draw());
        assert_ne!(Dice::of(7, 1).draw(), Dice::of(8, 1).draw());
    }

    #[test]
    fn what_is_drawn_is_within_the_range() {
        let mut dice = Dice::of(1, 1);
        assert!((0..1_000).all(|_| (3..9).contains(&dice.within(3..9))));
        assert_eq!(dice.one_of::<u8>(&[]), None);
        assert_eq!(dice.one_of(&[5]), Some(&5));
    }
}
