//! What becomes of what a predecessor left, told from its journal alone.

use std::time::Duration;

use overtime_wire::{Batch, EpochMillis, IncarnationId};

use crate::{
    journal::{
        Contents,
        entry::{Begun, Entry},
    },
    sandbox::{
        Held, Sandbox,
        script::{START, apply, line, sandbox},
    },
};

const BEFORE: IncarnationId = IncarnationId([1; 16]);
const OURS: IncarnationId = IncarnationId([2; 16]);

/// Plays a script in one life, and returns the journal that it leaves when it is killed.
fn killed(script: &str) -> Contents {
    killed_in("on-demand", script)
}

fn killed_in(initialization: &str, script: &str) -> Contents {
    let mut life = sandbox(initialization, true);
    let function = life.function_name().to_owned();
    let mut journal = Contents::of(Begun { incarnation: BEFORE, function });
    for step in script.lines() {
        apply(&mut life, step);
        life.unwritten(BEFORE).into_iter().for_each(|it| journal.apply(it));
    }
    journal
}

/// The next life, born so many seconds after the other's script began.
fn born(seconds: u64, journal: Contents) -> Sandbox {
    let mut next = sandbox("on-demand", true);
    next.me.born = at(seconds);
    next.inherit(journal, at(seconds));
    next.awake();
    next
}

fn at(seconds: u64) -> EpochMillis {
    START.plus(Duration::from_secs(seconds))
}

/// What the aggregator is sent under the predecessor's name, and how many invocations were lost.
fn sent(next: &mut Sandbox, now: u64) -> (Vec<String>, u32) {
    let Some(outgoing) = next.batch(OURS, at(now)) else { return (Vec::new(), 0) };
    let batch = Batch::decode(&outgoing.bytes).unwrap();
    next.acknowledged(&outgoing, &[], at(now));
    let theirs = batch.incarnations.iter().filter(|it| it.id == BEFORE);
    let lines = theirs.flat_map(|it| &it.verdicts).map(|it| line(&it.fact)).collect();
    let ours = batch.incarnations.iter().filter(|it| it.id == OURS);
    let lost = ours.flat_map(|it| &it.tallies).map(|it| it.fact.losses.unfinished_invocations);
    (lines, lost.sum())
}

/// Killed after the deadline was witnessed, and before it was claimed.
const OPEN: &str = "0 invoke a +3\n0.01 start a\n0.01 run 3.1";

#[test]
fn what_was_open_past_its_deadline_is_recovered() {
    let mut next = born(10, killed(OPEN));
    assert_eq!(next.holdings().verdicts, Held::Fresh);
    let (lines, lost) = sent(&mut next, 10);
    assert_eq!(lines, ["#0.0 a: timeout, cause unknown, by recovered of 3s"]);
    assert_eq!(lost, 0);
    assert_eq!(next.holdings().verdicts, Held::Nothing);
}

/// However late the next process begins: a crash is no timeout, and neither is an answer of which nobody heard.
#[test]
fn without_a_witness_nothing_is_claimed() {
    for alive in
        ["0.01 run 2.95", "0.01 run 3.0", "0.01 run 2.9\n60 run 60", "0.01 run 2.9\n3.2 run 3.2"]
    {
        let journal = killed(&format!("0 invoke a +3\n{alive}"));
        assert_eq!(sent(&mut born(90, journal), 90), (vec![], 1), "{alive}");
    }
}

#[test]
fn what_was_claimed_by_its_deadline_goes_as_it_stood() {
    let (lines, lost) = sent(&mut born(10, killed("0 invoke a +3\n0 run 3.2")), 10);
    assert_eq!(lines, ["#0.0 a: timeout, cause handler, by deadline of 3s"]);
    assert_eq!(lost, 0);
}

#[test]
fn what_was_answered_or_followed_is_not_claimed_but_counted() {
    let answered = killed("0 invoke a +3\n0.5 done a success 500");
    assert_eq!(sent(&mut born(10, answered), 10), (vec![], 1));
    let followed = killed("0 invoke a +3\n5 invoke b +3\n5 run 8.1");
    let (lines, lost) = sent(&mut born(10, followed), 10);
    assert_eq!(lines, ["#1.0 b: timeout, cause unknown, by recovered of 3s"]);
    assert_eq!(lost, 1);
}

#[test]
fn a_torn_or_blind_journal_proves_nothing() {
    let mut journal = killed(OPEN);
    journal.apply(Entry::Blind);
    assert_eq!(sent(&mut born(10, journal), 10), (vec![], 1));
}

