//! Every step has its point, and a point claims no more than was heard.

use overtime_wire::Block;

use super::*;
use crate::domain::{
    fleet::FleetHour,
    hour::{Hour, HourView},
    view::{Basis, TallyPart, VerdictPart},
};

const HOUR: Hour = Hour::from_number(498_192);

fn range(length: Duration) -> Range {
    Range { from: HOUR.start(), to: HOUR.start().plus(length) }
}

fn block() -> BlockView {
    let mut tally = TallyPart::default();
    tally.minutes.entry(3).or_default().0.invocations = 7;
    tally.profile.timeout = Duration::from_secs(3);
    let mut durations = overtime_wire::Durations::default();
    durations.record(Duration::from_millis(1_500));
    tally.durations.add(&durations);
    let mut verdict = VerdictPart::default();
    verdict.minutes.entry(3).or_default().0.timeouts = 2;
    BlockView {
        block: Block::of(HOUR.start()),
        tally: Some(tally),
        verdict: Some(verdict),
        seen: 2,
    }
}

#[test]
fn a_minute_in_which_nothing_was_heard_has_no_counts() {
    let points = of_blocks(&[block()], range(Duration::from_mins(15)), Step::Minute);
    assert_eq!(points.len(), 15);
    let heard: Vec<_> = points.iter().filter_map(|it| it.counts).collect();
    assert_eq!(heard, [Counted { invocations: 7, timeouts: 2, ..Counted::default() }]);
    assert_eq!((points[3].timeout_ms, points[4].timeout_ms), (Some(3_000), None));
    assert_eq!(points[3].duration_ms.p99, None, "durations are not kept by the minute");
}

#[test]
fn a_block_has_quantiles_against_the_timeout_of_its_time() {
    let points = of_blocks(&[block()], range(Duration::from_mins(30)), Step::Block);
    assert_eq!((points.len(), points[1].counts), (2, None));
    assert_eq!(points[0].duration_ms.max, Some(1_500.0));
    assert_eq!(points[0].duration_of_timeout.max, Some(0.5));
}

#[test]
fn days_add_up_their_hours() {
    let hour = |number, timeout| {
        let mut view = HourView::default();
        view.counts.0.invocations = 1;
        view.profile.timeout = Duration::from_secs(timeout);
        StandingHour { hour: Hour::from_number(number), basis: Basis::of(1), view }
    };
    let hours = [hour(498_192, 3), hour(498_193, 5), hour(498_193 + 24, 9)];
    let points = of_hours(&hours, range(Duration::from_hours(48)), Step::Day);
    let counted: Vec<_> = points.iter().map(|it| it.counts.map(|it| it.invocations)).collect();
    assert_eq!(counted, [Some(2), Some(1)]);
    assert_eq!((points[0].timeout_ms, points[1].timeout_ms), (Some(5_000), Some(9_000)));
}

#[test]
fn a_day_of_the_fleet_has_the_most_functions_of_its_hours() {
    let total = |number, functions| {
        let mut view = FleetHour { functions, ..FleetHour::default() };
        view.counts.0.invocations = 10;
        FleetTotal { hour: Hour::from_number(number), basis: Basis::of(1), view }
    };
    let points = of_fleet(
        &[total(498_192, 3), total(498_195, 2)],
        range(Duration::from_hours(48)),
        Step::Day,
    );
    assert_eq!((points.len(), points[0].functions, points[1].functions), (2, Some(3), None));
    assert_eq!(points[0].counts.map(|it| it.invocations), Some(20));
    let cells = points[1].cells();
    assert_eq!(cells.len(), FleetPoint::COLUMNS.concat().len());
    assert!(cells[1..].iter().all(|it| *it == Cell::empty()));
}
