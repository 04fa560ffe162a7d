//! Evaluate, sweep and deliver over an embedded store and a real receiver, in a time that tests move.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use overtime::channels::{courier::Courier, post::Poster, secret::Vault};
use overtime::deliver::Deliverer;
use overtime::domain::configuration::{Change, Expects, Kind};
use overtime::domain::fact::Job;
use overtime::evaluate::Evaluator;
use overtime::store::{
    Store,
    access::Access,
    configuration::By,
    embedded::Engine,
    facts::{Author, Fact},
    outbox::reading::Delivery,
};
use overtime::sweep::Sweep;
use overtime_wire::{Block, EpochMillis, FunctionKey, IncarnationId, MinuteCounts, Profile, Tally};
use sandbox::inbox::Inbox;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::facts;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A moment in the middle of a block.
const BEGIN: EpochMillis = EpochMillis(1_793_491_200_000 + 60_000);
/// As often as `serve` sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How many messages are looked at together.
const AT_ONCE: usize = 100;

thread_local! {
    static NOW: Cell<EpochMillis> = const { Cell::new(BEGIN) };
}

/// The time of this test, which runs in a thread of its own.
pub(super) fn now() -> EpochMillis {
    NOW.get()
}

pub(super) struct Stand {
    pub(super) inbox: Inbox,
    pub(super) store: Store,
    access: Access,
    sweep: Sweep,
    deliverer: Deliverer,
    _engine: Engine,
    _data: TempDir,
}

impl Stand {
    /// With the subscriptions that are there at the first start, and the channel that they name.
    pub(super) async fn open() -> Self {
        NOW.set(BEGIN);
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::start(data.path()).unwrap();
        let access = Access::embedded(&engine.endpoint());
        let store = Store::new(access.dynamo.clone());
        store.ensure_tables().await.unwrap();
        store.ensure_defaults(now()).await.unwrap();
        let secrets = |name: &str| (name == "OVERTIME_SECRET_HOOK").then(|| SECRET.to_owned());
        let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
        let courier = Courier::new(poster, Vault::new(Arc::new(secrets), None));
        let deliverer = Deliverer::new(store.clone(), courier, now);
        let sweep = Sweep { store: store.clone(), console: String::new(), clock: now };
        let inbox = Inbox::open().await.unwrap();
        let stand = Self { inbox, store, access, sweep, deliverer, _engine: engine, _data: data };
        let kind = json!({
            "webhook": { "url": stand.inbox.url(), "secret": "env:OVERTIME_SECRET_HOOK" },
        });
        let channel = json!({ "id": "default", "name": "Default", "kind": kind, "rate_limit": 0 });
        stand.write(Kind::Channel, &channel).await;
        stand
    }

    /// Makes a channel, a subscription or a silence, or puts it in the place of what there is.
    pub(super) async fn write(&self, kind: Kind, value: &Value) {
        let to = kind.read(value, Some(now())).unwrap();
        let id = value["id"].as_str().unwrap().parse().unwrap();
        let change = Change { kind, id, to: Some(to), expects: Expects::Anything };
        let by = By { author: "anna", at: now() };
        self.store.change(&[change], None, by).await.unwrap();
    }

    /// Another process over the same tables.
    pub(super) fn evaluator(&self) -> Evaluator {
        Evaluator { store: Store::new(self.access.dynamo.clone()), console: String::new() }
    }

    /// An invocation of the function ran into its timeout just now, and is known of.
    pub(super) async fn times_out(&self, name: &str, ordinal: u32) {
        let verdict = facts::verdict(ordinal, now().minus(Duration::from_secs(3)));
        self.tell(name, (verdict.block, Fact::Verdict(&verdict.encode()))).await;
        self.evaluate(name, verdict.block).await;
    }

    /// The same, and nobody has looked yet.
    pub(super) async fn has_timed_out(&self, name: &str, ordinal: u32) -> Job {
        let verdict = facts::verdict(ordinal, now().minus(Duration::from_secs(3)));
        self.tell(name, (verdict.block, Fact::Verdict(&verdict.encode()))).await;
        job(name, verdict.block)
    }

    /// An invocation succeeded in this minute.
    pub(super) async fn succeeds(&self, name: &str, revision: u32) {
        let block = Block::of(now());
        let profile = Profile { timeout: Duration::from_secs(3), ..Profile::default() };
        let mut tally = Tally::new(block, profile);
        tally.revision = revision;
        let counts = MinuteCounts { invocations: 1, ..MinuteCounts::default() };
        tally.minutes.insert(block.minute(now()), counts);
        tally.completed(Duration::from_millis(20));
        self.tell(name, (block, Fact::Tally(&tally.encode()))).await;
        self.evaluate(name, block).await;
    }

    async fn tell(&self, name: &str, (_, fact): (Block, Fact<'_>)) {
        let function = function(name);
        let author = Author { function: &function, incarnation: IncarnationId([7; 16]) };
        self.store.record(author, fact, now()).await.unwrap();
    }

    async fn evaluate(&self, name: &str, block: Block) {
        let evaluator = Evaluator { store: self.store.clone(), console: String::new() };
        Box::pin(evaluator.evaluate(&job(name, block), now())).await.unwrap();
        self.deliver().await;
    }

    /// Lets time pass as `serve` does: what is due is swept, and what is owed delivered.
    pub(super) async fn pass(&self, time: Duration) {
        let end = now().plus(time);
        while now() < end {
            NOW.set(now().plus(SWEEP_EVERY).min(end));
            self.sweep.sweep(now()).await.unwrap();
            self.deliver().await;
        }
    }

    async fn deliver(&self) {
        loop {
            let due = self.store.due_entries(now(), AT_ONCE).await.unwrap();
            if due.is_empty() {
                return;
            }
            for id in due {
                self.deliverer.deliver(&id).await.unwrap();
            }
        }
    }

    /// What arrived, each in a few words: whose alert, what became of it, about which functions, and after which silence.
    pub(super) fn arrived(&self) -> Vec<String> {
        self.inbox.deliveries().iter().map(|it| in_words(&it.json()["data"])).collect()
    }

    /// What the delivery log says of all messages there ever were, in the order in which they were put in.
    pub(super) async fn log(&self) -> Vec<Delivery> {
        let episodes = self.inbox.deliveries().into_iter().map(|it| {
            it.json()["data"]["alert"]["episode"].as_str().unwrap_or_default().to_owned()
        });
        let episodes: std::collections::BTreeSet<String> = episodes.collect();
        let mut log = Vec::new();
        for episode in episodes {
            log.extend(self.store.deliveries_of(&episode, "default").await.unwrap());
        }
        log.sort_by_key(|it| it.queued_at);
        log
    }
}

/// A message in a few words.
pub(super) fn in_words(data: &Value) -> String {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let functions = data["functions"].as_array().cloned().unwrap_or_default();
    let mut functions: Vec<_> = functions.iter().map(|it| text(&it["faas.name"])).collect();
    functions.sort();
    let (whose, what) = (text(&data["subscription"]["id"]), text(&data["transition"]));
    let after = data["silence_ended"]["id"].as_str();
    let after = after.map_or(String::new(), |it| format!(", after silence {it}"));
    format!("{whose} {what}: {}{after}", functions.join(" "))
}

fn function(name: &str) -> FunctionKey {
    FunctionKey {
        account: "111122223333".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn job(name: &str, block: Block) -> Job {
    Job { function: function(name), block, tallies: true, verdicts: true }
}
