//! Conditions over what the store holds: what evaluations read for them, and what they leave behind for the sweep.

use overtime_wire::{Cause, Evidence, Ordinal, Recorded, Verdict};
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::configuration::{Change, Expects, Kind},
    store::{
        configuration::By,
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    },
};

/// Somebody who asks for one condition.
async fn subscriber(condition: Value) -> (Laboratory, Evaluator) {
    let lab = Laboratory::open().await;
    let pager =
        json!({"id": "pager", "name": "Pager", "kind": {"eventbridge": {"bus": "default"}}});
    let night = json!({"id": "night", "name": "Night", "condition": condition,
        "group_wait": "0s", "channels": ["pager"]});
    let made = [(Kind::Channel, "pager", pager), (Kind::Subscription, "night", night)];
    let changes = made.map(|(kind, id, value)| Change {
        kind,
        id: id.parse().unwrap(),
        to: Some(kind.read(&value, None).unwrap()),
        expects: Expects::Nothing,
    });
    lab.store.change(&changes, None, By { author: "anna", at: at(0) }).await.unwrap();
    let evaluator = Evaluator { store: lab.store.clone(), console: String::new() };
    (lab, evaluator)
}

async fn say(lab: &Laboratory, (number, verdict): (u8, &Verdict), now: EpochMillis) {
    let function = function("orders");
    let author = Author { function: &function, incarnation: incarnation(number) };
    let fact: Recorded<Verdict> = verdict.encode();
    lab.store.record(author, Fact::Verdict(&fact), now).await.unwrap();
}

async fn count(lab: &Laboratory, tally: &Tally, now: EpochMillis) {
    let function = function("orders");
    let author = Author { function: &function, incarnation: incarnation(1) };
    lab.store.record(author, Fact::Tally(&tally.encode()), now).await.unwrap();
}

fn job(block: Block, tallies: bool, verdicts: bool) -> Job {
    Job { function: function("orders"), block, tallies, verdicts }
}

async fn waking(lab: &Laboratory) -> usize {
    lab.store.waking_alerts(EpochMillis(i64::MAX), 10).await.unwrap().len()
}

#[tokio::test]
async fn a_function_is_waited_for_where_somebody_asks_for_it_and_nowhere_else() {
    for (condition, waited_for) in
        [(json!({"no_signal": {"after": "30m"}}), 1), (json!({"any_timeout": {}}), 0)]
    {
        let (lab, evaluator) = subscriber(condition).await;
        count(&lab, &tally(1, 3), at(1_000)).await;
        evaluator.evaluate(&job(block(), true, false), at(2_000)).await.unwrap();
        assert_eq!(waking(&lab).await, waited_for);
    }
}

#[tokio::test]
async fn durations_are_judged_when_tallies_come() {
    let near = json!({"near_timeout": {"ratio": 0.8, "statistic": "p95", "window": "15m"}});
    let (lab, evaluator) = subscriber(near).await;
    let mut said = tally(1, 25);
    said.profile.timeout = Duration::from_millis(22);
    count(&lab, &said, at(1_000)).await;
    let evaluated = evaluator.evaluate(&job(block(), true, false), at(2_000)).await.unwrap();
    assert_eq!(evaluated.enqueued.len(), 1, "20 ms of 22 ms");
    let again = evaluator.evaluate(&job(block(), true, false), at(3_000)).await.unwrap();
    assert_eq!(again.enqueued.len(), 0);
}

#[tokio::test]
async fn a_row_is_found_across_a_quarter_of_an_hour() {
    let (lab, evaluator) = subscriber(json!({"consecutive": {"count": 2}})).await;
    let before = Block::from_number(block().number() - 1);
    let moved = |it: EpochMillis| it.minus(Duration::from_mins(1));
    let ours = verdict(7, 1_000);
    let first = Verdict {
        block: before,
        seen: moved(ours.seen),
        started: ours.started.map(moved),
        deadline: ours.deadline.map(moved),
        detected: moved(ours.detected),
        ..ours
    };
    say(&lab, (1, &first), moved(at(4_000))).await;
    let evaluated = evaluator.evaluate(&job(before, false, true), at(0)).await.unwrap();
    assert_eq!(evaluated.enqueued.len(), 0);
    // The environment was reset: another incarnation, from its beginning.
    let second = Verdict { ordinal: Ordinal(0), ..verdict(0, 1_000) };
    say(&lab, (2, &second), at(4_000)).await;
    let evaluated = evaluator.evaluate(&job(block(), false, true), at(4_000)).await.unwrap();
    assert_eq!(evaluated.enqueued.len(), 1);
}

#[tokio::test]
async fn timeouts_are_counted_when_their_time_was_up_whenever_they_began() {
    let counted = json!({"timeout_count": {"count": 2, "window": "1m"}});
    let (lab, evaluator) = subscriber(counted).await;
    let before = Block::from_number(block().number() - 1);
    let timeout = Duration::from_mins(10);
    let began = at(2_000).minus(timeout);
    let long = Verdict {
        block: before,
        seen: began,
        started: Some(began),
        deadline: Some(at(2_000)),
        evidence: Evidence::Report,
        timeout,
        ..verdict(1, 1_000)
    };
    say(&lab, (1, &long), at(3_000)).await;
    let evaluated = evaluator.evaluate(&job(before, false, true), at(3_000)).await.unwrap();
    assert_eq!(evaluated.enqueued.len(), 0);
    say(&lab, (2, &verdict(1, 1_000)), at(4_000)).await;
    let evaluated = evaluator.evaluate(&job(block(), false, true), at(4_000)).await.unwrap();
    assert_eq!(evaluated.enqueued.len(), 1);
}

#[tokio::test]
async fn a_share_waits_for_its_minutes_to_settle() {
    let rate = json!({"timeout_rate": {"percent": 50, "min_invocations": 3}});
    let (lab, evaluator) = subscriber(rate).await;
    for ordinal in 1..4 {
        say(&lab, (1, &verdict(ordinal, 1_000)), at(4_000)).await;
    }
    let job = job(block(), false, true);
    assert_eq!(evaluator.evaluate(&job, at(4_000)).await.unwrap().enqueued.len(), 0);
    assert_eq!(waking(&lab).await, 1, "the sweep looks at it");
    let settled = at(180_000);
    assert_eq!(evaluator.evaluate(&job, settled).await.unwrap().enqueued.len(), 1);
}

#[tokio::test]
async fn a_message_that_goes_at_once_says_what_its_own_timeouts_tell() {
    let counted = json!({"timeout_count": {"count": 3, "window": "10m"}});
    let (lab, evaluator) = subscriber(counted).await;
    for number in 1..4 {
        let seen = i64::from(number) * 4_000;
        let overran = Verdict { cause: Cause::Init, ordinal: Ordinal(0), ..verdict(0, seen) };
        say(&lab, (number, &overran), at(seen)).await;
    }
    let told = evaluator.evaluate(&job(block(), false, true), at(16_000)).await.unwrap().enqueued;
    let [id] = &told[..] else { panic!("{told:?}") };
    let body = lab.store.delivery(id).await.unwrap().unwrap().body;
    let body: Value = serde_json::from_str(&body).unwrap();
    let said = &body["notification"]["annotations"]["analysis"];
    assert!(
        said.as_str().is_some_and(|it| it.starts_with("doom_loop (high confidence)")),
        "{said}"
    );
}
