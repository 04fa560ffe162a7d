//! Rows come and go; counters grow.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::{
    hour::{HourView, StandingHour},
    view::Basis,
};

const BEGIN: u32 = 498_192;

fn function(name: &str) -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn at(hour: u32) -> EpochMillis {
    Hour::from_number(hour).start()
}

/// A row of hours, each with its invocations and timeouts.
fn row(name: &str, hours: &[(u32, u64, u64)]) -> Summary {
    let hour = |(hour, invocations, timeouts): &(u32, u64, u64)| {
        let mut view = HourView::default();
        view.counts.0.invocations = *invocations;
        view.counts.0.timeouts = *timeouts;
        StandingHour { hour: Hour::from_number(*hour), basis: Basis::of(1), view }
    };
    let hours: Vec<_> = hours.iter().map(hour).collect();
    Summary::of(&function(name), &hours).unwrap()
}

#[track_caller]
fn check(odometer: &Odometer, name: &str, now: EpochMillis, expected: (u64, u64)) {
    let (reading, _) = odometer.read(now).functions[&function(name)];
    assert_eq!((reading.invocations, reading.timeouts), expected, "{name}");
}

#[test]
fn what_was_there_before_is_no_news_and_an_hour_that_goes_takes_nothing_with_it() {
    let old = (BEGIN - 27, 1_000, 10);
    let mut odometer = Odometer::begin(9, &[row("orders", &[old, (BEGIN, 100, 1)])], at(BEGIN));
    check(&odometer, "orders", at(BEGIN), (0, 0));
    odometer.advance(&[row("orders", &[old, (BEGIN, 150, 2)])], at(BEGIN));
    check(&odometer, "orders", at(BEGIN), (50, 1));
    // The oldest hour falls out of the row, and late facts still arrive for one in the middle.
    let later = [(BEGIN - 26, 7, 0), (BEGIN, 150, 2), (BEGIN + 1, 5, 3)];
    odometer.advance(&[row("orders", &later)], at(BEGIN + 1));
    check(&odometer, "orders", at(BEGIN + 1), (62, 4));
}

#[test]
fn what_is_taken_back_is_not_counted_again_and_nothing_falls() {
    let mut odometer = Odometer::begin(9, &[row("orders", &[(BEGIN, 10, 0)])], at(BEGIN));
    for (timeouts, shown) in [(2, 2), (1, 2), (0, 2), (2, 2), (3, 3)] {
        odometer.advance(&[row("orders", &[(BEGIN, 10, timeouts)])], at(BEGIN));
        check(&odometer, "orders", at(BEGIN), (0, shown));
    }
}

#[test]
fn a_new_function_stands_at_zero_until_every_scraper_has_seen_it() {
    let mut odometer = Odometer::begin(9, &[], at(BEGIN));
    odometer.advance(&[row("orders", &[(BEGIN, 3, 1)])], at(BEGIN));
    check(&odometer, "orders", at(BEGIN).plus(AT_ZERO_FOR.mul_f64(0.99)), (0, 0));
    check(&odometer, "orders", at(BEGIN).plus(AT_ZERO_FOR), (3, 1));
}

#[test]
fn the_worst_stand_for_themselves_and_the_others_together() {
    let rows = |more: u64| {
        [("quiet", 5, 0), ("bad", 7, 2), ("busy", 900, 0), ("worse", 8, 3)].map(
            |(name, invocations, timeouts)| row(name, &[(BEGIN, invocations + more, timeouts)]),
        )
    };
    let mut odometer = Odometer::begin(2, &rows(0), at(BEGIN));
    odometer.advance(&rows(10), at(BEGIN));
    let newcomer = row("newcomer", &[(BEGIN, 40, 40)]);
    let all = [rows(10).as_slice(), std::slice::from_ref(&newcomer)].concat();
    odometer.advance(&all, at(BEGIN));
    let shown = odometer.read(at(BEGIN));
    let names: Vec<_> = shown.functions.keys().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["bad", "worse"]);
    assert_eq!((shown.others.invocations, shown.others.timeouts), (60, 40));
    assert_eq!(shown.left_out, 3);

    // One of them is not heard of for more than a day, and the next in need gets its place, from zero.
    let later = BEGIN + 30;
    let heard = [row("bad", &[(later, 1, 0)]), row("newcomer", &[(later, 1, 1)])];
    odometer.advance(&heard, at(later));
    let shown = odometer.read(at(later).plus(AT_ZERO_FOR));
    let counts: Vec<_> =
        shown.functions.iter().map(|(it, (shown, _))| (it.name.as_str(), shown.timeouts)).collect();
    assert_eq!(counts, [("bad", 0), ("newcomer", 1)]);
    assert_eq!((shown.others.timeouts, shown.left_out), (40, 0));
}

#[test]
fn without_room_everything_is_still_counted() {
    let mut odometer = Odometer::begin(0, &[], at(BEGIN));
    odometer.advance(&[row("a", &[(BEGIN, 3, 1)]), row("b", &[(BEGIN, 4, 0)])], at(BEGIN));
    let shown = odometer.read(at(BEGIN));
    assert_eq!((shown.functions.len(), shown.left_out), (0, 2));
    assert_eq!((shown.others.invocations, shown.others.timeouts), (7, 1));
}

proptest! {
    /// However often it looks and whoever has room, all counters together say what was counted since it began.
    #[test]
    fn nothing_is_lost_nothing_is_twice_and_nothing_falls(
        limit in 0_usize..4,
        steps in vec((0_usize..4, 0_u32..3, 0_u64..50), 1..60),
    ) {
        let names = ["a", "b", "c", "d"];
        let mut counted = BTreeMap::<(usize, u32), u64>::new();
        let mut odometer = Odometer::begin(limit, &[], at(BEGIN));
        let (mut hour, mut before, mut total) = (BEGIN, 0, 0);
        for (which, hours, more) in steps {
            hour += hours;
            *counted.entry((which, hour)).or_default() += more;
            total += more;
            let rows: Vec<_> = (0..4).filter_map(|which| {
                let hours: Vec<_> = counted.range((which, 0)..=(which, u32::MAX))
                    .map(|((_, hour), count)| (*hour, *count, 0)).collect();
                (!hours.is_empty()).then(|| row(names[which], &hours))
            }).collect();
            odometer.advance(&rows, at(hour));
            let shown = odometer.read(at(hour).plus(AT_ZERO_FOR));
            let own: u64 = shown.functions.values().map(|(it, _)| it.invocations).sum();
            prop_assert!(shown.functions.len() <= limit);
            // Those that went took their series with them, so only without departures the sum is whole.
            if hour - BEGIN < 27 {
                prop_assert_eq!(own + shown.others.invocations, total);
                prop_assert!(own + shown.others.invocations >= before);
                before = own + shown.others.invocations;
            }
        }
    }
}
