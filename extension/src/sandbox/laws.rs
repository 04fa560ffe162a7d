//! What holds whatever is told, in whatever order, however often.

use std::time::Duration;

use overtime_wire::Phases;
use proptest::{collection::vec, prelude::*};

use super::script::{Heard, START, apply, play, post, sandbox};
use crate::{log::Lines, telemetry};

/// One step of nonsense: any verb about one of a few requests.
fn step() -> impl Strategy<Value = String> {
    let request = prop::sample::select(vec!["a", "b", "c", "d", "?"]);
    let status = prop::sample::select(vec![
        "success",
        "timeout",
        "error:Runtime.ExitError",
        "error:Runtime.OutOfMemory",
        "failure:",
        "odd",
    ]);
    let phase = prop::sample::select(vec!["init", "invoke", "restore"]);
    let reason = prop::sample::select(vec!["timeout", "failure", "spindown"]);
    prop_oneof![
        4 => request.clone().prop_map(|it| format!("invoke {it} 3")),
        4 => request.clone().prop_map(|it| format!("start {}", it.replace('?', "e"))),
        4 => (request.clone(), status.clone(), 0u32..4000)
            .prop_map(|(it, status, ms)| format!("done {it} {status} {ms}")),
        4 => (request, status.clone(), 0u32..4000)
            .prop_map(|(it, status, ms)| format!("report {} {status} {ms}", it.replace('?', "e"))),
        1 => phase.clone().prop_map(|it| format!("init-start {it}")),
        1 => (phase, status).prop_map(|(it, status)| format!("init-report {it} {status} 9")),
        1 => reason.prop_map(|it| format!("shutdown {it}")),
        1 => Just("give-up".to_owned()),
    ]
}

fn script(steps: &[String]) -> String {
    let line = |(at, step): (usize, &String)| format!("{at} {step}\n");
    steps.iter().enumerate().map(line).collect()
}

/// An environment's real life: invocations one after the other, the last one perhaps timing out.
#[derive(Debug, Clone)]
struct Life {
    invocations: usize,
    times_out: bool,
    /// For each record: how often it is delivered, none being lost.
    deliveries: Vec<usize>,
    /// For each record: how many places late.
    delays: Vec<usize>,
}

fn life() -> impl Strategy<Value = Life> {
    (1usize..12).prop_flat_map(|invocations| {
        let records = invocations * 3;
        (any::<bool>(), vec(0usize..3, records), vec(0usize..4, records)).prop_map(
            move |(times_out, deliveries, delays)| Life {
                invocations,
                times_out,
                deliveries,
                delays,
            },
        )
    })
}

impl Life {
    /// INVOKEs in order, every 10 seconds; records late, twice, or never, but never before what they tell of.
    fn script(&self) -> String {
        // Times are hundredths of a second.
        let mut steps: Vec<(usize, String)> = vec![
            (0, "init-start init @0".to_owned()),
            (0, "init-report init success 200 @0".to_owned()),
        ];
        let mut deliveries = self.deliveries.iter().zip(&self.delays);
        for index in 0..self.invocations {
            let is_timeout = self.times_out && index + 1 == self.invocations;
            let status = if is_timeout { "timeout" } else { "success" };
            steps.push((index * 1_000, format!("invoke r{index} 3")));
            for (verb, offset) in [("start", 10), ("done", 300), ("report", 310)] {
                let (times, delay) = deliveries.next().unwrap();
                let generated = index * 1_000 + offset;
                for again in 0..*times {
                    let late = if is_timeout { 0 } else { delay * 400 };
                    let record =
                        format!("{verb} r{index} {status} 10 over=2 @{}", seconds(generated));
                    steps.push((generated + late + again, record));
                }
            }
        }
        let reason = if self.times_out { "timeout" } else { "spindown" };
        let end = self.invocations * 1_000 + 3_000;
        steps.push((end, format!("shutdown {reason}")));
        steps.push((end + 10, "give-up".to_owned()));
        steps.sort_by_key(|it| it.0);
        let lines: Vec<_> =
            steps.iter().map(|(at, step)| format!("{} {step}", seconds(*at))).collect();
        lines.join("\n")
    }
}

fn seconds(hundredths: usize) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn unfinished(heard: &Heard) -> u64 {
    heard.tallies.values().map(|it| u64::from(it.fact.losses.unfinished_invocations)).sum()
}

fn phases(heard: &Heard) -> Phases {
    let mut phases = Phases::default();
    heard.tallies.values().for_each(|it| phases.merge(&it.fact.phases));
    phases
}

