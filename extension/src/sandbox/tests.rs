//! Every ordering of signals that the platform is known to produce, and what must come of it.

use expect_test::{Expect, expect};

use super::script::{play, sandbox, summary};

#[track_caller]
fn check(script: &str, expected: Expect) {
    check_in("on-demand", script, expected);
}

#[track_caller]
fn check_in(initialization: &str, script: &str, expected: Expect) {
    let heard = play(&mut sandbox(initialization, true), script);
    expected.assert_eq(&format!("{}{}", heard.lines, summary(&heard)));
}

#[test]
fn cold_then_warm_then_spun_down() {
    check(
        "0     init-start init
         0.3   init-report init success 302
         0.31  invoke a 3
         0.34  start a
         0.45  done a success 109
         5     invoke b 3
         5.03  report a success 140 mem=90/256
         5.03  start b
         5.08  done b success 49
         600   shutdown spindown",
        expect!["invocations 2, cold_starts 1"],
    );
}

#[test]
fn the_end_of_an_invocation_may_be_heard_of_in_the_next() {
    check(
        "0     invoke a 3
         60    invoke b 3
         60.02 start a @0.01
         60.02 done a success 2900 @2.91
         60.02 report a success 2950 @2.96
         60.03 start b
         60.04 done b error:Runtime.ExitError 4
         60.05 shutdown failure",
        expect!["invocations 2, errors 1, near_timeouts 1, cold_starts 1"],
    );
}

