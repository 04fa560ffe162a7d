//! What becomes of open connections, now and on a thaw.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use overtime_wire::Batch;
use sandbox::proxy::Cut;
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries};
use serde_json::json;

use super::stage::{Line, behind_a_proxy, state_of, until_stopped};

#[tokio::test]
async fn a_reset_is_seen_by_who_only_reads() {
    let (_server, proxy) = behind_a_proxy().await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    line.ask().await.unwrap();
    proxy.cut(Cut::Reset);
    assert_eq!(line.hear().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.traffic().resets, 1);
    let mut later = Line::to(proxy.address()).await.unwrap();
    assert_eq!(later.ask().await.unwrap().status(), 200, "a cut is over when it is done");
}

#[tokio::test]
async fn a_reset_on_use_waits_for_the_next_bytes() {
    let (server, proxy) = behind_a_proxy().await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    line.ask().await.unwrap();
    proxy.cut(Cut::ResetOnUse);
    assert!(line.is_silent().await);
    assert_eq!(line.ask().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.came().len(), 1, "the server has not seen it");
}

#[tokio::test]
async fn a_silenced_connection_stays_open_and_leads_nowhere() {
    let (server, proxy) = behind_a_proxy().await;
    let mut line = Line::to(proxy.address()).await.unwrap();
    line.ask().await.unwrap();
    proxy.cut(Cut::Silence);
    line.send().await.unwrap();
    assert!(line.is_silent().await);
    assert_eq!(server.came().len(), 1);
    let mut later = Line::to(proxy.address()).await.unwrap();
    assert_eq!(later.ask().await.unwrap().status(), 200);
    proxy.cut(Cut::Reset);
    for line in [&mut line, &mut later] {
        assert_eq!(line.hear().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

fn spec() -> Spec {
    let function = Function::named("orders");
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()));
    spec.extension("probe", binaries::probe().unwrap())
}

#[tokio::test]
async fn a_cut_can_be_ordered_for_every_thaw() {
    let (_server, proxy) = behind_a_proxy().await;
    let mut environment = Environment::start(spec()).await.unwrap();
    proxy.bind(&environment.observer());
    proxy.on_thaw(Some(Cut::ResetOnUse));
    for resets in 1..=2 {
        let mut line = Line::to(proxy.address()).await.unwrap();
        line.ask().await.unwrap();
        environment.invoke(Invocation::default()).await.unwrap();
        assert_eq!(line.ask().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(proxy.traffic().resets, resets);
    }
    proxy.on_thaw(None);
    let mut line = Line::to(proxy.address()).await.unwrap();
    environment.invoke(Invocation::default()).await.unwrap();
    assert_eq!(line.ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_cut_is_in_force_before_anything_runs_again() {
    let mut environment = Environment::start(spec()).await.unwrap();
    let observer = environment.observer();
    let states = Arc::new(Mutex::new(Vec::new()));
    let (notes, pid) = (Arc::clone(&states), observer.runtime_pid().unwrap());
    observer.before_thaw(move || {
        notes.lock().unwrap().push(state_of(pid));
    });
    for _ in 0..3 {
        until_stopped(pid).await;
        environment.invoke(Invocation::default()).await.unwrap();
    }
    assert_eq!(*states.lock().unwrap(), ['T'; 3]);
}

/// Whatever the real extension keeps open is useless after every freeze; a timeout still arrives.
#[tokio::test]
async fn the_extension_gets_through_although_every_thaw_resets_its_connections() {
    let (server, proxy) = behind_a_proxy().await;
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_AUTH", "none")
        .variable("OVERTIME_FLUSH_INTERVAL", "0s")
        .variable("OVERTIME_URL", proxy.url());
    let mut environment = Environment::start(spec).await.unwrap();
    proxy.bind(&environment.observer());
    proxy.on_thaw(Some(Cut::ResetOnUse));
    for _ in 0..3 {
        let ended = environment.invoke(Invocation::default()).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Success);
    }
    let hang = Invocation::of(json!({ "hang": true }));
    assert_eq!(environment.invoke(hang).await.unwrap().outcome, Outcome::Timeout);
    let batches = server.came().into_iter().map(|it| Batch::decode(&it.body).unwrap());
    let lives = batches.flat_map(|it| it.incarnations);
    let verdicts: usize = lives.map(|it| it.verdicts.len()).sum();
    assert!(verdicts > 0, "{:?}", proxy.traffic());
}
