//! A store, a deliverer, and a receiver that remembers.

use std::{cell::Cell, collections::BTreeMap, sync::Mutex, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use overtime_wire::EpochMillis;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::super::Deliverer;
use crate::{
    channels::{
        courier::{Courier, Environment},
        post::Poster,
        secret::Vault,
    },
    domain::{
        configuration::{Change, Expects, Kind},
        delivery::id::DeliveryId,
    },
    store::{
        Store,
        configuration::By,
        laboratory::{Laboratory, at},
        outbox::{entry::Entry, reading::Delivery},
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// The time of this test: each has a thread of its own, and everything it starts runs there.
pub(super) fn clock() -> EpochMillis {
    at(NOW.get())
}

/// Moves the clock, and nothing else.
pub(super) fn pass(by: Duration) {
    NOW.set(NOW.get() + i64::try_from(by.as_millis()).unwrap());
}

type Answers = fn(&str) -> u16;

#[derive(Debug, Clone)]
struct Post {
    path: String,
    id: String,
    status: u16,
    body: Value,
}

#[derive(Clone)]
struct Receiver {
    answers: Answers,
    posts: std::sync::Arc<Mutex<Vec<Post>>>,
}

pub(super) struct Stage {
    pub(super) deliverer: Deliverer,
    lab: Laboratory,
    url: String,
    receiver: Receiver,
}

impl Stage {
    /// `answers` says with which status a path answers.
    pub(super) async fn open(answers: Answers) -> Self {
        Self::in_laboratory(answers, Laboratory::open().await).await
    }

    /// The same with a store at hand.
    pub(super) async fn in_laboratory(answers: Answers, lab: Laboratory) -> Self {
        NOW.set(0);
        let receiver = Receiver { answers, posts: std::sync::Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(keep).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let secrets = BTreeMap::from([
            ("HOOK".to_owned(), SECRET.to_owned()),
            ("OVERTIME_SECRET_HOOK".to_owned(), SECRET.to_owned()),
            ("OVERTIME_SECRET_FIRST".to_owned(), "1".repeat(32)),
            ("OVERTIME_SECRET_SECOND".to_owned(), "2".repeat(32)),
        ]);
        let lookup = move |name: &str| secrets.get(name).cloned();
        let environment = Environment {
            url: format!("{url}/environment").parse().unwrap(),
            secret: "env:HOOK".parse().unwrap(),
        };
        let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
        let courier = Courier::new(poster, Vault::new(std::sync::Arc::new(lookup), None))
            .with_environment(Some(environment));
        let store = lab.store.clone().with_environment(true);
        let deliverer = Deliverer::new(store, courier, clock);
        Self { deliverer, lab, url, receiver }
    }

    pub(super) fn store(&self) -> &Store {
        &self.deliverer.store
    }

    /// The same store, for another process.
    pub(super) fn laboratory(&self) -> &Laboratory {
        &self.lab
    }

    /// A webhook of that name, with these of its fields.
    pub(super) async fn configure(&self, id: &str, fields: &Value) {
        let url = format!("{}/{id}", self.url);
        let kind = json!({ "webhook": { "url": url, "secret": "env:OVERTIME_SECRET_HOOK" } });
        self.write(id, kind, fields).await;
    }

    pub(super) async fn pagerduty(&self, id: &str, key: &str) {
        let endpoint = format!("{}/{id}", self.url);
        let key = format!("env:{key}");
        let kind = json!({ "pagerduty": { "routing_key": key, "endpoint": endpoint } });
        self.write(id, kind, &json!({})).await;
    }

    async fn write(&self, id: &str, kind: Value, fields: &Value) {
        let mut value = json!({ "id": id, "name": id, "kind": kind });
        value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let to = Kind::Channel.read(&value, None).unwrap();
        let id = id.parse().unwrap();
        let change = Change { kind: Kind::Channel, id, to: Some(to), expects: Expects::Anything };
        let by = By { author: "anna", at: clock() };
        self.store().change(&[change], None, by).await.unwrap();
    }

    /// Puts a message in that is due `after_ms` into the test.
    pub(super) async fn put_in(&self, id: &str, after_ms: i64) {
        let it = DeliveryId::parse(id).unwrap();
        let status = if it.word() == "resolved" { "resolved" } else { "firing" };
        let body = json!({
            "channel": it.channel,
            "notification": {
                "status": status, "transition": it.word(), "at": "2026-11-01T00:00:00.000Z",
                "alert": { "episode": it.episode },
                "annotations": { "summary": format!("{} of {}", it.word(), it.episode) },
            },
        });
        let entry = Entry::waiting(id.to_owned(), at(after_ms), body.to_string());
        // On a busy machine an answer may be lost; once it was there, it is there.
        let mut tries = 0;
        while let Err(error) = self.store().enqueue(&entry).await {
            tries += 1;
            assert!(tries < 5, "{error:?}");
        }
        assert_eq!(self.delivery(id).await.body, entry.body);
    }

    /// Attempts everything that is due once, and says when something is due next.
    pub(super) async fn once(&self) -> Option<EpochMillis> {
        let mut attempts = JoinSet::new();
        self.deliverer.start_due(&mut attempts).await.unwrap();
        while attempts.join_next().await.is_some() {}
        self.store().next_due().await.unwrap()
    }

    /// Lets time pass until `until_ms` into the test, from one thing that is due to the next.
    pub(super) async fn drive(&self, until_ms: i64) {
        let end = at(until_ms);
        while let Some(due) = self.once().await.filter(|it| *it <= end) {
            let now = due.since(at(0));
            NOW.set(NOW.get().max(i64::try_from(now.as_millis()).unwrap()));
        }
        NOW.set(until_ms);
    }

    pub(super) async fn delivery(&self, id: &str) -> Delivery {
        self.store().delivery(id).await.unwrap().unwrap()
    }

    fn posts(&self) -> Vec<Post> {
        self.receiver.posts.lock().unwrap().clone()
    }

    /// Ids as they came.
    pub(super) fn arrived(&self) -> Vec<String> {
        self.posts().into_iter().map(|it| it.id).collect()
    }

    pub(super) fn arrived_at(&self, path: &str) -> Vec<String> {
        self.posts().into_iter().filter(|it| it.path == path).map(|it| it.id).collect()
    }

    /// Those that were answered with success.
    pub(super) fn taken_at(&self, path: &str) -> Vec<String> {
        let taken = |it: &Post| it.path == path && it.status < 300;
        self.posts().into_iter().filter(taken).map(|it| it.id).collect()
    }

    pub(super) fn bodies(&self) -> Vec<Value> {
        self.posts().into_iter().map(|it| it.body).collect()
    }

    /// The body of the first message whose id begins so.
    pub(super) fn body_of(&self, id: &str) -> Option<Value> {
        self.posts().into_iter().find(|it| it.id.starts_with(id)).map(|it| it.body)
    }
}

async fn keep(State(receiver): State<Receiver>, request: Request) -> StatusCode {
    let path = request.uri().path().to_owned();
    let id = request.headers().get("webhook-id").and_then(|it| it.to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let status = (receiver.answers)(&path);
    let body = serde_json::from_slice(&body).unwrap_or_default();
    receiver.posts.lock().unwrap().push(Post { path, id, status, body });
    StatusCode::from_u16(status).unwrap()
}

/// What an event asks for, and under which name.
pub(super) fn told(event: &Value) -> (&str, &str) {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    (text("event_action"), text("dedup_key"))
}
