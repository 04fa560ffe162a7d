//! When: instants as the platform and the wire give them, and the blocks that facts are filed under.
//!
//! Lambda speaks in whole milliseconds since 1970 (`deadlineMs`), and nothing here needs a calendar, so an instant is a
//! number in a type of its own. Reading a clock is not this crate's business: instants come in as arguments.

use std::time::Duration;

/// How many minutes a block has.
pub const BLOCK_MINUTES: u32 = 15;
const MINUTE_MS: i64 = 60_000;
const BLOCK_MS: i64 = BLOCK_MINUTES as i64 * MINUTE_MS;

/// How far in the future a fact's block may begin before its clock is not believed.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);
/// How long after its block a fact is still accepted. Raw facts live longer, so whatever is accepted finds its neighbours.
pub const ACCEPTED_FOR: Duration = Duration::from_hours(24);

/// An instant, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EpochMillis(pub i64);

impl EpochMillis {
    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A quarter of an hour since 1970: what facts are filed under. Fixed at first sight of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(u32);

/// Why a fact's time is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untimely {
    /// Its block begins too far in the future: the sender's clock is wrong.
    Clock,
    /// Its block ended too long ago: its neighbours are about to expire.
    TooLate,
}

impl Untimely {
    /// The word for it in a refusal.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::TooLate => "too_late",
        }
    }
}

impl Block {
    /// The block that `at` lies in. Instants before 1970 lie in the first.
    pub fn of(at: EpochMillis) -> Self {
        Self(u32::try_from(at.0.div_euclid(BLOCK_MS).max(0)).unwrap_or(u32::MAX))
    }

    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub fn number(self) -> u32 {
        self.0
    }

    pub fn start(self) -> EpochMillis {
        EpochMillis(i64::from(self.0) * BLOCK_MS)
    }

    pub fn end(self) -> EpochMillis {
        EpochMillis(self.start().0 + BLOCK_MS)
    }

    /// The minute of this block that `at` lies in, held to the block's ends.
    pub fn minute(self, at: EpochMillis) -> MinuteIndex {
        let minute = (at.0 - self.start().0).div_euclid(MINUTE_MS);
        MinuteIndex(u8::try_from(minute.clamp(0, i64::from(BLOCK_MINUTES) - 1)).unwrap_or(0))
    }

    /// Whether a fact of this block may still come in at `now`.
    pub fn accept(self, now: EpochMillis) -> Result<(), Untimely> {
        if self.start() > now.plus(CLOCK_TOLERANCE) {
            Err(Untimely::Clock)
        } else if self.end().plus(ACCEPTED_FOR) < now {
            Err(Untimely::TooLate)
        } else {
            Ok(())
        }
    }

    /// `at` as the wire writes it: milliseconds since the block began.
    pub(crate) fn offset(self, at: EpochMillis) -> i64 {
        at.0.saturating_sub(self.start().0)
    }

    pub(crate) fn at(self, offset: i64) -> EpochMillis {
        EpochMillis(self.start().0.saturating_add(offset))
    }
}

/// A minute within its block: 0 to 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteIndex(u8);

impl MinuteIndex {
    pub fn new(index: u32) -> Option<Self> {
        u8::try_from(index).ok().filter(|index| u32::from(*index) < BLOCK_MINUTES).map(Self)
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// When this minute of `block` begins.
    pub fn start(self, block: Block) -> EpochMillis {
        EpochMillis(block.start().0 + i64::from(self.0) * MINUTE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    #[test]
    fn an_instant_lies_in_its_block_and_minute() {
        let block = Block::of(NOW);
        assert_eq!(block.start(), NOW);
        assert_eq!(Block::of(EpochMillis(NOW.0 - 1)).number(), block.number() - 1);
        assert_eq!(block.minute(EpochMillis(NOW.0 + 14 * 60_000)).number(), 14);
        assert_eq!(block.minute(EpochMillis(NOW.0 + 60 * 60_000)).number(), 14);
        assert_eq!(block.minute(EpochMillis(0)).number(), 0);
    }

    #[test]
    fn facts_are_accepted_from_five_minutes_ahead_until_a_day_after_their_block() {
        let block = Block::of(NOW);
        assert_eq!(block.accept(NOW.minus(CLOCK_TOLERANCE)), Ok(()));
        assert_eq!(
            block.accept(NOW.minus(CLOCK_TOLERANCE + Duration::from_millis(1))),
            Err(Untimely::Clock)
        );
        assert_eq!(block.accept(block.end().plus(ACCEPTED_FOR)), Ok(()));
        assert_eq!(
            block.accept(block.end().plus(ACCEPTED_FOR + Duration::from_millis(1))),
            Err(Untimely::TooLate)
        );
    }
}
