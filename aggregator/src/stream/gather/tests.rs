//! Nothing is lost, nothing is hurried, and the checkpoint is honest.

use proptest::{collection::vec, prelude::*};

use super::*;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

fn function(number: u8) -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: format!("f{number}").parse().unwrap(),
    }
}

fn after(ms: u64) -> EpochMillis {
    NOW.plus(Duration::from_millis(ms))
}

fn gather() -> Gather {
    Gather::new(Pace::default())
}

fn change(number: u8, part: Part) -> (FunctionKey, Block, Part) {
    (function(number), Block::of(NOW), part)
}

fn kinds(jobs: &[Job]) -> Vec<(bool, bool)> {
    jobs.iter().map(|it| (it.tallies, it.verdicts)).collect()
}

#[test]
fn verdicts_are_due_at_once_and_tallies_together_later() {
    let mut gather = gather();
    gather.take("1".to_owned(), Some(change(1, Part::Tally)), NOW);
    gather.take("2".to_owned(), Some(change(1, Part::Tally)), after(400));
    gather.take("3".to_owned(), Some(change(1, Part::Verdict)), after(500));
    assert_eq!(kinds(&gather.start(after(500), 8)), [(false, true)]);
    assert_eq!(gather.checkpoint(), None);
    gather.done(&function(1));
    assert_eq!(gather.pause(after(600)), Some(Duration::from_millis(400)));
    assert_eq!(kinds(&gather.start(after(999), 8)), []);
    assert_eq!(kinds(&gather.start(after(1_000), 8)), [(true, false)]);
    gather.done(&function(1));
    assert_eq!(gather.checkpoint().as_deref(), Some("3"));
    assert!(gather.is_idle());
}

#[test]
fn what_changes_while_it_is_evaluated_is_evaluated_again() {
    let mut gather = gather();
    gather.take("1".to_owned(), Some(change(1, Part::Verdict)), NOW);
    assert_eq!(gather.start(NOW, 8).len(), 1);
    gather.take("2".to_owned(), Some(change(1, Part::Verdict)), NOW);
    assert_eq!(gather.start(NOW, 8).len(), 0);
    gather.done(&function(1));
    assert_eq!(gather.checkpoint().as_deref(), Some("1"));
    assert_eq!(gather.start(NOW, 8).len(), 1);
    gather.done(&function(1));
    assert_eq!(gather.checkpoint().as_deref(), Some("2"));
}

#[test]
fn a_failure_waits_and_holds_the_checkpoint() {
    let mut gather = gather();
    gather.take("1".to_owned(), Some(change(1, Part::Verdict)), NOW);
    gather.take("2".to_owned(), Some(change(2, Part::Verdict)), NOW);
    gather.take("3".to_owned(), None, NOW);
    assert_eq!(gather.start(NOW, 8).len(), 2);
    gather.failed(&function(1), NOW);
    gather.done(&function(2));
    assert_eq!(gather.checkpoint(), None);
    assert_eq!(gather.start(NOW, 8).len(), 0);
    assert_eq!(gather.start(after(1_000), 8).len(), 1);
    gather.done(&function(1));
    assert_eq!(gather.checkpoint().as_deref(), Some("3"));
}

#[test]
fn a_backlog_of_few_blocks_is_read_to_its_end_at_once() {
    let mut gather = gather();
    for record in 0..100_000_u32 {
        assert!(!gather.is_full(), "after {record} records");
        gather.take(record.to_string(), Some(change(u8::from(record % 2 == 0), Part::Tally)), NOW);
    }
    assert_eq!(gather.start(after(1_000), 8).len(), 2);
    gather.done(&function(1));
    assert_eq!(gather.checkpoint().as_deref(), Some("0"), "the record before the other's first");
    gather.done(&function(0));
    assert_eq!(gather.checkpoint().as_deref(), Some("99999"));
    assert_eq!(gather.checkpoint(), None);
}

proptest! {
    /// Records come, jobs start, succeed and fail in any order: the checkpoint names only records whose block was read
    /// after they were taken, and in the end it names the last one.
    #[test]
    fn the_checkpoint_never_passes_what_is_not_done(steps in vec((0_u8..5, 0_u8..3), 1..200)) {
        let mut gather = gather();
        let mut now = NOW;
        let mut taken = Vec::<(u8, Part)>::new();
        let mut done = Vec::<bool>::new();
        let mut running = Vec::<(u8, Vec<usize>)>::new();
        let mut last = None;
        let drain = (0..400).flat_map(|_| [(2, 0), (4, 0)]);
        for (action, number) in steps.into_iter().chain(drain) {
            now = now.plus(Duration::from_millis(100));
            match action {
                0 | 1 => {
                    let part = if action == 0 { Part::Verdict } else { Part::Tally };
                    gather.take(taken.len().to_string(), Some(change(number, part)), now);
                    taken.push((number, part));
                    done.push(false);
                }
                2 => for job in gather.start(now, 2) {
                    let number: u8 = job.function.name.as_str()[1..].parse().unwrap();
                    let reads = |part| match part { Part::Tally => job.tallies, Part::Verdict => job.verdicts };
                    let covered = |(_, it): &(usize, &(u8, Part))| it.0 == number && reads(it.1);
                    running.push((number, taken.iter().enumerate().filter(covered).map(|(at, _)| at).collect()));
                },
                3 => if let Some((number, _)) = running.pop() { gather.failed(&function(number), now) },
                _ => if let Some((number, covered)) = running.pop() {
                    gather.done(&function(number));
                    for at in covered {
                        done[at] = true;
                    }
                },
            }
            if let Some(sequence) = gather.checkpoint() {
                let passed: usize = sequence.parse().unwrap();
                prop_assert!(done[..=passed].iter().all(|it| *it), "{passed} of {taken:?}");
                last = Some(passed);
            }
        }
        prop_assert!(gather.is_idle());
        prop_assert_eq!(last, taken.len().checked_sub(1));
    }
}
