//! The law, on the real process and real sockets, against a platform and an aggregator that play along or do not.

#[cfg(test)]
#[path = "law/logs.rs"]
mod logs;
#[cfg(test)]
#[path = "law/places.rs"]
mod places;
#[cfg(test)]
#[path = "law/world.rs"]
mod world;

use std::{sync::atomic::Ordering, time::Duration};

use expect_test::{Expect, expect};
use overtime_wire::{Batch, Cause, Evidence, Outcome};
use tokio::time::sleep;
use world::{Reply, World};

/// What the aggregator heard, one line per fact, in order.
fn told(batches: &[Batch]) -> String {
    let mut lines = Vec::new();
    for incarnation in batches.iter().flat_map(|it| &it.incarnations) {
        for verdict in &incarnation.verdicts {
            let it = &verdict.fact;
            let request = it.request.as_ref().map_or("?".to_owned(), ToString::to_string);
            lines.push(format!(
                "{request} {} {} by {} after {:?} of {:?}",
                it.outcome,
                it.cause,
                it.evidence,
                it.duration.unwrap_or_default(),
                it.timeout
            ));
        }
        for tally in &incarnation.tallies {
            let invocations: u32 = tally.fact.minutes.values().map(|it| it.invocations).sum();
            lines.push(format!("{invocations} in revision {}", tally.fact.revision));
        }
    }
    lines.join("\n")
}

#[track_caller]
fn check(batches: &[Batch], expected: Expect) {
    expected.assert_eq(&told(batches));
}

