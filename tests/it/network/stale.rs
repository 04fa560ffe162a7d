//! What a freeze does to the connections of the real extension costs a retry, and never a fact.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::front::{Caller, Front};
use sandbox::proxy::{Cut, Proxy, Weather};
use sandbox::{Environment, Invocation, Outcome};
use serde_json::json;

use super::reporting::{ACCEPTED, Heard, Service, hang, once, said, signed, succeed, unsigned};
use super::stage::Server;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_thaw_does_to_its_connection_every_timeout_arrives_once() {
    for cut in [Cut::Reset, Cut::ResetOnUse, Cut::Silence] {
        let server = Server::answering(ACCEPTED).await;
        let proxy = Proxy::to(server.address).unwrap();
        let mut environment = Environment::start(unsigned(&proxy.url())).await.unwrap();
        proxy.bind(&environment.observer());
        proxy.on_thaw(Some(cut));
        let mut requests = Vec::new();
        for _ in 0..2 {
            for _ in 0..3 {
                succeed(&mut environment).await;
            }
            requests.push(hang(&mut environment).await);
        }
        let heard = Heard::by(&server);
        assert_eq!(heard.timeouts, once(&requests), "{cut:?} {:?}", proxy.traffic());
        assert_eq!(heard.invocations(), 6, "{cut:?} {heard:#?}");
        assert_eq!(heard.losses().failed_sends, 0, "{cut:?}: a retry is no failure");
        assert!(said(&environment).is_empty(), "{cut:?} {:?}", said(&environment));
    }
}

/// A send that is frozen in its midst has not failed, however long ago it began.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_spans_a_freeze_is_neither_lost_nor_a_failure() {
    let server = Server::answering(ACCEPTED).await;
    let proxy = Proxy::to(server.address).unwrap();
    let mut environment = Environment::start(unsigned(&proxy.url())).await.unwrap();
    proxy.bind(&environment.observer());
    proxy.on_thaw(Some(Cut::Silence));
    proxy.set(Weather::Slow(Duration::from_millis(200))).await;
    for _ in 0..2 {
        succeed(&mut environment).await;
        // Longer than a send may take.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    let request = hang(&mut environment).await;
    let heard = Heard::by(&server);
    assert_eq!(heard.timeouts, once(&[request]), "{:?}", proxy.traffic());
    assert_eq!((heard.invocations(), heard.losses().failed_sends), (2, 0), "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_sessions_are_resumed_within_a_life() {
    let service = Service::start(Caller::of(&signed("http://127.0.0.1")), true).await;
    let proxy = Proxy::to(service.front.address()).unwrap();
    let spec = signed(&format!("https://{}", proxy.address()))
        .variable("OVERTIME_CA_FILE", service.certificate());
    let mut environment = Environment::start(spec).await.unwrap();
    proxy.bind(&environment.observer());
    proxy.on_thaw(Some(Cut::ResetOnUse));
    for _ in 0..20 {
        // Long enough for what the last one left to be sent, unless the machine is very busy.
        let work = Invocation::of(json!({ "sleep_ms": 300 }));
        assert_eq!(environment.invoke(work).await.unwrap().outcome, Outcome::Success);
        if handshakes(&service.front).len() > 2 {
            break;
        }
    }
    let request = hang(&mut environment).await;
    assert_eq!(service.timeouts(1).await, [request], "{:?}", service.answers());
    assert!(service.answers().iter().all(|it| it == "200"), "{:?}", service.answers());
    let resumed = handshakes(&service.front);
    assert!(resumed.len() > 2, "{resumed:?} {:?}", proxy.traffic());
    assert!(resumed[1..].iter().all(|it| *it), "{resumed:?}");
}

/// Whether each connection that carried a request had resumed a session.
fn handshakes(front: &Front) -> Vec<bool> {
    let verdicts = front.verdicts();
    let resumed = verdicts.iter().map(|it| (it.connection, it.tls.as_ref().unwrap().was_resumed));
    resumed.collect::<BTreeMap<_, _>>().into_values().collect()
}
