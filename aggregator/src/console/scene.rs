//! The pages over a store of their own, with a function that timed out in it, for the tests of pages.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header::ACCEPT},
};
use overtime_wire::{EpochMillis, Profile, Tally, Verdict};

use super::{
    Console, beside,
    visitor::{answer, pieces},
};
use crate::{
    api::{
        Reader,
        viewer::{Role, Viewer},
    },
    domain::fact::Job,
    evaluate::Evaluator,
    store::{
        Store,
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, tally, verdict},
    },
};

pub(super) struct Scene {
    _laboratory: Laboratory,
    pub(super) store: Store,
    router: Router,
}

pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

pub(super) const ORDERS: &str = "/functions/012345678901/eu-west-1/orders";
/// The later of its two timeouts.
pub(super) const TIMEOUT: &str =
    "/invocations/012345678901/eu-west-1/orders/1992768/01010101010101010101010101010101-2";
/// What somebody might call a function's team to see what happens.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'&{{7*7}}\u{202e}é";

/// Two minutes into the block.
pub(super) fn clock() -> EpochMillis {
    at(120_000)
}

impl Scene {
    pub(super) async fn empty() -> Self {
        let laboratory = Laboratory::open().await;
        let store = laboratory.store.clone().with_environment(true);
        let reader = Reader::new(store.clone(), clock);
        let portal = "https://p.example/?a={account}&to={destination}".parse().unwrap();
        let console = Console::new(reader.clone()).through(Some(portal));
        let router = beside(crate::api::read(reader), console);
        Self { _laboratory: laboratory, store, router }
    }

    /// `orders` has two timeouts and a hostile tag, `basket` none, and `payments` comes close.
    pub(super) async fn with_fleet() -> Self {
        let scene = Self::empty().await;
        scene.tell("orders", tagged(20, HOSTILE), &[told(1, 10_000), told(2, 20_000)]).await;
        scene.tell("basket", tagged(10, "shop"), &[]).await;
        scene.tell(&"long".repeat(16), tagged(30, "payments"), &[]).await;
        scene
    }

    /// What one incarnation of a function says in [`block`], evaluated.
    pub(super) async fn tell(&self, name: &str, tally: Tally, verdicts: &[Verdict]) {
        let (function, store) = (function(name), &self.store);
        let author = Author { function: &function, incarnation: incarnation(1) };
        store.record(author, Fact::Tally(&tally.encode()), clock()).await.unwrap();
        for verdict in verdicts {
            store.record(author, Fact::Verdict(&verdict.encode()), clock()).await.unwrap();
        }
        let evaluator = Evaluator { store: store.clone(), console: String::new() };
        let job = Job { function: function.clone(), block: block(), tallies: true, verdicts: true };
        evaluator.evaluate(&job, clock()).await.unwrap();
    }

    pub(super) async fn get(&self, path: &str) -> Shown {
        self.get_as(path, Role::Admin).await
    }

    pub(super) async fn get_as(&self, path: &str, role: Role) -> Shown {
        self.ask((path, "text/html"), role).await
    }

    pub(super) async fn get_json(&self, path: &str, role: Role) -> Shown {
        self.ask((path, "application/json"), role).await
    }

    async fn ask(&self, (path, accepted): (&str, &str), role: Role) -> Shown {
        let request = Request::get(path).header("host", "127.0.0.1").header(ACCEPT, accepted);
        self.answer(request.body(Body::empty()).unwrap(), role).await
    }
}

impl Scene {
    /// A form of our own page, sent.
    pub(super) async fn post_as(&self, path: &str, form: &str, role: Role) -> Shown {
        let request = Request::post(path)
            .header("host", "127.0.0.1")
            .header("origin", "http://127.0.0.1")
            .header("content-type", "application/x-www-form-urlencoded");
        self.answer(request.body(Body::from(form.to_owned())).unwrap(), role).await
    }

    async fn answer(&self, request: Request<Body>, role: Role) -> Shown {
        let viewer = Viewer::new("somebody", role);
        let (head, body) = answer(self.router.clone(), viewer, request).await;
        Shown { status: head.status, headers: head.headers, body }
    }
}

impl Shown {
    /// What a reader reads of it, from one text to another.
    pub(super) fn text(&self, from: &str, to: &str) -> String {
        let text = pieces(&self.body).join(" | ");
        let start = text.find(from).unwrap_or_else(|| panic!("{from}: {text}"));
        let end = text[start..].find(to).map_or(text.len(), |it| start + it);
        text[start..end].to_owned()
    }

    /// Nothing that a strict policy forbids, and nothing that somebody put in.
    #[track_caller]
    pub(super) fn assert_clean(&self) {
        for forbidden in ["style=", "<style", " onclick", "javascript:", "<script>", "alert(1)</s"]
        {
            assert!(!self.body.contains(forbidden), "{forbidden}: {}", self.body);
        }
    }
}

pub(super) fn tagged(invocations: u32, team: &str) -> Tally {
    let tally = tally(1, invocations);
    let tags = BTreeMap::from([("team".to_owned(), team.to_owned())]);
    let profile = Profile { timeout: Duration::from_secs(3), tags, ..tally.profile };
    Tally { profile, ..tally }
}

/// A timeout with an end of its log.
pub(super) fn told(ordinal: u32, begun_ms: i64) -> Verdict {
    let verdict = verdict(ordinal, begun_ms);
    Verdict { log_tail: "<b>waiting for the ledger</b>".to_owned(), ..verdict }
}
