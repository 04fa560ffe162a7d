//! Every order in which the platform tells of an end, caused by real processes, ends in the counts and timeouts it should.
//!
//! Each scenario runs in the four circumstances of [`conditions`], all of them beside each other against one
//! `overtime serve`. What is expected does not depend on the circumstance.

mod scenarios;
mod stage;

use std::{sync::Arc, time::Duration};

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
/// A play whose last facts are still in the environment's journal tells nothing, and is repeated.
const ATTEMPTS: u32 = 3;
/// Views follow facts within moments, on a busy machine within seconds.
const PATIENCE: Duration = Duration::from_secs(20);

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
                let mut played = world.play(&scenario, (condition, 0)).await;
                // On a machine this busy an aggregator may answer too late for the end of an environment.
                for attempt in 1..ATTEMPTS {
                    if !played.is_untold {
                        break;
                    }
                    played = world.play(&scenario, (condition, attempt)).await;
                }
                // What is known then is asked for again when all is over.
                world.settled(&played, scenario.expected, PATIENCE).await;
                (scenario, condition, played)
            });
        }
    }
    let mut wrong = Vec::new();
    for (scenario, condition, played) in plays.join_all().await {
        let known = world.known(&played).await;
        if !scenario.admits(&known) {
            wrong.push(difference(&scenario, condition, (&played, &known)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
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