proptest! {
    /// Nothing panics or grows, and every ordinal is in one place: a verdict or a tally.
    #[test]
    fn nonsense_is_survived(steps in vec(step(), 0..120), managed: bool, hears: bool) {
        let kind = if managed { "lambda-managed-instances" } else { "on-demand" };
        let mut sandbox = sandbox(kind, hears);
        let heard = play(&mut sandbox, &script(&steps));
        sandbox.give_up_waiting(START);
        let verdicts = heard.verdicts.values().filter(|it| it.fact.subject == overtime_wire::Subject::Invocation);
        let told = heard.counts().invocations;
        prop_assert!(told <= u64::from(sandbox.next_ordinal));
        prop_assert!(verdicts.count() as u64 <= told);
    }

    /// A timeout is only ever claimed where the platform said so.
    #[test]
    fn no_timeout_is_invented(steps in vec(step(), 0..120), hears: bool) {
        let quiet: Vec<_> = steps.into_iter().filter(|it| !it.contains("timeout")).collect();
        let heard = play(&mut sandbox("on-demand", hears), &script(&quiet));
        prop_assert_eq!((heard.counts().timeouts, heard.counts().init_timeouts), (0, 0));
    }

    /// However records are delayed, doubled and lost, every invocation is counted exactly once.
    #[test]
    fn counts_in_are_counts_out(life in life()) {
        let heard = play(&mut sandbox("on-demand", true), &life.script());
        let counts = heard.counts();
        prop_assert_eq!(counts.invocations, life.invocations as u64);
        prop_assert_eq!(counts.timeouts, u64::from(life.times_out));
        prop_assert!(unfinished(&heard) < counts.invocations.max(1) + 1);
        let phases = phases(&heard);
        prop_assert!(u64::from(phases.extensions.invocations) <= counts.invocations - counts.timeouts);
        prop_assert_eq!(phases.init.count, u32::from(counts.invocations > counts.timeouts || counts.cold_starts > 0));
    }

    /// Telling everything again changes nothing.
    #[test]
    fn a_second_delivery_changes_nothing(life in life()) {
        let script = life.script();
        let records: Vec<_> = script.lines().filter(|it| it.contains('@')).collect();
        let once = play(&mut sandbox("on-demand", true), &script);
        let mut doubled = sandbox("on-demand", true);
        let first = play(&mut doubled, &script);
        let second = play(&mut doubled, &records.join("\n"));
        prop_assert_eq!(once.counts(), first.counts());
        prop_assert_eq!(phases(&once), phases(&first));
        prop_assert_eq!(phases(&second), Phases::default());
        prop_assert!(second.verdicts.is_empty());
        prop_assert_eq!(second.counts(), overtime_wire::Counts::default());
    }

    /// An aggregator that hears each batch late, or never, ends up with the same as one that hears all.
    #[test]
    fn what_is_lost_on_the_way_is_made_good_by_the_last(life in life()) {
        let all = play(&mut sandbox("on-demand", true), &life.script());
        let mut sandbox = sandbox("on-demand", true);
        for line in life.script().lines() {
            apply(&mut sandbox, line);
        }
        let mut last = Heard::default();
        last.hear(&mut sandbox, START);
        prop_assert_eq!(all.counts(), last.counts());
        // What extensions took rides along where anything goes; inits are told in any case.
        prop_assert_eq!(phases(&all).init, phases(&last).init);
    }
}

#[test]
fn memory_stays_bounded_while_the_aggregator_is_away() {
    let mut sandbox = sandbox("lambda-managed-instances", true);
    for index in 0..5_000u32 {
        let body = format!(
            r#"[{{"type":"platform.start","record":{{"requestId":"r{index}"}}}},{{"type":"platform.report","record":{{"requestId":"r{index}","status":"timeout"}}}},{{"type":"platform.start","record":{{"requestId":"s{index}"}}}}]"#
        );
        let now = START.plus(Duration::from_secs(u64::from(index)));
        post(&mut sandbox, telemetry::decode(body.as_bytes(), Lines::NONE).records, now);
    }
    let now = START.plus(Duration::from_secs(5_000));
    let outgoing = sandbox.batch(overtime_wire::IncarnationId([1; 16]), now).unwrap();
    assert!(outgoing.bytes.len() < 16 * 1024, "{}", outgoing.bytes.len());
    let mut heard = Heard::default();
    heard.hear(&mut sandbox, now);
    let lost: u64 =
        heard.tallies.values().map(|it| u64::from(it.fact.losses.overflowed_facts)).sum();
    assert_eq!(lost + heard.verdicts.len() as u64, 5_000);
}

/// Every body of the corpus, into a process that has seen nothing else: each timeout in it becomes one verdict.
#[test]
fn the_corpus_becomes_facts() {
    let Some(bodies) = telemetry::tests::bodies() else {
        println!("skipped: no corpus beside the project");
        return;
    };
    for (name, body) in bodies {
        let records = telemetry::decode(&body, Lines(3)).records;
        let timeouts = records.iter().filter(|it| telemetry::tests::is_timeout(it)).count();
        let mut sandbox = sandbox("on-demand", true);
        sandbox.me.born = overtime_wire::EpochMillis(0);
        for _ in 0..2 {
            post(&mut sandbox, records.clone(), START);
        }
        let mut heard = Heard::default();
        heard.hear(&mut sandbox, START);
        // One invocation's end is told by runtimeDone and report, and a restore that times out is a failed init.
        let expected = match name.as_str() {
            "timeout-pair-2026-07.json" | "report-before-runtimeDone.json" => 1,
            "restore-failures.json" => 0,
            _ => timeouts as u64,
        };
        let counts = heard.counts();
        assert_eq!(counts.timeouts + counts.init_timeouts, expected, "{name}");
    }
}
