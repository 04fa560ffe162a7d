//! Doors and what is between them: tables with a stream, queues, and a receiver of alerts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use overtime::ingest::ingest;
use overtime::store::{Store, Tables, access::Access, embedded::Engine};
use overtime_wire::Batch;
use sandbox::binaries;
use sandbox::door::Door;
use sandbox::inbox::Inbox;
use sandbox::queues::Queues;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::gate::Gate;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl";

/// Everything but the doors, which tests open as they need them.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) inbox: Inbox,
    pub(super) queues: Queues,
    pub(super) deliver: String,
    pub(super) evaluate: String,
    /// What is opened.
    overtime: PathBuf,
    access: Access,
    engine: Engine,
    /// Doors do to the tables what the deployment lets them.
    gate: Gate,
    /// Where the stream has been read to.
    read: std::sync::Mutex<Option<String>>,
    _data: TempDir,
}

impl World {
    /// With doors as this very build makes them.
    pub(super) async fn start() -> Self {
        Self::around(binaries::overtime().unwrap()).await
    }

    /// With the doors of this program.
    pub(super) async fn around(overtime: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::start(data.path()).unwrap();
        let access = Access::embedded(&engine.endpoint());
        let tables =
            Tables { facts: "overtime-facts".to_owned(), state: "overtime-state".to_owned() };
        let store = Store::new(access.dynamo.clone()).in_tables(tables).with_environment(true);
        store.ensure_tables().await.unwrap();
        let queues = Queues::start().await.unwrap();
        Self {
            deliver: queues.make("deliver").await.unwrap(),
            evaluate: queues.make("evaluate").await.unwrap(),
            inbox: Inbox::open().await.unwrap(),
            overtime: overtime.to_owned(),
            gate: Gate::before(engine.endpoint()).await,
            queues,
            store,
            access,
            engine,
            read: std::sync::Mutex::default(),
            _data: data,
        }
    }

    /// Where the tables are.
    pub(super) fn endpoint(&self) -> String {
        self.engine.endpoint()
    }

    /// The URL of a queue that does not exist.
    pub(super) fn nowhere(&self) -> String {
        format!("{}/123456789012/none", self.queues.url())
    }

    /// A door with all the settings that infrastructure would give it.
    pub(super) async fn open(&self, door: &str) -> Door {
        self.open_with(door, &[]).await
    }

    /// The same, with some of them changed.
    pub(super) async fn open_with(&self, door: &str, changed: &[(&str, &str)]) -> Door {
        Door::open(&self.overtime, door, self.settings(door, changed)).await.unwrap()
    }

    /// The same, as a function that has no more time than this.
    pub(super) async fn open_for(
        &self,
        timeout: Duration,
        door: &str,
        changed: &[(&str, &str)],
    ) -> Door {
        let settings = self.settings(door, changed);
        Door::open_for(timeout, &self.overtime, door, settings).await.unwrap()
    }

    fn settings<'a>(&self, door: &str, changed: &[(&'a str, &str)]) -> BTreeMap<&'a str, String> {
        let mut settings: BTreeMap<&str, String> = [
            ("OVERTIME_FACTS_TABLE", "overtime-facts".to_owned()),
            ("OVERTIME_STATE_TABLE", "overtime-state".to_owned()),
            ("OVERTIME_CONSOLE_URL", "https://overtime.example".to_owned()),
            ("OVERTIME_DELIVER_QUEUE_URL", self.deliver.clone()),
            ("OVERTIME_EVALUATE_QUEUE_URL", self.evaluate.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.gate.url(door)),
            ("AWS_ENDPOINT_URL_SQS", self.queues.url().to_owned()),
        ]
        .into();
        if door == "deliver" {
            settings.insert("OVERTIME_WEBHOOK_URL", self.inbox.url().to_owned());
            settings.insert("OVERTIME_WEBHOOK_SECRET", "env:TEST_WEBHOOK_SECRET".to_owned());
            settings.insert("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8".to_owned());
            settings.insert("TEST_WEBHOOK_SECRET", SECRET.to_owned());
        }
        if matches!(door, "evaluate" | "sweep" | "console") {
            settings.insert("OVERTIME_ENVIRONMENT_CHANNEL", "on".to_owned());
        }
        settings.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        settings
    }

    /// Lets facts in without a door, where the way in is not what is tested.
    pub(super) async fn record(&self, batch: &Batch) {
        let ingested = ingest(&self.store, batch, batch.sent).await.unwrap();
        assert!(ingested.accepted > 0 && ingested.refused.is_empty(), "{ingested:?}");
    }

    /// What came through the stream since the last time, as the event that a mapping makes of it.
    pub(super) async fn changes(&self) -> Value {
        let changes = self.store.changes(self.access.streams.clone()).await.unwrap();
        let shards = changes.shards().await.unwrap();
        let last = self.read.lock().unwrap().clone();
        let get = self.access.streams.get_shard_iterator();
        let get = get.stream_arn(&changes.stream).shard_id(&shards[0].id);
        let get = match last {
            None => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(last) => get
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(last),
        };
        let iterator = get.send().await.unwrap().shard_iterator.unwrap();
        let read = self.access.streams.get_records().shard_iterator(iterator).send().await;
        let records = read.unwrap().records.unwrap_or_default();
        if let Some(last) = records.last() {
            let sequence = last.dynamodb().unwrap().sequence_number().unwrap();
            *self.read.lock().unwrap() = Some(sequence.to_owned());
        }
        let records: Vec<Value> = records.iter().map(|it| record(it, &changes.stream)).collect();
        json!({ "Records": records })
    }
}

/// A record as the developer guide's "Using Lambda with Amazon DynamoDB" shows it.
fn record(record: &Record, stream: &str) -> Value {
    let change = record.dynamodb().unwrap();
    let key = |(name, value): (&String, &AttributeValue)| {
        (name.clone(), json!({ "S": value.as_s().unwrap() }))
    };
    let keys: serde_json::Map<String, Value> = change.keys().unwrap().iter().map(key).collect();
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().unwrap().as_str(),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_793_491_200,
            "Keys": keys,
            "SequenceNumber": change.sequence_number().unwrap(),
            "SizeBytes": 120,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": stream,
    })
}
