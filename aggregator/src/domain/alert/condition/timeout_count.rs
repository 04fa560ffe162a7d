//! So many timeouts within a window.

use std::time::Duration;

use super::{Hand, Mark};

/// The first timeout in the earliest window that has `count` of them and ends with one in hand. What an earlier episode covered
/// does not count again.
pub(super) fn first((count, window): (u64, Duration), hand: &Hand<'_>) -> Option<Mark> {
    hand.marks.iter().enumerate().find_map(|(at, last)| {
        let begins = last.at.minus(window);
        let in_hand = hand.marks[..=at].iter().filter(|it| it.at > begins);
        let earlier = hand.past.asked(hand.rule, hand.covered);
        let earlier = earlier.filter(|(it, _)| *it > begins && *it <= last.at);
        let earlier: u64 = earlier.map(|(_, timeouts)| timeouts).sum();
        let held = u64::try_from(in_hand.clone().count()).unwrap_or(u64::MAX);
        let enough = held.saturating_add(earlier) >= count;
        in_hand.min().copied().filter(|_| enough)
    })
}
