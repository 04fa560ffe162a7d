//! Pages in order, whatever is sorted by and however a page is cut.

use overtime_wire::{Counts, FunctionKey};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    api::words::{Text, Word as _},
    domain::{
        hour::Hour,
        ring::Hourly,
        summary::{Basis, Digest},
    },
};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

fn row(number: usize, counts: Option<(u64, u64)>, p99_us: Option<u64>) -> Summary {
    let newest = Hour::of(NOW).minus(1);
    let mut digest = Digest { p99_us, ..Digest::default() };
    digest.profile.timeout = std::time::Duration::from_secs(3);
    if let Some((invocations, timeouts)) = counts {
        let counts = Counts { invocations, timeouts, ..Counts::default() };
        digest.hours.0.insert(newest, Hourly { seen: 1, counts, ..Hourly::default() });
        digest.last_timeout_ms = i64::try_from(timeouts).ok().filter(|it| *it > 0);
    }
    let function = FunctionKey {
        account: format!("{:012}", number % 2).parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: format!("f{}", number / 2).parse().unwrap(),
    };
    Summary { function, basis: Basis { generation: 1, newest, writes: 1 }, digest: digest.into() }
}

fn order(sort: &str, direction: &str) -> Order {
    Order::asked(
        Some(&Text(order::Sort::read(sort).unwrap())),
        Some(&Text(order::Direction::read(direction).unwrap())),
    )
}

const SORTS: [&str; 9] = [
    "timeouts",
    "rate",
    "invocations",
    "errors",
    "near_timeouts",
    "last_timeout",
    "last_seen",
    "p99_of_timeout",
    "name",
];

proptest! {
    #[test]
    fn pages_are_the_whole_list_cut(
        rows in vec((prop::option::of((0..3_u64, 0..3_u64)), prop::option::of(0..9_u64)), 0..20),
        sort in 0..SORTS.len(),
        upwards: bool,
        limit in 1..7_usize,
    ) {
        let rows: Vec<_> =
            rows.into_iter().enumerate().map(|(at, (counts, p99))| row(at, counts, p99)).collect();
        let order = order(SORTS[sort], if upwards { "asc" } else { "desc" });
        let from = last_day(NOW);
        let asked = Asked::default();
        let names = |page: &Page<Row>| -> Vec<String> {
            page.items.iter().map(|it| serde_json::to_string(it).unwrap()).collect()
        };
        let whole = asked.page(&rows, (order, None, from), 1_000);
        prop_assert_eq!((whole.items.len(), &whole.next), (rows.len(), &None));
        let (mut found, mut place) = (Vec::new(), None::<Place>);
        loop {
            let page = asked.page(&rows, (order, place.as_ref(), from), limit);
            prop_assert!(page.items.len() <= limit);
            found.extend(names(&page));
            let Some(next) = page.next else { break };
            let read = Place::read(&next).unwrap();
            prop_assert_eq!(read.write(), next);
            place = Some(read);
        }
        prop_assert_eq!(found, names(&whole));
    }
}

#[test]
fn what_is_not_known_comes_last_in_either_direction() {
    let rows = [row(0, None, None), row(2, Some((5, 0)), None), row(4, Some((5, 3)), None)];
    for (direction, expected) in [("desc", ["f2", "f1", "f0"]), ("asc", ["f1", "f2", "f0"])] {
        let order = order("timeouts", direction);
        let page = Asked::default().page(&rows, (order, None, last_day(NOW)), 10);
        let rows: Vec<_> = page.items.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
        let names: Vec<_> = rows.iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, expected, "{direction}");
        assert!(rows[2]["counts"].is_null() && rows[2]["timeout_rate"].is_null());
        assert_eq!(rows[1]["counts"]["invocations"], 5);
    }
}

#[test]
fn only_our_own_cursors_are_cursors() {
    for text in ["", "?", "MTIz", "bm9uc2Vuc2U", "W10"] {
        assert!(Place::read(text).is_err(), "{text}");
    }
}

#[test]
fn a_list_counts_whole_hours_of_the_last_day() {
    let when = |text: &str| Text(crate::domain::instant::When::parse(text).unwrap());
    let from = |asked: Option<&str>, now| counted_from(asked.map(when).as_ref(), now);
    let ago = |minutes| Step::Hour.begin(NOW.minus(std::time::Duration::from_mins(minutes)));
    assert_eq!(from(None, NOW).unwrap(), NOW.minus(DAY));
    assert_eq!(from(Some("now-90m"), NOW).unwrap(), ago(90));
    assert_eq!(from(Some("now-24h"), NOW).unwrap(), NOW.minus(DAY));
    assert_eq!(from(Some("2999-01-01T00:00:00Z"), NOW).unwrap(), ago(0));
    // An instant that was a day ago when somebody asked for it.
    let asked = NOW.plus(std::time::Duration::from_mins(1));
    assert_eq!(from(Some("now-1441m"), asked).unwrap(), NOW.minus(DAY));
    assert!(from(Some("now-25h"), NOW).is_err());
}
