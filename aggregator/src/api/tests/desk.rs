//! A desk to ask at: the router over a store of its own, with a small fleet or with nothing in it.

use std::time::Duration;

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use overtime_wire::{EpochMillis, Profile, Tally, Verdict};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    api::{Reader, not_allowed, nothing, read, viewer::Viewer},
    domain::fact::Job,
    evaluate::Evaluator,
    store::{
        Store,
        facts::{Author as Source, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    },
};

pub(super) const FUNCTION: &str = "/api/v1/functions/012345678901/eu-west-1/orders";
/// The later of its two timeouts.
pub(super) const TIMEOUT: &str = "/api/v1/functions/012345678901/eu-west-1/orders/timeouts/1992768/01010101010101010101010101010101-2";

pub(super) struct Desk {
    _lab: Laboratory,
    pub(super) store: Store,
    router: Router,
}

pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A minute and a bit into the block.
pub(super) fn clock() -> EpochMillis {
    at(90_000)
}

impl Desk {
    pub(super) async fn empty() -> Self {
        let lab = Laboratory::open().await;
        let store = lab.store.clone();
        Self::over(lab, store)
    }

    /// With the environment's webhook, which is told of any timeout at once.
    pub(super) async fn watched() -> Self {
        let lab = Laboratory::open().await;
        let store = lab.store.clone().with_environment(true);
        Self::over(lab, store)
    }

    fn over(lab: Laboratory, store: Store) -> Self {
        let router = seen_by(&store, Viewer::local());
        Self { _lab: lab, store, router }
    }

    /// The same, before somebody else.
    pub(super) fn seen_by(self, viewer: Viewer) -> Self {
        Self { router: seen_by(&self.store, viewer), ..self }
    }

    /// `orders` has two timeouts, the others none.
    pub(super) async fn with_fleet() -> Self {
        let desk = Self::empty().await;
        let tagged = |invocations, tags: &[(&str, &str)]| {
            let mut tally = tally(1, invocations);
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let timeout = Duration::from_secs(3);
            tally.profile = Profile { timeout, tags: tags.collect(), ..tally.profile };
            tally
        };
        desk.tell("orders", &tagged(20, &[]), &[verdict(1, 10_000), verdict(2, 20_000)]).await;
        desk.tell("basket", &tagged(10, &[("team", "shop"), ("tier", "1")]), &[]).await;
        desk.tell("payments", &tagged(30, &[("team", "payments")]), &[]).await;
        desk
    }

    /// What one incarnation of a function says in [`block`], evaluated.
    pub(super) async fn tell(&self, name: &str, tally: &Tally, verdicts: &[Verdict]) {
        let (function, store) = (function(name), &self.store);
        let author = Source { function: &function, incarnation: incarnation(1) };
        store.record(author, Fact::Tally(&tally.encode()), clock()).await.unwrap();
        for verdict in verdicts {
            store.record(author, Fact::Verdict(&verdict.encode()), clock()).await.unwrap();
        }
        let evaluator = Evaluator { store: store.clone(), console: "http://console".to_owned() };
        let job = Job { function: function.clone(), block: block(), tallies: true, verdicts: true };
        evaluator.evaluate(&job, clock()).await.unwrap();
    }

    pub(super) async fn get(&self, path: &str) -> Answered {
        self.ask(path, &[]).await
    }

    pub(super) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        self.send(Method::GET, path, headers).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    /// With a body, unless it is null.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Answered {
        let request = Request::builder().method(Method::POST).uri(path);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.answer(request.body(body).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> Answered {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 10_000_000).await.unwrap();
        let body = String::from_utf8(body.into()).unwrap();
        Answered { status: head.status, headers: head.headers, body }
    }
}

fn seen_by(store: &Store, viewer: Viewer) -> Router {
    let router = read(Reader::new(store.clone(), clock)).layer(Extension(viewer));
    router.fallback(nothing).method_not_allowed_fallback(not_allowed)
}
