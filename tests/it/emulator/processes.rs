//! The processes themselves: what they find, that they stand still, that they are gone.

use std::fs;
use std::path::Path;

use sandbox::{Observer, Outcome};
use tokio::task::JoinSet;

use super::stage::{eventually, quick, spec, start};

/// The names in a process's environment, as the kernel has them.
fn variables(pid: u32) -> Vec<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environ = String::from_utf8(environ).unwrap();
    let names = environ.split('\0').filter_map(|it| it.split_once('='));
    let mut names: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}

fn pids(observer: &Observer) -> [u32; 2] {
    [observer.runtime_pid().unwrap(), observer.extension_pid("probe").unwrap()]
}

#[tokio::test]
async fn an_extension_finds_exactly_what_lambda_gives_it() {
    let environment = start(spec().variable("TEAM", "payments")).await;
    let [runtime, extension] = pids(&environment.observer());
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "PATH",
        "TEAM",
        "TMPDIR",
        "TZ",
    ];
    assert_eq!(variables(extension), expected);
    assert!(variables(runtime).contains(&"_HANDLER".to_owned()));
}

#[tokio::test]
async fn an_extension_runs_under_the_name_it_must_register_as() {
    let environment = start(spec()).await;
    let pid = environment.observer().extension_pid("probe").unwrap();
    let file = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(file.ends_with("opt/extensions/probe"), "{}", file.display());
}

#[tokio::test]
async fn an_idle_environment_stands_still() {
    let mut environment = start(spec()).await;
    let observer = environment.observer();
    for _ in 0..2 {
        for pid in pids(&observer) {
            eventually("it is stopped", || state(pid) == 'T').await;
        }
        assert_eq!(environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
    }
}

#[tokio::test]
async fn a_dropped_environment_leaves_nothing_behind() {
    let environment = start(spec()).await;
    let observer = environment.observer();
    let pids = pids(&observer);
    let directory = observer.tmp().to_owned();
    drop(environment);
    for pid in pids {
        eventually("it is gone", || !Path::new(&format!("/proc/{pid}")).exists()).await;
    }
    drop(observer);
    eventually("its directory is gone", || !directory.exists()).await;
}

#[tokio::test]
async fn many_environments_run_side_by_side() {
    let mut runs = JoinSet::new();
    for _ in 0..12 {
        runs.spawn(async {
            let mut environment = start(spec()).await;
            for _ in 0..5 {
                assert_eq!(environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
            }
            environment.spin_down().await.killed
        });
    }
    assert!(runs.join_all().await.iter().all(Vec::is_empty));
}
