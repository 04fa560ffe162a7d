//! One member of the fleet, invoked over and over until the demonstration ends.

use std::{sync::PoisonError, time::Duration};

use anyhow::Context as _;
use sandbox::{Ended, Environment, Invocation, Outcome, Spec, binaries::Built, spec::Launch};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time};

use crate::{
    SharedLedger,
    fleet::{Habit, Member},
    verdict::Injected,
};

/// Where the fleet runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) built: Built,
}

/// Invokes a member until told to stop, then lets its environments go.
pub(crate) async fn live(
    mut member: Member,
    place: Place,
    ledger: SharedLedger,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let width = if let Habit::Bursts { width } = member.habit { width } else { 1 };
    let mut environments = Vec::new();
    for _ in 0..width {
        environments.push(environment(&member, &place).await?);
    }
    let mut count = 0;
    while !*stopped.borrow() {
        let mut crew = JoinSet::new();
        for (at, mut environment) in (0..).zip(environments.drain(..)) {
            let payload = payload(&member, count, at);
            crew.spawn(async move {
                let ended = environment.invoke(Invocation::of(payload)).await;
                ended.map(|ended| (environment, ended))
            });
        }
        for done in crew.join_all().await {
            let (environment, ended) = done.with_context(|| member.function.name.clone())?;
            note(&ledger, &member, &ended);
            environments.push(environment);
        }
        count += 1;
        if let Habit::Deploys { after, .. } = member.habit
            && count == after
        {
            "2".clone_into(&mut member.function.version);
        }
        if member.wants_new_environments(count) {
            let_go(environments.drain(..)).await;
            environments.push(environment(&member, &place).await?);
        }
        drop(time::timeout(member.pause, stopped.wait_for(|it| *it)).await);
    }
    let_go(environments.drain(..)).await;
    Ok(())
}

async fn environment(member: &Member, place: &Place) -> anyhow::Result<Environment> {
    let mut spec =
        Spec::new(member.function.clone(), Launch::program(place.built.function.clone()))
            .extension("overtime", place.built.extension.clone())
            .variable("OVERTIME_URL", place.url.clone())
            .variable("OVERTIME_AUTH", "none")
            // The page should move while somebody looks at it.
            .variable("OVERTIME_FLUSH_INTERVAL", "0s");
    if let Habit::ColdStarts { init } | Habit::Dooms { init, .. } = member.habit {
        spec = spec.variable("FUNCTION_INIT_MS", init.as_millis().to_string());
    }
    Environment::start(spec).await.with_context(|| member.function.name.clone())
}

async fn let_go(environments: impl Iterator<Item = Environment>) {
    let mut crew = JoinSet::new();
    for mut environment in environments {
        crew.spawn(async move {
            environment.spin_down().await;
        });
    }
    crew.join_all().await;
}

/// What the `count`-th invocation does, in the `at`-th environment of a burst.
fn payload(member: &Member, count: u64, at: u64) -> Value {
    let due = |nth: u64| count % nth == nth - 1;
    let sleep = |takes: Duration| {
        // A fifth to either side, without a random number: neighbours differ, repetitions are the same.
        let spread = 80 + (count * 37 + at * 11) % 41;
        json!({ "sleep_ms": takes.as_millis() * u128::from(spread) / 100 })
    };
    match member.habit {
        Habit::Steady { takes } => sleep(takes),
        Habit::HangsEvery { nth, takes } => {
            if due(nth) {
                json!({ "hang": true })
            } else {
                sleep(takes)
            }
        }
        Habit::Hangs => json!({ "hang": true }),
        Habit::Dooms { nth, .. } if count == nth => json!({ "hang": true }),
        Habit::Dooms { .. } => sleep(Duration::from_millis(20)),
        Habit::Deploys { after, takes } => {
            if count >= after && due(2) {
                json!({ "hang": true })
            } else {
                sleep(takes)
            }
        }
        Habit::NearDeadline { percent } => {
            json!({ "sleep_ms": member.function.timeout.as_millis() * u128::from(percent) / 100 })
        }
        Habit::ColdStarts { .. } => sleep(Duration::from_millis(30)),
        Habit::ExitsEvery { nth } => {
            if due(nth) {
                json!({ "exit": 1 })
            } else {
                sleep(Duration::from_millis(60))
            }
        }
        Habit::ExhaustsEvery { nth } => {
            if due(nth) {
                json!({ "oom": true })
            } else {
                sleep(Duration::from_millis(200))
            }
        }
        Habit::Throws => json!({ "throw": true }),
        Habit::Bursts { .. } => {
            if at == 0 {
                json!({ "hang": true })
            } else {
                sleep(Duration::from_millis(400))
            }
        }
    }
}

fn note(ledger: &SharedLedger, member: &Member, ended: &Ended) {
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.invocations += 1;
    let tried = ledger.tried.entry(member.function.name.clone()).or_default();
    tried.invocations += 1;
    tried.timeouts += u64::from(ended.outcome == Outcome::Timeout);
    if ended.outcome == Outcome::Timeout {
        ledger.injected.push(Injected {
            account: member.function.account.clone(),
            region: member.function.region.clone(),
            function: member.function.name.clone(),
            request_id: ended.request_id.clone(),
        });
    }
}