#[test]
fn done_then_shutdown() {
    check(
        "0     invoke a 3
         0.03  start a
         3.03  done a timeout 3001.2
         3.04  shutdown timeout",
        expect![[r"
            #0.0 a: timeout, cause handler, by runtime_done took 3.0012s of 3s
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn shutdown_then_done_then_report() {
    check(
        "0     invoke a 3
         3.01  shutdown timeout
         3.035 done a timeout 3001
         3.06  report a timeout 3000 mem=90/256",
        expect![[r"
            #0.0 a: timeout, cause handler, by shutdown of 3s
            #0.1 a: timeout, cause handler, by runtime_done took 3.001s of 3s
            #0.2 a: timeout, cause handler, by report took 3s of 3s used 90/256
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn everything_backwards_and_twice() {
    check(
        "3.06  report a timeout 3000 mem=90/256
         3.06  report a timeout 3000 mem=90/256
         3.06  done a timeout 3001 @3.05
         3.06  done a timeout 3001 @3.05
         3.07  start a @0.05
         3.07  start a @0.05
         3.08  shutdown timeout",
        expect![[r"
            #0.0 a: timeout, cause unknown, by report took 3s of 3s used 90/256
            #0.1 a: timeout, cause handler, by report took 3s of 3s used 90/256
            #0.2 a: timeout, cause handler, by report took 3s of 3s used 90/256
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn an_extension_that_holds_an_answered_invocation() {
    check(
        "0     invoke a 3
         0.06  start a
         0.06  done a success 39.9
         3.03  done a timeout 3001
         3.04  shutdown timeout
         3.07  report a timeout 3000 mem=90/256 over=2960",
        expect![[r"
            #0.0 a: timeout, cause extension, by runtime_done took 3.001s of 3s
            #0.1 a: timeout, cause extension, by report took 3s of 3s used 90/256
            invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "0     invoke a 3
         0.06  done a success 39.9
         3.04  shutdown timeout",
        expect![[r"
            #0.0 a: timeout, cause extension, by shutdown of 3s
            invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "0     invoke a 3
         3.04  shutdown timeout
         3.05  done a success 39.9",
        expect![[r"
            #0.0 a: timeout, cause handler, by shutdown of 3s
            #0.1 a: timeout, cause extension, by shutdown of 3s
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn a_report_takes_a_claim_back() {
    check(
        "0     invoke a 3
         3.01  shutdown timeout
         3.06  report a success 2999",
        expect![[r"
            #0.0 a: timeout, cause handler, by shutdown of 3s
            #0.1 a: success, cause handler, by report took 2.999s of 3s
            invocations 1, cold_starts 1"]],
    );
}

#[test]
fn out_of_memory_said_outright_and_suspected() {
    check(
        "0     invoke a 3
         1     done a error:Runtime.OutOfMemory 990
         1.01  shutdown failure
         1.02  report a error:Runtime.OutOfMemory 995 mem=256/256",
        expect![[r"
            #0.0 a: out_of_memory, cause out_of_memory, by runtime_done took 990ms of 3s
            #0.1 a: out_of_memory, cause out_of_memory, by report took 995ms of 3s used 256/256
            invocations 1, out_of_memory 1, cold_starts 1"]],
    );
    check(
        "0     invoke a 3
         3.03  done a timeout 3001
         3.07  report a timeout 3000 mem=256/256",
        expect![[r"
            #0.0 a: timeout, cause handler, by runtime_done took 3.001s of 3s
            #0.1 a: timeout, cause out_of_memory, by report took 3s of 3s used 256/256
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn failures_are_tallied_by_kind() {
    for (status, expected) in [
        ("error:Runtime.ExitError", "exits"),
        ("error:Extension.Crash", "extension"),
        ("failure:Sandbox.Failure", "platform"),
        ("error:Runtime.TruncatedResponse", "other"),
    ] {
        let script = format!("0 invoke a 3\n0.1 done a {status} 100\n0.2 shutdown failure");
        let heard = play(&mut sandbox("on-demand", true), &script);
        let minute = heard.tallies.values().next().unwrap().fact.minutes.values().next().unwrap();
        let counted = match expected {
            "exits" => minute.exits,
            "extension" => minute.extension_failures,
            "platform" => minute.platform_failures,
            _ => minute.other_failures,
        };
        assert_eq!((counted, minute.invocations), (1, 1), "{status}");
        assert_eq!(heard.counts().errors, 1, "{status}");
    }
}

#[test]
fn a_crash_is_counted_even_when_its_end_is_not_heard_of() {
    check(
        "0     invoke a 3
         0.1   shutdown failure
         0.15  give-up",
        expect!["invocations 1, errors 1, cold_starts 1, unfinished 1"],
    );
}

#[test]
fn an_init_that_takes_too_long() {
    check(
        "0     init-start init
         10    init-done init timeout
         10    init-report init timeout 10000",
        expect![[r"
            #0.0 init ?: timeout, cause init, by runtime_done of 0ns
            #0.1 init ?: timeout, cause init, by report took 10s of 0ns
            init_timeouts 1"]],
    );
    check(
        "0     init-start init
         10    shutdown timeout",
        expect![[r"
            #0.0 init ?: timeout, cause init, by shutdown of 0ns
            init_timeouts 1"]],
    );
}

#[test]
fn an_init_that_fails_counts_once() {
    check(
        "0     init-start init
         0.1   init-done init error:Runtime.ExitError
         0.1   init-report init error:Runtime.ExitError 100
         0.2   shutdown failure",
        expect!["init_failures 1"],
    );
}

#[test]
fn a_suppressed_init_that_succeeds_leaves_less_time_than_configured() {
    check(
        "0     invoke a 1.1
         0.1   init-start invoke
         0.1   init-report invoke success 1800
         0.2   start a
         0.3   done a success 1090
         5     invoke b 3
         5.1   done b success 20
         6     shutdown spindown",
        expect!["invocations 2, cold_starts 1"],
    );
}

#[test]
fn a_suppressed_init_that_overruns_with_and_without_its_request() {
    check(
        "0     init-start invoke
         3     shutdown timeout",
        expect![[r"
            #0.0 ?: timeout, cause init, by shutdown of 0ns
            invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "0     init-start invoke
         3     shutdown timeout
         3.02  done a timeout 0",
        expect![[r"
            #0.0 ?: timeout, cause init, by shutdown of 0ns
            #0.1 a: timeout, cause init, by runtime_done took 0ns of 0ns
            invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "0     init-start invoke
         3     init-report invoke timeout 3000
         3     done a timeout 0
         3.01  shutdown timeout",
        expect![[r"
            #0.0 ?: timeout, cause init, by runtime_done of 0ns
            #0.1 a: timeout, cause init, by runtime_done took 0ns of 0ns
            invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "0     done ? timeout 0
         0     done a timeout 0",
        expect![[r"
            #0.0 a: timeout, cause init, by runtime_done took 0ns of 0ns
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn an_asynchronous_retry_is_another_invocation() {
    check(
        "0     invoke a 3
         0.01  start a
         0.1   done a error:Runtime.TruncatedResponse 90
         0.2   start a @0.01
         0.2   done a error:Runtime.TruncatedResponse 90 @0.1
         60    invoke a 3
         60.01 start a
         63    done a timeout 3001",
        expect![[r"
            #1.0 a: timeout, cause handler, by runtime_done took 3.001s of 3s
            invocations 2, timeouts 1, errors 1, cold_starts 1"]],
    );
}

#[test]
fn what_is_told_twice_counts_once() {
    check(
        "0     invoke a 3
         0.01  start a
         0.1   done a success 90
         0.1   start a @0.01
         0.1   done a success 90
         5     invoke b 3
         5.01  report a success 100
         5.01  report a success 100
         5.02  start a @0.01
         5.1   done b success 90
         5.1   done a success 90
         9     shutdown spindown",
        expect!["invocations 2, cold_starts 1"],
    );
}

#[test]
fn what_the_process_before_us_left_behind_is_not_ours() {
    let script = "0 report a timeout 3000\n0 done a timeout 3001\n0 start a";
    let mut sandbox = sandbox("on-demand", true);
    sandbox.me.born = super::script::START.plus(std::time::Duration::from_secs(1));
    let heard = play(&mut sandbox, script);
    assert_eq!(summary(&heard), "");
}

#[test]
fn an_end_that_is_never_heard_of_is_counted_as_such() {
    check(
        "0     invoke a 3
         5     invoke b 3
         6     done b success 10
         10    invoke c 3
         11    done c success 10
         12    shutdown spindown",
        expect!["invocations 3, cold_starts 1, unfinished 1"],
    );
}

#[test]
fn without_telemetry_events_alone_are_counted() {
    let script = "0 invoke a 3\n5 invoke b 3\n9 invoke c 3\n12 shutdown timeout";
    let heard = play(&mut sandbox("on-demand", false), script);
    expect![[r"
        #2.0 c: timeout, cause unknown, by shutdown of 3s
        invocations 3, timeouts 1, cold_starts 1"]]
    .assert_eq(&format!("{}{}", heard.lines, summary(&heard)));
}

#[test]
fn managed_instances_serve_many_at_once_and_report_alone_tells() {
    check_in(
        "lambda-managed-instances",
        "0.9   start a
         0.901 start b
         1.05  report c success 12.1
         1.038 start c
         3.901 report b timeout 3000
         3.902 report a error:Runtime.InvokeTimeout 3001.2
         8     start d
         9     shutdown spindown
         9.1   give-up",
        expect![[r"
            #1.0 b: timeout, cause handler, by report took 3s of 3s
            #0.0 a: timeout, cause handler, by report took 3.0012s of 3s
            invocations 4, timeouts 2, unfinished 1"]],
    );
}

#[test]
fn requests_that_came_near_their_timeout_or_failed_are_named() {
    let heard = play(
        &mut sandbox("on-demand", true),
        "0     invoke slow 3
         2.4   done slow success 2401
         4     invoke quick 3
         4.1   done quick success 100
         8     invoke gone 3
         8.1   done gone error:Runtime.ExitError 90
         9     shutdown failure",
    );
    let tally = &heard.tallies.values().next().unwrap().fact;
    let named: Vec<_> =
        tally.samples.iter().map(|it| format!("{:?} {}", it.kind, it.request)).collect();
    assert_eq!(named, ["NearTimeout slow", "Exit gone"]);
}

#[test]
fn provisioned_concurrency_has_no_cold_starts_and_snapshots_do() {
    let script = "0 invoke a 3\n0.1 done a success 9\n1 shutdown spindown";
    check_in("provisioned-concurrency", script, expect!["invocations 1"]);
    check_in("snap-start", script, expect!["invocations 1, cold_starts 1"]);
}
