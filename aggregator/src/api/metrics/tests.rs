//! What a scraper finds, in either format, before and after something happened.

use std::time::Duration;

use axum::{body::Body, http::Request};
use overtime_wire::Verdict;
use tower::ServiceExt as _;

use super::*;
use crate::{
    domain::{fact::Job, odometer::AT_ZERO_FOR, rejection::Reason},
    evaluate::Evaluator,
    store::{
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    },
    throughput::Delivery,
};

fn early() -> EpochMillis {
    at(0)
}

/// When every series has been there for long enough.
fn late() -> EpochMillis {
    early().plus(AT_ZERO_FOR * 2)
}

async fn tell(lab: &Laboratory, name: &str, invocations: u32, verdicts: &[Verdict]) {
    let function = function(name);
    let author = Author { function: &function, incarnation: incarnation(1) };
    let tally = tally(invocations, invocations).encode();
    lab.store.record(author, Fact::Tally(&tally), at(0)).await.unwrap();
    for verdict in verdicts {
        lab.store.record(author, Fact::Verdict(&verdict.encode()), at(0)).await.unwrap();
    }
    let evaluator = Evaluator { store: lab.store.clone(), console: String::new() };
    let job = Job { function, block: block(), tallies: true, verdicts: true };
    evaluator.evaluate(&job, at(0)).await.unwrap();
}

/// What the body is, and its type.
async fn ask(metrics: &Metrics, accept: &str) -> (String, String) {
    let request = Request::builder().uri("/metrics").header(ACCEPT, accept);
    let request = request.body(Body::empty()).unwrap();
    let answer = routes(metrics.clone()).oneshot(request).await.unwrap();
    let content_type = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (String::from_utf8(body.into()).unwrap(), content_type)
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
}

const ORDERS: &str = r#"{account="012345678901",region="eu-west-1",function="orders"}"#;
const BASKET: &str = r#"{account="012345678901",region="eu-west-1",function="basket"}"#;
const OTHER: &str = r#"{account="(other)",region="(other)",function="(other)"}"#;

#[tokio::test]
async fn counters_count_what_came_since_the_process_began() {
    let lab = Laboratory::open().await;
    tell(&lab, "orders", 20, &[verdict(1, 1_000)]).await;
    let throughput = Throughput::default();
    let began = Metrics::begin(lab.store.clone(), early, (throughput.clone(), 9)).await.unwrap();
    let (text, _) = ask(&began, "*/*").await;
    says(&text, &format!("overtime_timeouts_total{ORDERS} 0"));

    tell(&lab, "orders", 25, &[verdict(2, 1_000), verdict(3, 2_000)]).await;
    tell(&lab, "basket", 4, &[]).await;
    throughput.accepted(3);
    throughput.refused(Reason::Clock);
    throughput.delivery(Delivery::Dead);
    // Rows are read once a second, and the clock stands still here.
    let metrics = Metrics { clock: || early().plus(Duration::from_secs(1)), ..began.clone() };
    let (text, _) = ask(&metrics, "*/*").await;
    says(&text, &format!("overtime_timeouts_total{ORDERS} 2"));
    says(&text, &format!("overtime_invocations_total{ORDERS} 7"));
    says(&text, &format!("overtime_invocations_total{BASKET} 0"));
    let metrics = Metrics { clock: late, ..began };
    let (text, _) = ask(&metrics, "*/*").await;
    says(&text, &format!("overtime_invocations_total{BASKET} 4"));
    says(&text, &format!("overtime_invocations_total{OTHER} 0"));
    says(&text, "overtime_functions 2");
    says(&text, "overtime_batches_accepted_total 1");
    says(&text, "overtime_facts_accepted_total 3");
    says(&text, r#"overtime_rejections_total{reason="clock"} 1"#);
    says(&text, r#"overtime_rejections_total{reason="size"} 0"#);
    says(&text, r#"overtime_deliveries_total{outcome="dead"} 1"#);
}

#[tokio::test]
async fn functions_beyond_the_limit_are_one() {
    let lab = Laboratory::open().await;
    for name in ["orders", "basket", "payments"] {
        tell(&lab, name, 5, &[]).await;
    }
    let counting = (Throughput::default(), 1);
    let metrics = Metrics::begin(lab.store.clone(), late, counting).await.unwrap();
    tell(&lab, "orders", 9, &[]).await;
    tell(&lab, "payments", 8, &[verdict(1, 1_000)]).await;
    let (text, _) = ask(&metrics, "text/plain").await;
    assert_eq!(text.lines().filter(|it| it.starts_with("overtime_timeouts_total")).count(), 2);
    says(&text, &format!("overtime_invocations_total{OTHER} 8"));
    says(&text, &format!("overtime_timeouts_total{OTHER} 1"));
    says(&text, "overtime_functions_left_out 2");
}

#[tokio::test]
async fn whoever_asks_for_openmetrics_gets_it() {
    let lab = Laboratory::open().await;
    let counting = (Throughput::default(), 1);
    let metrics = Metrics::begin(lab.store.clone(), late, counting).await.unwrap();
    for (accept, open) in [
        ("", false),
        ("*/*", false),
        ("text/plain", false),
        ("text/html,*/*;q=0.8", false),
        ("application/openmetrics-text", true),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            true,
        ),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.9", false),
        ("application/openmetrics-text;q=0, */*", false),
    ] {
        let (text, content_type) = ask(&metrics, accept).await;
        assert_eq!(text.ends_with("# EOF\n"), open, "{accept}");
        assert_eq!(content_type.starts_with("application/openmetrics-text"), open, "{accept}");
    }
}
