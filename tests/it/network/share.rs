//! A small function's share of the processor, by either means.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sandbox::share::{By, Share, has_control_groups};
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Observer, Outcome, Spec, binaries, usage};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stage::{A_WHILE, state_of, until_stopped};
use crate::emulator::stage::eventually;

fn small(by: By) -> Spec {
    let function = Function { memory_mb: 128, ..Function::named("orders") };
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()));
    let spec = spec.extension("probe", binaries::probe().unwrap());
    Spec { share: Some(Share::of_memory(128).by(by)), ..spec }
}

fn pids(observer: &Observer) -> [u32; 2] {
    [observer.runtime_pid().unwrap(), observer.extension_pid("probe").unwrap()]
}

/// What the function used while it was busy for a second by the clock.
async fn used_in_a_second(environment: &mut Environment) -> Duration {
    let pid = environment.observer().runtime_pid().unwrap();
    let before = usage::of(pid).unwrap().cpu;
    let busy = Invocation::of(json!({ "burn_ms": 1_000 }));
    assert_eq!(environment.invoke(busy).await.unwrap().outcome, Outcome::Success);
    usage::of(pid).unwrap().cpu.saturating_sub(before)
}

async fn check(by: By) {
    let mut environment = Environment::start(small(by)).await.unwrap();
    let used = used_in_a_second(&mut environment).await.as_millis();
    // A fourteenth of a second is 72 ms; one period and one tick may come on top.
    assert!((30..=110).contains(&used), "{used} ms by {by:?}");
}

#[tokio::test]
async fn a_duty_cycle_gives_a_fourteenth() {
    check(By::DutyCycle).await;
}

#[tokio::test]
async fn the_best_means_there_is_gives_a_fourteenth() {
    check(By::Whatever).await;
}

#[tokio::test]
async fn without_a_share_there_is_no_limit() {
    let mut environment =
        Environment::start(Spec { share: None, ..small(By::Whatever) }).await.unwrap();
    let mut most = 0;
    // A machine that is busy with other things limits us too, for a while.
    for _ in 0..5 {
        most = most.max(used_in_a_second(&mut environment).await.as_millis());
        if most > 150 {
            return;
        }
    }
    panic!("at most {most} ms");
}

#[tokio::test]
async fn a_debt_stops_the_extension_too() {
    let mut environment = Environment::start(small(By::DutyCycle)).await.unwrap();
    let observer = environment.observer();
    let pids = pids(&observer);
    let busy = environment.invoke(Invocation::of(json!({ "burn_ms": 1_000 })));
    let stops = async {
        // Both have run, so that what is seen next is no freeze.
        while pids.iter().any(|pid| state_of(*pid) == 'T') {
            tokio::task::yield_now().await;
        }
        until_stopped(pids[0]).await;
        until_stopped(pids[1]).await;
    };
    tokio::select! {
        ended = busy => panic!("the extension never stopped: {ended:?}"),
        () = stops => {}
    }
}

#[tokio::test]
async fn a_frozen_environment_stays_frozen_whatever_it_is_owed() {
    let mut environment = Environment::start(small(By::DutyCycle)).await.unwrap();
    let observer = environment.observer();
    for _ in 0..3 {
        // It ends in debt, and is paid back while it is frozen.
        let busy = Invocation::of(json!({ "burn_ms": 50 }));
        assert_eq!(environment.invoke(busy).await.unwrap().outcome, Outcome::Success);
        for pid in pids(&observer) {
            until_stopped(pid).await;
        }
        let over = Instant::now() + A_WHILE;
        while Instant::now() < over {
            assert_eq!(pids(&observer).map(state_of), ['T', 'T']);
            sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(environment.spin_down().await.killed.is_empty());
}

#[tokio::test]
async fn a_control_group_holds_the_whole_sandbox_and_ends_with_it() {
    if !has_control_groups() {
        eprintln!("skipped: this machine lets us make no control group");
        return;
    }
    let environment = Environment::start(small(By::Whatever)).await.unwrap();
    let observer = environment.observer();
    let [runtime, extension] = pids(&observer).map(group_of);
    assert!(runtime.contains("/overtime-"), "{runtime}");
    assert_eq!(runtime, extension);
    let name = runtime.rsplit_once('/').unwrap().1.to_owned();
    assert!(is_a_group(&name));
    drop(environment);
    drop(observer);
    eventually("the group is gone", || !is_a_group(&name)).await;
}

fn group_of(pid: u32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = groups.lines().find(|line| line.contains("overtime-"));
    ours.unwrap_or_else(|| panic!("{groups}")).to_owned()
}

fn is_a_group(name: &str) -> bool {
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name() == name {
                return true;
            }
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    false
}
