//! A timeout after none for so long.
//!
//! Whether there was one is asked of the end of the last episode, of the other blocks' views and of hours, which evaluation has
//! read by then. A timeout that nobody was told of, because it came in too late, is a timeout all the same.

use std::time::Duration;

use super::{Hand, Mark, last_known};

/// The first timeout in hand, unless the function timed out within `quiet_for` before it.
pub(super) fn first(quiet_for: Duration, hand: &Hand<'_>) -> Option<Mark> {
    let first = hand.marks.first()?;
    let mut known = last_known(hand.rule, hand.past).chain(hand.covered.map(|it| it.at));
    let offended = known.any(|it| it < first.at && first.at.since(it) < quiet_for);
    (!offended).then_some(*first)
}
