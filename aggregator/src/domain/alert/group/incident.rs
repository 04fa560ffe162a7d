//! So many functions that timed out within a window.

use std::time::Duration;

use overtime_wire::EpochMillis;

/// When the first timeout happened of the earliest window that so many functions share, given each function's latest.
pub(super) fn first(
    (functions, window): (usize, Duration),
    latest: &[EpochMillis],
) -> Option<EpochMillis> {
    let mut latest = latest.to_vec();
    latest.sort_unstable();
    let shared = latest.windows(functions.max(1)).find(|them| match them {
        [first, .., last] => last.since(*first) <= window,
        them => !them.is_empty(),
    });
    shared.and_then(|it| it.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_needs_enough_functions_close_enough_together() {
        let check = |latest: &[i64], expected: Option<i64>| {
            let latest: Vec<_> = latest.iter().map(|it| EpochMillis(*it)).collect();
            let found = first((3, Duration::from_millis(100)), &latest);
            assert_eq!(found, expected.map(EpochMillis), "{latest:?}");
        };
        check(&[], None);
        check(&[0, 50], None);
        check(&[101, 0, 50], None);
        check(&[100, 0, 50], Some(0));
        check(&[0, 300, 150, 200], None);
        check(&[0, 300, 250, 200], Some(200));
    }
}
