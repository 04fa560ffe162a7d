//! A store of its own for every test, by default in the embedded engine, in a directory that goes with it.
//!
//! Tests run against what a laptop runs against, so there is nothing that could behave differently from it. The same tests run
//! against another DynamoDB where [`OTHER`] names one: an engine that keeps what different access keys make apart, as AWS's
//! DynamoDB Local does.

pub(crate) mod switch;
pub(crate) mod weather;

use std::time::Duration;

use aws_sdk_dynamodb::{config::HttpClient, types::TimeToLiveSpecification};
use aws_smithy_http_client::Builder;

use overtime_wire::{
    Block, Cause, EpochMillis, Evidence, FunctionKey, IncarnationId, MinuteCounts, Ordinal,
    Outcome, Profile, Spans, Subject, Tally, Verdict,
};

use crate::store::{
    Store,
    access::Access,
    embedded::Engine,
    schema::{FACTS, STATE, attribute::EXPIRES},
};

/// Where the address of the other DynamoDB is read from.
const OTHER: &str = "DYNAMODB_UNDER_TEST";

/// A store, and what must live as long as it.
#[derive(Debug)]
pub(crate) struct Laboratory {
    pub(crate) store: Store,
    pub(crate) access: Access,
    engine: Option<(Engine, tempfile::TempDir)>,
}

pub(crate) fn block() -> Block {
    Block::from_number(1_992_768)
}

impl Laboratory {
    pub(crate) async fn open() -> Self {
        Self::open_by(Builder::new().build_http()).await
    }

    /// A store that is reached through `client`.
    pub(crate) async fn open_by(client: impl HttpClient + Clone + 'static) -> Self {
        let Ok(endpoint) = std::env::var(OTHER) else { return Self::embedded(client).await };
        let key = format!("test{:08x}", getrandom::u32().unwrap());
        let lab = Self::furnish(Access::local(&endpoint, &key, client), None).await;
        lab.keep_what_has_expired().await;
        lab
    }

    /// Other engines delete by their own clock, and the time of these tests is over.
    async fn keep_what_has_expired(&self) {
        let off = TimeToLiveSpecification::builder()
            .enabled(false)
            .attribute_name(EXPIRES)
            .build()
            .unwrap();
        for table in [FACTS, STATE] {
            let update = self.access.dynamo.update_time_to_live().table_name(table);
            update.time_to_live_specification(off.clone()).send().await.unwrap();
        }
    }

    /// A store in the embedded engine, for what only that can do.
    pub(crate) async fn embedded(client: impl HttpClient + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::start(directory.path()).unwrap();
        let access = Access::local(&engine.endpoint(), "local", client);
        Self::furnish(access, Some((engine, directory))).await
    }

    async fn furnish(access: Access, engine: Option<(Engine, tempfile::TempDir)>) -> Self {
        let store = Store::new(access.dynamo.clone());
        store.ensure_tables().await.unwrap();
        Self { store, access, engine }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine.as_ref().expect("only the embedded one is at hand").0
    }
}

pub(crate) fn function(name: &str) -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

pub(crate) fn incarnation(number: u8) -> IncarnationId {
    IncarnationId([number; 16])
}

/// A moment of [`block`].
pub(crate) fn at(offset_ms: i64) -> EpochMillis {
    EpochMillis(block().start().0 + offset_ms)
}

pub(crate) fn tally(revision: u32, invocations: u32) -> Tally {
    let profile = Profile { memory_mb: 128, version: "1".to_owned(), ..Profile::default() };
    let mut tally = Tally::new(block(), profile);
    tally.revision = revision;
    let counts = MinuteCounts { invocations, ..MinuteCounts::default() };
    tally.minutes.insert(block().minute(at(0)), counts);
    (0..invocations).for_each(|_| tally.completed(Duration::from_millis(20)));
    tally
}

/// A confirmed timeout, first seen `seen_ms` into [`block`].
pub(crate) fn verdict(ordinal: u32, seen_ms: i64) -> Verdict {
    Verdict {
        block: block(),
        ordinal: Ordinal(ordinal),
        revision: 1,
        evidence: Evidence::RuntimeDone,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen: at(seen_ms),
        started: Some(at(seen_ms)),
        deadline: Some(at(seen_ms + 3_000)),
        detected: at(seen_ms + 3_020),
        timeout: Duration::from_secs(3),
        duration: None,
        request: None,
        version: "1".to_owned(),
        alias: String::new(),
        cold_start: false,
        memory_mb: 128,
        max_memory_used_mb: 0,
        trace: None,
        environment: "sandbox".to_owned(),
        log_tail: String::new(),
        last_log: None,
        spans: Spans::default(),
    }
}
