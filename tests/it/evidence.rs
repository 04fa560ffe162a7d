//! What the real extension claims about deadlines, and what it takes back, where the platform says little.
//!
//! Where there is no telemetry, the end of an invocation is known only from what follows it, and a runtime that is deaf to
//! SIGTERM keeps SHUTDOWN back for 600 ms: there the extension has nothing but its own clock. It must see a deadline pass,
//! and must not take a thaw for one.

mod recorder;

use std::time::Duration;

use overtime_wire::{Cause, EpochMillis, Evidence, Outcome, Verdict};
use sandbox::{
    Environment, Invocation, Outcome as Ending, Spec, binaries,
    proxy::Proxy,
    share::{By, Share},
    spec::{Freezing, Function, Launch, Telemetry},
};
use serde_json::json;
use tokio::time::sleep;

use recorder::Recorder;

fn spec(url: &str) -> Spec {
    let function = Function::named("orders").timeout(Duration::from_secs(1));
    Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_URL", url)
        .variable("OVERTIME_AUTH", "none")
}

fn without_telemetry(spec: Spec) -> Spec {
    Spec { telemetry: Telemetry::Missing, ..spec }
}

fn sleeping(milliseconds: u32) -> Invocation {
    Invocation::of(json!({ "sleep_ms": milliseconds }))
}

fn hanging() -> Invocation {
    Invocation::of(json!({ "hang": true }))
}

/// What it said about one invocation, in order.
fn words(verdicts: &[Verdict]) -> String {
    let word = |it: &Verdict| format!("{} by {}", it.outcome, it.evidence);
    verdicts.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_seen_to_pass_before_a_late_shutdown_says_so() {
    let recorder = Recorder::open().await;
    let spec = without_telemetry(spec(&recorder.url));
    let spec = spec.variable("FUNCTION_IGNORES_SIGTERM", "1");
    let mut environment = Environment::start(spec).await.unwrap();
    assert_eq!(environment.invoke(sleeping(5)).await.unwrap().outcome, Ending::Success);
    let ended = environment.invoke(hanging()).await.unwrap();
    assert_eq!(ended.outcome, Ending::Timeout);
    let verdicts = recorder.verdicts();
    assert_eq!(words(&verdicts), "timeout by deadline, timeout by shutdown");
    let (first, last) = (&verdicts[0], &verdicts[1]);
    let deadline = EpochMillis(ended.deadline.as_millisecond());
    assert_eq!((first.deadline, first.cause), (Some(deadline), Cause::Unknown));
    assert!(first.detected >= deadline.plus(Duration::from_millis(150)), "{first:?}");
    assert!(first.detected < deadline.plus(Duration::from_millis(550)), "{first:?}");
    assert_eq!((last.detected, last.ordinal), (first.detected, first.ordinal));
    assert_eq!(last.request.as_ref().unwrap().to_string(), ended.request_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_across_the_deadline_is_no_timeout() {
    for missing in [true, false] {
        let recorder = Recorder::open().await;
        let spec = spec(&recorder.url);
        let spec = if missing { without_telemetry(spec) } else { spec };
        let mut environment = Environment::start(spec).await.unwrap();
        // It answers shortly before its deadline and is thawed shortly after it, or long after it, or at once.
        for (took, rests) in [(880, 300), (880, 500), (860, 1_500), (890, 0), (5, 1_200)] {
            let ended = environment.invoke(sleeping(took)).await.unwrap();
            assert_eq!(ended.outcome, Ending::Success, "a busy machine");
            sleep(Duration::from_millis(rests)).await;
        }
        environment.spin_down().await;
        assert_eq!(words(&recorder.verdicts()), "", "telemetry missing: {missing}");
        assert_eq!(recorder.invocations(), 5, "telemetry missing: {missing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_claimed_where_nothing_ever_freezes_is_taken_back_by_what_follows() {
    let recorder = Recorder::open().await;
    let spec = Spec { freezing: Freezing::Manual, ..without_telemetry(spec(&recorder.url)) };
    let mut environment = Environment::start(spec).await.unwrap();
    environment.invoke(sleeping(5)).await.unwrap();
    // To the extension it looks as if the invocation went on beyond its deadline.
    recorder.until(1).await;
    environment.invoke(sleeping(5)).await.unwrap();
    recorder.until(2).await;
    environment.spin_down().await;
    assert_eq!(words(&recorder.verdicts()), "timeout by deadline, success by deadline");
    assert_eq!(recorder.invocations(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starved_extension_invents_nothing_and_misses_nothing() {
    for missing in [true, false] {
        let recorder = Recorder::open().await;
        let spec = spec(&recorder.url).memory(128);
        let spec = if missing { without_telemetry(spec) } else { spec };
        let share = Some(Share::of_memory(128).by(By::DutyCycle));
        let mut environment = Environment::start(Spec { share, ..spec }).await.unwrap();
        let (mut timeouts, mut invocations) = (0, 0);
        for burns in [0, 40, 50, 55, 2_000] {
            let ended = environment.invoke(Invocation::of(json!({ "burn_ms": burns }))).await;
            invocations += 1;
            timeouts += usize::from(ended.unwrap().outcome == Ending::Timeout);
            sleep(Duration::from_millis(200)).await;
        }
        environment.spin_down().await;
        let known = recorder.standing();
        let standing = known.values().filter(|it| it.outcome == Outcome::Timeout).count();
        assert_eq!(standing, timeouts, "telemetry missing: {missing}: {known:?}");
        assert_eq!(recorder.invocations(), invocations, "telemetry missing: {missing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_for_memory_is_one_however_busy_the_machine() {
    let recorder = Recorder::open().await;
    let mut environment = Environment::start(spec(&recorder.url)).await.unwrap();
    for _ in 0..6 {
        environment.invoke(Invocation::of(json!({ "oom": true }))).await.unwrap();
    }
    environment.spin_down().await;
    let known = recorder.standing();
    assert_eq!(known.len(), 6, "{known:?}");
    assert!(known.values().all(|it| it.outcome == Outcome::OutOfMemory), "{known:?}");
    assert!(known.values().all(|it| it.evidence == Evidence::RuntimeDone), "{known:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_is_open_before_the_deadline_and_only_then() {
    let recorder = Recorder::open().await;
    let proxy = Proxy::to(recorder.address).unwrap();
    let mut environment = Environment::start(spec(&proxy.url())).await.unwrap();
    for _ in 0..3 {
        environment.invoke(sleeping(5)).await.unwrap();
    }
    sleep(Duration::from_millis(700)).await;
    assert_eq!(proxy.traffic().connections, 0, "nothing came near its deadline");
    environment.invoke(sleeping(700)).await.unwrap();
    let traffic = proxy.traffic();
    assert_eq!(
        (traffic.connections, traffic.requests),
        (1, 0),
        "it is opened, and nothing is sent"
    );
    environment.invoke(hanging()).await.unwrap();
    let traffic = proxy.traffic();
    assert_eq!(traffic.connections, 2, "one for each that came near: {traffic:?}");
    assert!(traffic.requests >= 1, "{traffic:?}");
}
