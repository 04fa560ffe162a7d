//! What takes hours.

use std::time::Duration;

use futures::future::join_all;
use overtime::domain::configuration::Kind;
use serde_json::json;

use super::stand::{Stand, now};

const MINUTE: Duration = Duration::from_mins(1);

fn opens(function: &str) -> String {
    format!("new-offender firing: {function}")
}

fn resolves(function: &str) -> String {
    format!("new-offender resolved: {function}")
}

#[tokio::test]
async fn an_offender_is_told_of_once_resolves_once_and_the_log_says_so() {
    let stand = Stand::open().await;
    stand.times_out("orders", 1).await;
    assert!(stand.arrived().is_empty(), "it waits for company");
    stand.pass(MINUTE).await;
    assert_eq!(stand.arrived(), [opens("orders")]);

    // More of the same is no news, and a success alone is no recovery while it goes on.
    for ordinal in 2..6 {
        stand.times_out("orders", ordinal).await;
        stand.succeeds("orders", ordinal).await;
        stand.pass(2 * MINUTE).await;
    }
    assert_eq!(stand.arrived().len(), 1);
    // Silence is no recovery either.
    stand.pass(30 * MINUTE).await;
    assert_eq!(stand.arrived().len(), 1);
    stand.succeeds("orders", 9).await;
    stand.pass(MINUTE).await;
    let all = [opens("orders"), resolves("orders")];
    assert_eq!(stand.arrived(), all);

    // No first timeout in two days, so nothing more, however long it goes on.
    stand.times_out("orders", 7).await;
    stand.pass(60 * MINUTE).await;
    assert_eq!(stand.arrived(), all);

    let log = stand.log().await;
    let said: Vec<_> = log.iter().map(|it| (it.status.as_str(), it.attempts)).collect();
    assert_eq!(said, [("delivered", 1), ("delivered", 1)]);
    let words: Vec<_> = log.iter().map(|it| it.id.split('_').nth(2).unwrap()).collect();
    assert_eq!(words, ["firing", "resolved"], "{log:#?}");
    let episodes: Vec<_> = log.iter().map(|it| it.id.split('_').nth(1).unwrap()).collect();
    assert_eq!(episodes[0], episodes[1]);
}

#[tokio::test]
async fn a_silence_holds_ends_loudly_and_the_log_says_what_it_held_back() {
    let stand = Stand::open().await;
    let ends_at = now().plus(60 * MINUTE);
    let ends_at = jiff::Timestamp::from_millisecond(ends_at.0).unwrap().to_string();
    let silence = json!({
        "id": "migration", "matchers": { "functions": ["pay-*"] }, "ends_at": ends_at,
        "comment": "The ledger moves", "created_by": "anna",
    });
    stand.write(Kind::Silence, &silence).await;
    stand.times_out("pay-out", 1).await;
    stand.times_out("orders", 1).await;
    stand.pass(59 * MINUTE).await;
    assert_eq!(stand.arrived(), [opens("orders")]);

    stand.pass(2 * MINUTE).await;
    assert_eq!(stand.arrived()[1..], [opens("pay-out") + ", after silence migration"]);
    stand.succeeds("pay-out", 1).await;
    stand.pass(60 * MINUTE).await;
    assert_eq!(stand.arrived()[2..], [resolves("pay-out")]);

    let log = stand.log().await;
    let pay = stand.inbox.deliveries()[1].json()["data"]["alert"]["episode"].clone();
    let of_pay = log.iter().filter(|it| it.id.contains(pay.as_str().unwrap()));
    let said: Vec<_> = of_pay.map(|it| (it.status.as_str(), it.problem.as_deref())).collect();
    let [held, ended, resolved] = &said[..] else { panic!("{log:#?}") };
    assert_eq!(held.0, "suppressed");
    assert!(held.1.is_some_and(|it| it.starts_with("silence migration by anna until")), "{held:?}");
    assert_eq!((ended.0, resolved.0), ("delivered", "delivered"));
}

#[tokio::test]
async fn several_evaluators_at_once_put_every_transition_in_once() {
    const FUNCTIONS: u32 = 40;
    let stand = Stand::open().await;
    // So many at once would be an incident of the fleet.
    let nobody = json!({
        "id": "fleet-incident", "name": "Off", "enabled": false,
        "condition": { "fleet_incident": { "functions": 5, "window": "2m" } },
    });
    stand.write(Kind::Subscription, &nobody).await;
    let evaluators = [stand.evaluator(), stand.evaluator(), stand.evaluator()];
    let mut jobs = Vec::new();
    for number in 0..FUNCTIONS {
        jobs.push(stand.has_timed_out(&format!("f{number}"), 1).await);
    }
    // All evaluators at once, of a few functions at a time: what is asked of a starved machine all at once is not answered in time.
    for few in jobs.chunks(8) {
        let all = few.iter().flat_map(|job| evaluators.iter().map(move |it| (it, job)));
        let all = all.map(|(it, job)| Box::pin(it.evaluate(job, now())));
        let evaluated = join_all(all).await;
        assert!(evaluated.iter().all(Result::is_ok), "{evaluated:?}");
    }
    stand.pass(MINUTE).await;
    let mut arrived = stand.arrived();
    arrived.sort();
    let mut expected: Vec<_> = (0..FUNCTIONS).map(|it| opens(&format!("f{it}"))).collect();
    expected.sort();
    assert_eq!(arrived, expected);
    let log = stand.log().await;
    assert!(log.iter().all(|it| it.status == "delivered" && it.attempts == 1), "{log:#?}");
}

#[tokio::test]
async fn an_incident_of_the_fleet_swallows_what_its_functions_would_say() {
    let stand = Stand::open().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        stand.times_out(name, 1).await;
    }
    stand.pass(MINUTE).await;
    assert_eq!(stand.arrived(), ["fleet-incident firing: a b c d e f"]);
    for (minute, name) in (1..).zip(names) {
        stand.pass(Duration::from_secs(10)).await;
        stand.succeeds(name, minute).await;
    }
    stand.pass(60 * MINUTE).await;
    assert_eq!(stand.arrived()[1..], ["fleet-incident resolved: a b c d e f"]);
    let log = stand.log().await;
    let said: Vec<_> = log.iter().map(|it| (it.status.as_str(), it.attempts)).collect();
    assert_eq!(said, [("delivered", 1), ("delivered", 1)], "{log:#?}");
}
