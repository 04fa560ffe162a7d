//! Every order in which the platform tells of an end, caused by real processes, ends in the counts and timeouts it should.
//!
//! Each scenario runs in the four circumstances of [`conditions`], all of them beside each other against one
//! `overtime serve`. What is expected does not depend on the circumstance.

mod scenarios;
mod stage;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sandbox::{
    aggregator::Aggregator,
    binaries,
    conditions::{Condition, conditions},
};
use tokio::{sync::Semaphore, task::JoinSet};

use self::{
    scenarios::{Scenario, scenarios},
    stage::{Played, World},
};

/// So many environments at once: most of the time they wait for deadlines.
const AT_ONCE: usize = 8;
/// Views follow facts within moments, on a busy machine within seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Until the journal is connected, what a starved process cannot send before it has to go is lost, and a loaded machine
/// starves many. So what came out as too little is played again; what came out as too much never is.
const ATTEMPTS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_ordering_is_told_right_under_every_condition() {
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let world = Arc::new(World::of(&aggregator.url()));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut plays = JoinSet::new();
    for condition in conditions() {
        for scenario in scenarios() {
            let (world, places) = (Arc::clone(&world), Arc::clone(&places));
            plays.spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                rehearse(&world, scenario, condition).await
            });
        }
    }
    let mut wrong = Vec::new();
    for (scenario, condition, played) in plays.join_all().await {
        // Asked once more when all is over: nothing may have been added to what was right.
        let attempts = played.len();
        for (attempt, played) in (1..).zip(&played) {
            let finally = world.known(played).await;
            let is_last = attempt == attempts;
            if exceeds(&finally, scenario.expected) || (is_last && !scenario.admits(&finally)) {
                wrong.push(difference(&scenario, condition, (played, &finally)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Plays a scenario until it comes out right, and returns every attempt.
async fn rehearse(
    world: &World,
    scenario: Scenario,
    condition: Condition,
) -> (Scenario, Condition, Vec<Played>) {
    let mut attempts = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let played = world.play(&scenario, condition, attempt).await;
        let known = world.settled(&played, scenario.expected, PATIENCE).await;
        attempts.push(played);
        if scenario.admits(&known) || exceeds(&known, scenario.expected) {
            break;
        }
    }
    (scenario, condition, attempts)
}

/// Whether anything was counted that did not happen.
fn exceeds(known: &str, expected: &str) -> bool {
    let expected = counts(expected);
    counts(known).iter().any(|(name, count)| expected.get(name).is_none_or(|most| count > most))
}

/// The counts of a line, by name.
fn counts(line: &str) -> BTreeMap<&str, u64> {
    let counts = line.rsplit("; ").next().unwrap_or_default();
    counts
        .split(", ")
        .filter_map(|it| it.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect()
}

#[test]
fn too_much_is_told_from_too_little() {
    let expected = "#2 handler; invocations 3, timeouts 1";
    assert!(!exceeds("invocations 2", expected));
    assert!(!exceeds(expected, expected));
    assert!(exceeds("#2 handler, #3 handler; invocations 3, timeouts 2", expected));
    assert!(exceeds("#2 handler; invocations 3, timeouts 1, errors 1", expected));
}

fn difference(
    scenario: &Scenario,
    condition: Condition,
    (played, known): (&Played, &str),
) -> String {
    let Scenario { name, expected, .. } = scenario;
    let said = played.said.join("\n    said: ");
    format!("{name}, {condition:?}:\n  expected {expected}\n  known    {known}\n    said: {said}")
}
