//! Recorded scenarios, played against the real extension and the real aggregator.
//!
//! The corpus lies beside the repository, not in it; where it is absent nothing can be played, and
//! the test says so.

use std::path::PathBuf;

use sandbox::aggregator::Aggregator;
use sandbox::binaries;
use sandbox::player::{self, Stage};
use tokio::task::JoinSet;

/// All but `07-init-timeout-then-suppressed-init-ok`, in which the process is killed 10 ms after it has heard of the timeout.
const SCENARIOS: [&str; 11] = [
    "01-normal-cold-warm-spindown",
    "02-timeout-runtimeDone-then-shutdown",
    "04-timeout-runtimeDone-after-shutdown",
    "06-extension-caused-timeout",
    "09-process-exit",
    "11-oom-as-timeout",
    "12-snapstart-restore",
    "14-lmi-concurrent-with-timeout",
    "15-duplicate-delivery",
    "17-near-timeout-success",
    "18-shutdown-without-invoke",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_scenarios_come_to_the_verdicts_they_expect() {
    let corpus =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/sequences"));
    if !corpus.exists() {
        eprintln!("skipped: there is no corpus of scenarios beside the repository");
        return;
    }
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let extension = binaries::extension().unwrap();
    let mut plays = JoinSet::new();
    for name in SCENARIOS {
        let scenario = player::load(&corpus.join(format!("{name}.json"))).unwrap();
        let url = aggregator.url();
        plays.spawn(async move {
            let played = player::play(&scenario, Stage { extension, url: &url }).await;
            played.map_err(|why| format!("{}: {why}", scenario.name))
        });
    }
    let mut wrong = Vec::new();
    for played in plays.join_all().await {
        match played {
            Ok(played) if played.differences.is_empty() => {}
            Ok(played) => wrong.push(format!("{played:#?}")),
            Err(broken) => wrong.push(broken),
        }
    }
    assert!(wrong.is_empty(), "{}\naggregator:\n{}", wrong.join("\n"), aggregator.said());
}