#[test]
fn an_unsent_verdict_goes_as_it_stood() {
    let mut next = born(10, killed("0 invoke a +3\n3 done a timeout 3001"));
    let (lines, lost) = sent(&mut next, 10);
    assert_eq!(lines, ["#0.0 a: timeout, cause handler, by runtime_done took 3.001s of 3s"]);
    assert_eq!(lost, 0);
}

#[test]
fn a_late_report_makes_a_claim_better() {
    let mut next = born(10, killed(OPEN));
    sent(&mut next, 10);
    for _ in 0..2 {
        apply(&mut next, "11 report a timeout 3000 mem=256/256 @3.02");
    }
    let (lines, _) = sent(&mut next, 11);
    let better = "#0.1 a: timeout, cause out_of_memory, by report took 3s of 3s used 256/256";
    assert_eq!(lines, [better]);
    apply(&mut next, "12 report a timeout 3000 mem=256/256 @3.02");
    assert_eq!(sent(&mut next, 12).0, Vec::<String>::new(), "told again, it says nothing new");
}

#[test]
fn a_late_report_takes_a_claim_back() {
    for record in ["report a success 700 mem=90/256 @3.02", "done a success 700 @0.7"] {
        let mut next = born(10, killed(OPEN));
        sent(&mut next, 10);
        apply(&mut next, &format!("11 {record}"));
        let (lines, _) = sent(&mut next, 11);
        assert!(lines[0].starts_with("#0.1 a: success"), "{lines:?}");
    }
}

#[test]
fn a_late_report_finds_what_was_not_claimed() {
    let mut next = born(10, killed("0 invoke a +3"));
    sent(&mut next, 10);
    apply(&mut next, "11 report a timeout 1000 mem=90/256 @1");
    let (lines, _) = sent(&mut next, 11);
    assert_eq!(lines, ["#0.0 a: timeout, cause unknown, by report took 1s of 3s used 90/256"]);
}

/// On Managed Instances no deadline is known, so nothing that is open is ever claimed.
#[test]
fn of_many_that_were_open_only_what_a_report_said_is_told() {
    let script = "0 start a\n0 start b\n0 run 9\n3 report a timeout 3000\n4 start c";
    let mut next = born(10, killed_in("lambda-managed-instances", script));
    let (lines, lost) = sent(&mut next, 10);
    assert_eq!(lines, ["#0.0 a: timeout, cause handler, by report took 3s of 3s"]);
    assert_eq!(lost, 2);
}

#[test]
fn a_retry_under_the_same_request_is_ours() {
    let mut next = born(10, killed(OPEN));
    sent(&mut next, 10);
    apply(&mut next, "11 invoke a +3");
    apply(&mut next, "14 done a timeout 3001 @14");
    let outgoing = next.batch(OURS, at(14)).unwrap();
    let batch = Batch::decode(&outgoing.bytes).unwrap();
    assert_eq!(batch.incarnations.len(), 1);
    assert_eq!((batch.incarnations[0].id, batch.incarnations[0].verdicts.len()), (OURS, 1));
}

#[test]
fn a_backlog_goes_a_part_at_a_time_and_is_urgent_once() {
    let mut next = sandbox("on-demand", true);
    for life in 0..20 {
        let mut journal = killed("0 invoke a +3\n3 done a timeout 3001");
        journal.facts.iter_mut().for_each(|it| it.incarnation = IncarnationId([life; 16]));
        next.inherit(journal, at(10));
    }
    next.awake();
    assert_eq!(next.holdings().verdicts, Held::Fresh);
    let failed = next.batch(OURS, at(10)).unwrap();
    assert_eq!(next.holdings().verdicts, Held::Tried);
    let again = next.batch(OURS, at(10)).unwrap();
    assert_eq!(failed.inherited, again.inherited);
    let mut parts = Vec::new();
    while let Some(part) = next.batch(OURS, at(10)).filter(|it| !it.inherited.is_empty()) {
        parts.push(part.inherited.len());
        next.acknowledged(&part, &[], at(10));
    }
    assert_eq!(parts, [4, 8, 8]);
    assert_eq!(next.holdings().verdicts, Held::Nothing);
}

#[test]
fn nothing_is_sent_before_the_first_event() {
    let mut next = sandbox("on-demand", true);
    next.me.born = at(10);
    next.inherit(killed(OPEN), at(10));
    assert_eq!(next.holdings().verdicts, Held::Nothing);
    next.awake();
    assert_eq!(next.holdings().verdicts, Held::Fresh);
}

#[test]
fn what_is_too_old_to_be_accepted_is_counted_and_let_go() {
    let journal = killed("0 invoke a +3\n3 done a timeout 3001");
    let two_days = 2 * 24 * 60 * 60;
    assert_eq!(sent(&mut born(two_days, journal), two_days).0, Vec::<String>::new());
}
