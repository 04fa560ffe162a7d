//! The real extension never harms the function, whatever becomes of its aggregator.

use std::net::TcpListener;
use std::time::Duration;

use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Observer, Outcome, Spec, binaries};
use serde_json::json;

fn spec(url: Option<String>) -> Spec {
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_AUTH", "none");
    match url {
        Some(url) => spec.variable("OVERTIME_URL", url),
        None => spec,
    }
}

/// Everything a life may hold, and nobody but the function to blame for it.
async fn live(spec: Spec) -> Observer {
    let mut environment = Environment::start(spec).await.unwrap();
    let observer = environment.observer();
    for round in 0..2 {
        for _ in 0..3 {
            let ended = environment.invoke(Invocation::of(json!({}))).await.unwrap();
            assert_eq!(ended.outcome, Outcome::Success, "{round} {ended:?} {:?}", observer.lines());
        }
        let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Timeout, "{ended:?}");
        let killed = ended.teardown.unwrap().killed;
        assert!(killed.is_empty(), "it leaves by itself: {killed:?} {:?}", observer.lines());
        let ended = environment.invoke(Invocation::of(json!({ "exit": 1 }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Error("Runtime.ExitError".to_owned()));
    }
    assert_eq!(environment.invoke(Invocation::default()).await.unwrap().outcome, Outcome::Success);
    let teardown = environment.spin_down().await;
    assert!(teardown.killed.is_empty(), "{teardown:?} {:?}", observer.lines());
    observer
}

#[tokio::test]
async fn without_a_url_it_idles() {
    let observer = live(spec(None)).await;
    assert!(observer.said_by("overtime").iter().any(|line| line.contains("OVERTIME_URL")));
}

#[tokio::test]
async fn an_aggregator_that_refuses_connections_costs_the_function_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    live(spec(Some(format!("http://{address}")))).await;
}

#[tokio::test]
async fn an_aggregator_that_never_answers_costs_the_function_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    live(spec(Some(format!("http://{address}")))).await;
}
