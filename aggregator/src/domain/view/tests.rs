//! Equal facts, equal bytes; one source for one number.

use std::time::Duration;

use expect_test::expect;
use overtime_wire::{
    Cause, Evidence, FunctionKey, IncarnationId, MinuteCounts, Ordinal, Outcome, RequestId, Spans,
    Subject, Verdict,
};
use proptest::{collection::vec, prelude::*};

use super::*;

fn block() -> Block {
    Block::from_number(1_992_768)
}

fn function() -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders".parse().unwrap(),
    }
}

fn tally(number: u8, minute: u32, invocations: u32) -> Standing<Tally> {
    let profile = Profile {
        version: format!("{number}"),
        timeout: Duration::from_secs(3),
        ..Profile::default()
    };
    let mut tally = Tally::new(block(), profile);
    let counts =
        MinuteCounts { invocations, exits: 1, near_timeouts: 2, ..MinuteCounts::default() };
    tally.minutes.insert(MinuteIndex::new(minute).unwrap(), counts);
    tally.completed(Duration::from_millis(u64::from(invocations)));
    tally.sample(SampleKind::Exit, &RequestId::parse(&format!("request-{number}")).unwrap());
    tally.losses.failed_sends = 1;
    tally.phases.init.count = 1;
    tally.phases.init.durations.record(Duration::from_millis(200));
    tally.phases.extensions.record(Duration::from_millis(1), Duration::from_millis(20));
    Standing {
        incarnation: IncarnationId([number; 16]),
        recorded: tally.encode(),
        accepted_at: block().start(),
        writes: 1,
    }
}

fn verdict(number: u8, outcome: Outcome, subject: Subject) -> Timeout {
    let seen = EpochMillis(block().start().0 + 60_000);
    Timeout {
        function: function(),
        incarnation: IncarnationId([number; 16]),
        detected_at: seen,
        verdict: Verdict {
            block: block(),
            ordinal: Ordinal(1),
            revision: 1,
            evidence: Evidence::Report,
            outcome,
            subject,
            cause: Cause::Handler,
            seen,
            started: None,
            deadline: Some(seen.plus(Duration::from_secs(3))),
            detected: seen,
            timeout: Duration::ZERO,
            duration: None,
            request: None,
            version: String::new(),
            alias: String::new(),
            cold_start: false,
            memory_mb: 0,
            max_memory_used_mb: 0,
            trace: None,
            environment: String::new(),
            log_tail: String::new(),
            last_log: None,
            spans: Spans::default(),
        },
    }
}

#[test]
fn a_tally_part_is_small_and_readable() {
    let part = TallyPart::of(&[tally(1, 0, 20), tally(2, 3, 5)]);
    let json = serde_json::to_string(&part).unwrap();
    expect![[r#"{"minutes":{"0":{"i":20,"e":1,"n":2},"3":{"i":5,"e":1,"n":2}},"durations":{"b":{"-62":1,"-46":1},"m":20000},"samples":{"exit":["request-1","request-2"]},"profile":{"timeout_ms":3000,"version":"2"},"losses":{"failed_sends":2},"incarnations":2,"versions":{"1":{"i":20,"e":1,"n":2},"2":{"i":5,"e":1,"n":2}},"phases":{"starts":{"init unknown":{"n":2,"d":{"b":{"-19":2},"m":200000}}},"extensions":{"n":2,"t":2000,"m":1000,"of":40000}}}"#]]
    .assert_eq(&json);
    assert_eq!(serde_json::from_str::<TallyPart>(&json).unwrap(), part);
}

#[test]
fn a_verdict_part_counts_what_verdicts_say_today() {
    let part = VerdictPart::of(&[
        verdict(1, Outcome::Timeout, Subject::Invocation),
        verdict(2, Outcome::Success, Subject::Invocation),
        verdict(3, Outcome::Timeout, Subject::Init),
        verdict(4, Outcome::OutOfMemory, Subject::Invocation),
    ]);
    let json = serde_json::to_string(&part).unwrap();
    expect![[r#"{"minutes":{"1":{"i":3,"t":1,"o":1,"it":1}},"causes":{"handler":1},"deadlines":{"handler":{"1":1}},"last_timeout_ms":1793491263000,"versions":{"":{"i":3,"t":1,"o":1,"it":1}}}"#]]
    .assert_eq(&json);
}

#[test]
fn a_view_adds_its_parts_and_knows_when_something_succeeded() {
    let mut view = BlockView::empty(block());
    assert_eq!((view.last_seen(), view.last_success()), (None, None));
    view.verdict = Some(VerdictPart::of(&[verdict(1, Outcome::Timeout, Subject::Invocation)]));
    assert_eq!(view.last_success(), None);
    view.tally = Some(TallyPart::of(&[tally(1, 0, 20)]));
    let counts = view.counts();
    assert_eq!((counts.invocations, counts.timeouts, counts.errors), (21, 1, 1));
    assert_eq!(view.last_success(), Some(block().start()));
    assert_eq!(view.last_seen(), Some(EpochMillis(block().start().0 + 60_000)));
}

proptest! {
    #[test]
    fn a_part_does_not_grow_with_the_number_of_sandboxes(
        facts in vec((any::<u8>(), 0_u32..15, 1_u32..900), 1..200),
    ) {
        let tallies: Vec<_> =
            facts.into_iter().map(|(number, minute, count)| tally(number, minute, count)).collect();
        let part = TallyPart::of(&tallies);
        let invocations: u64 = part.minutes.values().map(|it| it.0.invocations).sum();
        let sent: u64 = tallies
            .iter()
            .flat_map(|it| it.recorded.fact.minutes.values())
            .map(|it| u64::from(it.invocations))
            .sum();
        prop_assert_eq!(invocations, sent);
        prop_assert!(serde_json::to_string(&part).unwrap().len() < 4_000);
    }
}
