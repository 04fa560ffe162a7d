//! The laws that let facts come twice, late and out of order, and the limits that keep a hostile batch small.

#![expect(clippy::unwrap_used, reason = "in a test, a failure")]

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{
    BLOCK_MINUTES, Batch, Block, Cause, Counts, EpochMillis, Evidence, Incarnation, IncarnationId,
    InitSpan, MinuteCounts, MinuteIndex, Ordinal, Outcome, Phase, Phases, Profile, Recorded,
    RequestId, SampleKind, Spans, Subject, Tally, TraceId, Verdict,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

const BLOCK: u32 = 1_992_768;

prop_compose! {
    fn spans()(
        init in option::of((select(&Phase::ALL[..]), option::of(0u64..900_000_000))),
        others in [option::of(0u64..900_000_000), option::of(0u64..9), option::of(0u64..9), option::of(0u64..9)],
    ) -> Spans {
        let [response_latency, response_duration, runtime_overhead, extension_overhead] =
            others.map(|it| it.map(Duration::from_micros));
        let span = |(phase, took): (Phase, Option<u64>)| InitSpan { phase, took: took.map(Duration::from_micros) };
        Spans { init: init.map(span), response_latency, response_duration, runtime_overhead, extension_overhead }
    }
}

prop_compose! {
    fn phases()(
        begun in vec((select(&Phase::ALL[..]), option::of(0u64..900_000_000)), 0..9),
        overheads in vec((0u64..900_000_000, 0u64..900_000_000), 0..9),
    ) -> Phases {
        let mut phases = Phases::default();
        for (phase, took) in begun {
            let it = phases.of_mut(phase);
            it.count += 1;
            if let Some(took) = took {
                it.durations.record(Duration::from_micros(took));
            }
        }
        for (overhead, of) in overheads {
            phases.extensions.record(Duration::from_micros(overhead), Duration::from_micros(of));
        }
        phases
    }
}

prop_compose! {
    fn verdict()(
        (ordinal, revision, seen) in (0u32..4, 0u32..4, 0i64..900_000),
        evidence in select(Evidence::ALL),
        outcome in select(Outcome::ALL),
        subject in select(Subject::ALL),
        cause in select(Cause::ALL),
        (started, deadline) in (option::of(-5_000i64..900_000), option::of(0i64..1_800_000)),
        duration in option::of(0u64..900_000_000),
        request in option::of(any::<[u8; 16]>()),
        trace in option::of(any::<[u8; 16]>()),
        (cold_start, memory_mb) in (any::<bool>(), 128u32..10_240),
        (log_tail, last_log, spans) in (".{0,40}", option::of(-5_000i64..900_000), spans()),
    ) -> Verdict {
        let block = Block::from_number(BLOCK);
        let at = |offset: i64| EpochMillis(block.start().0 + offset);
        Verdict {
            block,
            ordinal: Ordinal(ordinal),
            revision,
            evidence,
            outcome,
            subject,
            cause,
            seen: at(seen),
            started: started.map(at),
            deadline: deadline.map(at),
            detected: at(seen + 10),
            timeout: Duration::from_secs(3),
            duration: duration.map(Duration::from_micros),
            request: request.map(RequestId::Uuid),
            version: "$LATEST".to_owned(),
            alias: String::new(),
            cold_start,
            memory_mb,
            max_memory_used_mb: 0,
            trace: trace.map(TraceId),
            environment: "environment".to_owned(),
            log_tail,
            last_log: last_log.map(at),
            spans,
        }
    }
}

prop_compose! {
    fn minute()(counts in any::<[u16; 8]>()) -> MinuteCounts {
        let [a, b, c, d, e, f, g, h] = counts.map(u32::from);
        MinuteCounts {
            invocations: a,
            cold_starts: b,
            near_timeouts: c,
            exits: d,
            extension_failures: e,
            platform_failures: f,
            other_failures: g,
            init_failures: h,
        }
    }
}

prop_compose! {
    fn tally()(
        revision in 0u32..4,
        minutes in vec(minute(), 0..=15),
        durations in vec(1u64..900_000_000, 0..200),
        requests in vec(any::<[u8; 16]>(), 0..8),
        tags in vec(("[a-z]{1,20}", "[a-z]{1,90}"), 0..10),
        phases in phases(),
    ) -> Tally {
        let profile = Profile {
            memory_mb: 512,
            timeout: Duration::from_secs(30),
            runtime: "python:3.13.v40".to_owned(),
            tags: tags.into_iter().collect(),
            ..Profile::default()
        };
        let mut tally = Tally::new(Block::from_number(BLOCK), profile);
        tally.revision = revision;
        tally.phases = phases;
        tally.minutes = (0..BLOCK_MINUTES).filter_map(MinuteIndex::new).zip(minutes).collect::<BTreeMap<_, _>>();
        for duration in durations {
            tally.completed(Duration::from_micros(duration));
        }
        for request in requests {
            tally.sample(SampleKind::NearTimeout, &RequestId::Uuid(request));
        }
        tally
    }
}

fn batch(tallies: Vec<Tally>, verdicts: Vec<Verdict>) -> Batch {
    Batch {
        function: "arn:aws:lambda:eu-west-1:000000000042:function:orders"
            .parse::<overtime_wire::Arn>()
            .unwrap()
            .function,
        partition: "aws-cn".parse().unwrap(),
        sent: Block::from_number(BLOCK).start(),
        incarnations: vec![Incarnation {
            id: IncarnationId([7; 16]),
            tallies: tallies.iter().map(Tally::encode).collect(),
            verdicts: verdicts.iter().map(Verdict::encode).collect(),
        }],
    }
}

fn assert_laws<T: Clone + PartialEq + std::fmt::Debug>(
    [a, b, c]: [Recorded<T>; 3],
) -> Result<(), TestCaseError> {
    let merge = |x: &Recorded<T>, y: &Recorded<T>| x.clone().merge(y.clone());
    prop_assert_eq!(merge(&a, &b), merge(&b, &a));
    prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
    prop_assert_eq!(merge(&a, &a), a.clone());
    prop_assert_eq!(merge(&merge(&a, &b), &b), merge(&a, &b));
    Ok(())
}

proptest! {
    #[test]
    fn verdicts_merge_in_any_order_and_number(facts in [verdict(), verdict(), verdict()]) {
        assert_laws(facts.map(|it| it.encode()))?;
    }

    #[test]
    fn tallies_merge_in_any_order_and_number(facts in [tally(), tally(), tally()]) {
        assert_laws(facts.map(|it| it.encode()))?;
    }

    #[test]
    fn better_evidence_stands_whatever_the_revision(a in verdict(), b in verdict()) {
        let merged = a.encode().merge(b.encode()).fact;
        prop_assert_eq!(merged.evidence, a.evidence.max(b.evidence));
        if a.evidence == b.evidence {
            prop_assert_eq!(merged.revision, a.revision.max(b.revision));
        }
    }

    #[test]
    fn no_number_has_two_sources(minute in minute(), verdict in verdict()) {
        let (tallied, judged) = (Counts::of_minute(&minute), Counts::of_verdict(&verdict));
        let from_verdicts_only = [tallied.timeouts, tallied.init_timeouts, tallied.out_of_memory];
        prop_assert_eq!(from_verdicts_only, [0; 3]);
        let from_tallies_only =
            [judged.errors, judged.near_timeouts, judged.cold_starts, judged.init_failures];
        prop_assert_eq!(from_tallies_only, [0; 4]);
        prop_assert!(judged.timeouts + judged.out_of_memory + judged.init_timeouts <= 1);
        let mut both = tallied;
        both += judged;
        prop_assert_eq!(both.invocations, tallied.invocations + judged.invocations);
        prop_assert_eq!(judged.invocations, u64::from(verdict.subject == Subject::Invocation));
    }

    #[test]
    fn a_batch_survives_the_wire(
        tallies in vec(tally(), 0..3),
        verdicts in vec(verdict(), 0..3),
    ) {
        let sent = batch(tallies, verdicts.clone());
        let received = Batch::decode(&sent.encode()).unwrap();
        prop_assert_eq!(&received, &sent);
        let read: Vec<_> = received.incarnations[0].verdicts.iter().map(|it| it.fact.clone()).collect();
        prop_assert_eq!(read, verdicts);
    }

    #[test]
    fn a_tally_fits_whatever_it_counts_and_keeps_its_numbers(tally in tally()) {
        let encoded = tally.encode();
        prop_assert!(encoded.bytes.len() <= Tally::MAX_BYTES);
        let decoded = Tally::decode(&encoded.bytes).unwrap().fact;
        prop_assert_eq!(&decoded.minutes, &tally.minutes);
        prop_assert_eq!(decoded.durations.count(), tally.durations.count());
        prop_assert_eq!(decoded.durations.max(), tally.durations.max());
        for phase in Phase::ALL {
            prop_assert_eq!(decoded.phases.of(phase).count, tally.phases.of(phase).count);
        }
        // Samples go before what phases took, and that before tags.
        let timed = |it: &Phases| Phase::ALL.into_iter().map(|phase| it.of(phase).durations.count()).sum::<u64>();
        let taken = timed(&decoded.phases) + u64::from(decoded.phases.extensions.invocations);
        prop_assert!(decoded.phases == tally.phases || (taken == 0 && decoded.samples.is_empty()));
        prop_assert!(decoded.profile.tags == tally.profile.tags || taken == 0);
    }

    #[test]
    fn bytes_from_anywhere_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        drop(Batch::decode(&bytes));
        drop(Tally::decode(&bytes));
        drop(Verdict::decode(&bytes));
    }

    #[test]
    fn a_batch_cut_or_bent_anywhere_is_read_or_refused(
        tally in tally(),
        verdict in verdict(),
        (at, with) in (any::<prop::sample::Index>(), any::<u8>()),
    ) {
        let bytes = batch(vec![tally], vec![verdict]).encode();
        drop(Batch::decode(&bytes[..at.index(bytes.len())]));
        let mut bent = bytes;
        let at = at.index(bent.len());
        bent[at] = with;
        drop(Batch::decode(&bent));
    }
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let error = Batch::decode(bytes).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn what_is_too_much_or_not_a_batch_is_refused_by_name() {
    refused(&vec![0; Batch::MAX_BYTES + 1], "'batch' has 1048577 bytes");
    refused(b"", "'function' is missing");
    refused(b"not protobuf", "not protobuf");

    let tally = Tally::new(Block::from_number(BLOCK), Profile::default());
    refused(&batch(vec![tally; 1_001], vec![]).encode(), "hold 1001 facts");

    let mut long = batch(vec![], vec![]);
    long.incarnations[0].tallies.push(Recorded {
        bytes: vec![0; Tally::MAX_BYTES + 1],
        ..Tally::new(Block::from_number(BLOCK), Profile::default()).encode()
    });
    refused(&long.encode(), "'tallies' has 801 bytes");
}

#[test]
fn fields_of_the_future_pass() {
    let mut bytes = batch(vec![], vec![]).encode();
    // Field 1000, length-delimited, three bytes.
    bytes.extend([0xc2, 0x3e, 3, 1, 2, 3]);
    assert_eq!(Batch::decode(&bytes).unwrap(), batch(vec![], vec![]));
}
