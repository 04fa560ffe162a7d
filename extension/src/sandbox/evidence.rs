//! What is concluded rather than told: deadlines that were seen to pass, the configured timeout, copies of a snapshot.

use std::time::Duration;

use expect_test::{Expect, expect};
use overtime_wire::IncarnationId;

use super::script::{START, apply, play, sandbox, summary};

#[track_caller]
fn check(script: &str, expected: Expect) {
    check_in("on-demand", script, expected);
}

#[track_caller]
fn check_in(initialization: &str, script: &str, expected: Expect) {
    let heard = play(&mut sandbox(initialization, true), script);
    expected.assert_eq(&format!("{}{}", heard.lines, summary(&heard)));
}

/// The configured timeout after a script, in seconds.
#[track_caller]
fn check_timeout(script: &str, expected: u64) {
    let mut sandbox = sandbox("on-demand", true);
    play(&mut sandbox, script);
    assert_eq!(sandbox.me.profile.timeout, Duration::from_secs(expected));
}

#[test]
fn a_deadline_that_is_seen_to_pass_is_a_timeout_and_better_evidence_follows() {
    check(
        "0     invoke a 3
         0.01  start a
         0     run 3.3
         3.6   shutdown timeout
         3.61  done a timeout 3001
         3.62  report a timeout 3000 mem=90/256",
        expect![[r"
            #0.0 a: timeout, cause handler, by deadline of 3s
            #0.1 a: timeout, cause handler, by shutdown of 3s
            #0.2 a: timeout, cause handler, by runtime_done took 3.001s of 3s
            #0.3 a: timeout, cause handler, by report took 3s of 3s used 90/256
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn what_proves_completion_takes_the_claim_back() {
    for proof in ["4 invoke b 3", "4 shutdown spindown", "4 done a success 2990", "4 start b"] {
        let script = format!("0 invoke a 3\n0.01 start a\n0 run 3.3\n{proof}");
        let heard = play(&mut sandbox("on-demand", true), &script);
        let last = heard.lines.lines().last().unwrap();
        assert!(last.starts_with("#0.1 a: success, cause handler, by deadline"), "{proof}: {last}");
        assert_eq!(heard.counts().timeouts, 0, "{proof}");
    }
    check(
        "0     invoke a 3
         0     run 3.3
         4     report a success 2990
         5     invoke b 3",
        expect![[r"
            #0.0 a: timeout, cause handler, by deadline of 3s
            #0.1 a: success, cause handler, by report took 2.99s of 3s
            invocations 1, cold_starts 1"]],
    );
}

#[test]
fn a_failure_takes_the_claim_back_and_an_end_by_memory_replaces_it() {
    check(
        "0     invoke a 3
         0     run 3.3
         4     shutdown failure
         4.02  done a error:Runtime.OutOfMemory 2990",
        expect![[r"
            #0.0 a: timeout, cause handler, by deadline of 3s
            #0.1 a: success, cause handler, by deadline of 3s
            #0.2 a: out_of_memory, cause out_of_memory, by runtime_done took 2.99s of 3s
            invocations 1, out_of_memory 1, cold_starts 1"]],
    );
}

#[test]
fn an_answer_heard_of_within_the_grace_is_no_timeout_but_near_one() {
    check(
        "0     invoke a 3
         0     run 3.02
         3.02  start a @0.001
         3.02  done a success 2987.8 @2.988
         3.03  run 4
         9     shutdown spindown",
        expect!["invocations 1, near_timeouts 1, cold_starts 1"],
    );
}

#[test]
fn after_a_thaw_no_deadline_is_claimed() {
    check(
        "0     invoke a 3
         0     run 2.9
         60    run 61
         61    invoke b 3
         61    run 62
         62    done b success 900
         99    run 100
         100   shutdown spindown
         100.1 give-up",
        expect!["invocations 2, cold_starts 1, unfinished 1"],
    );
}

#[test]
fn the_extension_that_holds_an_answered_invocation_is_left_to_the_platform() {
    check(
        "0     invoke a 3
         0.06  done a success 39.9
         0.06  run 3.6
         3.6   shutdown timeout",
        expect![[r"
            #0.0 a: timeout, cause extension, by shutdown of 3s
            invocations 1, timeouts 1, cold_starts 1"]],
    );
}

#[test]
fn without_telemetry_a_deadline_is_seen_all_the_same() {
    let script = "0 invoke a 3\n0 run 3.3\n3.6 shutdown timeout";
    let heard = play(&mut sandbox("on-demand", false), script);
    expect![[r"
        #0.0 a: timeout, cause unknown, by deadline of 3s
        #0.1 a: timeout, cause unknown, by shutdown of 3s
        "]]
    .assert_eq(&heard.lines);
}

#[test]
fn a_crash_heard_of_after_shutdown_is_what_its_record_says() {
    check(
        "0     invoke a 3
         1     shutdown failure
         1.05  done a error:Runtime.OutOfMemory 990
         1.06  give-up",
        expect![[r"
            #0.0 a: out_of_memory, cause out_of_memory, by runtime_done took 990ms of 3s
            invocations 1, out_of_memory 1, cold_starts 1"]],
    );
}

#[test]
fn a_shutdown_before_anything_else_says_that_something_timed_out() {
    check(
        "3 shutdown timeout\n3.06 give-up",
        expect![[r"
        #0.0 ?: timeout, cause unknown, by shutdown of 0ns
        invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "3 shutdown timeout\n3.02 init-start invoke\n3.06 give-up",
        expect![[r"
        #0.0 ?: timeout, cause init, by shutdown of 0ns
        invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "3 shutdown timeout\n3.02 start a @0.9\n3.03 done a timeout 2100\n3.06 give-up",
        expect![[r"
        #0.0 a: timeout, cause handler, by shutdown of 0ns
        #0.1 a: timeout, cause handler, by runtime_done took 2.1s of 3s
        invocations 1, timeouts 1, cold_starts 1"]],
    );
    check(
        "10 shutdown timeout\n10.02 init-start init\n10.06 give-up",
        expect![[r"
        #0.0 init ?: timeout, cause init, by shutdown of 0ns
        init_timeouts 1"]],
    );
    let heard = play(&mut sandbox("on-demand", false), "3 shutdown timeout\n3 give-up");
    assert_eq!(heard.lines, "#0.0 ?: timeout, cause unknown, by shutdown of 0ns\n");
}

#[test]
fn telemetry_is_awaited_for_as_long_as_it_may_tell_something() {
    let waits = |script: &str, hears: bool| {
        let mut sandbox = sandbox("on-demand", hears);
        play(&mut sandbox, script);
        sandbox.awaits_telemetry()
    };
    assert!(waits("0 invoke a 3\n1 shutdown failure", true));
    assert!(!waits("0 invoke a 3\n1 shutdown failure", false));
    assert!(!waits("0 invoke a 3\n1 shutdown failure\n1.1 done a error:Runtime.ExitError 9", true));
    assert!(waits("0 invoke a 3\n3 shutdown timeout", true));
    assert!(waits("0 invoke a 3\n3 shutdown timeout\n3 done a timeout 3000", true));
    assert!(!waits("0 invoke a 3\n3 shutdown timeout\n3 done a success 90", true));
    let roomy = "0 invoke a 3\n0.1 report a success 9 mem=90/256\n5 invoke b 3\n8 shutdown timeout";
    assert!(waits(roomy, true));
    assert!(!waits(&format!("{roomy}\n8 done b timeout 3001"), true));
}

#[test]
fn the_configured_timeout_is_the_largest_of_recent_ones_in_whole_seconds() {
    check_timeout("0 invoke a 3\n0.1 done a success 9\n1 shutdown spindown", 3);
    // A suppressed init took 1.9 s of it, and says so or not.
    let suppressed = "0 init-start invoke\n1.9 invoke a 1.1\n2 done a success 90";
    check_timeout(&format!("{suppressed}\n5 invoke b 3\n5.1 done b success 9\n9 invoke c 3"), 3);
    let unsaid = "0 invoke a 1.1\n0.1 done a success 90\n5 invoke b 2.99\n5.1 done b success 9";
    check_timeout(
        &format!("{unsaid}\n9 invoke c 3\n9.1 done c success 9\n12 shutdown spindown"),
        3,
    );
    // Clock readings that lie milliseconds apart are no second more.
    check_timeout("0 invoke a 3.04\n0.1 done a success 9\n1 shutdown spindown", 3);
}

#[test]
fn a_copy_of_a_snapshot_knows_nothing_of_the_others() {
    let mut sandbox = sandbox("snap-start", true);
    // While the version is published.
    apply(&mut sandbox, "0 init-start init");
    apply(&mut sandbox, "0.1 init-report init error:Runtime.Unknown 100");
    assert!(sandbox.may_be_copied());
    // A day later, in a copy: the record of it comes after the first invocation, and twice.
    let heard = play(
        &mut sandbox,
        "86400     invoke a 3
         86400.03  init-start restore in=copy @86399.8
         86400.03  init-done restore success
         86400.03  start a @86400.01
         86400.1   done a success 90
         86400.2   init-start restore in=copy @86399.8
         86409     shutdown spindown",
    );
    assert_eq!((sandbox.life(), sandbox.may_be_copied()), (1, false));
    assert_eq!(summary(&heard), "invocations 1, cold_starts 1");
    assert_eq!(sandbox.me.environment, "copy");
}

#[test]
fn a_restore_that_fails_is_counted_in_its_own_environment() {
    check_in(
        "snap-start",
        "0     init-start restore in=copy
         0.2   init-done restore error:Runtime.ExitError
         0.2   init-report restore error:Runtime.ExitError
         0.3   shutdown failure",
        expect!["init_failures 1"],
    );
}

#[test]
fn a_clock_as_old_as_the_snapshot_does_not_misplace_an_invocation() {
    let mut sandbox = sandbox("snap-start", true);
    apply(&mut sandbox, "0 init-start restore in=copy");
    let mut it = crate::runtime_api::Invoke {
        request: overtime_wire::RequestId::parse("a"),
        deadline: Some(START.plus(Duration::from_hours(24))),
        arn: None,
        trace: None,
    };
    sandbox.apply(super::Event::Invoke(it.clone()), START);
    it.request = overtime_wire::RequestId::parse("b");
    it.deadline = Some(START.plus(Duration::from_hours(24) + Duration::from_secs(3)));
    sandbox.apply(super::Event::Invoke(it), START.plus(Duration::from_hours(24)));
    let outgoing = sandbox.batch(IncarnationId([1; 16]), START).map(|it| it.tallies);
    assert!(outgoing.is_none_or(|it| it.iter().all(|it| it.fact.block.start() > START)));
}

#[test]
fn many_open_requests_are_never_claimed_and_none_is_blamed_for_a_shutdown() {
    check_in(
        "lambda-managed-instances",
        "0     start a
         0     start b
         0     run 90
         90    shutdown timeout
         90.1  report b success 89000
         90.2  give-up",
        expect!["invocations 2, unfinished 1"],
    );
}

#[test]
fn code_that_runs_on_after_its_timeout_changes_nothing() {
    check_in(
        "lambda-managed-instances",
        "0     start a
         3     report a timeout 3000
         9     done a success 9000
         9     report a success 9000
         10    start b
         10.1  report b error:Client.ExecutionEnvironmentTimeout 90
         60    shutdown spindown",
        expect![[r"
            #0.0 a: timeout, cause handler, by report took 3s of 3s
            invocations 2, timeouts 1, errors 1"]],
    );
}
