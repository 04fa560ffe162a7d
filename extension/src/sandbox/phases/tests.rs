//! What is tallied of phases, and what of them a verdict carries.

use std::{fmt::Write, time::Duration};

use expect_test::{Expect, expect};
use overtime_wire::{Phase, Phases, Spans};

use super::super::script::{Heard, START, apply, play, sandbox};

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// All that tallies say, and the spans of the verdicts as they stand.
fn told(heard: &Heard) -> String {
    let mut told = String::new();
    for (block, tally) in &heard.tallies {
        let Phases { extensions, .. } = &tally.fact.phases;
        let mut said = Vec::new();
        for phase in Phase::ALL {
            let begun = tally.fact.phases.of(phase);
            if begun.count > 0 {
                let took = begun.durations.max().map_or("?".to_owned(), |it| format!("{it:?}"));
                said.push(format!("{} {} took {took}", begun.count, phase.as_str()));
            }
        }
        if extensions.invocations > 0 {
            said.push(format!(
                "extensions {} ms, at most {}, of {} ms in {}",
                millis(extensions.total),
                millis(extensions.max),
                millis(extensions.of),
                extensions.invocations
            ));
        }
        if !said.is_empty() {
            let since = (block.start().0 - START.0) / 60_000;
            let _ = writeln!(told, "{since} min: {}", said.join(", "));
        }
    }
    for verdict in heard.verdicts.values() {
        let Spans { init, .. } = verdict.fact.spans;
        let spans = verdict.fact.spans;
        let init = init.map(|it| format!("{} took {:?}", it.phase.as_str(), it.took));
        let _ = writeln!(
            told,
            "{}: {}; {:?} {:?} {:?} {:?}",
            verdict.fact.request.as_ref().map_or("?".to_owned(), ToString::to_string),
            init.unwrap_or_default(),
            spans.response_latency,
            spans.response_duration,
            spans.runtime_overhead,
            spans.extension_overhead
        );
    }
    told
}

#[track_caller]
fn check(initialization: &str, script: &str, expected: Expect) {
    expected.assert_eq(&told(&play(&mut sandbox(initialization, true), script)));
}

const COLD: &str = "
    0     init-start init
    0.2   init-done init success
    0.25  init-report init success 241.5
    0.3   invoke a 3
    0.31  start a
    0.4   done a success 90 spans=80/2/1";

#[test]
fn a_cold_start_is_tallied_with_what_it_took_however_often_it_is_told() {
    let expected = "0 min: 1 init took 241.5ms, extensions 4 ms, at most 4, of 94 ms in 1\n";
    let end = "0.5 report a success 94 over=4 init=240\n5 shutdown spindown";
    let once = play(&mut sandbox("on-demand", true), &format!("{COLD}\n{end}"));
    assert_eq!(told(&once), expected);
    let again = "
        0.6   init-start init
        0.6   init-report init success 241.5
        0.6   report a success 94 over=4 init=240";
    let twice = play(
        &mut sandbox("on-demand", true),
        &format!("{COLD}\n0.5 report a success 94 over=4 init=240{again}\n5 shutdown spindown"),
    );
    assert_eq!(told(&twice), expected);
}

#[test]
fn where_no_report_of_the_init_came_the_first_invocations_tells() {
    check(
        "on-demand",
        "0   invoke a 3
         0.1 done a success 90
         0.1 report a success 90 init=300
         1   invoke b 3
         1.1 done b success 90
         1.2 report b success 90 init=400
         5   shutdown spindown",
        expect![[r"
            0 min: 1 init took 300ms
        "]],
    );
    check(
        "snap-start",
        "0   invoke a 3
         0.1 done a success 90
         0.1 report a success 90 restore=150
         5   shutdown spindown",
        expect![[r"
            0 min: 1 restore took 150ms
        "]],
    );
}

#[test]
fn a_restore_is_no_init() {
    check(
        "snap-start",
        "0     init-start init
         0.9   init-report init success 900
         10    init-start restore in=copy
         10.2  init-done restore success
         10.2  init-report restore success 210
         10.3  invoke a 3
         10.4  done a success 90
         20    shutdown spindown",
        expect![[r"
            0 min: 1 restore took 210ms
        "]],
    );
}

#[test]
fn what_did_not_end_well_has_begun_and_took_nobody_knows_how_long() {
    check(
        "on-demand",
        "0     init-start init
         0.2   init-done init error:Runtime.ExitError
         0.2   init-report init error:Runtime.ExitError 200
         0.3   shutdown failure",
        expect![[r"
            0 min: 1 init took ?
        "]],
    );
}

#[test]
fn a_suppressed_init_is_counted_as_such_and_its_invocation_says_what_it_ate() {
    check(
        "on-demand",
        "0     init-start invoke
         1.9   init-done invoke success
         1.9   init-report invoke success 1900
         1.9   start a
         1.9   invoke a 1.1
         3     done a timeout 1100
         3     shutdown timeout",
        expect![[r"
            0 min: 1 suppressed_init took 1.9s
            a: suppressed_init took Some(1.9s); None None None None
        "]],
    );
    check(
        "on-demand",
        "0     init-start invoke
         3     done ? timeout 0
         3     shutdown timeout",
        expect![[r"
            0 min: 1 suppressed_init took ?
            ?: suppressed_init took None; None None None None
        "]],
    );
}

#[test]
fn a_verdict_carries_the_platforms_own_spans() {
    check(
        "on-demand",
        "0     init-start init
         0.2   init-report init success 200
         0.3   invoke a 3
         0.4   done a success 90 spans=80/2.5/1
         3.3   shutdown timeout
         3.4   report a timeout 3000 over=2900",
        expect![[r"
            0 min: 1 init took 200ms
            a: init took Some(200ms); Some(80ms) Some(2.5ms) Some(1ms) Some(2.9s)
        "]],
    );
    // What is not an environment's first invocation waited for no init, and what a timeout took is in no tally.
    check(
        "on-demand",
        "0     init-start init
         0.2   init-report init success 200
         0.3   invoke a 3
         0.4   done a success 90
         0.5   report a success 92 over=2
         1     invoke b 3
         4     done b timeout 3000
         4     shutdown timeout
         4.1   report b timeout 3000 over=1",
        expect![[r"
            0 min: 1 init took 200ms, extensions 2 ms, at most 2, of 92 ms in 1
            b: ; None None None Some(1ms)
        "]],
    );
}

/// Reports come with the next invocation, which may be in another block: nothing is sent for their sake alone.
#[test]
fn what_extensions_took_waits_for_a_tally_that_goes_anyway() {
    let mut sandbox = sandbox("on-demand", true);
    let mut heard = Heard::default();
    let mut now = START;
    for line in ["0 invoke a 3", "0.1 done a success 90", "1000 invoke b 3"] {
        now = apply(&mut sandbox, line);
    }
    heard.hear(&mut sandbox, now);
    let now = apply(&mut sandbox, "1000.1 report a success 97 over=7");
    assert!(!sandbox.holdings().tallies);
    assert!(sandbox.batch(overtime_wire::IncarnationId([7; 16]), now).is_none());
    apply(&mut sandbox, "1000.2 done b success 90");
    let now = apply(&mut sandbox, "1010 shutdown spindown");
    heard.hear(&mut sandbox, now);
    expect![[r"
        15 min: extensions 7 ms, at most 7, of 97 ms in 1
    "]]
    .assert_eq(&told(&heard));
}