#[tokio::test]
async fn a_timeout_is_reported_at_once_and_the_environment_let_go() {
    let mut world = World::start(&[]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.done("a", "timeout", 3001.0).await;
    let batches = world.aggregator.wait_for(1).await;
    check(
        &batches,
        expect![[r"
        a timeout handler by runtime_done after 3.001s of 3s
        0 in revision 1"]],
    );
    assert!(world.shutdown("timeout").await < Duration::from_millis(200));
    check(
        &world.aggregator.batches(),
        expect![[r"
            a timeout handler by runtime_done after 3.001s of 3s
            0 in revision 1"]],
    );
}

#[tokio::test]
async fn a_shutdown_alone_tells_of_a_timeout() {
    let mut world = World::start(&[]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    assert!(world.shutdown("timeout").await < Duration::from_millis(200));
    check(
        &world.aggregator.batches(),
        expect![[r"
        a timeout handler by shutdown after 0ns of 3s
        0 in revision 1"]],
    );
}

#[tokio::test]
async fn tallies_are_told_at_shutdown() {
    let mut world = World::start(&[]).await;
    for request in ["a", "b", "c"] {
        world.invoke(request, Duration::from_secs(3)).await;
        world.done(request, "success", 12.5).await;
    }
    assert!(world.shutdown("spindown").await < Duration::from_millis(200));
    check(&world.aggregator.batches(), expect!["3 in revision 1"]);
    assert!(world.platform.nexts() >= 4);
}

#[tokio::test]
async fn an_answered_invocation_is_told_of_once_its_deadline_was_met() {
    let mut world = World::start(&[("OVERTIME_FLUSH_INTERVAL", "0s")]).await;
    world.invoke("a", Duration::from_millis(100)).await;
    world.done("a", "success", 95.0).await;
    check(&world.aggregator.wait_for(1).await, expect!["1 in revision 1"]);
    world.shutdown("spindown").await;
}

#[tokio::test]
async fn without_telemetry_events_alone_tell() {
    let mut world = World::subscribed(&[202], &[]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.invoke("b", Duration::from_secs(3)).await;
    world.shutdown("timeout").await;
    check(
        &world.aggregator.batches(),
        expect![[r"
            b timeout unknown by shutdown after 0ns of 3s
            1 in revision 1"]],
    );
}

#[tokio::test]
async fn a_panic_anywhere_leaves_invocations_going_on() {
    for place in ["decoding", "core", "uplink", "journal"] {
        let mut world = World::start(&[("OVERTIME_FLUSH_INTERVAL", "0s")]).await;
        world.invoke("a", Duration::from_secs(3)).await;
        world
            .telemetry(&format!(r#"[{{"type":"overtime.fault","record":{{"place":"{place}"}}}}]"#))
            .await;
        for request in ["b", "c", "d", "e"] {
            world.done("a", "success", 1.0).await;
            world.invoke(request, Duration::from_secs(3)).await;
        }
        assert!(world.shutdown("spindown").await < Duration::from_millis(500), "{place}");
    }
}

#[tokio::test]
async fn without_settings_it_polls_and_says_what_is_missing() {
    let mut world = World::start(&[("OVERTIME_URL", "")]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.invoke("b", Duration::from_secs(3)).await;
    world.shutdown("spindown").await;
    expect!["overtime: nothing is reported: OVERTIME_URL is not set: set it to the aggregator's base URL\n"]
        .assert_eq(&world.said().await);
}

#[tokio::test]
async fn a_setting_that_is_wrong_costs_what_it_is_for_and_no_timeout() {
    let wrong = [("OVERTIME_NEAR_TIMEOUT", "80%"), ("OVERTIME_LOGS", "all")];
    let mut world = World::start(&wrong).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.done("a", "timeout", 3001.0).await;
    world.shutdown("timeout").await;
    check(
        &world.aggregator.batches(),
        expect![[r"
        a timeout handler by runtime_done after 3.001s of 3s
        0 in revision 1"]],
    );
    expect![[r"
        overtime: left at its default: OVERTIME_NEAR_TIMEOUT is not valid: expected a number above 0 and at most 1, as in 0.8; OVERTIME_LOGS is not valid: expected function, extension and platform, separated by commas; OVERTIME_LOGS_S3 is not valid: it is not set: expected s3://bucket/prefix; there are no credentials to sign with for OVERTIME_LOGS_S3: run where Lambda gives the function's role, or unset OVERTIME_LOGS
    "]].assert_eq(&world.said().await);
}

#[tokio::test]
async fn an_aggregator_that_is_not_there_costs_nothing_but_a_line() {
    for reply in [Reply::Reset, Reply::Silence, Reply::Status(500)] {
        let mut world = World::start(&[]).await;
        world.aggregator.reply_with(reply);
        world.invoke("a", Duration::from_secs(3)).await;
        world.done("a", "timeout", 3001.0).await;
        world.invoke("b", Duration::from_secs(3)).await;
        let left_after = world.shutdown("timeout").await;
        assert!(left_after < Duration::from_millis(1_300), "{reply:?} {left_after:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_said_once_and_its_facts_are_not_sent_again() {
    let mut world = World::start(&[("OVERTIME_FLUSH_INTERVAL", "0s")]).await;
    world.aggregator.reply_with(Reply::Status(403));
    world.invoke("a", Duration::from_secs(3)).await;
    world.done("a", "timeout", 3001.0).await;
    world.aggregator.wait_for(1).await;
    world.aggregator.reply_with(Reply::Accept);
    world.shutdown("timeout").await;
    let said = world.said().await;
    assert_eq!(said.matches("overtime:").count(), 1, "{said}");
    let batches = world.aggregator.batches();
    let verdicts = batches.iter().flat_map(|it| &it.incarnations).flat_map(|it| &it.verdicts);
    assert_eq!(verdicts.count(), 1);
}

#[tokio::test]
async fn a_connection_that_went_stale_costs_one_retry_and_no_fact() {
    let mut world = World::start(&[("OVERTIME_FLUSH_INTERVAL", "0s")]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.done("a", "success", 5.0).await;
    world.invoke("b", Duration::from_secs(3)).await;
    world.aggregator.wait_for(1).await;
    world.aggregator.forget_connections();
    world.done("b", "timeout", 3001.0).await;
    let batches = world.aggregator.wait_for(2).await;
    let verdict = &batches[1].incarnations[0].verdicts[0].fact;
    assert_eq!(
        (verdict.outcome, verdict.cause, verdict.evidence),
        (Outcome::Timeout, Cause::Handler, Evidence::RuntimeDone)
    );
}

#[tokio::test]
async fn after_a_restore_credentials_are_fetched_anew() {
    let (url, asked) = world::credentials().await;
    let mut world = World::start(&[
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
        ("OVERTIME_AUTH", "iam"),
        ("OVERTIME_SIGNING_REGION", "eu-west-1"),
        ("OVERTIME_FLUSH_INTERVAL", "0s"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
    ])
    .await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody has anything to prove yet");
    for (request, fetched) in [("a", 1), ("b", 2)] {
        let copy = format!(
            r#"[{{"type":"platform.restoreStart","record":{{"instanceId":"{request}"}}}}]"#
        );
        world.telemetry(&copy).await;
        world.invoke(request, Duration::from_secs(3)).await;
        world.done(request, "timeout", 3001.0).await;
        world.aggregator.wait_for(fetched).await;
        assert_eq!(asked.load(Ordering::SeqCst), fetched);
    }
}

#[tokio::test]
async fn a_deadline_that_passes_is_told_of_on_a_connection_that_is_there_already() {
    let mut world = World::subscribed(&[202], &[]).await;
    world.invoke("a", Duration::from_millis(800)).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(world.aggregator.connections(), 0, "too early");
    sleep(Duration::from_millis(300)).await;
    assert_eq!(world.aggregator.connections(), 1, "nothing is prepared");
    check(
        &world.aggregator.wait_for(1).await,
        expect![[r"
            a timeout unknown by deadline after 0ns of 1s
            0 in revision 1"]],
    );
    assert_eq!(world.aggregator.connections(), 1);
    world.invoke("b", Duration::from_secs(9)).await;
    world.aggregator.wait_for(2).await;
    world.shutdown("spindown").await;
    let told = told(&world.aggregator.batches());
    assert!(told.contains("a success unknown by deadline"), "{told}");
    assert!(told.ends_with("1 in revision 2"), "{told}");
}

#[tokio::test]
async fn what_ends_in_time_costs_no_connection() {
    let mut world = World::start(&[]).await;
    for request in ["a", "b", "c"] {
        world.invoke(request, Duration::from_millis(600)).await;
        world.done(request, "success", 5.0).await;
        sleep(Duration::from_millis(450)).await;
    }
    assert_eq!(world.aggregator.connections(), 0);
    world.shutdown("spindown").await;
    check(&world.aggregator.batches(), expect!["3 in revision 1"]);
}

#[tokio::test]
async fn a_crash_is_told_as_what_it_was_although_shutdown_is_first() {
    let mut world = World::start(&[]).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.platform.announce_shutdown("failure");
    sleep(Duration::from_millis(30)).await;
    world
        .telemetry(r#"[{"type":"platform.runtimeDone","record":{"requestId":"a","status":"error","errorType":"Runtime.OutOfMemory","metrics":{"durationMs":990}}}]"#)
        .await;
    assert!(world.ended().await < Duration::from_millis(200));
    check(
        &world.aggregator.batches(),
        expect![[r"
            a out_of_memory out_of_memory by runtime_done after 990ms of 3s
            0 in revision 1"]],
    );
}

#[tokio::test]
async fn copies_of_a_snapshot_send_nothing_of_what_was_before() {
    let mut world = World::start(&[
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
        ("OVERTIME_FLUSH_INTERVAL", "0s"),
    ])
    .await;
    world
        .telemetry(r#"[{"type":"platform.initReport","record":{"phase":"init","status":"error","errorType":"Runtime.Unknown"}}]"#)
        .await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.aggregator.connections(), 0);
    world.telemetry(r#"[{"type":"platform.restoreStart","record":{"instanceId":"copy"}}]"#).await;
    world.invoke("a", Duration::from_secs(3)).await;
    world.done("a", "success", 5.0).await;
    world.shutdown("spindown").await;
    let batches = world.aggregator.batches();
    check(&batches, expect!["1 in revision 1"]);
    let tally = &batches[0].incarnations[0].tallies[0].fact;
    assert_eq!(tally.minutes.values().map(|it| it.init_failures).sum::<u32>(), 0);
}
