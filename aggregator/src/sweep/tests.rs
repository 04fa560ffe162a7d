//! Time passing over alerts in a real store.

use overtime_wire::{Cause, Evidence, Ordinal, Outcome, Verdict};
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{
        alert::Rule,
        configuration::{Change, Expects, Kind},
        fact::Part,
        hour::{HourView, StandingHour},
        summary::Summary,
        view::{Basis, TallyPart, VerdictPart},
    },
    store::{
        blocks::PartKey,
        configuration::By,
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
            store: lab.store.clone().with_environment(true),
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
        let claims = self.sweep.store.claims(&function, block()).await.unwrap();
        let blocks = BTreeMap::from([(block(), claims)]);
        let past = Past::default();
        let seen = Observation { function: &function, blocks, last_success: None, past, at: now };
        let configuration = self.sweep.store.configuration(now).await.unwrap();
        let tags = BTreeMap::new();
        let context = Context {
            configuration: &configuration,
            tags: &tags,
            console: "",
            background: Background::NOTHING,
        };
        let step = |book: &Book, known: &Known| advance(&context, book, &seen, known).into();
        let stepped = self.lab.store.step_alert(&AlertKey::of(&function), step).await;
        stepped.unwrap().enqueued.len()
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

#[tokio::test]
async fn a_share_is_told_by_the_sweep_when_its_minutes_have_settled() {
    let world = World::open().await;
    let store = &world.sweep.store;
    let rate = json!({"id": "rate", "name": "Rate", "group_wait": "0s", "channels": ["environment"],
        "condition": {"timeout_rate": {"percent": 50, "min_invocations": 3}}});
    let change = Change {
        kind: Kind::Subscription,
        id: "rate".parse().unwrap(),
        to: Some(Kind::Subscription.read(&rate, None).unwrap()),
        expects: Expects::Nothing,
    };
    store.change(&[change], None, By { author: "anna", at: at(0) }).await.unwrap();
    for ordinal in 1..4 {
        world.record(&verdict(ordinal, 1_000), at(4_000)).await;
    }
    let claims = store.claims(&function("orders"), block()).await.unwrap();
    let key = PartKey { function: &function("orders"), block: block(), part: Part::Verdict };
    store.put_part(key, &VerdictPart::of(&claims), Basis::of(3)).await.unwrap();
    assert_eq!(world.evaluate(at(4_000)).await, 1, "any timeout, of the environment");
    assert_eq!(world.sweep.sweep(at(179_999)).await.unwrap().len(), 0);
    let told = world.sweep.sweep(at(180_000)).await.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(world.sweep.sweep(at(181_000)).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_opening_that_waited_says_what_is_behind_it() {
    let world = World::open().await;
    let store = &world.sweep.store;
    let night = json!({"id": "night", "name": "Night", "group_wait": "10s",
        "condition": {"timeout_count": {"count": 3, "window": "10m"}}, "channels": ["environment"]});
    let change = Change {
        kind: Kind::Subscription,
        id: "night".parse().unwrap(),
        to: Some(Kind::Subscription.read(&night, None).unwrap()),
        expects: Expects::Nothing,
    };
    store.change(&[change], None, By { author: "anna", at: at(0) }).await.unwrap();
    let orders = function("orders");
    for number in 1..4 {
        let seen = i64::from(number) * 4_000;
        let overran = Verdict { cause: Cause::Init, ordinal: Ordinal(0), ..verdict(0, seen) };
        let author = Author { function: &orders, incarnation: incarnation(number) };
        store.record(author, Fact::Verdict(&overran.encode()), at(seen)).await.unwrap();
    }
    for claim in store.claims(&orders, block()).await.unwrap() {
        store.put_timeout(&claim, 1).await.unwrap();
    }
    world.evaluate(at(16_000)).await;
    let mut said = Vec::new();
    for id in world.sweep.sweep(at(120_000)).await.unwrap() {
        let body = store.delivery(&id).await.unwrap().unwrap().body;
        let body: Value = serde_json::from_str(&body).unwrap();
        let notification = &body["notification"];
        if notification["subscription"]["id"] == "night" {
            said.push(notification["annotations"]["analysis"].clone());
        }
    }
    let expected = "doom_loop (high confidence): An environment timed out 3 times in a row, each time on its \
                    first invocation after a reset.";
    assert_eq!(said, [json!(expected)]);
}

#[tokio::test]
async fn totals_follow_the_rows_and_are_written_when_they_change() {
    let world = World::open().await;
    let row = |name: &str, writes| {
        let mut view = HourView::default();
        view.counts.0.invocations = writes;
        let hour = StandingHour { hour: Hour::of(at(0)), basis: Basis::of(writes), view };
        Summary::of(&function(name), &[hour]).unwrap()
    };
    let store = &world.lab.store;
    store.put_summary(&row("a", 3)).await.unwrap();
    store.put_summary(&row("b", 4)).await.unwrap();
    assert_eq!(world.sweep.total(at(0)).await.unwrap(), 1);
    assert_eq!(world.sweep.total(at(0)).await.unwrap(), 0);
    store.put_summary(&row("b", 5)).await.unwrap();
    assert_eq!(world.sweep.total(at(0)).await.unwrap(), 1);
    let this = Hour::of(at(0));
    let total = store.fleet_totals(this, this).await.unwrap().remove(0).view;
    assert_eq!((total.functions, total.counts.0.invocations), (2, 8));
    // Rows let go of old hours, and totals of these stand.
    let days_later = at(0).plus(Duration::from_hours(48));
    assert_eq!(world.sweep.total(days_later).await.unwrap(), 0);
    assert_eq!(store.fleet_totals(this, this).await.unwrap().len(), 1);
}
