//! That nothing grows without bounds, and that nothing is lost without being named.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{Wanted, context::Context, desk::Desk},
    *,
};

const START: i64 = 1_793_491_200_000;
const ME: IncarnationId = IncarnationId([7; 16]);

/// Lines of a certain length, that no compressor makes shorter by much, each at its millisecond.
fn sheet(lines: &[(i64, usize)]) -> Sheet {
    let wanted = Wanted { function: true, ..Wanted::default() };
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let records: Vec<String> = lines
        .iter()
        .map(|(at, length)| {
            let text: String = (0..*length)
                .map(|_| {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    char::from(b'0' + u8::try_from(noise % 75).unwrap())
                })
                .collect();
            let time = super::super::key::instant(EpochMillis(*at));
            let (time, text) = (serde_json::json!(time), serde_json::json!(text));
            format!(r#"{{"time":{time},"type":"function","record":{text}}}"#)
        })
        .collect();
    let body = format!("[{}]", records.join(","));
    Desk::new(wanted, Context::default()).read(body.as_bytes(), EpochMillis(START))
}

fn shelf() -> Shelf {
    let mut shelf = Shelf::default();
    shelf.begin(ME);
    shelf
}

const NOW: EpochMillis = EpochMillis(START + 5);

#[test]
fn an_hour_has_objects_of_its_own() {
    let mut shelf = Shelf::default();
    shelf.add(&sheet(&[(START - 1, 10), (START, 10), (START + 1, 10)]), NOW);
    let holdings = shelf.holdings();
    assert_eq!(holdings, Holdings { are_sealed: true, are_open: true, oldest: Some(NOW) });
    // What was gathered before there was a name has it as well.
    shelf.begin(ME);
    let first = shelf.next(true).unwrap();
    assert_eq!(
        (first.name.hour, first.name.by, first.name.number, first.lines),
        (Hour::of(EpochMillis(START - 1)), ME, 0, Some(1))
    );
    shelf.stored(first.name);
    assert!(shelf.next(false).is_none());
    let second = shelf.next(true).unwrap();
    assert_eq!(
        (second.name.hour, second.name.number, second.lines),
        (Hour::of(EpochMillis(START)), 1, Some(2))
    );
    shelf.stored(second.name);
    assert!(shelf.holdings().are_empty());
}

#[test]
fn what_came_back_goes_again_under_its_name() {
    let mut shelf = shelf();
    shelf.add(&sheet(&[(START, 10)]), NOW);
    let first = shelf.next(true).unwrap();
    shelf.returned();
    shelf.add(&sheet(&[(START, 10)]), NOW);
    assert_eq!(shelf.next(true), Some(first));
}

#[test]
fn what_others_left_goes_first() {
    let mut shelf = shelf();
    shelf.add(&sheet(&[(START - 1, 10), (START, 10)]), NOW);
    let left = |number| Object {
        name: Name { hour: Hour(0), by: IncarnationId([1; 16]), number },
        length: 10,
        lines: None,
        body: None,
    };
    shelf.inherit(vec![left(0), left(1)]);
    for number in 0..2 {
        let next = shelf.next(false).unwrap();
        assert_eq!(next, left(number));
        shelf.stored(next.name);
    }
    assert_eq!(shelf.next(false).unwrap().name.by, ME);
}

#[test]
fn where_the_disk_has_it_memory_is_given_up_and_nothing_is_lost() {
    let mut shelf = shelf();
    for _ in 0..8 {
        shelf.add(&sheet(&[(START, 800_000)]), NOW);
        assert!(shelf.relieve(|_| true).is_empty());
    }
    let held: usize = shelf.waiting.iter().filter_map(|it| Some(it.body.as_ref()?.len())).sum();
    assert!(held <= HELD_MAX, "{held}");
    assert_eq!(shelf.waiting.len(), 8);
}

proptest! {
    // Compressing that much takes its time where nothing is optimised.
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// With a disk or without, all lines are held, or handed back as lost, and bounds are kept.
    #[test]
    fn bounds_hold_and_every_line_is_accounted_for(
        bodies in vec((vec((0i64..7_200_000, 0usize..200_000), 0..5), any::<bool>(), any::<bool>()), 0..9),
    ) {
        let mut shelf = shelf();
        let (mut came, mut lost, mut stored) = (0, 0, 0);
        let lines = |it: &Object| it.lines.unwrap();
        for (body, has_disk, sends) in bodies {
            came += u32::try_from(body.len()).unwrap();
            let body: Vec<_> = body.into_iter().map(|(at, length)| (START + at, length)).collect();
            shelf.add(&sheet(&body), NOW);
            lost += shelf.relieve(|_| has_disk).iter().map(lines).sum::<u32>();
            let held: usize = shelf.waiting.iter().filter_map(|it| Some(it.body.as_ref()?.len())).sum();
            prop_assert!(held <= HELD_MAX);
            if sends && let Some(next) = shelf.next(true) {
                stored += lines(&next);
                shelf.stored(next.name);
            }
        }
        let mut names: Vec<_> = shelf.waiting.iter().map(|it| it.name).collect();
        names.dedup();
        prop_assert_eq!(names.len(), shelf.waiting.len());
        let left: u32 = shelf.clear().iter().map(lines).sum();
        prop_assert_eq!(came, lost + stored + left);
    }
}
