//! Time passing over alerts in a real store.

use overtime_wire::{Evidence, Outcome, Verdict};

use super::*;
use crate::{
    domain::{
        fact::Part,
        view::{Basis, TallyPart},
    },
    store::{
        blocks::PartKey,
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    },
};

struct World {
    lab: Laboratory,
    sweep: Sweep,
}

impl World {
    async fn open() -> Self {
        let lab = Laboratory::open().await;
        let sweep = Sweep {
            store: lab.store.clone(),
            rule: Rule::ANY_TIMEOUT,
            console: String::new(),
            clock: || at(0),
        };
        Self { lab, sweep }
    }

    /// Lets a verdict in.
    async fn record(&self, verdict: &Verdict, now: EpochMillis) {
        let author = Author { function: &function("orders"), incarnation: incarnation(1) };
        let fact = verdict.encode();
        self.lab.store.record(author, Fact::Verdict(&fact), now).await.unwrap();
    }

    /// Lets the alert see the block, as evaluation does.
    async fn evaluate(&self, now: EpochMillis) -> usize {
        let function = function("orders");
        let claims = self.sweep.claims(&function, block()).await.unwrap();
        let blocks = BTreeMap::from([(block(), claims)]);
        let seen = Observation { function: &function, blocks, last_success: None, at: now };
        let rule = &self.sweep.rule;
        let key = AlertKey { rule: rule.id.to_owned(), function: function.clone() };
        let step = |state: &State| advance(rule, "", state, &seen).into();
        self.lab.store.step_alert(&key, step).await.unwrap().len()
    }
}

fn suspected() -> Verdict {
    Verdict { evidence: Evidence::Deadline, ..verdict(1, 1_000) }
}

#[tokio::test]
async fn a_suspicion_that_nobody_takes_back_is_told_by_the_sweep() {
    let world = World::open().await;
    world.record(&suspected(), at(4_000)).await;
    assert_eq!(world.evaluate(at(4_000)).await, 0);
    assert_eq!(world.sweep.sweep(at(13_999)).await.unwrap().len(), 0);
    assert_eq!(world.sweep.sweep(at(14_000)).await.unwrap().len(), 1);
    assert_eq!(world.sweep.sweep(at(14_000)).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_retraction_is_read_even_before_it_was_evaluated() {
    let world = World::open().await;
    world.record(&suspected(), at(4_000)).await;
    world.evaluate(at(4_000)).await;
    let taken_back = Verdict { outcome: Outcome::Success, revision: 2, ..suspected() };
    world.record(&taken_back, at(5_000)).await;
    assert_eq!(world.sweep.sweep(at(20_000)).await.unwrap().len(), 0);
    assert!(world.lab.store.waking_alerts(EpochMillis(i64::MAX), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn recovery_needs_quiet_and_a_success() {
    let world = World::open().await;
    world.record(&verdict(1, 1_000), at(4_000)).await;
    assert_eq!(world.evaluate(at(4_000)).await, 1);
    let quiet = at(4_000).plus(Rule::ANY_TIMEOUT.quiet);
    assert_eq!(world.sweep.sweep(quiet).await.unwrap().len(), 0, "silence is not recovery");

    let mut later = tally(1, 3);
    later.minutes =
        later.minutes.into_values().map(|it| (block().minute(at(300_000)), it)).collect();
    let author = Author { function: &function("orders"), incarnation: incarnation(2) };
    world.lab.store.record(author, Fact::Tally(&later.encode()), quiet).await.unwrap();
    let tallies = world.lab.store.tallies(&function("orders"), block()).await.unwrap();
    let key = PartKey { function: &function("orders"), block: block(), part: Part::Tally };
    world.lab.store.put_part(key, &TallyPart::of(&tallies), Basis::of(1)).await.unwrap();

    assert_eq!(world.sweep.sweep(quiet).await.unwrap().len(), 0, "it is looked at once a minute");
    let minute_later = quiet.plus(Duration::from_mins(1));
    assert_eq!(world.sweep.sweep(minute_later).await.unwrap().len(), 1);
    assert_eq!(world.sweep.sweep(minute_later).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_alert_expires_after_a_silent_day() {
    let world = World::open().await;
    world.record(&verdict(1, 1_000), at(4_000)).await;
    world.evaluate(at(4_000)).await;
    let day_later = at(4_000).plus(Duration::from_hours(24));
    assert_eq!(world.sweep.sweep(day_later).await.unwrap().len(), 1);
    assert_eq!(world.sweep.sweep(day_later).await.unwrap().len(), 0);
}
