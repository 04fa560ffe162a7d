//! Meters through hours that come, change and go.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::{
    otlp::fixture::{at, hour},
    summary::HOURS,
};

fn said(meter: &Meter) -> (u64, u64, u64) {
    let Totals { counts, durations, .. } = meter.said();
    (counts.0.invocations, counts.0.timeouts, durations.count())
}

#[test]
fn it_counts_from_the_first_hour_that_is_known() {
    let meter = Meter::advance(None, &[hour(3, (5, 1), 2), hour(1, (10, 0), 2)]).unwrap();
    assert_eq!(meter.begun(), at(3_600_000));
    assert_eq!(said(&meter), (16, 1, 15));
    assert_eq!(Meter::advance(None, &[]), None);
}

#[test]
fn what_it_has_seen_is_no_news() {
    let hours = [hour(0, (10, 0), 2)];
    let meter = Meter::advance(None, &hours).unwrap();
    assert_eq!(Meter::advance(Some(&meter), &hours), None);
    // A reading that is a moment old.
    assert_eq!(Meter::advance(Some(&meter), &[hour(0, (9, 0), 1)]), None);
}

#[test]
fn a_timeout_that_is_taken_back_is_made_up_for_by_the_next() {
    let mut meter = Meter::advance(None, &[hour(0, (10, 2), 3)]).unwrap();
    assert_eq!(said(&meter), (12, 2, 10));
    for (timeouts, writes, expected) in [(1, 4, 2), (2, 5, 2), (3, 6, 3)] {
        let hours = [hour(0, (12 - timeouts, timeouts), writes)];
        meter = Meter::advance(Some(&meter), &hours).unwrap();
        assert_eq!(said(&meter).1, expected, "{timeouts}");
    }
}

#[test]
fn an_hour_that_can_no_longer_change_is_kept_as_a_number() {
    let first = hour(0, (10, 1), 2);
    let meter = Meter::advance(None, std::slice::from_ref(&first)).unwrap();
    let later = hour(HOURS + 1, (5, 0), 2);
    let meter = Meter::advance(Some(&meter), &[first, later.clone()]).unwrap();
    assert_eq!((said(&meter), meter.begun()), ((16, 1, 15), at(0)));
    // The first need not be read any more, and if it is, it counts once.
    assert!(Meter::reads_from(Some(&meter), at(0)) > Hour::of(at(0)));
    let more = hour(HOURS + 1, (6, 0), 3);
    let meter = Meter::advance(Some(&meter), &[hour(0, (10, 1), 2), more]).unwrap();
    assert_eq!(said(&meter), (17, 1, 16));
}

#[test]
fn it_is_stored_whole() {
    let meter = Meter::advance(None, &[hour(0, (10, 2), 3)]).unwrap();
    let json = serde_json::to_string(&meter).unwrap();
    assert_eq!(serde_json::from_str::<Meter>(&json).unwrap(), meter);
}

proptest! {
    /// Whoever looks, how often and how late: what is said at the end is what all hours add up to, and nothing falls on the way.
    #[test]
    fn looks_of_any_number_add_up_to_all_that_happened(
        news in vec((0_u32..3, 0_u64..9, 0_u64..3, any::<bool>()), 1..60),
    ) {
        let mut hours: Vec<StandingHour> = Vec::new();
        let (mut meter, mut now): (Option<Meter>, u32) = (None, 0);
        let mut told = (0, 0, 0);
        for (pass, invocations, timeouts, looked) in news {
            // Nobody looks less than once a day, or an hour could be folded before it was complete.
            now += pass;
            let stands = hours.iter_mut().find(|it| it.hour == hour(now, (0, 0), 1).hour);
            let (counts, basis) = match &stands {
                Some(it) => (it.view.counts.0, it.basis.writes),
                None => Default::default(),
            };
            let before = (counts.invocations - counts.timeouts, counts.timeouts);
            let next = hour(now, (before.0 + invocations, before.1 + timeouts), basis + 1);
            match stands {
                Some(it) => *it = next,
                None => hours.push(next),
            }
            if looked {
                let from = Meter::reads_from(meter.as_ref(), at(i64::from(now) * 3_600_000));
                let read: Vec<_> = hours.iter().filter(|it| it.hour >= from).cloned().collect();
                let advanced = Meter::advance(meter.as_ref(), &read).unwrap();
                prop_assert!(said(&advanced).0 >= told.0 && said(&advanced).1 >= told.1);
                told = said(&advanced);
                meter = Some(advanced);
            }
        }
        let from = Meter::reads_from(meter.as_ref(), at(i64::from(now) * 3_600_000));
        let read: Vec<_> = hours.iter().filter(|it| it.hour >= from).cloned().collect();
        let last = Meter::advance(meter.as_ref(), &read).or(meter).unwrap();
        let begun = Hour::of(last.begun());
        let all = hours.iter().filter(|it| it.hour >= begun).map(|it| it.view.counts.0);
        let all = all.fold((0, 0), |sum, it| (sum.0 + it.invocations, sum.1 + it.timeouts));
        prop_assert_eq!((said(&last).0, said(&last).1), all);
    }
}
