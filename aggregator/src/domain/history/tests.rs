//! The order in which it was learned does not show.

use proptest::{collection::vec, prelude::*};

use super::*;

fn block(hour: u32) -> Block {
    *Hour::from_number(hour).blocks().start()
}

fn seen(hour: u32, version: u32, memory_mb: u32) -> History {
    let profile = Profile { version: version.to_string(), memory_mb, ..Profile::default() };
    let mut history = History::of(block(hour), &[], &[]);
    let hour = Hour::from_number(hour);
    history.first_seen = Some(hour);
    history.last_seen = Some(day(hour));
    history.add(hour, &profile);
    history
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a History>) -> History {
    let mut history = History::default();
    parts.into_iter().for_each(|it| history.merge(it));
    history
}

proptest! {
    /// Few values over several years: there is always something to forget.
    #[test]
    fn any_order_and_any_repetition_end_in_the_same_history(
        sights in vec((500_000_u32..525_000, 0_u32..40, 0_u32..3), 1..80),
        cut in 0_usize..80,
    ) {
        let parts: Vec<_> = sights.into_iter().map(|(hour, version, mb)| seen(hour, version, mb)).collect();
        let (left, right) = parts.split_at(cut.min(parts.len()));
        let whole = merged(&parts);
        prop_assert_eq!(&merged([&merged(left), &merged(right)]), &whole);
        prop_assert_eq!(&merged([&merged(right), &merged(left), &merged(right)]), &whole);
        prop_assert_eq!(&merged(parts.iter().rev().chain(&parts)), &whole);
        let json = serde_json::to_string(&whole).unwrap();
        prop_assert_eq!(&serde_json::from_str::<History>(&json).unwrap(), &whole);
    }
}

#[test]
fn a_value_that_goes_on_is_one_run_and_one_that_comes_back_another() {
    let hours = 500_000..500_000 + 3 * PERIOD_HOURS;
    let steady: Vec<_> = hours.step_by(100).map(|it| seen(it, 7, 128)).collect();
    let later = 500_000 + 6 * PERIOD_HOURS;
    let history = merged(steady.iter().chain([&seen(later, 7, 128), &seen(later - 9, 8, 256)]));
    let runs: Vec<_> =
        history.versions.runs().into_iter().map(|it| (it.value, it.first_seen.number())).collect();
    let run = |value: &str, first| (value.to_owned(), first);
    assert_eq!(runs, [run("7", 500_000), run("8", later - 9), run("7", later)]);
    assert_eq!(history.memory_mb.runs().len(), 3);
    assert_eq!(history.first_seen, Some(Hour::from_number(500_000)));
    assert_eq!(history.last_seen, Some(day(Hour::from_number(later))));
}

#[test]
fn what_is_not_known_is_no_value() {
    assert_eq!(merged([&seen(500_000, 1, 0)]).memory_mb.runs(), []);
    assert_eq!(History::of(block(500_000), &[], &[]), History::default());
}
